//! Who may wait for a processor when there are too few: threads that answer requests or wait for the disk in between hold up
//! whoever asked, those that compute for long do not.

use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
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
        if self == Self::Much {
            // The least priority alone lets what runs finish its turn, some milliseconds, before who wakes has its.
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
        }
        // On Linux a priority is a thread's own, and the caller's is that of "process" 0.
        let _ = rustix::process::setpriority_process(None, self.nice());
    }
}

/// A thread that works in the background, piece by piece, and rests as long as each piece took: whoever wakes meanwhile
/// mostly finds a processor free. The least priority alone does not see to that, because what runs is let finish its turn.
pub struct Resting {
    piece_began: Instant,
}

impl Resting {
    /// The first piece begins.
    pub fn begin() -> Self {
        Self { piece_began: Instant::now() }
    }

    /// To be called between two pieces.
    pub fn rest(&mut self) {
        thread::sleep(self.piece_began.elapsed());
        self.piece_began = Instant::now();
    }
}

/// After so long it is looked whether a thread that gives way gets anything.
const HOPEFUL: Duration = Duration::from_secs(20);
/// A thread that works half of the time has had less than one part in so many of it, if it is starved.
const STARVED: u32 = 20;

/// What a thread has had of the processors since it began to work.
#[derive(Clone, Copy)]
pub struct Fed {
    began: Instant,
}

impl Fed {
    /// It begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now() }
    }

    /// Whether what it does would take next to for ever, because others never rest. To be asked on that thread, which has
    /// done nothing before.
    pub fn is_starved(self) -> bool {
        let had = clock_gettime(ClockId::ThreadCPUTime);
        is_starved(self.began.elapsed(), had.try_into().unwrap_or(Duration::MAX))
    }
}

fn is_starved(since: Duration, had: Duration) -> bool {
    since > HOPEFUL && had < since / STARVED
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;
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
        let seconds = Duration::from_secs;
        assert!(!is_starved(seconds(20), seconds(0)), "it may begin slowly");
        assert!(is_starved(seconds(21), seconds(1)));
        assert!(!is_starved(seconds(21), seconds(2)));
        assert!(!is_starved(seconds(600), seconds(300)), "half of the time is all it takes");
        assert!(!Fed::begin().is_starved());
    }
}
