//! Numbers in as few bits as the greatest difference to the least of them takes.
//!
//! A column is its least number (a variable-length integer, zigzag), the bits that the greatest difference to it takes (one
//! byte), and each number's difference to the least in so many bits, the lowest first.

use integer_encoding::VarInt;

/// Writes a variable-length integer.
pub fn put(packed: &mut Vec<u8>, number: impl VarInt) {
    let mut bytes = [0; 10];
    let length = number.encode_var(&mut bytes);
    packed.extend_from_slice(&bytes[..length]);
}

/// Writes a column.
pub fn pack_column(numbers: &[i64], packed: &mut Vec<u8>) {
    let (least, width) = range(numbers);
    put(packed, least);
    packed.push(width as u8);
    if width == 0 {
        return;
    }
    let (mut waiting, mut bits) = (0_u128, 0);
    for &number in numbers {
        waiting |= u128::from(difference(number, least)) << bits;
        bits += width;
        if bits >= u64::BITS {
            packed.extend_from_slice(&(waiting as u64).to_le_bytes());
            waiting >>= u64::BITS;
            bits -= u64::BITS;
        }
    }
    packed.extend_from_slice(&waiting.to_le_bytes()[..bits.div_ceil(8) as usize]);
}

/// The least, and how many bits differences to it take.
pub fn range(numbers: &[i64]) -> (i64, u32) {
    let least = numbers.iter().copied().min().unwrap_or(0);
    let all = numbers.iter().fold(0, |all, number| all | difference(*number, least));
    (least, u64::BITS - all.leading_zeros())
}

/// How far a number is above the least.
fn difference(number: i64, least: i64) -> u64 {
    number.wrapping_sub(least).cast_unsigned()
}

/// A column of a packed profile.
#[derive(Debug, Clone, Copy, Default)]
pub struct Column<'a> {
    least: i64,
    width: usize,
    packed: &'a [u8],
}

impl<'a> Column<'a> {
    /// Takes a column of so many numbers from the front of `packed`.
    pub fn take(packed: &mut &'a [u8], count: usize) -> Option<Self> {
        let least = take(packed)?;
        let width = usize::from(*packed.split_off_first()?);
        let bytes = packed.split_off(..count.checked_mul(width)?.div_ceil(8))?;
        Some(Self { least, width, packed: bytes })
    }

    /// The number at a place.
    pub fn get(&self, at: usize) -> i64 {
        let first = at * self.width;
        let bytes = self.packed.get(first / 8..).unwrap_or_default();
        let mut window = [0; 16];
        let length = bytes.len().min(16);
        window[..length].copy_from_slice(&bytes[..length]);
        let mask = (1_u128 << self.width) - 1;
        let difference = (u128::from_le_bytes(window) >> (first % 8)) & mask;
        self.least.wrapping_add((difference as u64).cast_signed())
    }
}

/// Takes a variable-length integer from the front of `packed`.
pub fn take<T: VarInt>(packed: &mut &[u8]) -> Option<T> {
    let (number, length) = T::decode_var(packed)?;
    *packed = &packed[length..];
    Some(number)
}
