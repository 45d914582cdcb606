//! The similarities by source, in portions: the great ones first, so that most sums need not go through all.
//!
//! Most of what a profile speaks through are small similarities, and only few targets have a chance. So scores are summed
//! from the greatest similarities, and what was left out of a target's bounds how far its sum can be from its score. Only
//! targets that may be among the best are then scored exactly: the idea of MaxScore (Turtle and Flood 1995), with one
//! bound a target rather than one a list.

use crate::similarity::{Neighbour, Neighbours};

/// Portions of the similarities.
pub(super) const PORTIONS: usize = 4;
/// The last of them: with it, nothing is left out.
pub(super) const LAST: usize = PORTIONS - 1;

/// Which share of all pairs is in the first portion, in the first two, and in the first three.
const SHARES: [f64; LAST] = [0.32, 0.47, 0.66];

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
    portions: [Vec<Pair>; PORTIONS],
    packing: Packing,
    /// What each source has, and where the last one ends.
    sources: Vec<SourcePlace>,
    /// Of all portions but the last: what comes after them.
    left_out: [LeftOut; LAST],
    /// All there is.
    whole: LeftOut,
    /// The greatest sum of one target's magnitudes.
    greatest_row: f32,
    /// The most sources that one target has.
    longest_row: usize,
}

/// Where a source's pairs are, all in one place, so that memory is waited for once.
#[derive(Debug, Clone, Copy, Default)]
struct SourcePlace {
    /// Where they begin in each portion. They end where those of the next source begin.
    begins: [usize; PORTIONS],
    /// What one unit of its similarities is.
    unit: f32,
    /// How many there are.
    count: u32,
}

/// A target and a similarity in few bits: what memory has to deliver decides how long sums take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair(u32);

impl Pair {
    /// The similarity in units of its source; never 0.
    pub fn units(self) -> f32 {
        self.0.cast_signed() as f32
    }
}

/// How many of a pair's low bits are the target. The others are chosen so that the whole, as a signed number, is as near
/// to the similarity as they allow: nothing needs to be taken away before it is added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Packing {
    target_bits: u32,
}

impl Packing {
    /// Numbers of `items` targets.
    pub fn of(items: usize) -> Self {
        Self { target_bits: items.max(2).next_power_of_two().trailing_zeros() }
    }

    /// The bits that are the target.
    pub fn target_mask(self) -> usize {
        (1 << self.target_bits) - 1
    }

    /// A unit for similarities of at most a magnitude.
    pub fn unit(self, greatest: f32) -> f32 {
        // Something, so that nothing that speaks is lost.
        (greatest / (i32::MAX - (1 << self.target_bits)) as f32).max(f32::MIN_POSITIVE)
    }

    /// How many units a pair can be beside its similarity: half of what the low bits are worth, or all of it where
    /// something would have become nothing.
    pub fn doubt(self) -> f32 {
        (1u32 << self.target_bits) as f32
    }

    /// A target and its similarity, which is not 0, in units of its source.
    pub fn pack(self, target: usize, units: f64) -> Pair {
        let most = 1 << (i32::BITS - 1 - self.target_bits);
        let step = (1 << self.target_bits) as f64;
        let steps = ((units - target as f64) / step).round() as i32;
        let steps = match steps.clamp(-most, most - 1) {
            0 if target == 0 => units.signum() as i32,
            steps => steps,
        };
        Pair((steps << self.target_bits).cast_unsigned() | target as u32)
    }

    /// The target of a pair.
    pub fn target(self, pair: Pair) -> usize {
        pair.0 as usize & self.target_mask()
    }
}

/// The magnitudes of what is left out, summed for each target.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    pub of_target: Vec<f32>,
    /// The greatest of each stretch of targets.
    pub of_stretch: Vec<f32>,
    /// The stretches, the one with the greatest first.
    pub greatest_first: Vec<usize>,
}

impl LeftOut {
    /// From the sum of each target.
    pub fn of(of_target: Vec<f32>) -> Self {
        let greatest = |stretch: &[f32]| stretch.iter().copied().fold(0.0, f32::max);
        let of_stretch: Vec<f32> = of_target.chunks(STRETCH).map(greatest).collect();
        let mut greatest_first: Vec<usize> = (0..of_stretch.len()).collect();
        greatest_first.sort_by(|&a, &b| of_stretch[b].total_cmp(&of_stretch[a]));
        Self { of_target, of_stretch, greatest_first }
    }
}

impl BySource {
    /// Lays out the rows of targets, whose sources exist. Size: 4 bytes a pair, and 56 an item.
    pub fn new(rows: &Neighbours) -> Self {
        let items = rows.item_count();
        let packing = Packing::of(items);
        let mut sources = vec![SourcePlace::default(); items + 1];
        // A similarity of 0 says nothing.
        let row = |target| rows.row(target).iter().filter(|neighbour| neighbour.score != 0.0);
        let all = || (0..items).flat_map(row);
        let mut greatest = vec![0.0f32; items];
        for neighbour in all() {
            sources[neighbour.item as usize].count += 1;
            let greatest = &mut greatest[neighbour.item as usize];
            *greatest = greatest.max(neighbour.score.abs());
        }
        for (source, greatest) in sources.iter_mut().zip(greatest) {
            source.unit = packing.unit(greatest);
        }
        let weight = |source: &SourcePlace| (source.count.max(1) as f32).powf(-PENALTY);
        let weights: Vec<f32> = sources.iter().map(weight).collect();
        let place = |source: u32, similarity: f32| similarity.abs() * weights[source as usize];
        let least = least(all().step_by(SAMPLED).map(|n| place(n.item, n.score)).collect());
        let portion = |neighbour: Neighbour| {
            let place = place(neighbour.item, neighbour.score);
            // There are few.
            least.iter().position(|&least| place >= least).unwrap_or(LAST) as u8
        };
        let portion_of: Vec<u8> = all().map(portion).collect();

        for (neighbour, &portion) in all().zip(&portion_of) {
            sources[neighbour.item as usize].begins[usize::from(portion)] += 1;
        }
        let mut ends = [0; PORTIONS];
        for SourcePlace { begins, .. } in &mut sources {
            for (begin, end) in begins.iter_mut().zip(&mut ends) {
                *end += std::mem::replace(begin, *end);
            }
        }
        let mut portions = ends.map(|end| vec![Pair(0); end]);
        let mut filled: Vec<[usize; PORTIONS]> =
            sources.iter().map(|source| source.begins).collect();
        let mut left_out: [Vec<f32>; LAST] = Default::default();
        let mut whole = Vec::with_capacity(items);
        let (mut greatest_row, mut longest_row) = (0.0f64, 0);
        let mut portion_of = portion_of.into_iter();
        for target in 0..items {
            let (mut after, mut all) = ([0.0f64; LAST], 0.0);
            for (neighbour, portion) in row(target).zip(&mut portion_of) {
                let portion = usize::from(portion);
                let source = neighbour.item as usize;
                let place = &mut filled[source][portion];
                let units = f64::from(neighbour.score) / f64::from(sources[source].unit);
                portions[portion][*place] = packing.pack(target, units);
                *place += 1;
                let magnitude = f64::from(neighbour.score.abs());
                all += magnitude;
                after[..portion].iter_mut().for_each(|sum| *sum += magnitude);
            }
            for (left_out, sum) in left_out.iter_mut().zip(after) {
                left_out.push(rounded_up(sum));
            }
            whole.push(rounded_up(all));
            greatest_row = greatest_row.max(all);
            longest_row = longest_row.max(rows.row(target).len());
        }
        let (left_out, whole) = (left_out.map(LeftOut::of), LeftOut::of(whole));
        let greatest_row = rounded_up(greatest_row);
        Self { portions, packing, sources, left_out, whole, greatest_row, longest_row }
    }

    /// How many targets a source speaks for.
    pub fn count(&self, source: u32) -> usize {
        self.sources[source as usize].count as usize
    }

    /// How targets and similarities are packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// What one unit of a source's similarities is.
    pub fn unit(&self, source: u32) -> f32 {
        self.sources[source as usize].unit
    }

    /// A portion of a source's targets by number, with their similarities.
    pub fn targets(&self, source: u32, portion: usize) -> &[Pair] {
        let [begin, end] =
            [source as usize, source as usize + 1].map(|at| self.sources[at].begins[portion]);
        &self.portions[portion][begin..end]
    }

    /// What is left out after a portion; nothing after the last.
    pub fn left_out(&self, portion: usize) -> Option<&LeftOut> {
        self.left_out.get(portion)
    }

    /// All there is for each target.
    pub fn whole(&self) -> &LeftOut {
        &self.whole
    }

    /// The greatest sum of one target's magnitudes.
    pub fn greatest_row(&self) -> f32 {
        self.greatest_row
    }

    /// How far the sum of all of a target's pairs and its score can be apart. By packing: once for each source. And f32 rounds: at most `(n - 1) u` times the sum of magnitudes, whatever the order (Higham 2002,
    /// 4.2), u half of the machine epsilon, n at most what a target has and what the profile has. `greatest` is the
    /// greatest magnitude of a weight.
    pub fn rounding(&self, rated: &[u32], weights: &[f32], greatest: f32) -> f32 {
        let unit = |&source: &u32| weights[source as usize].abs() * self.unit(source);
        self.rounding_of(rated.iter().map(unit).sum(), rated.len(), greatest)
    }

    /// The same of `terms` sources whose units count `units` together.
    pub fn rounding_of(&self, units: f32, terms: usize, greatest: f32) -> f32 {
        // Four times the bound: products and what packing makes of similarities are rounded, too.
        let terms = self.longest_row.min(terms) + 3;
        1.001 * self.packing.doubt() * units
            + 4.0 * terms as f32 * f32::EPSILON * greatest * self.greatest_row
    }
}

/// From where on a place is in the first portion, in the first two, and so on.
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
                let packing = by_source.packing();
                let unpack = |pair: &Pair| (packing.target(*pair), pair.units());
                let mut found = Vec::new();
                for portion in 0..PORTIONS {
                    let part = by_source.targets(source, portion);
                    found.extend(part.iter().map(unpack));
                    prop_assert!(part.is_sorted_by(|a, b| unpack(a).0 < unpack(b).0));
                }
                prop_assert_eq!(by_source.count(source), found.len());
                found.sort_unstable_by_key(|&(target, _)| target);
                let expected: Vec<(u32, f32)> = (0..90)
                    .filter_map(|target| Some((target, f32::from(*pairs.get(&(target, source))?) / 7.0)))
                    .filter(|&(_, score)| score != 0.0)
                    .collect();
                prop_assert_eq!(found.len(), expected.len());
                let unit = by_source.unit(source);
                for ((target, units), (expected, score)) in found.into_iter().zip(expected) {
                    prop_assert_eq!(target, expected as usize);
                    let rounding = 2.0 * f32::EPSILON * score.abs();
                    prop_assert!((units * unit - score).abs() <= packing.doubt() * unit + rounding);
                    prop_assert!(units != 0.0);
                }
            }
            for portion in 0..LAST {
                let mut after = vec![0.0f64; 90];
                for source in 0..90 {
                    for &pair in (portion + 1..PORTIONS).flat_map(|after| by_source.targets(source, after)) {
                        let target = by_source.packing().target(pair);
                        after[target] += f64::from(pairs[&(target as u32, source)].unsigned_abs()) / 7.0;
                    }
                }
                let Some(left_out) = by_source.left_out(portion) else { return Err(TestCaseError::fail("none")) };
                prop_assert_eq!(left_out.of_target.len(), 90);
                for (at, (&bound, exact)) in left_out.of_target.iter().zip(after).enumerate() {
                    prop_assert!(f64::from(bound) >= exact * 0.999_999 && f64::from(bound) <= exact * 1.001);
                    prop_assert!(left_out.of_stretch[at / STRETCH] >= bound);
                }
            }
        }
    }
}
