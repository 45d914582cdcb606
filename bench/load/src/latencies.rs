//! Percentiles of all that was measured, not of a sample.

use std::time::Duration;

use serde::Serialize;

/// Microseconds, as they were measured.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

/// What is reported of them, in microseconds.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    pub count: usize,
    pub p50: u32,
    pub p90: u32,
    pub p99: u32,
    pub p999: u32,
    pub max: u32,
}

impl Latencies {
    /// Adds one.
    pub fn push(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds another thread's.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The percentiles by nearest rank: the smallest value that so many are not above.
    pub fn percentiles(mut self) -> Percentiles {
        self.0.sort_unstable();
        let sorted = &self.0;
        let rank = |per_mille: usize| {
            let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
            sorted.get(rank - 1).copied().unwrap_or(0)
        };
        Percentiles {
            count: sorted.len(),
            p50: rank(500),
            p90: rank(900),
            p99: rank(990),
            p999: rank(999),
            max: rank(1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut latencies = Latencies::default();
        for micros in (1..=1000).rev() {
            latencies.push(Duration::from_micros(micros));
        }
        let expected =
            Percentiles { count: 1000, p50: 500, p90: 900, p99: 990, p999: 999, max: 1000 };
        assert_eq!(latencies.percentiles(), expected);
        assert_eq!(Latencies::default().percentiles(), Percentiles::default());
    }
}
