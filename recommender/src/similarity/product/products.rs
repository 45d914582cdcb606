//! Sums of products of any values.
//!
//! Of users who rated many of the 512 columns a row of values lies ready, 0 for what they did not rate: many columns are
//! multiplied and added at a time, and four users between reading a sum and writing it. Of the others products are added one
//! by one. All sums are exact.

use std::ops::Range;

use rayon::prelude::*;

use super::WIDTH;
use super::bits::{Line, set_lines};
use super::cells::{Cells, dense_users};
use super::instructions::{InstructionSet, Instructions, Work};
use super::kernel::{CoCounts, Kernel, Sink};
use super::rare::Dot;
use crate::similarity::relabelled::Relabelled;

/// What a user's values of 512 columns take.
type Row = [i32; WIDTH];

/// Columns of which a user must have rated this many for a row to be better than a list; measured.
const DENSE: usize = 48;

/// Users who have a row at most: 128 MiB.
const MOST_ROWS: usize = 1 << 16;

/// What rows take of so many users, in bytes.
pub fn row_bytes(users: u64) -> u64 {
    users.min(MOST_ROWS as u64) * size_of::<Row>() as u64
}

/// The kernel.
pub struct Products<'a> {
    lines: Vec<Line>,
    /// Of the most active users.
    rows: Vec<Row>,
    /// What the others rated.
    cells: Cells<i32>,
    values: &'a [i32],
}

impl<'a> Products<'a> {
    /// Of the value at each position.
    pub fn new(values: &'a [i32]) -> Self {
        Self { lines: Vec::new(), rows: Vec::new(), cells: Cells::new(), values }
    }

    fn set_rows(&mut self, ratings: &Relabelled, columns: Range<usize>, count: usize) {
        self.rows.resize(count, [0; WIDTH]);
        let values = self.values;
        let part = count.div_ceil(4 * rayon::current_num_threads()).max(1);
        self.rows.par_chunks_mut(part).enumerate().for_each(|(number, rows)| {
            rows.as_flattened_mut().fill(0);
            let first = number * part;
            let users = first..first + rows.len();
            ratings.each_within(columns.clone(), users, |column, user, position| {
                rows[user][column] = values[position];
            });
        });
    }
}

/// A thread's memory.
pub struct Scratch {
    counts: CoCounts,
    sums: [i64; WIDTH],
    near: [f32; WIDTH],
}

struct Summing<'a> {
    kernel: &'a Products<'a>,
    raters: &'a [u32],
    values: &'a [i32],
    width: usize,
    scratch: &'a mut Scratch,
}

impl Work for Summing<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Instructions>(self, _: I) {
        let Self { kernel, raters, values, width, scratch } = self;
        let Scratch { sums, near, .. } = scratch;
        sums.fill(0);
        let dense = raters.partition_point(|&user| (user as usize) < kernel.rows.len());
        let (raters, others) = raters.split_at(dense);
        let (values, others_values) = values.split_at(dense);
        let ((fours, rest), (fours_values, rest_values)) =
            (raters.as_chunks::<4>(), values.as_chunks::<4>());
        for (users, values) in fours.iter().zip(fours_values) {
            let [a, b, c, d] = users.map(|user| &kernel.rows[user as usize]);
            let [of_a, of_b, of_c, of_d] = values.map(i64::from);
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += of_a * i64::from(a[at])
                    + of_b * i64::from(b[at])
                    + of_c * i64::from(c[at])
                    + of_d * i64::from(d[at]);
            }
        }
        for (&user, &value) in rest.iter().zip(rest_values) {
            let row = &kernel.rows[user as usize];
            for (sum, &other) in sums.iter_mut().zip(row) {
                *sum += i64::from(value) * i64::from(other);
            }
        }
        for (&user, &value) in others.iter().zip(others_values) {
            for (column, other) in kernel.cells.of(user) {
                sums[column % WIDTH] += i64::from(value) * i64::from(other);
            }
        }
        sums[width..].fill(0);
        near.iter_mut().zip(&*sums).for_each(|(near, &sum)| *near = sum as f32);
    }
}

impl Kernel for Products<'_> {
    type Scratch = Scratch;
    type Rare = Dot;

    fn scratch(&self) -> Scratch {
        Scratch { counts: CoCounts::new(), sums: [0; WIDTH], near: [0.0; WIDTH] }
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns.clone());
        let dense = dense_users(&self.lines[..ratings.user_count()], DENSE).min(MOST_ROWS);
        self.set_rows(ratings, columns.clone(), dense);
        let values = self.values;
        self.cells.set(ratings, columns, dense, &self.lines, |position| values[position]);
    }

    fn row<S: Sink>(
        &self,
        instructions: InstructionSet,
        ratings: &Relabelled,
        (row, width): (usize, usize),
        scratch: &mut Scratch,
        sink: &mut S,
    ) {
        let (raters, values) = (ratings.raters(row), &self.values[ratings.positions(row)]);
        scratch.counts.count(instructions, raters, &self.lines, width);
        instructions.run(Summing { kernel: self, raters, values, width, scratch });
        sink.take(&scratch.counts, &scratch.near, |column| scratch.sums[column] as f64);
    }

    #[inline(always)]
    fn row_worth(&self, _: &Relabelled, position: usize, _: u32) -> i64 {
        i64::from(self.values[position])
    }

    #[inline(always)]
    fn column_worth(&self, _: &Relabelled, position: usize) -> i32 {
        self.values[position]
    }
}
