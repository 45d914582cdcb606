//! Sums of products of small numbers, half stars for one.
//!
//! Of users who rated many of the 512 columns a row of numbers of four bits lies ready, 0 for what they did not rate: many
//! columns are multiplied and added at a time, in 16 bits, and four users between reading a sum and writing it. Of the others
//! products are added one by one.

use std::ops::Range;

use rayon::prelude::*;

use super::WIDTH;
use super::bits::{Line, set_lines};
use super::cells::{Cells, dense_users};
use super::instructions::{InstructionSet, Instructions, Work};
use super::kernel::{CoCounts, Kernel, Sink, round};
use super::rare::Dot;
use crate::similarity::relabelled::{LARGEST_CODE, Relabelled};

const HALF: usize = WIDTH / 2;

/// A user's numbers of 512 columns: column c in the lower half of byte c, column 256 + c in the upper half.
type Row = [u8; HALF];

/// Columns of which a user must have rated this many for a row to be better than a list; measured.
const DENSE: usize = 12;

/// Users whose sums of products fit 16 bits, by fours.
const USERS: usize = (u16::MAX as u32 / (LARGEST_CODE * LARGEST_CODE)) as usize / 4 * 4;

/// The kernel.
pub struct Codes<'a> {
    lines: Vec<Line>,
    /// Of the most active users.
    rows: Vec<Row>,
    /// What the others rated.
    cells: Cells<u8>,
    codes: &'a [u8],
}

impl<'a> Codes<'a> {
    /// Of the number at each position, below 16.
    pub fn new(codes: &'a [u8]) -> Self {
        Self { lines: Vec::new(), rows: Vec::new(), cells: Cells::new(), codes }
    }

    fn set_rows(&mut self, ratings: &Relabelled, columns: Range<usize>, count: usize) {
        self.rows.resize(count, [0; HALF]);
        let codes = self.codes;
        let part = count.div_ceil(4 * rayon::current_num_threads()).max(1);
        self.rows.par_chunks_mut(part).enumerate().for_each(|(number, rows)| {
            rows.as_flattened_mut().fill(0);
            let first = number * part;
            let users = first..first + rows.len();
            ratings.each_within(columns.clone(), users, |column, user, position| {
                rows[user][column % HALF] |= codes[position] << (column / HALF * 4);
            });
        });
    }
}

/// A thread's memory.
pub struct Scratch {
    counts: CoCounts,
    sums: [u64; WIDTH],
    near: [f32; WIDTH],
}

/// Sums of 16 bits, of the columns in the lower halves of bytes and in the upper ones.
#[derive(Clone, Copy)]
struct Narrow {
    low: [u16; HALF],
    high: [u16; HALF],
}

impl Narrow {
    const ZERO: Self = Self { low: [0; HALF], high: [0; HALF] };

    /// Adds some users' rows, each times the user's own number.
    #[inline(always)]
    fn add<const COUNT: usize>(&mut self, rows: [&Row; COUNT], codes: [u8; COUNT]) {
        let codes = codes.map(u16::from);
        for at in 0..HALF {
            let (mut low, mut high) = (self.low[at], self.high[at]);
            for (row, code) in rows.into_iter().zip(codes) {
                let both = u16::from(row[at]);
                // No sum is too large for them: wrapping alone lets additions be done many at a time.
                low = low.wrapping_add((both & 15).wrapping_mul(code));
                high = high.wrapping_add((both >> 4).wrapping_mul(code));
            }
            (self.low[at], self.high[at]) = (low, high);
        }
    }
}

struct Summing<'a> {
    kernel: &'a Codes<'a>,
    raters: &'a [u32],
    codes: &'a [u8],
    width: usize,
    scratch: &'a mut Scratch,
}

impl Work for Summing<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Instructions>(self, _: I) {
        let Self { kernel, raters, codes, width, scratch } = self;
        let Scratch { sums, near, .. } = scratch;
        sums.fill(0);
        let dense = raters.partition_point(|&user| (user as usize) < kernel.rows.len());
        let (raters, others) = raters.split_at(dense);
        let (codes, others_codes) = codes.split_at(dense);
        let row = |user: u32| &kernel.rows[user as usize];
        for (raters, codes) in raters.chunks(USERS).zip(codes.chunks(USERS)) {
            let mut narrow = Narrow::ZERO;
            let ((fours, rest), (fours_codes, rest_codes)) =
                (raters.as_chunks::<4>(), codes.as_chunks::<4>());
            for (users, &codes) in fours.iter().zip(fours_codes) {
                narrow.add(users.map(row), codes);
            }
            for (&user, &code) in rest.iter().zip(rest_codes) {
                narrow.add([row(user)], [code]);
            }
            let (low, high) = sums.split_at_mut(HALF);
            low.iter_mut().zip(narrow.low).for_each(|(sum, more)| *sum += u64::from(more));
            high.iter_mut().zip(narrow.high).for_each(|(sum, more)| *sum += u64::from(more));
        }
        for (&user, &code) in others.iter().zip(others_codes) {
            for (column, other) in kernel.cells.of(user) {
                sums[column % WIDTH] += u64::from(code) * u64::from(other);
            }
        }
        sums[width..].fill(0);
        round(sums, near);
    }
}

impl Kernel for Codes<'_> {
    type Scratch = Scratch;
    type Rare = Dot;

    fn scratch(&self) -> Scratch {
        Scratch { counts: CoCounts::new(), sums: [0; WIDTH], near: [0.0; WIDTH] }
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns.clone());
        let dense = dense_users(&self.lines[..ratings.user_count()], DENSE);
        self.set_rows(ratings, columns.clone(), dense);
        let codes = self.codes;
        self.cells.set(ratings, columns, dense, &self.lines, |position| codes[position]);
    }

    fn row<S: Sink>(
        &self,
        instructions: InstructionSet,
        ratings: &Relabelled,
        (row, width): (usize, usize),
        scratch: &mut Scratch,
        sink: &mut S,
    ) {
        let (raters, codes) = (ratings.raters(row), &self.codes[ratings.positions(row)]);
        scratch.counts.count(instructions, raters, &self.lines, width);
        instructions.run(Summing { kernel: self, raters, codes, width, scratch });
        sink.take(&scratch.counts, &scratch.near, |column| scratch.sums[column] as f64);
    }

    #[inline(always)]
    fn row_worth(&self, _: &Relabelled, position: usize, _: u32) -> i64 {
        i64::from(self.codes[position])
    }

    #[inline(always)]
    fn column_worth(&self, _: &Relabelled, position: usize) -> i32 {
        i32::from(self.codes[position])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::matrix::{MatrixError, RatingMatrix};
    use crate::similarity::weighting::{Weighed, Worth};

    struct Sums([u64; WIDTH]);

    impl Sink for Sums {
        fn take(&mut self, _: &CoCounts, _: &[f32; WIDTH], exact: impl Fn(usize) -> f64) {
            self.0 = std::array::from_fn(|column| exact(column) as u64);
        }
    }

    /// What 10,000 users make who all rated both items with the largest number, of which 16 bits hold the sums of 288: the
    /// row's raters are the same ones again and again.
    #[test]
    fn sums_of_more_users_than_narrow_numbers_hold_are_exact() -> Result<(), MatrixError> {
        let most = LARGEST_CODE as f32;
        let ratings = (0..40).flat_map(|user| (0..520).map(move |item| (user, item, most)));
        let weighed = Weighed {
            pairs: std::borrow::Cow::Owned(RatingMatrix::new(40, 520, ratings)?),
            worth: Worth::Each,
        };
        let ratings = Relabelled::new(&weighed);
        let all = vec![LARGEST_CODE as u8; 40 * 520];
        let mut kernel = Codes::new(&all);
        kernel.set_columns(&ratings, 0..WIDTH);
        assert_eq!((kernel.rows.len(), USERS), (40, 288));
        let count = 10_000;
        let raters: Vec<u32> = (0..count).map(|at| at / (count / 40)).collect();
        let codes = vec![LARGEST_CODE as u8; count as usize];
        for instructions in InstructionSet::all() {
            let mut scratch = kernel.scratch();
            let (width, scratch) = (WIDTH, &mut scratch);
            let summing =
                Summing { kernel: &kernel, raters: &raters, codes: &codes, width, scratch };
            instructions.run(summing);
            assert_eq!(scratch.sums, [u64::from(count) * 225; WIDTH]);
        }
        let mut sums = Sums([0; WIDTH]);
        kernel.row(
            InstructionSet::chosen(),
            &ratings,
            (WIDTH, WIDTH),
            &mut kernel.scratch(),
            &mut sums,
        );
        assert_eq!(sums.0, [40 * 225; WIDTH]);
        Ok(())
    }
}
