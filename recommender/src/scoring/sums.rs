//! A score for every item: adding up, and finding the best.

use super::model::Targets;

/// Scores that are looked at together: most stretches hold none that is good enough, which is quickly said.
const STRETCH: usize = 64;

/// The sum so far for each item; 0 for what nothing speaks of.
#[derive(Default)]
pub(super) struct Sums(Vec<f32>);

impl Sums {
    /// Nothing speaks of any of `item_count` items.
    pub fn start(&mut self, item_count: usize) {
        self.0.clear();
        self.0.resize(item_count, 0.0);
    }

    /// Adds `weight` times a source's similarities.
    pub fn add(&mut self, targets: Targets<'_>, weight: f32) {
        match targets {
            Targets::Sparse(targets) => {
                for &(target, similarity) in targets {
                    self.0[target as usize] += weight * similarity;
                }
            }
            // Where the row has a zero, a sum stays what it is, to the bit.
            Targets::Dense(row) => {
                for (sum, similarity) in self.0.iter_mut().zip(row) {
                    *sum += weight * similarity;
                }
            }
        }
    }

    /// Sets the sums of a source's targets to something that is not 0.
    pub fn mark(&mut self, targets: Targets<'_>) {
        match targets {
            Targets::Sparse(targets) => {
                for &(target, _) in targets {
                    self.0[target as usize] = 1.0;
                }
            }
            Targets::Dense(row) => {
                for (sum, &similarity) in self.0.iter_mut().zip(row) {
                    if similarity != 0.0 {
                        *sum = 1.0;
                    }
                }
            }
        }
    }

    /// The sum for an item.
    pub fn of(&self, item: u32) -> f32 {
        self.0[item as usize]
    }

    /// Replaces the sum for an item.
    pub fn set(&mut self, item: u32, sum: f32) {
        self.0[item as usize] = sum;
    }

    /// The `count` items with the greatest sums above 0, of those that `may_follow`; best first, ties by item number.
    pub fn best(&self, count: usize, may_follow: impl Fn(u32) -> bool) -> Vec<(u32, f32)> {
        let best_first = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        let Some(last) = count.checked_sub(1) else { return Vec::new() };
        // When twice as many are found, half of them are let go, and the worst that is left is the mark to pass. Items
        // come by number, so that one that only equals the mark comes after all that are left.
        let full = count.saturating_mul(2).max(STRETCH);
        let mut mark = 0.0;
        let mut found: Vec<(u32, f32)> = Vec::new();
        for (stretch, sums) in self.0.chunks(STRETCH).enumerate() {
            if !sums.iter().fold(false, |any, &sum| any | (sum > mark)) {
                continue;
            }
            for (item, &sum) in (stretch * STRETCH..).zip(sums) {
                if sum > mark && may_follow(item as u32) {
                    found.push((item as u32, sum));
                    if found.len() == full {
                        found.select_nth_unstable_by(last, best_first);
                        found.truncate(count);
                        mark = found[last].1;
                    }
                }
            }
        }
        found.sort_unstable_by(best_first);
        found.truncate(count);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_whole_sort(
            // Few different values, so that there are ties.
            sums in proptest::collection::vec(-3i8..12, 0..600),
            count in 0usize..70,
            left_out in 1u32..7,
        ) {
            let may_follow = |item: u32| !item.is_multiple_of(left_out);
            let of = |item: u32| f32::from(sums[item as usize]);
            let mut expected: Vec<u32> =
                (0..sums.len() as u32).filter(|&item| of(item) > 0.0 && may_follow(item)).collect();
            // Stable: ties stay by number.
            expected.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
            expected.truncate(count);
            let found = Sums(sums.iter().map(|&sum| f32::from(sum)).collect()).best(count, may_follow);
            prop_assert_eq!(found, expected.into_iter().map(|item| (item, of(item))).collect::<Vec<_>>());
        }

        #[test]
        fn a_dense_row_adds_what_the_same_sparse_one_does(
            rows in proptest::collection::vec(proptest::collection::btree_map(0u32..40, -9i8..9, 0..40), 1..6),
        ) {
            let (mut sparse, mut dense) = (Sums::default(), Sums::default());
            sparse.start(40);
            dense.start(40);
            for (row, weight) in rows.iter().zip([0.3, -1.7, 2.9, -0.1, 5.0]) {
                let similarity = |value: i8| f32::from(value) / 7.0;
                let pairs: Vec<(u32, f32)> = row.iter().map(|(&at, &value)| (at, similarity(value))).collect();
                let mut whole = [0.0; 40];
                for &(at, value) in &pairs {
                    whole[at as usize] = value;
                }
                sparse.add(Targets::Sparse(&pairs), weight);
                dense.add(Targets::Dense(&whole), weight);
            }
            prop_assert_eq!(
                sparse.0.iter().map(|sum| sum.to_bits()).collect::<Vec<_>>(),
                dense.0.iter().map(|sum| sum.to_bits()).collect::<Vec<_>>()
            );
        }
    }
}
