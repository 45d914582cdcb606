//! Who may wait for a processor when there are too few: threads that answer requests or wait for the disk in between hold up
//! whoever asked, those that compute for long do not.

use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
#[cfg(target_os = "linux")]
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// How much less of a processor a thread gets than those that answer, while they want one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A third. Clients wait for what comes of it, but not as long as for a handle; and with less, programs beside this one
    /// that never rest would leave too little.
    Some,
    /// What the others leave: whoever wakes has the processor at once, and if none is ever idle it is three thousandths.
    Much,
}

impl Patience {
    /// A thread's priority on Linux: 0 for those that answer, 19 for the least.
    const fn nice(self) -> i32 {
        match self {
            Self::Some => 5,
            Self::Much => 19,
        }
    }

    /// Gives this thread's priority, from now on. Where the system does not allow it, the thread takes its share.
    pub fn begin(self) {
        // The least priority alone lets what runs finish its turn, some milliseconds, before who wakes has its.
        #[cfg(target_os = "linux")]
        if self == Self::Much {
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
        }
        // On Linux a priority is a thread's own, and the caller's is that of "process" 0.
        let _ = rustix::process::setpriority_process(None, self.nice());
    }
}

/// A thread that works in the background, piece by piece, and rests as long as each piece took: caches are everybody's, and
/// not every system has a policy by which who wakes has the processor at once.
pub struct Resting {
    piece: Moment,
    /// What the pieces took since it was last seen that the thread gets enough.
    taken: Taken,
}

/// After pieces have taken so long it is seen whether the thread had a processor meanwhile.
const HOPEFUL: Duration = Duration::from_secs(20);
/// A thread is starved that had one for less than one part in so many of its pieces.
const STARVED: u32 = 10;

#[derive(Clone, Copy)]
struct Moment {
    time: Instant,
    /// What this thread has had of the processors.
    had: Duration,
}

impl Moment {
    fn now() -> Self {
        let had = clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default();
        Self { time: Instant::now(), had }
    }
}

#[derive(Clone, Copy, Default)]
struct Taken {
    time: Duration,
    had: Duration,
}

impl Taken {
    /// Adds a piece, and says whether the thread is starved. When it is not, it is looked at anew.
    fn add(&mut self, time: Duration, had: Duration) -> bool {
        self.time += time;
        self.had += had;
        if self.time < HOPEFUL {
            return false;
        }
        let is_starved = self.had < self.time / STARVED;
        if !is_starved {
            *self = Self::default();
        }
        is_starved
    }
}

impl Resting {
    /// The first piece begins.
    pub fn begin() -> Self {
        Self { piece: Moment::now(), taken: Taken::default() }
    }

    /// A piece took long, of which this thread, which is new, had next to nothing.
    #[cfg(test)]
    pub fn starved() -> Self {
        let began = Instant::now().checked_sub(2 * HOPEFUL);
        let piece = Moment { time: began.unwrap_or_else(Instant::now), ..Moment::now() };
        Self { piece, taken: Taken::default() }
    }

    /// The next piece begins, after something that took the thread no processor, such as waiting for the store.
    pub fn go_on(&mut self) {
        self.piece = Moment::now();
    }

    /// To be called between two pieces, on the thread that works.
    ///
    /// # Errors
    /// When others leave it next to nothing: what it does would take for ever.
    pub fn rest(&mut self) -> Result<(), Starved> {
        let took = self.piece.time.elapsed();
        let had = Moment::now().had.saturating_sub(self.piece.had);
        if self.taken.add(took, had) {
            return Err(Starved);
        }
        thread::sleep(took);
        self.piece = Moment::now();
        Ok(())
    }
}

/// A thread that gives way gets next to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starved;

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;
    #[cfg(target_os = "linux")]
    use thread_priority::thread_schedule_policy;

    use super::*;

    #[test]
    fn patience_is_a_threads_own() {
        let priority = || getpriority_process(None).ok();
        let before = priority();
        for patience in [Patience::Some, Patience::Much] {
            let own = thread::scope(|scope| {
                let patient = scope.spawn(|| {
                    patience.begin();
                    priority()
                });
                patient.join().ok().flatten()
            });
            assert_eq!(own, Some(patience.nice()));
            assert_eq!(priority(), before);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_is_patient_takes_what_others_leave() {
        let before = thread_schedule_policy();
        let policy = |patience: Patience| {
            let own = thread::scope(|scope| {
                let patient = scope.spawn(|| {
                    patience.begin();
                    thread_schedule_policy()
                });
                patient.join().ok()
            });
            own.and_then(Result::ok)
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!(policy(Patience::Much), Some(idle));
        assert_eq!(policy(Patience::Some), before.as_ref().ok().copied());
        assert_eq!(thread_schedule_policy(), before);
    }

    #[test]
    fn a_thread_is_starved_when_it_gets_next_to_nothing_for_long() {
        let second = Duration::from_secs(1);
        let after = |pieces: usize, had: Duration| {
            let mut taken = Taken::default();
            (0..pieces).map(|_| taken.add(second, had)).collect::<Vec<_>>()
        };
        let starved = |pieces, had| after(pieces, had).iter().position(|is| *is);
        assert_eq!(starved(100, second / 20), Some(19), "it may begin slowly");
        assert_eq!(starved(100, second / 9), None);
        // It had enough for a while, and then nothing: five seconds of enough and fifteen of nothing are still enough.
        let mut taken = Taken::default();
        assert!((0..45).all(|_| !taken.add(second, second)));
        let starved = (0..100).position(|_| taken.add(second, Duration::ZERO));
        assert_eq!(starved, Some(34));
    }

    #[test]
    fn whoever_waits_for_something_else_is_not_starved() {
        assert_eq!(Resting::starved().rest(), Err(Starved));
        let mut resting = Resting::starved();
        resting.go_on();
        assert_eq!(resting.rest(), Ok(()));
    }
}
