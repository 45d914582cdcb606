//! Sums over the users who rated both of something that depends on the user alone.
//!
//! A weight of 12 bits is added to the columns that a user's line has: 16 users' sums fit 16 bits, so that many columns are
//! added to at a time.

use std::ops::Range;

use super::WIDTH;
use super::bits::{Line, Words, set_lines};
use super::instructions::{InstructionSet, Instructions, Work};
use super::kernel::{CoCounts, Kernel, Sink, round};
use super::rare::Dot;
use crate::similarity::relabelled::Relabelled;

/// Bits of a part of a weight.
const BITS: u32 = 12;

/// Users whose parts have a sum of 16 bits.
const USERS: usize = 16;

/// The kernel.
pub struct UserWeights {
    lines: Vec<Line>,
    /// Whole weights.
    weights: Vec<u64>,
    /// The same in parts of 12 bits, the last one first.
    parts: Vec<Vec<u16>>,
    /// Whether weights are rounded, so that a sum is off by half a user at most.
    is_rounded: bool,
}

/// The square of what each user's ratings are worth.
pub fn squares(fixed: &[i32]) -> impl Iterator<Item = u64> {
    fixed.iter().map(|fixed| u64::from(fixed.unsigned_abs()).pow(2))
}

impl UserWeights {
    /// Of what each user's ratings are worth: exact.
    pub fn new(fixed: &[i32]) -> Self {
        let weights: Vec<u64> = squares(fixed).collect();
        let bits = u64::BITS - weights.iter().fold(0, |all, weight| all | weight).leading_zeros();
        let part = |number: u32| {
            let digits = |weight: &u64| (weight >> (number * BITS) & ((1 << BITS) - 1)) as u16;
            weights.iter().map(digits).collect()
        };
        let parts = (0..bits.div_ceil(BITS).max(1)).map(part).collect();
        Self { lines: Vec::new(), weights, parts, is_rounded: false }
    }

    /// The same in units of `2^shift`, rounded, so that one part suffices.
    pub fn rounded(fixed: &[i32], shift: u32) -> Self {
        let weights: Vec<u64> = squares(fixed).map(|weight| rounded(weight, shift)).collect();
        let parts = vec![weights.iter().map(|&weight| weight as u16).collect()];
        Self { lines: Vec::new(), weights, parts, is_rounded: true }
    }

    /// The least shift at which all weights have one part.
    pub fn least_shift(fixed: &[i32]) -> u32 {
        let most = squares(fixed).max().unwrap_or(0);
        let fits = |&shift: &u32| rounded(most, shift) < 1 << BITS;
        (0..u64::BITS).find(fits).unwrap_or(0)
    }
}

/// A weight in units of `2^shift`.
fn rounded(weight: u64, shift: u32) -> u64 {
    if shift == 0 { weight } else { (weight >> (shift - 1)).div_ceil(2) }
}

/// A thread's memory.
pub struct Scratch {
    counts: CoCounts,
    some: [u32; WIDTH],
    sums: [u64; WIDTH],
    near: [f32; WIDTH],
}

/// Adds the weights of these users, at most 16, to the sums of the columns that they have.
#[inline(always)]
fn add_users<I: Instructions>(
    instructions: I,
    users: &[u32],
    lines: &[Line],
    weights: &[u16],
    sums: &mut [u32; WIDTH],
) {
    let (mut own_lines, mut own_weights) = ([Words::default(); USERS], [0; USERS]);
    for ((line, weight), &user) in own_lines.iter_mut().zip(&mut own_weights).zip(users) {
        (*line, *weight) = (lines[user as usize].0, weights[user as usize]);
    }
    instructions.add_weights(&own_lines[..users.len()], &own_weights, sums);
}

struct Summing<'a> {
    kernel: &'a UserWeights,
    raters: &'a [u32],
    width: usize,
    scratch: &'a mut Scratch,
}

/// Users of whom sums of 12 bits each fit 32.
const MANY_USERS: usize = 1 << 20;

impl Work for Summing<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Instructions>(self, instructions: I) {
        let Self { kernel, raters, width, scratch } = self;
        let Scratch { counts, some, sums, near } = scratch;
        if kernel.parts.len() == 1 && raters.len() <= MANY_USERS {
            // The usual case, in narrow numbers alone. What rounding took is at most half a user.
            some.fill(0);
            for raters in raters.chunks(USERS) {
                add_users(instructions, raters, &kernel.lines, &kernel.parts[0], some);
            }
            some[width..].fill(0);
            let half = if kernel.is_rounded { 0.5 } else { 0.0 };
            for (((sum, near), &some), count) in
                sums.iter_mut().zip(&mut *near).zip(&*some).zip(counts.near())
            {
                *sum = u64::from(some);
                *near = some as f32 + half * count;
            }
            return;
        }
        sums.fill(0);
        for (number, weights) in (0..).zip(&kernel.parts) {
            for raters in raters.chunks(MANY_USERS) {
                some.fill(0);
                for raters in raters.chunks(USERS) {
                    add_users(instructions, raters, &kernel.lines, weights, some);
                }
                for (sum, &some) in sums.iter_mut().zip(&*some) {
                    *sum += u64::from(some) << (number * BITS);
                }
            }
        }
        sums[width..].fill(0);
        let half = if kernel.is_rounded { 0.5 } else { 0.0 };
        round(sums, near);
        near.iter_mut().zip(counts.near()).for_each(|(near, count)| *near += half * count);
    }
}

impl Kernel for UserWeights {
    type Scratch = Scratch;
    type Rare = Dot;

    fn scratch(&self) -> Scratch {
        let counts = CoCounts::new();
        Scratch { counts, some: [0; WIDTH], sums: [0; WIDTH], near: [0.0; WIDTH] }
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns);
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
