//! Which of a row's pairs may be among the best of either item, and offering them.

use super::WIDTH;
use super::instructions::{InstructionSet, Instructions, Work};
use super::kernel::{CoCounts, Sink};
use super::lists::{Entry, Keep, List, Scores};
use crate::similarity::half::Columns;

/// What the bounds of 512 columns need.
#[derive(Clone)]
pub struct Side {
    /// What a bound needs of each as the own item.
    pub own: [f32; WIDTH],
    /// As the other one.
    pub other: [f32; WIDTH],
    /// Those of the columns' lists.
    pub thresholds: [f32; WIDTH],
}

impl Side {
    pub fn new() -> Self {
        Self { own: [0.0; WIDTH], other: [0.0; WIDTH], thresholds: [List::UNWANTED; WIDTH] }
    }
}

/// Offers a row's pairs to both sides.
pub struct RowSink<'a, 'b, S> {
    /// The row's rank.
    pub row: usize,
    /// That of the first column.
    pub first: usize,
    pub keep: Keep<'a, S>,
    pub instructions: InstructionSet,
    /// Whether bounds differ by side.
    pub is_directed: bool,
    /// What a bound needs of the row as the own item, and as the other.
    pub factors: [f32; 2],
    pub side: &'a mut Side,
    /// The row's list.
    pub list: &'a mut List,
    /// What this thread finds for the columns.
    pub of_columns: &'a mut [List],
    /// Scratch memory.
    pub flags: &'a mut [u8; WIDTH],
    /// Where co-counts go.
    pub store: Option<&'a mut Columns<'b>>,
}

/// The pair may be one of the row's best, or one of the column's.
const OF_ROW: u8 = 1;
const OF_COLUMN: u8 = 2;

/// Sets the flags of 512 columns.
struct Screen<'a, S> {
    scores: &'a S,
    is_directed: bool,
    /// The row's factors and threshold.
    factors: [f32; 2],
    of_row: f32,
    side: &'a Side,
    sums: &'a [f32; WIDTH],
    counts: &'a [f32; WIDTH],
    flags: &'a mut [u8; WIDTH],
}

impl<S: Scores> Screen<'_, S> {
    /// Tells by a bit which groups of 64 columns have any flag.
    #[inline(always)]
    fn groups<const DIRECTED: bool>(self) -> u8 {
        let Self { scores, factors: [own, other], of_row, side, .. } = self;
        let least = scores.least_count();
        let mut groups = 0;
        let (sums, counts) = (self.sums.as_chunks::<64>().0, self.counts.as_chunks::<64>().0);
        let (owns, others) = (side.own.as_chunks::<64>().0, side.other.as_chunks::<64>().0);
        let thresholds = side.thresholds.as_chunks::<64>().0;
        let flags = self.flags.as_chunks_mut::<64>().0;
        for group in 0..WIDTH / 64 {
            let (sums, counts, flags) = (&sums[group], &counts[group], &mut flags[group]);
            let (owns, others, thresholds) = (&owns[group], &others[group], &thresholds[group]);
            let mut any = 0;
            for at in 0..64 {
                let (sum, count) = (sums[at], counts[at]);
                let [to_row, by_row] = scores.bound(sum, count, own, others[at]);
                let [to_column, by_column] = match DIRECTED {
                    true => scores.bound(sum, count, owns[at], other),
                    false => [to_row, by_row],
                };
                let is_pair = count >= least;
                let is_for_row = is_pair & (to_row >= by_row * of_row);
                let is_for_column = is_pair & (to_column >= by_column * thresholds[at]);
                let flag = (u8::from(is_for_row) * OF_ROW) | (u8::from(is_for_column) * OF_COLUMN);
                flags[at] = flag;
                any |= flag;
            }
            groups |= u8::from(any != 0) << group;
        }
        groups
    }
}

impl<S: Scores> Work for Screen<'_, S> {
    type Output = u8;

    #[inline(always)]
    fn run<I: Instructions>(self, _: I) -> u8 {
        if self.is_directed { self.groups::<true>() } else { self.groups::<false>() }
    }
}

/// What each of 512 pairs is worth to the row at least: bits of numbers that are not negative, which are in their order.
struct Least<'a, S> {
    scores: &'a S,
    /// What a bound needs of the row as the own item.
    own: f32,
    side: &'a Side,
    sums: &'a [f32; WIDTH],
    counts: &'a [f32; WIDTH],
}

impl<S: Scores> Work for Least<'_, S> {
    type Output = [u32; WIDTH];

    #[inline(always)]
    fn run<I: Instructions>(self, _: I) -> [u32; WIDTH] {
        let least_count = self.scores.least_count();
        let mut least = [0; WIDTH];
        for (at, least) in least.iter_mut().enumerate() {
            let (sum, count) = (self.sums[at], self.counts[at]);
            let [above, below] = self.scores.least(sum, count, self.own, self.side.other[at]);
            let quotient = above / below;
            let is_known = (count >= least_count) & (quotient < f32::INFINITY);
            *least = if is_known { quotient.to_bits() } else { 0 };
        }
        least
    }
}

impl<S: Scores> RowSink<'_, '_, S> {
    /// A first threshold of the row's list, so that not all pairs are offered which the first columns have.
    #[inline(never)]
    fn expect(&mut self, counts: &CoCounts, sums: &[f32; WIDTH]) {
        let mut least = self.instructions.run(Least {
            scores: self.keep.scores,
            own: self.factors[0],
            side: self.side,
            sums,
            counts: counts.near(),
        });
        let (_, &mut bits, _) =
            least.select_nth_unstable_by(self.keep.top_k - 1, |one, other| other.cmp(one));
        self.list.expect(f32::from_bits(bits));
    }
}

impl<S: Scores> Sink for RowSink<'_, '_, S> {
    fn take(&mut self, counts: &CoCounts, near: &[f32; WIDTH], exact: impl Fn(usize) -> f64) {
        if let Some(store) = &mut self.store {
            store.set(&counts.numbers());
        }
        if self.list.is_new() && (1..WIDTH).contains(&self.keep.top_k) {
            self.expect(counts, near);
        }
        let groups = self.instructions.run(Screen {
            scores: self.keep.scores,
            is_directed: self.is_directed,
            factors: self.factors,
            of_row: self.list.threshold,
            side: self.side,
            sums: near,
            counts: counts.near(),
            flags: self.flags,
        });
        for group in 0..WIDTH / 64 {
            if groups >> group & 1 == 0 {
                continue;
            }
            for eighth in 0..8 {
                let begin = group * 64 + eighth * 8;
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&self.flags[begin..begin + 8]);
                let mut bits = u64::from_le_bytes(bytes);
                while bits != 0 {
                    let byte = bits.trailing_zeros() / 8;
                    let flag = (bits >> (8 * byte)) as u8;
                    bits &= !(0xff << (8 * byte));
                    let at = begin + byte as usize;
                    let (column, sum, count) = (self.first + at, exact(at), counts.get(at));
                    if flag & OF_ROW != 0 {
                        self.list.offer(self.row, Entry::new(sum, column, count), self.keep);
                    }
                    if flag & OF_COLUMN != 0 {
                        let list = &mut self.of_columns[at];
                        list.offer(column, Entry::new(sum, self.row, count), self.keep);
                        self.side.thresholds[at] = list.threshold;
                    }
                }
            }
        }
    }
}
