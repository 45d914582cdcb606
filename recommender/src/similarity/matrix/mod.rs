//! The rating matrix in compressed sparse rows, by user and by item, with ratings in fixed point.

mod by_item;
mod dates;
mod fixed_point;
#[cfg(test)]
mod tests;
mod weighed;

use std::sync::OnceLock;

use thiserror::Error;

use crate::chance::IdHashes;

use by_item::ByItem;
use dates::Dates;
pub(super) use fixed_point::power_of_two;
use fixed_point::{Power, Unit, common_bits};
pub use weighed::Faded;

/// One rating in a row: the other side's number and the rating in fixed point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The item in a user's row, the user in an item's row.
    pub index: u32,
    /// The rating in the item's unit of fixed point, `2^`[`RatingMatrix::exponent`], rounded to the nearest integer.
    pub fixed: i32,
}

/// Why ratings do not make a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MatrixError {
    /// A user or item number is not below its count.
    #[error("rating {position} names user {user} or item {item}, which do not exist")]
    OutOfBounds {
        /// Position among the ratings.
        position: usize,
        /// The user's number.
        user: u32,
        /// The item's number.
        item: u32,
    },
    /// The ratings are not sorted by user and item, or name a pair twice.
    #[error("rating {position} is out of order or given twice")]
    OutOfOrder {
        /// Position among the ratings.
        position: usize,
    },
    /// A rating is not finite.
    #[error("rating {position} is not finite")]
    NotFinite {
        /// Position among the ratings.
        position: usize,
    },
}

/// Ratings of `user_count` users for `item_count` items.
///
/// Ratings are held in fixed point, so that sums of their products are exact: no order of additions, no processor and
/// no number of threads can change a result. Units are powers of two, the same for all items and at least 2^-16: ratings
/// that are multiples of 1/65,536 (half stars, for one) are held exactly where the greatest ones are not extremely large,
/// others to the nearest step. Only values that fade have a unit for each item, see [`Self::faded`].
///
/// They are kept by user. By item they are laid out when somebody first asks: what computes similarities does not, and the
/// half would be as large again.
#[derive(Debug, Clone)]
pub struct RatingMatrix {
    item_count: usize,
    user_offsets: Vec<usize>,
    user_cells: Vec<Cell>,
    by_item: OnceLock<ByItem>,
    unit: Unit,
    /// None where no times are known.
    dates: Option<Dates>,
}

/// One rating of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The user.
    pub user: usize,
    /// The item.
    pub item: usize,
    /// Its position among all ratings, by user and then item.
    pub position: usize,
}

impl RatingMatrix {
    /// Lays out `(user, item, rating)`, sorted by user and then item, without repetition.
    ///
    /// # Errors
    /// When a number is out of bounds, the order is broken, a pair repeats, or a rating is not finite.
    pub fn new<R>(user_count: usize, item_count: usize, ratings: R) -> Result<Self, MatrixError>
    where
        R: Iterator<Item = (u32, u32, f32)> + Clone,
    {
        let mut user_offsets = vec![0; user_count + 1];
        let (mut largest, mut previous, mut count) = (0f32, None, 0);
        for (position, (user, item, rating)) in ratings.clone().enumerate() {
            if user as usize >= user_count || item as usize >= item_count {
                return Err(MatrixError::OutOfBounds { position, user, item });
            }
            if previous.is_some_and(|previous| previous >= (user, item)) {
                return Err(MatrixError::OutOfOrder { position });
            }
            if !rating.is_finite() {
                return Err(MatrixError::NotFinite { position });
            }
            previous = Some((user, item));
            largest = largest.max(rating.abs());
            user_offsets[user as usize + 1] += 1;
            count += 1;
        }
        accumulate(&mut user_offsets);

        let largest = f64::from(largest).max(1.0);
        let terms = user_count.max(item_count);
        let values = ratings.clone().map(|(_, item, rating)| (item, f64::from(rating)));
        let bits = common_bits(largest, terms, item_count, values).min(16);
        let scale = 2f64.powi(bits);
        let mut user_cells = Vec::with_capacity(count);
        user_cells.extend(ratings.map(|(_, item, rating)| {
            let fixed = (f64::from(rating) * scale).round() as i32;
            Cell { index: item, fixed }
        }));
        let unit = Unit::Common(Power::of(-i64::from(bits)));
        let by_item = OnceLock::new();
        Ok(Self { item_count, user_offsets, user_cells, by_item, unit, dates: None })
    }

    /// The same ratings with their times, in microseconds since 1970 and in the order of the ratings, and with the hashes
    /// of the ids of all users and items. What is decided by age (a half-life, a number of newest ratings) takes ratings
    /// without times for equally old.
    ///
    /// "Now" is the newest rating, so that the same ratings have the same ages whenever they are computed with.
    #[must_use]
    pub fn dated(self, times: impl Iterator<Item = i64>, ids: IdHashes) -> Self {
        let dates = Dates::new(times.collect(), ids);
        debug_assert_eq!(dates.len(), self.rating_count(), "a time a rating");
        Self { dates: Some(dates), ..self }
    }

    /// How many days older than the newest rating a rating is.
    pub fn age(&self, position: usize) -> f64 {
        self.dates.as_ref().map_or(0.0, |dates| dates.age(position))
    }

    /// The newest ratings of each user alone, at most `most`. Which of several equally old ones is decided by chance: see
    /// [`IdHashes`].
    #[must_use]
    pub fn newest(&self, most: usize) -> Self {
        let mut is_kept = vec![false; self.rating_count()];
        for user in 0..self.user_count() {
            let mut positions: Vec<usize> = self.positions(user).collect();
            if let Some(dates) = &self.dates {
                let item = |position: usize| self.user_cells[position].index;
                positions.sort_by_cached_key(|&at| dates.newest_first(at, user as u32, item(at)));
            }
            for &position in positions.iter().take(most) {
                is_kept[position] = true;
            }
        }
        self.filtered(|place, _| is_kept[place.position])
    }

    /// The positions of a user's ratings.
    pub fn positions(&self, user: usize) -> std::ops::Range<usize> {
        self.user_offsets[user]..self.user_offsets[user + 1]
    }

    fn places(&self) -> impl Iterator<Item = (Place, f64)> + '_ {
        (0..self.user_count()).flat_map(|user| self.places_of(user))
    }

    fn places_of(&self, user: usize) -> impl Iterator<Item = (Place, f64)> + '_ {
        self.positions(user).zip(self.user_values(user)).map(move |(position, value)| {
            (Place { user, item: self.user_cells[position].index as usize, position }, value)
        })
    }

    /// The ratings for which `counts(place, rating)` holds, of the same users and items.
    pub fn filtered(&self, counts: impl Fn(Place, f64) -> bool) -> Self {
        let mut kept = Self {
            item_count: self.item_count,
            user_offsets: vec![0; self.user_offsets.len()],
            user_cells: Vec::new(),
            by_item: OnceLock::new(),
            unit: self.unit.clone(),
            dates: None,
        };
        let mut positions = Vec::new();
        for (place, _) in self.places().filter(|&(place, rating)| counts(place, rating)) {
            kept.user_cells.push(self.user_cells[place.position]);
            positions.push(place.position);
            kept.user_offsets[place.user + 1] += 1;
        }
        accumulate(&mut kept.user_offsets);
        kept.dates = self.dates.as_ref().map(|dates| dates.of(&positions));
        kept
    }

    /// What a user's values are, by item.
    pub fn user_values(&self, user: usize) -> impl ExactSizeIterator<Item = f64> + Clone + '_ {
        let value = |cell: &Cell| f64::from(cell.fixed) * self.unit.of(cell.index as usize).value;
        self.user_row(user).iter().map(value)
    }

    /// The sum of a user's values; exact before it is rounded once where all items have the same unit.
    pub fn user_sum(&self, user: usize) -> f64 {
        match self.unit {
            Unit::Common(unit) => fixed_sum(self.user_row(user)) * unit.value,
            Unit::OfItems(_) => self.user_values(user).sum(),
        }
    }

    /// The sum of an item's squared values, in its unit of fixed point squared. Exact.
    pub fn squared_norm(&self, item: usize) -> i64 {
        self.item_row(item).iter().map(|cell| i64::from(cell.fixed).pow(2)).sum()
    }

    /// Each item's values are held in units of 2 to the power of this.
    pub fn exponent(&self, item: usize) -> i64 {
        self.unit.of(item).exponent
    }

    /// The unit of each item's values, and 0 where that is too small for a number of double precision.
    pub fn units(&self) -> Vec<f64> {
        (0..self.item_count()).map(|item| self.unit.of(item).value).collect()
    }

    /// How many ratings there are.
    pub fn rating_count(&self) -> usize {
        self.user_cells.len()
    }

    /// How many items there are, rated or not.
    pub fn item_count(&self) -> usize {
        self.item_count
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.user_offsets.len() - 1
    }

    /// What a user rated, by item.
    pub fn user_row(&self, user: usize) -> &[Cell] {
        &self.user_cells[self.user_offsets[user]..self.user_offsets[user + 1]]
    }

    /// All users' rows, one after the other.
    pub(super) fn cells(&self) -> &[Cell] {
        &self.user_cells
    }

    /// Who rated an item, by user. The first call lays all ratings out by item, which takes as much memory again.
    pub fn item_row(&self, item: usize) -> &[Cell] {
        self.by_item.get_or_init(|| ByItem::of(self)).row(item)
    }

    /// How many users rated each item.
    pub fn rating_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.item_count];
        for cell in &self.user_cells {
            counts[cell.index as usize] += 1;
        }
        counts
    }

    /// The sum of each item's values, exact before it is rounded once.
    pub fn item_sums(&self) -> Vec<f64> {
        let mut sums = vec![0i64; self.item_count];
        for cell in &self.user_cells {
            sums[cell.index as usize] += i64::from(cell.fixed);
        }
        let value = |(item, sum): (usize, i64)| sum as f64 * self.unit.of(item).value;
        sums.into_iter().enumerate().map(value).collect()
    }

    /// Multiply-adds of the full item-item product: the sum over users of their ratings squared.
    pub fn products(&self) -> u64 {
        self.user_offsets.windows(2).map(|w| ((w[1] - w[0]) as u64).pow(2)).sum()
    }
}

fn accumulate(offsets: &mut [usize]) {
    for at in 1..offsets.len() {
        offsets[at] += offsets[at - 1];
    }
}

fn fixed_sum(row: &[Cell]) -> f64 {
    row.iter().map(|cell| i64::from(cell.fixed)).sum::<i64>() as f64
}
