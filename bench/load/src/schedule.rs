//! When requests are due: request n at n / rate seconds after the start, whatever happens to the others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A server that is slower than asked for gets so much more time; what is then not sent is reported as such.
const PATIENCE: u32 = 2;

/// Hands out moments to many threads, in their order.
pub struct Schedule {
    start: Instant,
    rate: u64,
    count: u64,
    end: Instant,
    next: AtomicU64,
}

impl Schedule {
    /// `rate` a second for `seconds`, from `start` on.
    pub fn new(start: Instant, rate: u32, seconds: u32) -> Self {
        let end = start + Duration::from_secs(seconds.into()) * PATIENCE;
        let count = u64::from(rate) * u64::from(seconds);
        Self { start, rate: rate.into(), count, end, next: AtomicU64::new(0) }
    }

    /// How many requests there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Waits until the next request is due, and tells its number and since when. Nothing more to send: none.
    pub fn next(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.count {
            return None;
        }
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        let due = self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let now = Instant::now();
        if now > self.end {
            return None;
        }
        // After a stall many are due at once, and none is left out.
        thread::sleep(due.saturating_duration_since(now));
        Some((number, due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_fixed_beforehand_however_late_they_are_taken() {
        let start = Instant::now() - Duration::from_secs(1);
        let schedule = Schedule::new(start, 4, 2);
        let due: Vec<_> = std::iter::from_fn(|| schedule.next()).collect();
        let expected: Vec<_> =
            (0..8).map(|n| (n, start + Duration::from_millis(250) * n as u32)).collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn a_schedule_that_cannot_be_kept_ends() {
        let schedule = Schedule::new(Instant::now() - Duration::from_secs(9), 1000, 4);
        assert_eq!((schedule.count(), schedule.next()), (4000, None));
    }
}
