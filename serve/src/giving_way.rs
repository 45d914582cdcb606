//! Who may wait for a processor when there are too few: threads that answer requests or wait for the disk in between hold up
//! whoever asked, those that compute for long do not.

use std::thread;
use std::time::{Duration, Instant};

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
    piece_began: Instant,
    /// As it was when the thread was last seen to get enough.
    enough: Share,
}

/// After so long without a processor it is looked whether a thread that wants one has one now and then.
const HOPEFUL: Duration = Duration::from_secs(20);
/// A thread is starved that had a processor for less than one part in so many of the time that it waited for one.
const STARVED: u32 = 10;

/// What a thread has had of the processors since it began.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    ran: Duration,
    /// Ready to run, while others did.
    waited: Duration,
}

impl Share {
    /// This thread's, where the system counts it; elsewhere nobody is starved.
    fn now() -> Self {
        let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let mut nanoseconds = counted.split(' ').map_while(|number| number.parse().ok());
        let mut next = || Duration::from_nanos(nanoseconds.next().unwrap_or(0));
        Self { ran: next(), waited: next() }
    }

    /// Whether a thread that had enough at a moment has had next to nothing since; none when that cannot be said yet.
    fn is_starved_since(self, enough: Self) -> Option<bool> {
        let waited = self.waited.saturating_sub(enough.waited);
        let ran = self.ran.saturating_sub(enough.ran);
        (waited >= HOPEFUL).then(|| ran < waited / STARVED)
    }
}

impl Resting {
    /// The first piece begins.
    pub fn begin() -> Self {
        Self { piece_began: Instant::now(), enough: Share::now() }
    }

    /// The next piece begins, after something for which nobody has to rest, such as waiting for the store.
    pub fn go_on(&mut self) {
        self.piece_began = Instant::now();
    }

    /// To be called between two pieces.
    pub fn rest(&mut self) {
        thread::sleep(self.piece_began.elapsed());
        self.piece_began = Instant::now();
    }

    /// The same for what somebody waits for, on the thread that does it.
    ///
    /// # Errors
    /// When others leave it next to nothing: it would take for ever.
    pub fn rest_unless_starved(&mut self) -> Result<(), Starved> {
        self.look(Share::now())?;
        self.rest();
        Ok(())
    }

    fn look(&mut self, share: Share) -> Result<(), Starved> {
        match share.is_starved_since(self.enough) {
            Some(true) => return Err(Starved),
            Some(false) => self.enough = share,
            None => {}
        }
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
    fn a_thread_is_starved_when_it_waits_for_long_and_gets_next_to_nothing() {
        let seconds = |ran, waited| Share {
            ran: Duration::from_secs(ran),
            waited: Duration::from_secs(waited),
        };
        let mut resting = Resting { piece_began: Instant::now(), enough: seconds(5, 5) };
        assert_eq!(resting.look(seconds(5, 24)), Ok(()), "it may begin slowly");
        assert_eq!(resting.look(seconds(7, 25)), Ok(()));
        // Looked at anew since.
        assert_eq!(resting.look(seconds(8, 44)), Ok(()));
        assert_eq!(resting.look(seconds(8, 45)), Err(Starved));
        assert_eq!(resting.look(seconds(9, 45)), Ok(()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_says_what_a_thread_had() {
        let before = Share::now();
        let began = Instant::now();
        while Share::now().ran <= before.ran {
            assert!(began.elapsed() < Duration::from_secs(20), "{before:?}");
        }
    }
}
