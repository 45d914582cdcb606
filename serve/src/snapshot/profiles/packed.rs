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
//! | times of the ratings | [`Times`], in seconds or microseconds |
//! | clocks, less the times of the ratings | a [column](super::column) |
//! | sequences | a column |
//! | positions of origins | a column |
//! | [lasting numbers](ItemNumbering) of items, each less the one before; after a 0, the number itself | variable-length integers |
//!
//! Input files' entries have no sequences here, and 0 comes back: what a server compares them with is of ledgers, and then
//! the origin decides before a sequence would.

use akin_recommender::profile::{Entry, OrderKey, Origin};

use super::column::{Column, pack_column, put, take};
use super::item_numbering::ItemNumbering;
use super::times::{Times, TimesPacker};

/// Added to the form when times are in seconds.
const SECONDS: u8 = 8;
const SECOND: i64 = 1_000_000;

/// What the first item's number is compared with, so that only a number that goes back is 0.
const BEFORE_FIRST: i64 = -1;

/// Columns of a profile, by their places.
const COLUMNS: usize = 3;
const CLOCKS: usize = 0;
const SEQUENCES: usize = 1;
const ORIGINS: usize = 2;

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
    /// Their lasting numbers.
    items: Vec<u32>,
    last_item: Option<u32>,
    ratings: Vec<Option<f32>>,
    rated_at: Vec<i64>,
    times: TimesPacker,
    columns: [Vec<i64>; COLUMNS],
    codes: Vec<u8>,
}

impl Unpacked {
    /// The greatest item, which is the last.
    pub fn last_item(&self) -> Option<u32> {
        self.last_item
    }

    /// Adds entries. Their items must come after the one before. They come from origins at these `positions`, whose
    /// names `names` has by what the rows say.
    pub fn extend(
        &mut self,
        rows: Rows<'_>,
        ratings: impl Iterator<Item = Option<f32>>,
        positions: impl Iterator<Item = u32>,
        names: &[Origin],
        numbering: &ItemNumbering,
    ) {
        let Rows { found, rated_at, micros, sequences } = rows;
        self.items.extend(found.iter().map(|found| numbering.lasting(found.item)));
        self.last_item = found.last().map(|found| found.item).or(self.last_item);
        self.ratings.extend(ratings);
        let clocks = micros.iter().zip(rated_at).map(|(micros, at)| micros.wrapping_sub(*at));
        self.rated_at.extend_from_slice(rated_at);
        self.columns[CLOCKS].extend(clocks);
        let files = names.iter().position(|origin| *origin == Origin::FILES);
        let is_of_files = |found: &Found| Some(found.origin as usize) == files;
        let sequences = found.iter().zip(sequences);
        self.columns[SEQUENCES].extend(
            sequences.map(|(found, &sequence)| if is_of_files(found) { 0 } else { sequence }),
        );
        self.columns[ORIGINS].extend(positions.map(i64::from));
    }

    /// Writes all of them to the end of `packed`, and lets them go.
    pub fn pack(&mut self, packed: &mut Vec<u8>) {
        put(packed, self.items.len());
        let in_seconds = self.rated_at.iter().all(|at| at % SECOND == 0);
        if in_seconds {
            self.rated_at.iter_mut().for_each(|at| *at /= SECOND);
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
        self.times.pack(&self.rated_at, in_seconds, packed);
        self.rated_at.clear();
        for column in &mut self.columns {
            pack_column(column, packed);
            column.clear();
        }
        let mut before = BEFORE_FIRST;
        for &item in &self.items {
            match i64::from(item) - before {
                // Most are near the one before.
                near @ 1..128 => packed.push(near as u8),
                far @ 128.. => put(packed, far as u64),
                _ => {
                    packed.push(0);
                    put(packed, item);
                }
            }
            before = item.into();
        }
        self.last_item = None;
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

/// One user's packed entries.
#[derive(Debug, Clone, Copy)]
pub struct PackedProfile<'a> {
    form: RatingForm,
    ratings: &'a [u8],
    /// Microseconds in a unit of the times of the ratings.
    unit: i64,
    rated_at: Times<'a>,
    columns: [Column<'a>; COLUMNS],
    items: &'a [u8],
    names: &'a [Origin],
    numbering: &'a ItemNumbering,
}

impl<'a> PackedProfile<'a> {
    /// What [`Unpacked::pack`] wrote. `names` are the origins by position.
    pub fn new(
        mut packed: &'a [u8],
        names: &'a [Origin],
        numbering: &'a ItemNumbering,
    ) -> Option<Self> {
        let packed = &mut packed;
        let count = take(packed)?;
        let form = *packed.split_off_first()?;
        let unit = if form & SECONDS == 0 { 1 } else { SECOND };
        let form = *RatingForm::ALL.get(usize::from(form & !SECONDS))?;
        let ratings = packed.split_off(..form.bytes(count))?;
        let rated_at = Times::take(packed, count)?;
        let mut columns = [Column::default(); COLUMNS];
        for column in &mut columns {
            *column = Column::take(packed, count)?;
        }
        Some(Self { form, ratings, unit, rated_at, columns, items: packed, names, numbering })
    }

    /// All entries, by item.
    pub fn entries(&self) -> impl Iterator<Item = (u32, PackedEntry<'_>)> {
        let (mut items, mut last, mut at) = (self.items, BEFORE_FIRST, 0);
        std::iter::from_fn(move || {
            last = match items.split_first()? {
                (near @ 1..128, rest) => {
                    items = rest;
                    last + i64::from(*near)
                }
                (0, rest) => {
                    items = rest;
                    take::<u32>(&mut items)?.into()
                }
                _ => last + take::<u64>(&mut items)? as i64,
            };
            at += 1;
            let item = self.numbering.current(last as u32);
            Some((item, PackedEntry { profile: self, at: at - 1 }))
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
        let PackedProfile { unit, rated_at, columns, names, .. } = self.profile;
        let number = |column: usize| columns[column].get(self.at);
        let rated_at = rated_at.get(self.at).wrapping_mul(*unit);
        let micros = rated_at.wrapping_add(number(CLOCKS));
        let origin = names[number(ORIGINS) as usize];
        let sequence = number(SEQUENCES).cast_unsigned();
        let order = OrderKey { micros, origin, sequence };
        Entry { rating: self.rating(), rated_at, order }
    }
}
