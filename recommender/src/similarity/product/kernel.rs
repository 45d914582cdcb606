//! What the pass over all pairs asks of who computes sums, and of who takes them.

use std::ops::Range;

use super::WIDTH;
use super::bits::{Digits, Line};
use super::instructions::{InstructionSet, Instructions, Work};
use super::rare::RareSums;
use crate::similarity::relabelled::Relabelled;

/// Computes the sums of one item, the row, with 512 others, the columns. All are named by rank.
pub trait Kernel: Sync {
    /// A thread's memory.
    type Scratch;
    /// What is summed one pair at a time, where few users rated anything.
    type Rare: RareSums;

    /// Memory for a thread.
    fn scratch(&self) -> Self::Scratch;

    /// Lays out all users' ratings of these columns, at most 512. On the current rayon pool.
    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>);

    /// Gives the sink the row's sums with the columns, and how many users rated both: 0 from column `width` on.
    fn row<S: Sink>(
        &self,
        instructions: InstructionSet,
        ratings: &Relabelled,
        row_and_width: (usize, usize),
        scratch: &mut Self::Scratch,
        sink: &mut S,
    );

    /// What a rating counts where its item is the row: that of `user` at `position`.
    fn row_worth(&self, ratings: &Relabelled, position: usize, user: u32) -> i64;

    /// What a rating counts where its item is a column.
    fn column_worth(&self, ratings: &Relabelled, position: usize) -> i32;
}

/// Takes a row's sums with 512 columns.
pub trait Sink {
    /// Takes how many users rated both, the sums rounded, and the sum of any column: exact up to 2^53, and then rounded once.
    fn take(&mut self, counts: &CoCounts, near: &[f32; WIDTH], exact: impl Fn(usize) -> f64);
}

/// Co-counts of a row, in as narrow numbers as hold them.
pub struct CoCounts {
    digits: Digits,
    narrow: [u8; WIDTH],
    middle: [u16; WIDTH],
    wide: [u32; WIDTH],
    near: [f32; WIDTH],
}

/// Co-counts of a row in the numbers that hold as many as the row has raters.
pub enum Numbers<'a> {
    /// Of an item with at most 255 raters.
    Narrow(&'a [u8; WIDTH]),
    /// With at most 65,535.
    Middle(&'a [u16; WIDTH]),
    /// With any number.
    Wide(&'a [u32; WIDTH]),
}

impl CoCounts {
    pub fn new() -> Self {
        Self {
            digits: Digits::new(),
            narrow: [0; WIDTH],
            middle: [0; WIDTH],
            wide: [0; WIDTH],
            near: [0.0; WIDTH],
        }
    }

    /// Counts a row's raters: 0 from column `width` on.
    pub fn count(
        &mut self,
        instructions: InstructionSet,
        raters: &[u32],
        lines: &[Line],
        width: usize,
    ) {
        instructions.run(Counting { counts: self, raters, lines, width });
    }

    /// The counts.
    #[inline(always)]
    pub fn numbers(&self) -> Numbers<'_> {
        match self.digits.used() {
            ..=8 => Numbers::Narrow(&self.narrow),
            9..=16 => Numbers::Middle(&self.middle),
            _ => Numbers::Wide(&self.wide),
        }
    }

    /// The count of a column.
    #[inline(always)]
    pub fn get(&self, column: usize) -> u32 {
        match self.numbers() {
            Numbers::Narrow(counts) => counts[column].into(),
            Numbers::Middle(counts) => counts[column].into(),
            Numbers::Wide(counts) => counts[column],
        }
    }

    /// The counts, rounded.
    #[inline(always)]
    pub fn near(&self) -> &[f32; WIDTH] {
        &self.near
    }
}

/// Sums rounded to single precision, by halves: for whole 64 bits many processors have no such instruction.
#[inline(always)]
pub fn round(sums: &[u64; WIDTH], near: &mut [f32; WIDTH]) {
    const HALF_RANGE: f32 = 4_294_967_296.0;
    for (near, &sum) in near.iter_mut().zip(sums) {
        *near = (sum >> 32) as u32 as f32 * HALF_RANGE + sum as u32 as f32;
    }
}

struct Counting<'a> {
    counts: &'a mut CoCounts,
    raters: &'a [u32],
    lines: &'a [Line],
    width: usize,
}

impl Work for Counting<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Instructions>(self, _: I) {
        let CoCounts { digits, narrow, middle, wide, near } = self.counts;
        digits.count(self.raters, self.lines);
        *narrow = digits.bytes(0);
        narrow[self.width..].fill(0);
        if digits.used() <= 8 {
            near.iter_mut().zip(&*narrow).for_each(|(near, &count)| *near = f32::from(count));
            return;
        }
        let mut second = digits.bytes(8);
        second[self.width..].fill(0);
        for ((count, &low), high) in middle.iter_mut().zip(&*narrow).zip(second) {
            *count = u16::from(low) | u16::from(high) << 8;
        }
        if digits.used() <= 16 {
            near.iter_mut().zip(&*middle).for_each(|(near, &count)| *near = f32::from(count));
            return;
        }
        let (mut third, mut fourth) = (digits.bytes(16), digits.bytes(24));
        third[self.width..].fill(0);
        fourth[self.width..].fill(0);
        for (((count, &low), third), fourth) in wide.iter_mut().zip(&*middle).zip(third).zip(fourth)
        {
            *count = u32::from(low) | u32::from(third) << 16 | u32::from(fourth) << 24;
        }
        near.iter_mut().zip(&*wide).for_each(|(near, &count)| *near = count as f32);
    }
}
