//! Sums of 512 columns, kept as binary numbers whose digits are lines.
//!
//! A user's weight is a sum of powers of two: the user's line is counted once for each of them, with all others that have
//! the same power, and the counts are added up, each shifted by its power.

use super::WIDTH;
use super::bits::{Digits, Line, Words, add, bytes};

/// Digits of a sum of 2^32 products of two numbers of four.
const BITS: usize = 40;

/// Powers of two that a line may be added with: of two digits of four.
const POWERS: usize = 7;

/// Users whose lines are counted at a time: they are read once for each power of two, and stay in a near cache meanwhile.
pub const USERS: usize = 512;

/// The sums of a row.
pub struct SlicedSums {
    lines: [Words; BITS],
    digits: Digits,
    /// Numbers of lines by the power of two that they are added with.
    waiting: [Vec<u32>; POWERS],
}

impl SlicedSums {
    pub fn new() -> Self {
        let none = [Words::default(); BITS];
        Self { lines: none, digits: Digits::new(), waiting: Default::default() }
    }

    /// All sums are 0.
    #[inline(always)]
    pub fn reset(&mut self) {
        self.lines.fill(Words::default());
    }

    /// A line that is to be added, times `2^power`.
    #[inline(always)]
    pub fn push(&mut self, line: u32, power: usize) {
        self.waiting[power].push(line);
    }

    /// Adds all that were pushed: those of at most [`USERS`] users.
    #[inline(always)]
    pub fn flush(&mut self, lines: &[Line]) {
        for (power, waiting) in self.waiting.iter_mut().enumerate() {
            if waiting.is_empty() {
                continue;
            }
            self.digits.count(waiting, lines);
            waiting.clear();
            let mut carried = Words::default();
            let counted = self.digits.lines();
            let (of_counted, beyond) = self.lines[power..].split_at_mut(counted.len());
            for (sum, digit) in of_counted.iter_mut().zip(counted) {
                (*sum, carried) = add(*sum, *digit, carried);
            }
            for sum in beyond {
                if carried == Words::default() {
                    break;
                }
                (*sum, carried) = add(*sum, carried, Words::default());
            }
        }
    }

    /// Ends a row, and gives its sums.
    #[inline(always)]
    pub fn finish(&mut self, sums: &mut [u64; WIDTH]) {
        let first = self.four_bytes(0);
        sums.iter_mut().zip(first).for_each(|(sum, first)| *sum = u64::from(first));
        let [.., eight] = self.lines.as_chunks::<8>().0 else { return };
        if *eight != [Words::default(); 8] {
            let last = bytes(*eight);
            sums.iter_mut().zip(last).for_each(|(sum, last)| *sum |= u64::from(last) << 32);
        }
    }

    #[inline(always)]
    fn four_bytes(&self, from: usize) -> [u32; WIDTH] {
        let (low, high) = (self.two_bytes(from), self.two_bytes(from + 16));
        let mut numbers = [0; WIDTH];
        for ((number, low), high) in numbers.iter_mut().zip(low).zip(high) {
            *number = u32::from(low) | u32::from(high) << 16;
        }
        numbers
    }

    #[inline(always)]
    fn two_bytes(&self, from: usize) -> [u16; WIDTH] {
        let mut eights =
            self.lines[from..from + 16].as_chunks::<8>().0.iter().map(|&eight| bytes(eight));
        let (low, high) =
            (eights.next().unwrap_or([0; WIDTH]), eights.next().unwrap_or([0; WIDTH]));
        let mut numbers = [0; WIDTH];
        for ((number, low), high) in numbers.iter_mut().zip(low).zip(high) {
            *number = u16::from(low) | u16::from(high) << 8;
        }
        numbers
    }
}

/// Sums rounded to single precision, by halves: for whole 64 bits many processors have no such instruction.
#[inline(always)]
pub fn round(sums: &[u64; WIDTH], near: &mut [f32; WIDTH]) {
    const HALF: f32 = 4_294_967_296.0;
    for (near, &sum) in near.iter_mut().zip(sums) {
        *near = (sum >> 32) as u32 as f32 * HALF + sum as u32 as f32;
    }
}
