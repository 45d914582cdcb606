//! What waits for the next commit.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Answer, Refusal};
use crate::ledger::{EndRecord, Request};

/// One commit takes whole jobs until it holds this many submissions.
const BATCH: usize = 512;

/// Where a commit took so many submissions, the next one begins no sooner than `INTERVAL` after it began, unless `FULL` wait
/// already: each commit has a cost of its own, and what comes meanwhile shares it.
const BUSY: usize = 4;
const FULL: usize = 64;
const INTERVAL: Duration = Duration::from_micros(1500);

/// What inputs that wait may take of memory: mostly they are short, and their number is the bound.
const WAITING_BYTES: usize = 64 << 20;

/// Where requests come no further apart than `THICK`, ends wait for the next one, to go with its commit, for so long at
/// most. Otherwise they are committed at once, because nobody sees them before.
const THICK: Duration = Duration::from_micros(750);
const COMPANY: Duration = Duration::from_millis(3);

/// A request, and who waits for it.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl Job {
    fn input_bytes(&self) -> usize {
        self.request.submissions.iter().map(|submission| submission.input.len()).sum()
    }
}

/// An execution's end, and who waits until it is on disk.
pub(super) struct End {
    pub(super) record: EndRecord,
    pub(super) written: Option<oneshot::Sender<()>>,
}

/// What the committing thread does next.
pub(super) enum Turn {
    /// Commit this.
    Work(Vec<Job>, Vec<End>),
    /// No submission will come any more; ends may. Said once.
    Drained,
    /// Nothing will come any more.
    End,
}

pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Submissions in `jobs`.
    waiting: usize,
    /// Bytes of their inputs.
    waiting_bytes: usize,
    ends: Vec<End>,
    /// When ends are committed on their own.
    ends_due: Option<Instant>,
    poisoned: bool,
    /// Until when ends are waited for, once closing.
    closing: Option<Instant>,
    drained: bool,
    /// When the last commit began that had many submissions; none if the last one had few.
    busy_since: Option<Instant>,
    /// The same of ends.
    ends_since: Option<Instant>,
    arrivals: Arrivals,
}

/// How requests come.
#[derive(Default)]
struct Arrivals {
    last: Option<Instant>,
    /// How far apart they were lately.
    gap: Option<Duration>,
}

impl Arrivals {
    fn note(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            // After a pause they may come thick again: it counts as no more than what tells the two apart.
            let gap = now.saturating_duration_since(last).min(4 * THICK);
            self.gap = Some(self.gap.map_or(gap, |before| (3 * before + gap) / 4));
        }
    }

    /// How long to wait for the next one.
    fn worth_waiting(&self) -> Duration {
        let are_thick = self.gap.is_some_and(|gap| gap <= THICK);
        if are_thick { COMPANY } else { Duration::ZERO }
    }
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn push(&self, job: Job) -> Result<(), Refusal> {
        let mut state = self.lock();
        if state.poisoned {
            return Err(Refusal::Poisoned);
        }
        if state.closing.is_some() {
            return Err(Refusal::Closing);
        }
        let bytes = job.input_bytes();
        if state.waiting.saturating_add(job.request.submissions.len()) > self.capacity
            || state.waiting_bytes.saturating_add(bytes) > WAITING_BYTES
        {
            return Err(Refusal::QueueFull);
        }
        state.waiting += job.request.submissions.len();
        state.waiting_bytes += bytes;
        state.arrivals.note(Instant::now());
        state.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn push_end(&self, end: End) {
        let mut state = self.lock();
        if state.poisoned {
            // Nobody sees it; after the restart it is computed again.
            return;
        }
        let is_awaited = end.written.is_some();
        state.ends.push(end);
        // The thread need not wake for each: it knows when the first is due.
        if is_awaited || state.ends_due.is_none() || state.closing.is_some() {
            let due = state.when_due(is_awaited);
            state.ends_due = Some(state.ends_due.map_or(due, |set| set.min(due)));
            self.changed.notify_one();
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Refuses new jobs from now on. A second call changes nothing.
    pub(super) fn close(&self, patience: Duration) {
        // A patience that no clock can hold is as good as a day.
        let deadline = Instant::now() + patience.min(Duration::from_secs(86_400));
        self.lock().closing.get_or_insert(deadline);
        self.changed.notify_one();
    }

    /// Refuses everything from now on.
    pub(super) fn poison(&self) {
        let mut state = self.lock();
        state.poisoned = true;
        state.drop_ends();
    }

    /// Nobody takes from this queue any more: lets the waiting know.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.poisoned |= state.closing.is_none();
        state.jobs.clear();
        (state.waiting, state.waiting_bytes) = (0, 0);
        state.drop_ends();
    }

    /// Waits for something to do. `in_work` tells how many executions may still end.
    pub(super) fn take(&self, in_work: impl Fn() -> usize) -> Turn {
        let mut state = self.lock();
        if let Some(rest) = state.rest() {
            drop(state);
            thread::sleep(rest);
            state = self.lock();
        }
        loop {
            if let Some(turn) = state.next(&in_work) {
                return turn;
            }
            let now = Instant::now();
            let wake = state.ends_due.into_iter().chain(state.closing).min();
            state = match wake {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let timeout = at.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(state, timeout);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nobody writes them any more; whoever waits for one hears so.
    fn drop_ends(&mut self) {
        self.ends = Vec::new();
        self.ends_due = None;
    }

    /// When an end that comes now is to be committed on its own. Where many end one after the other, as after a long array,
    /// those of a while go together.
    fn when_due(&self, is_awaited: bool) -> Instant {
        let now = Instant::now();
        if is_awaited || self.closing.is_some() {
            return now;
        }
        let due = now + self.arrivals.worth_waiting();
        self.ends_since.map_or(due, |since| due.max(since + INTERVAL))
    }

    /// How long the next commit is to wait, if at all.
    fn rest(&self) -> Option<Duration> {
        let since = self.busy_since.filter(|_| self.waiting < FULL && self.closing.is_none())?;
        Some(INTERVAL.saturating_sub(since.elapsed())).filter(|rest| !rest.is_zero())
    }

    fn next(&mut self, in_work: impl Fn() -> usize) -> Option<Turn> {
        if !self.jobs.is_empty() {
            return Some(self.work());
        }
        let now = Instant::now();
        let due = self.ends_due.is_some_and(|due| due <= now);
        let Some(deadline) = self.closing else { return due.then(|| self.work()) };
        if !self.drained {
            self.drained = true;
            return Some(Turn::Drained);
        }
        if self.poisoned {
            return Some(Turn::End);
        }
        // An execution is in work until its end is written: none can slip through between the two.
        if self.ends.is_empty() {
            return (deadline <= now || in_work() == 0).then_some(Turn::End);
        }
        (due || deadline <= now || in_work() <= self.ends.len()).then(|| self.work())
    }

    fn work(&mut self) -> Turn {
        let (mut jobs, mut size) = (Vec::new(), 0);
        while size < BATCH
            && let Some(job) = self.jobs.pop_front()
        {
            size += job.request.submissions.len();
            self.waiting_bytes -= job.input_bytes();
            // A job without submissions is answered too, and must not keep the loop from ending.
            jobs.push(job);
        }
        self.waiting -= size;
        let now = Instant::now();
        self.busy_since = (size >= BUSY).then_some(now);
        self.ends_since = (self.ends.len() >= BUSY).then_some(now);
        self.ends_due = None;
        Turn::Work(jobs, std::mem::take(&mut self.ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_wait_for_requests_that_come_thick_and_for_no_others() {
        let (mut arrivals, mut now) = (Arrivals::default(), Instant::now());
        let mut after = |gap: Duration, times: usize| {
            for _ in 0..times {
                arrivals.note(now);
                now += gap;
            }
            arrivals.worth_waiting()
        };
        let micros = Duration::from_micros;
        assert_eq!(after(micros(250), 1), Duration::ZERO, "nothing is known of one");
        assert_eq!(after(micros(250), 9), COMPANY, "4,000 a second");
        assert_eq!(after(micros(2000), 20), Duration::ZERO, "500 a second");
        // Thick again, after whatever pause: soon, but not because of two.
        assert_eq!(after(Duration::from_secs(9), 2), Duration::ZERO);
        assert_eq!(after(micros(100), 3), Duration::ZERO);
        assert_eq!(after(micros(100), 20), COMPANY);
    }
}
