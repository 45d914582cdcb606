//! How often each number occurs among many, in little memory however many there are.

use foldhash::{HashMap, HashMapExt};

/// Different numbers that are told apart. From twice as many on those that share their leading digits count as one.
const APART: usize = 2_048;

/// Counts of numbers. Up to [`APART`] different ones it is exact; of more, each is within a part in a hundred or so.
#[derive(Debug, Clone)]
pub struct ValueCounts {
    /// By a number's bits without the last `dropped`.
    counts: HashMap<u32, u64>,
    dropped: u32,
}

impl Default for ValueCounts {
    fn default() -> Self {
        Self { counts: HashMap::new(), dropped: 0 }
    }
}

impl ValueCounts {
    /// Counts a number, which is finite.
    pub fn add(&mut self, value: f32) {
        *self.counts.entry(value.to_bits() >> self.dropped).or_default() += 1;
        if self.counts.len() > APART {
            self.coarsen(self.dropped + 1);
        }
    }

    /// Adds what another one counted.
    pub fn append(&mut self, other: Self) {
        if other.dropped > self.dropped {
            self.coarsen(other.dropped);
        }
        for (key, count) in other.counts {
            *self.counts.entry(key >> (self.dropped - other.dropped)).or_default() += count;
        }
        while self.counts.len() > APART {
            self.coarsen(self.dropped + 1);
        }
    }

    fn coarsen(&mut self, dropped: u32) {
        let more = dropped - self.dropped;
        for (key, count) in std::mem::take(&mut self.counts) {
            *self.counts.entry(key >> more).or_default() += count;
        }
        self.dropped = dropped;
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The numbers in ascending order, and how often each occurs.
    pub fn sorted(&self) -> Vec<(f32, u64)> {
        // The middle of the numbers that a key stands for.
        let middle = if self.dropped == 0 { 0 } else { 1 << (self.dropped - 1) };
        let value = |key: u32| f32::from_bits((key << self.dropped) | middle);
        let mut sorted: Vec<_> = self.counts.iter().map(|(key, n)| (value(*key), *n)).collect();
        sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        sorted
    }
}

/// The numbers below which these shares of all lie, the counts being in ascending order; none without any.
pub fn quantiles<V: Copy, const N: usize>(sorted: &[(V, u64)], shares: [f64; N]) -> Option<[V; N]> {
    let total: u64 = sorted.iter().map(|(_, count)| count).sum();
    let (first, _) = sorted.first()?;
    Some(shares.map(|share| {
        let target = (share * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = sorted.iter().find(|(_, count)| {
            seen += count;
            seen >= target
        });
        found.map_or(*first, |(value, _)| *value)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_are_counted_exactly_and_in_order() {
        let mut counts = ValueCounts::default();
        for value in [3.5, -1.0, 3.5, 0.0, 5.0] {
            counts.add(value);
        }
        let mut more = ValueCounts::default();
        more.add(-1.0);
        counts.append(more);
        let sorted = counts.sorted();
        assert_eq!(sorted, [(-1.0, 2), (0.0, 1), (3.5, 2), (5.0, 1)]);
        assert_eq!(quantiles(&sorted, [0.0, 0.5, 1.0]), Some([-1.0, 0.0, 5.0]));
        assert_eq!(quantiles::<f32, 1>(&[], [0.5]), None);
    }

    #[test]
    fn many_numbers_take_little_room_and_stay_close() {
        let mut halves = [ValueCounts::default(), ValueCounts::default()];
        for at in 0..100_000_u32 {
            halves[(at % 2) as usize].add(at as f32 / 1000.0);
        }
        let [mut counts, other] = halves;
        counts.append(other);
        assert!(counts.counts.len() <= APART);
        let sorted = counts.sorted();
        assert_eq!(sorted.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
        assert!(sorted.is_sorted_by(|(a, _), (b, _)| a < b));
        let [median] = quantiles(&sorted, [0.5]).unwrap_or_default();
        assert!((median - 50.0).abs() < 0.5, "{median}");
    }
}
