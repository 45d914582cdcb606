//! When requests are due: request n at n / rate seconds after the start, whatever happens to the others.

use std::time::{Duration, Instant};

/// A server that is slower than asked for gets so much more time; what is then not sent is reported as such.
const PATIENCE: u32 = 2;

/// The requests that are to be sent, by number, each with the moment at which it is due. It ends with the last, or when
/// time is up.
#[derive(Debug, Clone)]
pub struct Schedule {
    start: Instant,
    rate: u64,
    count: u64,
    end: Instant,
    next: u64,
}

impl Schedule {
    /// `rate` a second for `seconds`, from `start` on.
    pub fn new(start: Instant, rate: u32, seconds: u32) -> Self {
        let end = start + Duration::from_secs(seconds.into()) * PATIENCE;
        let count = u64::from(rate) * u64::from(seconds);
        Self { start, rate: rate.into(), count, end, next: 0 }
    }

    /// How many requests there are.
    pub fn length(&self) -> u64 {
        self.count
    }
}

impl Iterator for Schedule {
    type Item = (u64, Instant);

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next;
        if number >= self.count || Instant::now() > self.end {
            return None;
        }
        self.next += 1;
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        let after = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some((number, self.start + after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_fixed_beforehand_however_late_they_are_taken() {
        let start = Instant::now() - Duration::from_secs(1);
        let schedule = Schedule::new(start, 4, 2);
        let due: Vec<_> = schedule.collect();
        let expected: Vec<_> =
            (0..8).map(|n| (n, start + Duration::from_millis(250) * n as u32)).collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn a_schedule_that_cannot_be_kept_ends() {
        let mut schedule = Schedule::new(Instant::now() - Duration::from_secs(9), 1000, 4);
        assert_eq!((schedule.length(), schedule.next()), (4000, None));
    }
}
