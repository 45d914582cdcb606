//! Numbers of users alone: what counting measures need, and all others where every rating counts the same.

use std::ops::Range;

use super::bits::{Line, set_lines};
use super::instructions::InstructionSet;
use super::kernel::{CoCounts, Kernel, Sink};
use super::rare::Dot;
use crate::similarity::relabelled::Relabelled;

/// The kernel. Its sums are the counts.
#[derive(Default)]
pub struct Counts {
    lines: Vec<Line>,
}

impl Kernel for Counts {
    type Scratch = CoCounts;
    type Rare = Dot;

    fn scratch(&self) -> CoCounts {
        CoCounts::new()
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns);
    }

    fn row<S: Sink>(
        &self,
        instructions: InstructionSet,
        ratings: &Relabelled,
        (row, width): (usize, usize),
        counts: &mut CoCounts,
        sink: &mut S,
    ) {
        counts.count(instructions, ratings.raters(row), &self.lines, width);
        sink.take(counts, counts.near(), |column| f64::from(counts.get(column)));
    }

    #[inline(always)]
    fn row_worth(&self, _: &Relabelled, _: usize, _: u32) -> i64 {
        1
    }

    #[inline(always)]
    fn column_worth(&self, _: &Relabelled, _: usize) -> i32 {
        1
    }
}
