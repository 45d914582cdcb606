//! Several sums of any values: each rater's values are added to the sums of the columns that the user rated.

use std::marker::PhantomData;
use std::ops::Range;

use super::WIDTH;
use super::bits::{Line, set_lines};
use super::cells::Cells;
use super::instructions::InstructionSet;
use super::kernel::{CoCounts, Kernel, Sink};
use super::rare::RareSums;
use crate::similarity::relabelled::Relabelled;

/// The kernel, of what is summed of each two values that both users gave: [`super::rare::Five`].
pub struct Scatter<'a, S> {
    lines: Vec<Line>,
    cells: Cells<i32>,
    values: &'a [i32],
    summed: PhantomData<fn() -> S>,
}

impl<'a, S> Scatter<'a, S> {
    /// Of the value at each position.
    pub fn new(values: &'a [i32]) -> Self {
        Self { lines: Vec::new(), cells: Cells::new(), values, summed: PhantomData }
    }
}

/// A thread's memory.
pub struct Scratch<S> {
    counts: CoCounts,
    sums: [S; WIDTH],
    totals: [f64; WIDTH],
    near: [f32; WIDTH],
}

impl<S: RareSums> Scratch<S> {
    fn new() -> Self {
        Self {
            counts: CoCounts::new(),
            sums: [S::default(); WIDTH],
            totals: [0.0; WIDTH],
            near: [0.0; WIDTH],
        }
    }
}

impl<S: RareSums> Kernel for Scatter<'_, S> {
    type Scratch = Scratch<S>;
    type Rare = S;

    fn scratch(&self) -> Scratch<S> {
        Scratch::new()
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns.clone());
        let values = self.values;
        self.cells.set(ratings, columns, 0, &self.lines, |position| values[position]);
    }

    fn row<K: Sink>(
        &self,
        instructions: InstructionSet,
        ratings: &Relabelled,
        (row, width): (usize, usize),
        scratch: &mut Scratch<S>,
        sink: &mut K,
    ) {
        let Scratch { counts, sums, totals, near } = scratch;
        let raters = ratings.raters(row);
        counts.count(instructions, raters, &self.lines, width);
        sums.fill(S::default());
        let values = &self.values[ratings.positions(row)];
        for (&user, &value) in raters.iter().zip(values) {
            for (column, other) in self.cells.of(user) {
                sums[column % WIDTH].add(i64::from(value), i64::from(other));
            }
        }
        for column in 0..width {
            let count = counts.get(column);
            totals[column] = if count > 0 { sums[column].total(count) } else { 0.0 };
            near[column] = totals[column] as f32;
        }
        near[width..].fill(0.0);
        sink.take(counts, near, |column| totals[column]);
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
