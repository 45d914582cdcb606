//! The similarities by source, in portions: the great ones first, so that most sums need not go through all.
//!
//! Most of what a profile speaks through are small similarities, and only few targets have a chance. So scores are summed
//! from the greatest similarities, and what was left out of a target's bounds how far its sum can be from its score. Only
//! targets that may be among the best are then scored exactly: the idea of MaxScore (Turtle and Flood 1995), with one
//! bound a target rather than one a list.

use crate::similarity::{Neighbour, Neighbours};

/// Portions of the similarities.
pub(super) const PORTIONS: usize = 3;
/// The last of them: with it, nothing is left out.
pub(super) const LAST: usize = PORTIONS - 1;

/// Which share of all pairs is in the first portion, and in the first two.
const SHARES: [f64; LAST] = [0.32, 0.66];

/// A pair's place is by `|similarity| * (targets of its source)^-PENALTY`: a source that speaks for many targets is met
/// often and costs much each time, so that its small similarities are left out sooner.
const PENALTY: f32 = 0.2;

/// One in so many pairs is looked at to find where portions end.
const SAMPLED: usize = 16;

/// Targets that are looked at together: most stretches hold none that is good enough, which is quickly said.
pub(super) const STRETCH: usize = 32;

/// What each source speaks for.
#[derive(Debug, Clone)]
pub(super) struct BySource {
    /// Each in memory of its own, so that the first, which is always needed, lies close together.
    portions: [Portion; PORTIONS],
    packing: Packing,
    /// For each source what one step of its similarities is.
    steps: Vec<f32>,
    /// For each source how many targets it speaks for.
    counts: Vec<u32>,
    /// Of all portions but the last: what comes after them.
    left_out: [LeftOut; LAST],
    /// The greatest sum of one target's magnitudes.
    greatest_row: f32,
    /// The most sources that one target has.
    longest_row: usize,
}

/// Some of the pairs of every source.
#[derive(Debug, Clone, Default)]
struct Portion {
    /// For each source its end in `pairs`; it begins where the source before ends.
    ends: Vec<usize>,
    /// By target.
    pairs: Vec<Pair>,
}

impl Portion {
    fn of(&self, source: u32) -> &[Pair] {
        let source = source as usize;
        let begin = source.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.pairs[begin..self.ends[source]]
    }
}

/// A target and a similarity in few bits: what memory has to deliver decides how long sums take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair(u32);

/// How many of a pair's low bits are the target. The others are the similarity, in steps of its source and signed. What
/// is not 0 is at least one step, so that a sum is 0 only where nothing speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    target_bits: u32,
}

impl Packing {
    fn of(items: usize) -> Self {
        Self { target_bits: items.max(2).next_power_of_two().trailing_zeros() }
    }

    /// The greatest number of steps: what the bits hold, and f32 exactly.
    fn most_steps(self) -> i32 {
        (i32::MAX >> self.target_bits).min((1 << f32::MANTISSA_DIGITS) - 1)
    }

    fn pack(self, target: usize, similarity: f32, step: f32) -> Pair {
        let steps = (similarity / step).round();
        let is_lost = steps == 0.0 && similarity != 0.0;
        let steps = if is_lost { similarity.signum() } else { steps };
        let most = self.most_steps() as f32;
        Pair(
            ((steps.clamp(-most, most) as i32) << self.target_bits).cast_unsigned() | target as u32,
        )
    }

    /// The target and the steps of a pair.
    pub fn unpack(self, pair: Pair) -> (usize, i32) {
        let target = pair.0 & ((1 << self.target_bits) - 1);
        (target as usize, pair.0.cast_signed() >> self.target_bits)
    }
}

/// The magnitudes of what is left out, summed for each target.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOut {
    pub of_target: Vec<f32>,
    /// The greatest of each stretch of targets.
    pub of_stretch: Vec<f32>,
}

impl BySource {
    /// Lays out the rows of targets, whose sources exist. Size: 4 bytes a pair, and 48 an item.
    pub fn new(rows: &Neighbours) -> Self {
        let items = rows.item_count();
        let packing = Packing::of(items);
        let (mut counts, mut steps) = (vec![0u32; items], vec![0.0f32; items]);
        for target in 0..items {
            for neighbour in rows.row(target) {
                counts[neighbour.item as usize] += 1;
                let step = &mut steps[neighbour.item as usize];
                *step = step.max(neighbour.score.abs() / packing.most_steps() as f32);
            }
        }
        let weights: Vec<f32> = counts.iter().map(|&n| (n.max(1) as f32).powf(-PENALTY)).collect();
        let place = |source: u32, similarity: f32| similarity.abs() * weights[source as usize];
        let pairs = || (0..items).flat_map(|target| rows.row(target));
        let least = least(pairs().step_by(SAMPLED).map(|n| place(n.item, n.score)).collect());
        let portion = |neighbour: &Neighbour| {
            let place = place(neighbour.item, neighbour.score);
            // There are few.
            least.iter().position(|&least| place >= least).unwrap_or(LAST) as u8
        };
        let portion_of: Vec<u8> = pairs().map(portion).collect();

        let mut portions: [Portion; PORTIONS] = Default::default();
        for portion in &mut portions {
            portion.ends = vec![0; items];
        }
        for (neighbour, &portion) in pairs().zip(&portion_of) {
            portions[usize::from(portion)].ends[neighbour.item as usize] += 1;
        }
        for Portion { ends, pairs } in &mut portions {
            let mut all = 0;
            for end in ends {
                // Where it begins, until all of it is filled in.
                all += std::mem::replace(end, all);
            }
            *pairs = vec![Pair(0); all];
        }
        let mut left_out: [LeftOut; LAST] = Default::default();
        let (mut greatest_row, mut longest_row) = (0.0f64, 0);
        let mut portion_of = portion_of.into_iter();
        for target in 0..items {
            let (mut after, mut all) = ([0.0f64; LAST], 0.0);
            for (neighbour, portion) in rows.row(target).iter().zip(&mut portion_of) {
                let portion = usize::from(portion);
                let source = neighbour.item as usize;
                let Portion { ends, pairs } = &mut portions[portion];
                pairs[ends[source]] = packing.pack(target, neighbour.score, steps[source]);
                ends[source] += 1;
                let magnitude = f64::from(neighbour.score.abs());
                all += magnitude;
                after[..portion].iter_mut().for_each(|sum| *sum += magnitude);
            }
            for (left_out, sum) in left_out.iter_mut().zip(after) {
                left_out.of_target.push(rounded_up(sum));
            }
            greatest_row = greatest_row.max(all);
            longest_row = longest_row.max(rows.row(target).len());
        }
        for left_out in &mut left_out {
            let greatest = |stretch: &[f32]| stretch.iter().copied().fold(0.0, f32::max);
            left_out.of_stretch = left_out.of_target.chunks(STRETCH).map(greatest).collect();
        }
        let greatest_row = rounded_up(greatest_row);
        Self { portions, packing, steps, counts, left_out, greatest_row, longest_row }
    }

    /// How many targets a source speaks for.
    pub fn count(&self, source: u32) -> usize {
        self.counts[source as usize] as usize
    }

    /// How targets and similarities are packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// What one step of a source's similarities is.
    pub fn step(&self, source: u32) -> f32 {
        self.steps[source as usize]
    }

    /// A portion of a source's targets, with their similarities.
    pub fn targets(&self, source: u32, portion: usize) -> &[Pair] {
        self.portions[portion].of(source)
    }

    /// What is left out after a portion; nothing after the last.
    pub fn left_out(&self, portion: usize) -> Option<&LeftOut> {
        self.left_out.get(portion)
    }

    /// How far the sum of all of a target's pairs and its score can be apart. Steps: one of each source. And f32 rounds:
    /// at most `(n - 1) u` times the sum of magnitudes, whatever the order (Higham 2002, 4.2), u half of the machine
    /// epsilon, n at most what a target has and what the profile has. `greatest` is the greatest magnitude of a weight.
    pub fn rounding(&self, rated: &[u32], weights: &[f32], greatest: f32) -> f32 {
        let step = |&source: &u32| weights[source as usize].abs() * self.step(source);
        let steps: f32 = rated.iter().map(step).sum();
        // Twice the bound: for the products, which are rounded too.
        let terms = self.longest_row.min(rated.len()) + 2;
        1.001 * steps + 2.0 * terms as f32 * f32::EPSILON * greatest * self.greatest_row
    }
}

/// From where on a place is in the first portion, and in the first two.
fn least(mut places: Vec<f32>) -> [f32; LAST] {
    let greatest_first = |a: &f32, b: &f32| b.total_cmp(a);
    SHARES.map(|share| {
        let last = (places.len() as f64 * share) as usize;
        if last < places.len() {
            *places.select_nth_unstable_by(last, greatest_first).1
        } else {
            0.0
        }
    })
}

/// To f32, and not less than it was.
fn rounded_up(sum: f64) -> f32 {
    (sum * (1.0 + 1e-6)) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn portions_hold_every_pair_once_and_what_they_leave_out_is_bounded(
            pairs in proptest::collection::btree_map((0u32..90, 0u32..90), -40i8..40, 0..600),
        ) {
            let row = |target: u32| -> Vec<Neighbour> {
                let of_target = pairs.range((target, 0)..(target + 1, 0));
                let neighbour = |((_, item), score): (&(u32, u32), &i8)| {
                    Neighbour { item: *item, score: f32::from(*score) / 7.0, co_count: 1 }
                };
                of_target.map(neighbour).collect()
            };
            let rows = Neighbours::from_rows((0..90).map(row));
            let by_source = BySource::new(&rows);
            for source in 0..90 {
                let unpack = |pair: &Pair| by_source.packing().unpack(*pair);
                let mut found = Vec::new();
                for portion in 0..PORTIONS {
                    let part = by_source.targets(source, portion);
                    found.extend(part.iter().map(unpack));
                    prop_assert!(part.is_sorted_by(|a, b| unpack(a).0 < unpack(b).0));
                }
                prop_assert_eq!(by_source.count(source), found.len());
                found.sort_unstable();
                let expected: Vec<(u32, f32)> = (0..90)
                    .filter_map(|target| Some((target, f32::from(*pairs.get(&(target, source))?) / 7.0)))
                    .collect();
                prop_assert_eq!(found.len(), expected.len());
                let step = by_source.step(source);
                for ((target, steps), (expected, score)) in found.into_iter().zip(expected) {
                    prop_assert_eq!(target, expected as usize);
                    prop_assert!((steps as f32 * step - score).abs() <= step);
                    prop_assert_eq!(steps == 0, score == 0.0);
                }
            }
            for portion in 0..LAST {
                let mut after = vec![0.0f64; 90];
                for source in 0..90 {
                    for &pair in (portion + 1..PORTIONS).flat_map(|after| by_source.targets(source, after)) {
                        let (target, _) = by_source.packing().unpack(pair);
                        after[target] += f64::from(pairs[&(target as u32, source)].unsigned_abs()) / 7.0;
                    }
                }
                let Some(left_out) = by_source.left_out(portion) else { return Err(TestCaseError::fail("none")) };
                for (at, (&bound, exact)) in left_out.of_target.iter().zip(after).enumerate() {
                    prop_assert!(f64::from(bound) >= exact * 0.999_999 && f64::from(bound) <= exact * 1.001);
                    prop_assert!(left_out.of_stretch[at / STRETCH] >= bound);
                }
            }
        }
    }
}
