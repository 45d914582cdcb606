//! One user's entries, packed: about five bytes for a rating from a file.
//!
//! By property, so that what is the same for all entries of a user takes next to nothing, and that what a list of
//! recommendations needs, items and ratings, is read without the rest:
//!
//! | | |
//! |---|---|
//! | how many | variable-length integer |
//! | form | a [`RatingForm`], plus [`SECONDS`] |
//! | ratings | as their form says |
//! | times of the ratings | a column, in seconds or microseconds |
//! | clocks, less the times of the ratings | a column |
//! | sequences | a column |
//! | positions of origins | a column |
//! | items, each less the one before | variable-length integers |
//!
//! Input files' entries have no sequences here, and 0 comes back: what a server compares them with is of ledgers, and then
//! the origin decides before a sequence would.
//!
//! A column is its least number (a variable-length integer, zigzag), the bits that the greatest difference to it takes (one
//! byte), and each number's difference to the least in so many bits, the lowest first.

use akin_recommender::profile::{Entry, OrderKey, Origin};
use integer_encoding::VarInt;

/// Added to the form when times are in seconds.
const SECONDS: u8 = 8;
const SECOND: i64 = 1_000_000;

/// Columns of a profile, by their places.
const COLUMNS: usize = 4;
const RATED_AT: usize = 0;
const CLOCKS: usize = 1;
const SEQUENCES: usize = 2;
const ORIGINS: usize = 3;

/// How the ratings of a user are stored: in the first form that holds all of them to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RatingForm {
    /// Half a byte each, in half points.
    Halves = 0,
    /// A byte each, in points.
    Points = 1,
    /// A byte each, in twentieths: halves and tenths of a point.
    Twentieths = 2,
    /// Five bytes each: whether there is one, and its bits.
    AsItIs = 3,
}

impl RatingForm {
    const ALL: [Self; 4] = [Self::Halves, Self::Points, Self::Twentieths, Self::AsItIs];

    /// Steps a point.
    fn steps(self) -> f32 {
        match self {
            Self::Halves => 2.0,
            Self::Points | Self::AsItIs => 1.0,
            Self::Twentieths => 20.0,
        }
    }

    /// What stands for a tombstone; ratings take less.
    fn tombstone(self) -> u8 {
        if self == Self::Halves { 15 } else { u8::MAX }
    }

    /// What stands for a rating, and whether that is exactly it.
    fn code(self, rating: Option<f32>) -> (u8, bool) {
        let Some(rating) = rating else { return (self.tombstone(), true) };
        // What is halfway between two steps is none, so that it does not matter where it goes.
        let code = (rating * self.steps() + 0.5) as u8;
        let is_exact = self.points(code).to_bits() == rating.to_bits();
        (code, is_exact && code < self.tombstone())
    }

    fn points(self, code: u8) -> f32 {
        f32::from(code) / self.steps()
    }

    fn rating(self, code: u8) -> Option<f32> {
        (code != self.tombstone()).then(|| self.points(code))
    }

    /// Bytes that so many ratings take.
    fn bytes(self, count: usize) -> usize {
        match self {
            Self::Halves => count.div_ceil(2),
            Self::Points | Self::Twentieths => count,
            Self::AsItIs => count.saturating_mul(5),
        }
    }
}

/// Entries of one user that follow each other by item, but for their ratings.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Their items and origins.
    pub found: &'a [Found],
    /// When they were rated, in microseconds since 1970.
    pub rated_at: &'a [i64],
    /// The clocks of their order keys.
    pub micros: &'a [i64],
    /// The sequence numbers of their order keys.
    pub sequences: &'a [i64],
}

/// What an entry names, by number.
#[derive(Clone, Copy)]
pub struct Found {
    /// The item.
    pub item: u32,
    /// The origin's position.
    pub origin: u32,
}

/// The entries of one user that are still to be packed, by property.
#[derive(Default)]
pub struct Unpacked {
    items: Vec<u32>,
    ratings: Vec<Option<f32>>,
    columns: [Vec<i64>; COLUMNS],
    codes: Vec<u8>,
}

impl Unpacked {
    /// The greatest item, which is the last.
    pub fn last_item(&self) -> Option<u32> {
        self.items.last().copied()
    }

    /// Adds entries. Their items must come after the one before. `files` is the position of the origin of input files.
    pub fn extend(
        &mut self,
        rows: Rows<'_>,
        ratings: impl Iterator<Item = Option<f32>>,
        files: Option<u32>,
    ) {
        let Rows { found, rated_at, micros, sequences } = rows;
        self.items.extend(found.iter().map(|found| found.item));
        self.ratings.extend(ratings);
        let clocks = micros.iter().zip(rated_at).map(|(micros, at)| micros.wrapping_sub(*at));
        self.columns[RATED_AT].extend_from_slice(rated_at);
        self.columns[CLOCKS].extend(clocks);
        let is_of_files = |found: &Found| Some(found.origin) == files;
        let sequences = found.iter().zip(sequences);
        self.columns[SEQUENCES].extend(
            sequences.map(|(found, &sequence)| if is_of_files(found) { 0 } else { sequence }),
        );
        self.columns[ORIGINS].extend(found.iter().map(|found| i64::from(found.origin)));
    }

    /// Writes all of them to the end of `packed`, and lets them go.
    pub fn pack(&mut self, packed: &mut Vec<u8>) {
        put(packed, self.items.len());
        let rated_at = &mut self.columns[RATED_AT];
        let in_seconds = rated_at.iter().all(|at| at % SECOND == 0);
        if in_seconds {
            rated_at.iter_mut().for_each(|at| *at /= SECOND);
        }
        let form = self.code_ratings();
        packed.push(form as u8 + if in_seconds { SECONDS } else { 0 });
        match form {
            RatingForm::AsItIs => {
                for rating in &self.ratings {
                    packed.push(u8::from(rating.is_some()));
                    packed.extend_from_slice(&rating.unwrap_or(0.0).to_le_bytes());
                }
            }
            RatingForm::Halves => packed.extend(self.codes.chunks(2).map(|pair| match pair {
                [first, second] => first | second << 4,
                _ => pair[0],
            })),
            RatingForm::Points | RatingForm::Twentieths => packed.extend_from_slice(&self.codes),
        }
        for column in &mut self.columns {
            pack_column(column, packed);
            column.clear();
        }
        let mut before = 0;
        for &item in &self.items {
            match u8::try_from(item - before) {
                // Most are near the one before.
                Ok(difference) if difference < 128 => packed.push(difference),
                _ => put(packed, item - before),
            }
            before = item;
        }
        self.items.clear();
        self.ratings.clear();
    }

    /// The first form that holds all ratings; `codes` are in it, unless it needs none.
    fn code_ratings(&mut self) -> RatingForm {
        for form in [RatingForm::Halves, RatingForm::Points, RatingForm::Twentieths] {
            self.codes.clear();
            let mut are_exact = true;
            self.codes.extend(self.ratings.iter().map(|&rating| {
                let (code, is_exact) = form.code(rating);
                are_exact &= is_exact;
                code
            }));
            if are_exact {
                return form;
            }
        }
        RatingForm::AsItIs
    }
}

fn put(packed: &mut Vec<u8>, number: impl VarInt) {
    let mut bytes = [0; 10];
    let length = number.encode_var(&mut bytes);
    packed.extend_from_slice(&bytes[..length]);
}

fn pack_column(numbers: &[i64], packed: &mut Vec<u8>) {
    let least = numbers.iter().copied().min().unwrap_or(0);
    let all = numbers.iter().fold(0, |all, number| all | difference(*number, least));
    let width = u64::BITS - all.leading_zeros();
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

fn difference(number: i64, least: i64) -> u64 {
    number.wrapping_sub(least).cast_unsigned()
}

/// A column of a packed profile.
#[derive(Debug, Clone, Copy, Default)]
struct Column<'a> {
    least: i64,
    width: usize,
    packed: &'a [u8],
}

impl<'a> Column<'a> {
    /// Takes a column of so many numbers from the front of `packed`.
    fn take(packed: &mut &'a [u8], count: usize) -> Option<Self> {
        let least = take(packed)?;
        let width = usize::from(*packed.split_off_first()?);
        let bytes = packed.split_off(..count.checked_mul(width)?.div_ceil(8))?;
        Some(Self { least, width, packed: bytes })
    }

    fn get(&self, at: usize) -> i64 {
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

fn take<T: VarInt>(packed: &mut &[u8]) -> Option<T> {
    let (number, length) = T::decode_var(packed)?;
    *packed = &packed[length..];
    Some(number)
}

/// One user's packed entries.
#[derive(Debug, Clone, Copy)]
pub struct PackedProfile<'a> {
    form: RatingForm,
    ratings: &'a [u8],
    /// Microseconds in a unit of the times of the ratings.
    unit: i64,
    columns: [Column<'a>; COLUMNS],
    items: &'a [u8],
    names: &'a [Origin],
}

impl<'a> PackedProfile<'a> {
    /// What [`Unpacked::pack`] wrote. `names` are the origins by position.
    pub fn new(mut packed: &'a [u8], names: &'a [Origin]) -> Option<Self> {
        let packed = &mut packed;
        let count = take(packed)?;
        let form = *packed.split_off_first()?;
        let unit = if form & SECONDS == 0 { 1 } else { SECOND };
        let form = *RatingForm::ALL.get(usize::from(form & !SECONDS))?;
        let ratings = packed.split_off(..form.bytes(count))?;
        let mut columns = [Column::default(); COLUMNS];
        for column in &mut columns {
            *column = Column::take(packed, count)?;
        }
        Some(Self { form, ratings, unit, columns, items: packed, names })
    }

    /// All entries, by item.
    pub fn entries(&self) -> impl Iterator<Item = (u32, PackedEntry<'_>)> {
        let (mut items, mut last, mut at) = (self.items, 0, 0);
        std::iter::from_fn(move || {
            last += take::<u32>(&mut items)?;
            at += 1;
            Some((last, PackedEntry { profile: self, at: at - 1 }))
        })
    }
}

/// One entry of a packed profile: what is asked for is unpacked.
#[derive(Debug, Clone, Copy)]
pub struct PackedEntry<'a> {
    profile: &'a PackedProfile<'a>,
    at: usize,
}

impl PackedEntry<'_> {
    /// The rating; none for a tombstone.
    pub fn rating(&self) -> Option<f32> {
        let PackedProfile { form, ratings, .. } = *self.profile;
        match form {
            RatingForm::Halves => form.rating(ratings[self.at / 2] >> (self.at % 2 * 4) & 15),
            RatingForm::Points | RatingForm::Twentieths => form.rating(ratings[self.at]),
            RatingForm::AsItIs => {
                let (rest, _) = ratings[self.at * 5..].split_first_chunk::<5>()?;
                let [is_some, bits @ ..] = *rest;
                (is_some != 0).then(|| f32::from_le_bytes(bits))
            }
        }
    }

    /// All of it.
    pub fn entry(&self) -> Entry {
        let PackedProfile { unit, columns, names, .. } = self.profile;
        let number = |column: usize| columns[column].get(self.at);
        let rated_at = number(RATED_AT).wrapping_mul(*unit);
        let micros = rated_at.wrapping_add(number(CLOCKS));
        let origin = names[number(ORIGINS) as usize];
        let sequence = number(SEQUENCES).cast_unsigned();
        let order = OrderKey { micros, origin, sequence };
        Entry { rating: self.rating(), rated_at, order }
    }
}
