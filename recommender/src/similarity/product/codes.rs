//! Sums of products of small numbers, half stars for one.
//!
//! Of each user's numbers a line has a binary digit. A row's sums are those of the lines, each times a power of two for its
//! digit and for every binary digit of the row's own number: some seven lines are counted for a rater and 512 columns.
//! That is for users who rated many of the columns; of the others products are added one by one.

use std::ops::Range;

use rayon::prelude::*;

use super::WIDTH;
use super::bits::{Line, place, set_lines};
use super::cells::{Cells, dense_users};
use super::instructions::{InstructionSet, Instructions, Work};
use super::kernel::{CoCounts, Kernel, Sink};
use super::rare::Dot;
use super::sliced::{SlicedSums, USERS, round};
use crate::similarity::relabelled::Relabelled;

/// Binary digits of a number.
const DIGITS: usize = 4;

/// Columns of which a user must have rated this many for lines to be better than a list; measured.
const DENSE: usize = 12;

/// The kernel.
pub struct Codes<'a> {
    lines: Vec<Line>,
    /// A line for each digit of each user who has lines, and an empty one.
    digits: Vec<Line>,
    dense: usize,
    cells: Cells<u8>,
    codes: &'a [u8],
}

impl<'a> Codes<'a> {
    /// Of the number at each position, below 16.
    pub fn new(codes: &'a [u8]) -> Self {
        Self { lines: Vec::new(), digits: Vec::new(), dense: 0, cells: Cells::new(), codes }
    }

    fn set_digits(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        self.digits.resize(self.dense * DIGITS + 1, Line::default());
        let codes = self.codes;
        let (last, of_users) = match self.digits.split_last_mut() {
            Some((last, of_users)) => (last, of_users),
            None => return,
        };
        *last = Line::default();
        let part = self.dense.div_ceil(4 * rayon::current_num_threads()).max(1);
        of_users.par_chunks_mut(part * DIGITS).enumerate().for_each(|(number, lines)| {
            lines.fill(Line::default());
            let first = number * part;
            for (at, column) in columns.clone().enumerate() {
                let raters = ratings.raters(column);
                let from = raters.partition_point(|&user| (user as usize) < first);
                let codes = &codes[ratings.positions(column)][from..];
                let (word, bit) = place(at);
                for (&user, &code) in raters[from..].iter().zip(codes) {
                    let begin = (user as usize - first) * DIGITS;
                    let Some(lines) = lines.get_mut(begin..begin + DIGITS) else { break };
                    for (digit, line) in lines.iter_mut().enumerate() {
                        line.0[word] |= u64::from(code >> digit & 1) << bit;
                    }
                }
            }
        });
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
        let Scratch { sliced, sums, near, .. } = scratch;
        let dense = raters.partition_point(|&user| (user as usize) < kernel.dense);
        sums.fill(0);
        if dense > 0 {
            sliced.reset();
            for (raters, codes) in raters[..dense].chunks(USERS).zip(codes.chunks(USERS)) {
                for (&user, &code) in raters.iter().zip(codes) {
                    for own in (0..DIGITS).filter(|own| code >> own & 1 == 1) {
                        for digit in 0..DIGITS {
                            let line = user * DIGITS as u32 + digit as u32;
                            sliced.push(line, own + digit);
                        }
                    }
                }
                sliced.flush(&kernel.digits);
            }
            sliced.finish(sums);
        }
        for (&user, &code) in raters[dense..].iter().zip(&codes[dense..]) {
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
        let (counts, sliced) = (CoCounts::new(), SlicedSums::new());
        Scratch { counts, sliced, sums: [0; WIDTH], near: [0.0; WIDTH] }
    }

    fn set_columns(&mut self, ratings: &Relabelled, columns: Range<usize>) {
        set_lines(&mut self.lines, ratings, columns.clone());
        self.dense = dense_users(&self.lines[..ratings.user_count()], DENSE);
        self.set_digits(ratings, columns.clone());
        let codes = self.codes;
        self.cells.set(ratings, columns, self.dense, &self.lines, |position| codes[position]);
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
