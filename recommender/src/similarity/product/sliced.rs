//! Sums of 512 columns, kept as binary numbers whose digits are lines.
//!
//! A user's weight is a sum of powers of two: the user's line is counted once for each of them, with all others that have
//! the same power, and the counts are added up, each shifted by its power.

use super::WIDTH;
use super::bits::{Digits, Line, Words, add, bytes};

/// Digits of a sum: below 2^63, and negative for a while.
const BITS: usize = 64;

/// Users whose lines are counted at a time: they are read once for each power of two, and stay in a near cache meanwhile.
pub const USERS: usize = 512;

/// The sums of a row.
pub struct SlicedSums {
    lines: [Words; BITS],
    digits: Digits,
    /// Numbers of lines by [`Power`].
    waiting: Vec<Vec<u32>>,
}

/// A power of two that a line is added with, times 2, and 1 more where it is taken away.
pub type Power = u8;

impl SlicedSums {
    /// Of lines that are added with so many powers.
    pub fn new(powers: usize) -> Self {
        let waiting = (0..powers).map(|_| Vec::with_capacity(USERS)).collect();
        Self { lines: [Words::default(); BITS], digits: Digits::new(), waiting }
    }

    /// All sums are 0.
    #[inline(always)]
    pub fn reset(&mut self) {
        self.lines.fill(Words::default());
    }

    /// A line that is to be added.
    #[inline(always)]
    pub fn push(&mut self, line: u32, power: Power) {
        self.waiting[usize::from(power)].push(line);
    }

    /// Adds all that were pushed: those of at most [`USERS`] users.
    #[inline(always)]
    pub fn flush(&mut self, lines: &[Line]) {
        for power in 0..self.waiting.len() {
            if !self.waiting[power].is_empty() {
                self.count(power, lines);
            }
        }
    }

    #[inline(always)]
    fn count(&mut self, power: usize, lines: &[Line]) {
        let waiting = &mut self.waiting[power];
        self.digits.count(waiting, lines);
        waiting.clear();
        // Taking away is adding all digits turned about, and 1.
        let turned = if power & 1 == 1 { u64::MAX } else { 0 };
        let mut carried = [turned; WIDTH / 64];
        let (sums, counted) = (&mut self.lines[power / 2..], self.digits.lines());
        let (of_counted, beyond) = sums.split_at_mut(counted.len().min(sums.len()));
        for (sum, digit) in of_counted.iter_mut().zip(counted) {
            (*sum, carried) = add(*sum, digit.map(|digit| digit ^ turned), carried);
        }
        // Beyond the digits only what is carried changes anything.
        let nothing = [turned; WIDTH / 64];
        for sum in beyond {
            if carried == nothing {
                break;
            }
            (*sum, carried) = add(*sum, nothing, carried);
        }
    }

    /// Ends a row, and gives its sums. They must not be negative by now.
    #[inline(always)]
    pub fn finish(&mut self, sums: &mut [u64; WIDTH]) {
        let used = self.lines.iter().rposition(|line| *line != Words::default());
        let used = used.map_or(0, |last| last + 1);
        let first = self.four_bytes(0);
        if used <= 32 {
            sums.iter_mut().zip(first).for_each(|(sum, first)| *sum = u64::from(first));
            return;
        }
        let last = self.four_bytes(32);
        for ((sum, first), last) in sums.iter_mut().zip(first).zip(last) {
            *sum = u64::from(first) | u64::from(last) << 32;
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

/// A whole number as powers of two that are added or taken away, as few as there can be, no two of them neighbours
/// (Reitwiesner 1960, "Binary arithmetic"): a third as many as it has digits.
pub fn powers_of(mut number: u64) -> impl Iterator<Item = Power> {
    let mut power = 0;
    std::iter::from_fn(move || {
        if number == 0 {
            return None;
        }
        power += number.trailing_zeros();
        number >>= number.trailing_zeros();
        let is_taken = number & 3 == 3;
        number = if is_taken { number + 1 } else { number - 1 };
        Some((power as Power) << 1 | Power::from(is_taken))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn powers_add_up(number in 0u64..1 << 62) {
            let powers: Vec<Power> = powers_of(number).collect();
            let worth = |power: &Power| (1i128 << (power >> 1)) * if power & 1 == 1 { -1 } else { 1 };
            prop_assert_eq!(powers.iter().map(worth).sum::<i128>(), i128::from(number));
            prop_assert!(powers.windows(2).all(|two| (two[1] >> 1) - (two[0] >> 1) >= 2));
        }
    }
}
