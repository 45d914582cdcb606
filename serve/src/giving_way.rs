//! Who may wait for a processor when there are too few: threads that answer requests or wait for the disk in between hold up
//! whoever asked, those that compute for long do not.

use std::thread;
use std::time::Instant;

/// How much less of a processor a thread gets than those that answer, while they want one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A third. Clients wait for what comes of it, but not as long as for a handle; and with less, programs beside this one
    /// that never rest would leave too little.
    Some,
    /// A percent or two, if processors are never idle: what takes seconds then takes minutes.
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
        // On Linux a priority is a thread's own, and the caller's is that of "process" 0.
        let _ = rustix::process::setpriority_process(None, self.nice());
    }
}

/// A thread that works in the background, piece by piece, and rests as long as each piece took: whoever wakes meanwhile
/// mostly finds a processor free. The least priority alone does not see to that, because what runs is let finish its turn.
pub struct Resting {
    began: Instant,
}

impl Resting {
    /// The first piece begins.
    pub fn begin() -> Self {
        Self { began: Instant::now() }
    }

    /// To be called between two pieces.
    pub fn rest(&mut self) {
        thread::sleep(self.began.elapsed());
        self.began = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

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
}
