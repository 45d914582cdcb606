//! Vertical counters: how many of a row's raters have each of 512 columns.
//!
//! Each user has a line of bits, one a column. A row's counts with all columns are the column sums of its raters' lines,
//! kept as binary numbers whose digits are lines themselves: adding a line to them is a carry-save adder, two instructions
//! for 512 columns (Harley and Seal's way of counting bits, here in the other direction; Mula, Kurz and Lemire 2018, "Faster
//! population counts using AVX2 instructions").

use std::ops::Range;

use rayon::prelude::*;

use super::WIDTH;
use crate::similarity::relabelled::Relabelled;

/// A bit for each of 512 columns.
pub type Words = [u64; WIDTH / 64];

/// A bit a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Line(pub Words);

/// The word and the bit of a column.
#[inline(always)]
pub fn place(column: usize) -> (usize, u32) {
    (column / 64, (column % 64) as u32)
}

/// Digits of a count, more than 2^32 users need.
const LEVELS: usize = 40;

/// Counts of 512 columns, a line a binary digit, the last digit first.
pub struct Digits {
    lines: [Words; LEVELS],
    /// How many are in use.
    used: usize,
    /// While users are counted: of each digit from the fifth on one more line, which waits for its like.
    waiting: [Words; LEVELS],
}

/// Writes the lines of all users for these columns, and an empty one at the end.
pub fn set_lines(lines: &mut Vec<Line>, ratings: &Relabelled, columns: Range<usize>) {
    lines.resize(ratings.user_count() + 1, Line::default());
    let part = lines.len().div_ceil(4 * rayon::current_num_threads()).max(1);
    lines.par_chunks_mut(part).enumerate().for_each(|(number, lines)| {
        lines.fill(Line::default());
        let first = number * part;
        let users = first..first + lines.len();
        ratings.each_within(columns.clone(), users, |column, user, _| {
            let (word, bit) = place(column);
            lines[user].0[word] |= 1 << bit;
        });
    });
}

/// The sum of three lines: what is odd, and what is carried.
#[inline(always)]
fn add(a: Words, b: Words, c: Words) -> (Words, Words) {
    let (mut odd, mut carried) = (Words::default(), Words::default());
    for at in 0..odd.len() {
        odd[at] = a[at] ^ b[at] ^ c[at];
        carried[at] = (a[at] & b[at]) | (c[at] & (a[at] | b[at]));
    }
    (odd, carried)
}

/// Adds 16 users' lines to the last four digits, and gives what is carried into the fifth. Without loops and arrays of lines,
/// so that the compiler keeps all of it in registers.
#[inline(always)]
fn add_sixteen(digits: &mut [Words; 4], users: &[u32; 16], lines: &[Line]) -> Words {
    let line = |at: usize| lines[users[at] as usize].0;
    let [ones, twos, fours, eights] = *digits;
    let (ones, a) = add(ones, line(0), line(1));
    let (ones, b) = add(ones, line(2), line(3));
    let (twos, c) = add(twos, a, b);
    let (ones, a) = add(ones, line(4), line(5));
    let (ones, b) = add(ones, line(6), line(7));
    let (twos, d) = add(twos, a, b);
    let (fours, e) = add(fours, c, d);
    let (ones, a) = add(ones, line(8), line(9));
    let (ones, b) = add(ones, line(10), line(11));
    let (twos, c) = add(twos, a, b);
    let (ones, a) = add(ones, line(12), line(13));
    let (ones, b) = add(ones, line(14), line(15));
    let (twos, d) = add(twos, a, b);
    let (fours, f) = add(fours, c, d);
    let (eights, carried) = add(eights, e, f);
    *digits = [ones, twos, fours, eights];
    carried
}

impl Digits {
    pub fn new() -> Self {
        let none = [Words::default(); LEVELS];
        Self { lines: none, used: 0, waiting: none }
    }

    /// How many of these users have each column. `lines` has one for each user, and an empty one at the end.
    #[inline(always)]
    pub fn count(&mut self, users: &[u32], lines: &[Line]) {
        let used = (usize::BITS - users.len().leading_zeros()) as usize;
        // What an earlier row left, too.
        self.lines[..self.used.max(used)].fill(Words::default());
        self.used = used;
        let mut low = [Words::default(); 4];
        let mut blocks = 0;
        let (whole, rest) = users.as_chunks::<16>();
        for users in whole {
            let carried = add_sixteen(&mut low, users, lines);
            self.carry(carried, blocks);
            blocks += 1;
        }
        if !rest.is_empty() {
            let mut users = [(lines.len() - 1) as u32; 16];
            users[..rest.len()].copy_from_slice(rest);
            let carried = add_sixteen(&mut low, &users, lines);
            self.carry(carried, blocks);
            blocks += 1;
        }
        self.lines[..4].copy_from_slice(&low);
        let mut carried = Words::default();
        for level in 4..used {
            let waits = blocks >> (level - 4) & 1 == 1;
            let more = if waits { self.waiting[level] } else { Words::default() };
            (self.lines[level], carried) = add(self.lines[level], more, carried);
        }
    }

    /// Adds what is carried into the fifth digit, after so many blocks of 16 users.
    #[inline(always)]
    fn carry(&mut self, mut carried: Words, blocks: usize) {
        let (mut level, mut full) = (4, blocks);
        while full & 1 == 1 {
            (self.lines[level], carried) = add(self.lines[level], self.waiting[level], carried);
            level += 1;
            full >>= 1;
        }
        self.waiting[level] = carried;
    }

    /// How many bits the largest count may have.
    #[inline(always)]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Eight digits of all columns, from `first` on, as bytes.
    #[inline(always)]
    pub fn bytes(&self, first: usize) -> [u8; WIDTH] {
        let mut eight = [Words::default(); 8];
        eight.copy_from_slice(&self.lines[first..first + 8]);
        bytes(eight)
    }
}

/// Eight binary digits of 512 columns, the last one first, as a byte a column: squares of eight bits are turned about, and then
/// squares of eight bytes, many at the same time (Warren 2012, "Hacker's delight", 7-3).
#[inline(always)]
pub fn bytes(mut lines: [Words; 8]) -> [u8; WIDTH] {
    /// Swaps what is `BY` lines down with what is `BY` places, of `shift` bits in all, up.
    #[inline(always)]
    fn swap<const BY: usize>(lines: &mut [Words; 8], shift: usize, mask: u64) {
        for first in (0..8).filter(|line| line & BY == 0) {
            let (before, after) = lines.split_at_mut(first + BY);
            for (a, b) in before[first].iter_mut().zip(&mut after[0]) {
                let differ = ((*a >> shift) ^ *b) & mask;
                *a ^= differ << shift;
                *b ^= differ;
            }
        }
    }
    swap::<4>(&mut lines, 4, 0x0f0f_0f0f_0f0f_0f0f);
    swap::<2>(&mut lines, 2, 0x3333_3333_3333_3333);
    swap::<1>(&mut lines, 1, 0x5555_5555_5555_5555);
    // By now line r has in byte q of word w the number of column 64 w + 8 q + r.
    swap::<4>(&mut lines, 32, 0x0000_0000_ffff_ffff);
    swap::<2>(&mut lines, 16, 0x0000_ffff_0000_ffff);
    swap::<1>(&mut lines, 8, 0x00ff_00ff_00ff_00ff);
    let mut bytes = [0; WIDTH];
    for (word, bytes) in bytes.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        for (bytes, line) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&lines) {
            *bytes = line[word].to_le_bytes();
        }
    }
    bytes
}
