//! Some thousand rows in columns, each as narrow as it can be.

use super::numbers::Numbers;
use super::row::Row;

/// Microseconds in a second: most times are whole ones.
const SECOND: i64 = 1_000_000;

/// Rows that follow each other.
#[derive(Debug, Clone)]
pub struct Block {
    users: Users,
    items: Vec<u32>,
    ratings: Ratings,
    origins: Numbers,
    rated_at: Numbers,
    /// How far the order key's clock is ahead of the time.
    ahead: Numbers,
    sequences: Numbers,
}

/// The users of rows.
#[derive(Debug, Clone)]
enum Users {
    /// Of rows that go by user: each with the position behind the last row.
    Runs(Vec<(u32, u32)>),
    Each(Vec<u32>),
}

/// Ratings, NaN for a tombstone.
#[derive(Debug, Clone)]
enum Ratings {
    /// Of a scale: the values, and which one a row has.
    Scale(Vec<f32>, Vec<u8>),
    Each(Vec<f32>),
}

impl Block {
    /// Packs rows.
    pub(crate) fn pack(rows: &[Row]) -> Self {
        let column = |of: fn(&Row) -> i64| rows.iter().map(of);
        Self {
            users: Users::pack(rows),
            items: rows.iter().map(|row| row.item).collect(),
            ratings: Ratings::pack(rows),
            origins: Numbers::pack(column(|row| i64::from(row.origin)), 1),
            rated_at: Numbers::pack(column(|row| row.rated_at), SECOND),
            ahead: Numbers::pack(column(|row| row.order_micros.wrapping_sub(row.rated_at)), 1),
            sequences: Numbers::pack(column(|row| row.sequence.cast_signed()), 1),
        }
    }

    /// How many rows it has.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Adds its rows to `into`.
    pub fn unpack(&self, into: &mut Vec<Row>) {
        let begin = into.len();
        into.resize(begin + self.len(), Row::default());
        let rows = &mut into[begin..];
        rows.iter_mut().zip(&self.items).for_each(|(row, item)| row.item = *item);
        self.users.unpack(rows, |row, user| row.user = user);
        self.ratings.unpack(rows, Row::set_rating);
        // Origins are numbered in 16 bits.
        self.origins.unpack(rows, |row, origin| row.origin = origin as u16);
        self.rated_at.unpack(rows, |row, micros| row.rated_at = micros);
        self.ahead.unpack(rows, |row, ahead| row.order_micros = ahead);
        for row in &mut *rows {
            row.order_micros = row.order_micros.wrapping_add(row.rated_at);
        }
        self.sequences.unpack(rows, |row, sequence| row.sequence = sequence.cast_unsigned());
    }

    /// Adds user, item and rating of each of its rows to `into`; NaN for a tombstone.
    pub(super) fn unpack_rated(&self, into: &mut Vec<(u32, u32, f32)>) {
        let begin = into.len();
        into.extend(self.items.iter().map(|&item| (0, item, 0.0)));
        self.users.unpack(&mut into[begin..], |row, user| row.0 = user);
        self.ratings.unpack(&mut into[begin..], |row, rating| row.2 = rating);
    }

    /// Hands out each user, and how many rows follow each other that are theirs.
    pub(super) fn for_each_user(&self, mut visit: impl FnMut(u32, usize)) {
        match &self.users {
            Users::Runs(runs) => {
                let mut begin = 0;
                for &(user, end) in runs {
                    visit(user, (end - begin) as usize);
                    begin = end;
                }
            }
            Users::Each(users) => users.iter().for_each(|user| visit(*user, 1)),
        }
    }

    /// Numbers its records `by` higher.
    pub(crate) fn number_from(&mut self, by: u64) {
        self.sequences.add(by.cast_signed());
    }

    /// The memory that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let users = match &self.users {
            Users::Runs(runs) => runs.capacity() * size_of::<(u32, u32)>(),
            Users::Each(users) => users.capacity() * size_of::<u32>(),
        };
        let ratings = match &self.ratings {
            Ratings::Scale(values, codes) => {
                values.capacity() * size_of::<f32>() + codes.capacity()
            }
            Ratings::Each(ratings) => ratings.capacity() * size_of::<f32>(),
        };
        let numbers = [&self.origins, &self.rated_at, &self.ahead, &self.sequences];
        let numbers: usize = numbers.into_iter().map(Numbers::bytes).sum();
        let items = self.items.capacity() * size_of::<u32>();
        (size_of::<Self>() + users + items + ratings + numbers) as u64
    }
}

impl Users {
    fn pack(rows: &[Row]) -> Self {
        let count = 1 + rows.windows(2).filter(|pair| pair[0].user != pair[1].user).count();
        if 2 * count > rows.len() {
            return Self::Each(rows.iter().map(|row| row.user).collect());
        }
        let mut runs = Vec::with_capacity(count);
        let mut end = 0;
        for of_user in rows.chunk_by(|a, b| a.user == b.user) {
            end += of_user.len() as u32;
            runs.push((of_user[0].user, end));
        }
        Self::Runs(runs)
    }

    fn unpack<T>(&self, into: &mut [T], mut put: impl FnMut(&mut T, u32)) {
        match self {
            Self::Runs(runs) => {
                let mut begin = 0;
                for &(user, end) in runs {
                    into[begin..end as usize].iter_mut().for_each(|into| put(into, user));
                    begin = end as usize;
                }
            }
            Self::Each(users) => {
                into.iter_mut().zip(users).for_each(|(into, user)| put(into, *user));
            }
        }
    }
}

impl Ratings {
    fn pack(rows: &[Row]) -> Self {
        let mut scale = Scale::default();
        let mut codes = Vec::with_capacity(rows.len());
        for row in rows {
            match scale.code(row.rating_or_nan()) {
                Some(code) => codes.push(code),
                None => return Self::Each(rows.iter().map(Row::rating_or_nan).collect()),
            }
        }
        scale.values.shrink_to_fit();
        Self::Scale(scale.values, codes)
    }

    fn unpack<T>(&self, into: &mut [T], mut put: impl FnMut(&mut T, f32)) {
        match self {
            Self::Scale(values, codes) => {
                for (into, &code) in into.iter_mut().zip(codes) {
                    put(into, values[usize::from(code)]);
                }
            }
            Self::Each(ratings) => {
                into.iter_mut().zip(ratings).for_each(|(into, rating)| put(into, *rating));
            }
        }
    }
}

/// Numbers ratings as they are met.
struct Scale {
    values: Vec<f32>,
    /// By some bits of a rating: a number, or `NONE`.
    slots: [u16; Self::SLOTS],
}

impl Default for Scale {
    fn default() -> Self {
        Self { values: Vec::new(), slots: [Self::NONE; Self::SLOTS] }
    }
}

impl Scale {
    const MOST: usize = 64;
    const SLOTS: usize = 256;
    const NONE: u16 = u16::MAX;

    /// The number of a rating; none when there are too many to number.
    fn code(&mut self, rating: f32) -> Option<u8> {
        let bits = rating.to_bits();
        // Fibonacci hashing: the product's high bits.
        let mut slot = (bits.wrapping_mul(0x9e37_79b9) >> 24) as usize;
        loop {
            match self.slots[slot] {
                Self::NONE => break,
                code if self.values[usize::from(code)].to_bits() == bits => {
                    return u8::try_from(code).ok();
                }
                _ => slot = (slot + 1) % Self::SLOTS,
            }
        }
        if self.values.len() == Self::MOST {
            return None;
        }
        let code = self.values.len() as u8;
        self.slots[slot] = u16::from(code);
        self.values.push(rating);
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use akin_recommender::profile::{OrderKey, Origin};
    use proptest::prelude::*;

    fn any_row() -> impl Strategy<Value = Row> {
        let rating = prop_oneof![
            8 => (0..10u8).prop_map(|half| Some(f32::from(half) / 2.0)),
            1 => Just(None),
            1 => (-1e9f32..1e9).prop_map(Some),
        ];
        let micros = prop_oneof![3 => (0..4_000i64).prop_map(|n| n * 1_000_000), 1 => any::<i64>()];
        let ahead = prop_oneof![9 => Just(0i64), 1 => any::<i64>()];
        let ids = [0..4u32, 0..100u32];
        (ids, prop_oneof![9 => Just(0u16), 1 => any::<u16>()], rating, micros, ahead, any::<u32>())
            .prop_map(|(ids, origin, rating, rated_at, ahead, sequence)| {
                let micros = rated_at.wrapping_add(ahead);
                let sequence = u64::from(sequence);
                let order = OrderKey { micros, origin: Origin::FILES, sequence };
                Row::new(ids, origin, rating, rated_at, order)
            })
    }

    proptest! {
        #[test]
        fn rows_are_unpacked_as_they_were_packed(
            mut rows in proptest::collection::vec(any_row(), 0..200), sorted in any::<bool>(),
        ) {
            if sorted {
                rows.sort_unstable_by_key(Row::sort_key);
            }
            let mut block = Block::pack(&rows);
            let mut found = Vec::new();
            block.unpack(&mut found);
            prop_assert_eq!(&found, &rows);
            let mut rated = Vec::new();
            block.unpack_rated(&mut rated);
            let said = |(user, item, rating): (u32, u32, f32)| (user, item, rating.to_bits());
            let expected = rows.iter().map(|row| (row.user, row.item, row.rating_or_nan()));
            prop_assert!(rated.iter().copied().map(said).eq(expected.map(said)));
            let mut users = Vec::new();
            block.for_each_user(|user, times| users.extend(std::iter::repeat_n(user, times)));
            prop_assert!(users.into_iter().eq(rows.iter().map(|row| row.user)));
            block.number_from(5);
            found.clear();
            block.unpack(&mut found);
            prop_assert!(found.iter().zip(&rows).all(|(a, b)| a.sequence == b.sequence + 5));
        }
    }

    #[test]
    fn a_rating_of_a_file_takes_thirteen_bytes() {
        let rows: Vec<Row> = (0..16_384)
            .map(|n| {
                let micros = (1_000_000_000 + i64::from(n) * 77) * 1_000_000;
                let order = OrderKey { micros, origin: Origin::FILES, sequence: u64::from(n) };
                Row::new([n / 100, n % 100], 0, Some((n % 10) as f32), micros, order)
            })
            .collect();
        let bytes = Block::pack(&rows).bytes();
        assert!((13 * 16_384..14 * 16_384).contains(&bytes), "{bytes}");
    }
}
