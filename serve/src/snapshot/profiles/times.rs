//! When a user rated: many items in few sittings. So a time is mostly kept as the span of time that it is in, of few that
//! the user has, and its place in that span.
//!
//! | | |
//! |---|---|
//! | how many spans; 0 when times are kept as they are | variable-length integer |
//! | the logarithm of a span's length (absent when times are kept as they are) | a byte |
//! | the spans' numbers, ascending (absent, too) | a column |
//! | the times, or positions of spans, each followed by the place in it | a column |

use super::column::{Column, pack_column, put, range, take};

/// The shortest spans, as logarithms: in seconds and in microseconds about four minutes.
const SHORTEST_OF_SECONDS: u32 = 8;
const SHORTEST_OF_MICROSECONDS: u32 = 28;
/// Bits that spans take beside their numbers.
const HEAD: usize = 40;

/// Finds spans. Keep it and use it again.
#[derive(Default)]
pub struct TimesPacker {
    /// Positions of shortest spans in `shortest`, plus 1, by what their numbers hash to.
    table: Vec<u32>,
    /// In the order in which they were met.
    shortest: Vec<i64>,
    /// The position in `shortest` of each time's span.
    of_times: Vec<u32>,
    sorted: Vec<i64>,
    /// By position in `shortest`, the code of the first moment of the chosen span.
    codes: Vec<i64>,
    packed: Vec<i64>,
}

impl TimesPacker {
    /// Writes times to the end of `packed`: in seconds, or in microseconds.
    pub fn pack(&mut self, times: &[i64], in_seconds: bool, packed: &mut Vec<u8>) {
        let shortest = if in_seconds { SHORTEST_OF_SECONDS } else { SHORTEST_OF_MICROSECONDS };
        let (_, width) = range(times);
        self.find_shortest(times, shortest);
        let plain = times.len() * width as usize;
        let of = |shift: u32| {
            let (spans, bits) = self.spans(shift - shortest);
            spans * bits as usize + times.len() * (index_bits(spans) + shift) as usize + HEAD
        };
        match (shortest..width).map(|shift| (of(shift), shift)).min() {
            Some((bits, shift)) if bits < plain => {
                self.pack_spans(times, shift, shift - shortest, packed);
            }
            _ => {
                put(packed, 0_usize);
                pack_column(times, packed);
            }
        }
    }

    /// Finds the shortest spans that times are in, and sorts them.
    fn find_shortest(&mut self, times: &[i64], shift: u32) {
        let places = (2 * times.len()).next_power_of_two();
        self.table.clear();
        self.table.resize(places, 0);
        self.shortest.clear();
        self.of_times.clear();
        for time in times {
            let span = time >> shift;
            // Fibonacci hashing (Knuth 1998, 6.4); a place that is taken gives way to the next.
            let hash = span.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            let mut place = hash as usize & (places - 1);
            let position = loop {
                match self.table[place].checked_sub(1) {
                    Some(position) if self.shortest[position as usize] == span => break position,
                    Some(_) => place = (place + 1) & (places - 1),
                    None => {
                        self.shortest.push(span);
                        self.table[place] = self.shortest.len() as u32;
                        break self.shortest.len() as u32 - 1;
                    }
                }
            };
            self.of_times.push(position);
        }
        self.sorted.clone_from(&self.shortest);
        self.sorted.sort_unstable();
    }

    /// How many spans there are that are `2^longer` times as long as the shortest, and the bits that their numbers take.
    fn spans(&self, longer: u32) -> (usize, u32) {
        let (Some(first), Some(last)) = (self.sorted.first(), self.sorted.last()) else {
            return (0, 0);
        };
        let others = self.sorted.windows(2).filter(|pair| pair[0] >> longer != pair[1] >> longer);
        (1 + others.count(), range(&[first >> longer, last >> longer]).1)
    }

    fn pack_spans(&mut self, times: &[i64], shift: u32, longer: u32, packed: &mut Vec<u8>) {
        self.sorted.iter_mut().for_each(|span| *span >>= longer);
        self.sorted.dedup();
        put(packed, self.sorted.len());
        packed.push(shift as u8);
        pack_column(&self.sorted, packed);
        let position = |span: &i64| self.sorted.partition_point(|other| *other < span >> longer);
        self.codes.clear();
        self.codes.extend(self.shortest.iter().map(|span| (position(span) as i64) << shift));
        let mask = (1 << shift) - 1;
        let of_times = times.iter().zip(&self.of_times);
        self.packed.clear();
        self.packed.extend(of_times.map(|(time, &at)| self.codes[at as usize] | (time & mask)));
        pack_column(&self.packed, packed);
    }
}

/// How many bits the positions of so many take.
fn index_bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Packed times.
#[derive(Debug, Clone, Copy)]
pub struct Times<'a> {
    spans: Option<(Column<'a>, u32)>,
    codes: Column<'a>,
}

impl<'a> Times<'a> {
    /// Takes so many times from the front of `packed`.
    pub fn take(packed: &mut &'a [u8], count: usize) -> Option<Self> {
        let spans: usize = take(packed)?;
        let spans = match spans {
            0 => None,
            spans => {
                let shift = u32::from(*packed.split_off_first()?);
                Some((Column::take(packed, spans)?, shift))
            }
        };
        Some(Self { spans, codes: Column::take(packed, count)? })
    }

    /// The time at a place.
    pub fn get(&self, at: usize) -> i64 {
        let code = self.codes.get(at);
        match &self.spans {
            None => code,
            Some((spans, shift)) => {
                let span = spans.get((code >> shift) as usize);
                (span << shift) | (code & ((1 << shift) - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(times: &[i64], in_seconds: bool) -> Vec<u8> {
        let (mut packer, mut packed) = (TimesPacker::default(), Vec::new());
        // What is left of another user is in nobody's way.
        packer.pack(&[1, 5_000_000, 9_000_000_000], in_seconds, &mut Vec::new());
        packer.pack(times, in_seconds, &mut packed);
        packed
    }

    #[test]
    fn times_of_few_sittings_take_about_two_bytes_each() {
        let sitting = |at: i64| (0..40).map(move |n| 1_200_000_000 + at * 40_000_000 / 9 + n * 30);
        let times: Vec<i64> = (0..9).flat_map(sitting).collect();
        // 26 bits as they are.
        let bytes = packed(&times, true).len();
        assert!(bytes < times.len() * 2, "{bytes} bytes for {} times", times.len());
    }

    proptest! {
        #[test]
        fn times_come_back(
            sittings in proptest::collection::vec(
                (any::<i64>(), proptest::collection::vec(0i64..5_000, 0..30)),
                0..8,
            ),
            near: bool,
            in_seconds: bool,
        ) {
            let begin = |at: i64| if near { at % 100_000_000 } else { at };
            let times: Vec<i64> = sittings
                .iter()
                .flat_map(|(at, places)| places.iter().map(move |place| begin(*at).wrapping_add(*place)))
                .collect();
            let packed = packed(&times, in_seconds);
            let mut rest = &packed[..];
            let Some(found) = Times::take(&mut rest, times.len()) else {
                return Err(TestCaseError::fail("not taken"));
            };
            prop_assert!(rest.is_empty());
            prop_assert_eq!((0..times.len()).map(|at| found.get(at)).collect::<Vec<_>>(), times);
        }
    }
}
