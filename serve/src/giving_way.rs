//! A thread that computes lets those go first that only wait for a processor in between: they hold up whoever waits for
//! an answer.

use std::thread;
use std::time::{Duration, Instant};

/// Whoever answers requests or waits for the disk is done sooner. What takes longer is work of other programs.
const SHORT: Duration = Duration::from_millis(2);
/// So long after a long wait, nobody is let go first: beside a program that never rests, each time would cost all that
/// the system would have given this thread.
const PAUSE: Duration = Duration::from_millis(100);

/// One thread's.
pub struct GivingWay {
    from: Instant,
}

impl GivingWay {
    /// Gives way from now on.
    pub fn new() -> Self {
        Self { from: Instant::now() }
    }

    /// To be called between two pieces of work.
    pub fn give_way(&mut self) {
        let began = Instant::now();
        if began >= self.from {
            thread::yield_now();
            self.from = next(began, Instant::now());
        }
    }
}

/// From when on to give way again.
fn next(began: Instant, ended: Instant) -> Instant {
    if ended - began > SHORT { ended + PAUSE } else { ended }
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

/// Lets the threads that answer requests go before this one, which still gets a percent or two of a processor that is never
/// idle: what takes seconds then takes minutes. Where the system does not allow it, this thread takes its share.
pub fn lower_priority() {
    const LESS_URGENT: i32 = 19;
    // On Linux a priority is a thread's own, and the caller's is that of "process" 0.
    let _ = rustix::process::setpriority_process(None, LESS_URGENT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_rests_is_not_let_go_first_again_at_once() {
        let began = Instant::now();
        let after = |wait: Duration| (began + wait, next(began, began + wait));
        let (ended, from) = after(SHORT);
        assert_eq!(from, ended);
        let (ended, from) = after(SHORT * 2);
        assert_eq!(from, ended + PAUSE);
    }

    #[test]
    fn a_pause_is_kept() {
        let later = Instant::now() + Duration::from_secs(3600);
        let mut giving_way = GivingWay { from: later };
        giving_way.give_way();
        assert_eq!(giving_way.from, later);
    }
}
