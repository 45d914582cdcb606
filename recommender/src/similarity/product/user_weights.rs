//! Sums over the users who rated both of something that depends on the user alone.

use std::ops::Range;

use super::WIDTH;
use super::bits::{Line, set_lines};
use super::cells::{Cells, dense_users};
use super::instructions::{InstructionSet, Work};
use super::kernel::{CoCounts, Kernel, Sink};
use super::rare::Dot;
use super::sliced::{Power, SlicedSums, USERS, powers_of, round};
use crate::similarity::relabelled::Relabelled;

/// A product takes about as long as a third of a line that is counted; measured.
const PRODUCTS_A_DIGIT: usize = 3;

/// The kernel. Of users who rated many of the columns lines are counted, a power of two of their weight at a time; of the
/// others weights are added one by one.
pub struct UserWeights {
    lines: Vec<Line>,
    cells: Cells<()>,
    dense: usize,
    /// The squared value of each user.
    weights: Vec<u64>,
    /// Where each user's powers of two begin.
    begins: Vec<u32>,
    powers: Vec<Power>,
    /// More than the greatest.
    power_count: usize,
}

impl UserWeights {
    /// Of what each user's ratings are worth.
    pub fn new(fixed: &[i32]) -> Self {
        let weights: Vec<u64> =
            fixed.iter().map(|&fixed| u64::from(fixed.unsigned_abs()).pow(2)).collect();
        let (mut begins, mut powers) = (vec![0], Vec::new());
        for &weight in &weights {
            powers.extend(powers_of(weight));
            begins.push(powers.len() as u32);
        }
        let power_count = powers.iter().max().map_or(0, |&power| usize::from(power) + 1);
        let (lines, cells) = (Vec::new(), Cells::new());
        Self { lines, cells, dense: 0, weights, begins, powers, power_count }
    }

    fn powers(&self, user: u32) -> &[Power] {
        let user = user as usize;
        &self.powers[self.begins[user] as usize..self.begins[user + 1] as usize]
    }
}

/// A thread's memory.
pub struct Scratch {
    counts: CoCounts,
    sliced: SlicedSums,
    sums: [u64; WIDTH],
    near: [f32; WIDTH],
}

struct Summing<'a> {
    kernel: &'a UserWeights,
    raters: &'a [u32],
    width: usize,
    scratch: &'a mut Scratch,
}

impl Work for Summing<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { kernel, raters, width, scratch } = self;
        let Scratch { sliced, sums, near, .. } = scratch;
        let dense = raters.partition_point(|&user| (user as usize) < kernel.dense);
        sums.fill(0);
        if dense > 0 {
            sliced.reset();
            for raters in raters[..dense].chunks(USERS) {
                for &user in raters {
                    for &power in kernel.powers(user) {
                        sliced.push(user, power);
                    }
                }
                sliced.flush(&kernel.lines);
            }
            sliced.finish(sums);
        }
        for &user in &raters[dense..] {
            let weight = kernel.weights[user as usize];
            for (column, ()) in kernel.cells.of(user) {
                sums[column % WIDTH] += weight;
            }
        }
        sums[width..].fill(0);
        round(sums, near);
    }
}

impl Kernel for UserWeights {
    type Scratch = Scratch;
    type Rare = Dot;

    fn scratch(&self) -> Scratch {
        let (counts, sliced) = (CoCounts::new(), SlicedSums::new(self.power_count));
        Scratch { counts, sliced, sums: [0; WIDTH], near: [0.0; WIDTH] }
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns.clone());
        let least = self.powers.len() / self.weights.len().max(1) * PRODUCTS_A_DIGIT;
        self.dense = dense_users(&self.lines[..ratings.user_count()], least);
        self.cells.set(ratings, columns, self.dense, &self.lines, |_| ());
    }

    fn row<S: Sink>(
        &self,
        instructions: InstructionSet,
        ratings: &Relabelled,
        (row, width): (usize, usize),
        scratch: &mut Scratch,
        sink: &mut S,
    ) {
        let raters = ratings.raters(row);
        scratch.counts.count(instructions, raters, &self.lines, width);
        instructions.run(Summing { kernel: self, raters, width, scratch });
        sink.take(&scratch.counts, &scratch.near, |column| scratch.sums[column] as f64);
    }

    #[inline(always)]
    fn row_worth(&self, _: &Relabelled, _: usize, user: u32) -> i64 {
        self.weights[user as usize].cast_signed()
    }

    #[inline(always)]
    fn column_worth(&self, _: &Relabelled, _: usize) -> i32 {
        1
    }
}
