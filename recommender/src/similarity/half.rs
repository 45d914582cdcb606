//! How many users rated each two items: the lower half of a square, each row in numbers as narrow as it needs.

use super::product::Numbers;
use super::relabelled::Relabelled;

/// Which of three stores a row is in, and where it begins there.
#[derive(Debug, Clone, Copy)]
enum Place {
    Narrow(usize),
    Middle(usize),
    Wide(usize),
}

/// Row `rank` has the co-counts with all items that are more popular. No count is above that of the row's own raters, so that
/// most rows take a byte an entry.
#[derive(Debug, Default)]
pub struct Half {
    places: Vec<Place>,
    narrow: Vec<u8>,
    middle: Vec<u16>,
    wide: Vec<u32>,
}

/// Some columns of a row, to be written.
#[derive(Debug)]
pub enum Columns<'a> {
    /// Of an item with at most 255 raters.
    Narrow(&'a mut [u8]),
    /// With at most 65,535.
    Middle(&'a mut [u16]),
    /// With any number.
    Wide(&'a mut [u32]),
}

impl Columns<'_> {
    /// Writes a row's counts with 512 columns, of which it may have fewer. They come in the row's own numbers.
    pub fn set(&mut self, counts: &Numbers<'_>) {
        match (self, counts) {
            (Self::Narrow(row), Numbers::Narrow(counts)) => {
                row.copy_from_slice(&counts[..row.len()]);
            }
            (Self::Middle(row), Numbers::Middle(counts)) => {
                row.copy_from_slice(&counts[..row.len()]);
            }
            (Self::Wide(row), Numbers::Wide(counts)) => row.copy_from_slice(&counts[..row.len()]),
            _ => unreachable!("both go by the number of the row's raters"),
        }
    }

    /// Writes one.
    pub fn set_one(&mut self, at: usize, count: u32) {
        match self {
            Self::Narrow(row) => row[at] = count as u8,
            Self::Middle(row) => row[at] = count as u16,
            Self::Wide(row) => row[at] = count,
        }
    }
}

/// What a half takes in bytes, of items with so many raters, the most popular first.
pub fn half_bytes(raters: impl Iterator<Item = u64>) -> u64 {
    (0..).zip(raters).map(|(rank, raters)| rank * width(raters)).sum()
}

/// Bytes an entry of an item with so many raters.
fn width(raters: u64) -> u64 {
    match raters {
        ..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    }
}

impl Half {
    /// What it takes, in bytes.
    pub fn bytes(ratings: &Relabelled) -> u64 {
        half_bytes((0..ratings.rated()).map(|rank| ratings.raters(rank).len() as u64))
    }

    /// All zeros.
    pub fn new(ratings: &Relabelled) -> Self {
        let (mut narrow, mut middle, mut wide) = (0, 0, 0);
        let place = |rank: usize| {
            let end = match width(ratings.raters(rank).len() as u64) {
                1 => &mut narrow,
                2 => &mut middle,
                _ => &mut wide,
            };
            let begin = *end;
            *end += rank;
            match width(ratings.raters(rank).len() as u64) {
                1 => Place::Narrow(begin),
                2 => Place::Middle(begin),
                _ => Place::Wide(begin),
            }
        };
        let places = (0..ratings.rated()).map(place).collect();
        Self { places, narrow: vec![0; narrow], middle: vec![0; middle], wide: vec![0; wide] }
    }

    /// How many users rated both; `row` is the less popular one.
    #[inline(always)]
    pub fn get(&self, row: usize, column: usize) -> u32 {
        match self.places[row] {
            Place::Narrow(begin) => self.narrow[begin + column].into(),
            Place::Middle(begin) => self.middle[begin + column].into(),
            Place::Wide(begin) => self.wide[begin + column],
        }
    }

    /// Gives some entries of a row, in their order.
    #[inline(always)]
    pub fn each(&self, row: usize, columns: &[u32], mut give: impl FnMut(usize, u32)) {
        macro_rules! give {
            ($store:ident, $begin:expr) => {{
                let own = &self.$store[$begin..$begin + row];
                for (at, &column) in columns.iter().enumerate() {
                    give(at, own[column as usize].into());
                }
            }};
        }
        match self.places[row] {
            Place::Narrow(begin) => give!(narrow, begin),
            Place::Middle(begin) => give!(middle, begin),
            Place::Wide(begin) => give!(wide, begin),
        }
    }

    /// Of the rows from `first` on the columns from `first` on, at most `most` of each.
    pub fn columns(&mut self, first: usize, most: usize) -> Vec<Columns<'_>> {
        let (mut narrow, mut middle, mut wide) =
            (&mut self.narrow[..], &mut self.middle[..], &mut self.wide[..]);
        let (mut narrow_at, mut middle_at, mut wide_at) = (0, 0, 0);
        let mut rows = Vec::with_capacity(self.places.len() - first);
        for (rank, place) in self.places.iter().enumerate().skip(first) {
            let (begin, end) = (first, rank.min(first.saturating_add(most)));
            macro_rules! take {
                ($rest:ident, $at:ident, $row:expr, $kind:ident) => {{
                    let rest = std::mem::take(&mut $rest);
                    let (_, rest) = rest.split_at_mut($row + begin - $at);
                    let (own, rest) = rest.split_at_mut(end - begin);
                    ($rest, $at) = (rest, $row + end);
                    Columns::$kind(own)
                }};
            }
            rows.push(match *place {
                Place::Narrow(row) => take!(narrow, narrow_at, row, Narrow),
                Place::Middle(row) => take!(middle, middle_at, row, Middle),
                Place::Wide(row) => take!(wide, wide_at, row, Wide),
            });
        }
        rows
    }
}
