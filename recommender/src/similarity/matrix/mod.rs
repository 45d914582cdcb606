//! The rating matrix in compressed sparse rows, by user and by item, with ratings in fixed point.

use thiserror::Error;

/// One rating in a row: the other side's number and the rating in fixed point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The item in a user's row, the user in an item's row.
    pub index: u32,
    /// The rating times [`RatingMatrix::scale`], rounded to the nearest integer.
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
/// no number of threads can change a result. The scale is a power of two, at most 2^16; ratings that are multiples of
/// 1/65,536 (half stars, for one) are held exactly, others to the nearest step.
#[derive(Debug, Clone)]
pub struct RatingMatrix {
    user_offsets: Vec<usize>,
    user_cells: Vec<Cell>,
    item_offsets: Vec<usize>,
    item_cells: Vec<Cell>,
    scale_bits: i32,
    /// By user, then item; empty where no times are known.
    ages: Vec<f32>,
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
    /// Builds both halves from `(user, item, rating)`, sorted by user and then item, without repetition.
    ///
    /// # Errors
    /// When a number is out of bounds, the order is broken, a pair repeats, or a rating is not finite.
    pub fn new<R>(user_count: usize, item_count: usize, ratings: R) -> Result<Self, MatrixError>
    where
        R: Iterator<Item = (u32, u32, f32)> + Clone,
    {
        let (mut user_offsets, mut item_offsets) =
            (vec![0; user_count + 1], vec![0; item_count + 1]);
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
            item_offsets[item as usize + 1] += 1;
            count += 1;
        }
        accumulate(&mut user_offsets);
        accumulate(&mut item_offsets);

        let largest = f64::from(largest).max(1.0);
        let scale_bits = scale_bits(largest, user_count.max(item_count)).min(16);
        let scale = 2f64.powi(scale_bits);
        let mut user_cells = Vec::with_capacity(count);
        let mut item_cells = vec![Cell { index: 0, fixed: 0 }; count];
        let mut next = item_offsets.clone();
        for (user, item, rating) in ratings {
            let fixed = (f64::from(rating) * scale).round() as i32;
            user_cells.push(Cell { index: item, fixed });
            item_cells[next[item as usize]] = Cell { index: user, fixed };
            next[item as usize] += 1;
        }
        let ages = Vec::new();
        Ok(Self { user_offsets, user_cells, item_offsets, item_cells, scale_bits, ages })
    }

    /// The same ratings with their times, in microseconds since 1970 and in the order of the ratings. What is decided by
    /// age (a half-life, a number of newest ratings) takes ratings without times for equally old.
    ///
    /// "Now" is the newest rating, so that the same ratings have the same ages whenever they are computed with.
    #[must_use]
    pub fn dated(self, times: impl Iterator<Item = i64> + Clone) -> Self {
        const DAY: f64 = 86_400e6;
        let now = times.clone().max().unwrap_or(0);
        let ages: Vec<f32> = times.map(|at| (now.abs_diff(at) as f64 / DAY) as f32).collect();
        debug_assert_eq!(ages.len(), self.user_cells.len(), "a time a rating");
        Self { ages, ..self }
    }

    /// How many days older than the newest rating a rating is.
    pub fn age(&self, position: usize) -> f64 {
        self.ages.get(position).map_or(0.0, |&age| f64::from(age))
    }

    /// The positions of a user's ratings.
    pub fn positions(&self, user: usize) -> std::ops::Range<usize> {
        self.user_offsets[user]..self.user_offsets[user + 1]
    }

    fn places(&self) -> impl Iterator<Item = (Place, f64)> + '_ {
        let scale = self.scale();
        (0..self.user_count()).flat_map(move |user| {
            self.positions(user).map(move |position| {
                let Cell { index, fixed } = self.user_cells[position];
                (Place { user, item: index as usize, position }, f64::from(fixed) / scale)
            })
        })
    }

    /// The same pairs with other values: `value(place, rating)`, which must be finite. Values are held as finely as their
    /// exact sums allow.
    pub fn reweighted(&self, value: impl Fn(Place, f64) -> f64) -> Self {
        let largest = self.places().fold(2f64.powi(-30), |largest, (place, rating)| {
            largest.max(value(place, rating).abs())
        });
        let scale_bits = scale_bits(largest, self.user_count().max(self.item_count()));
        let to_scale = 2f64.powi(scale_bits);
        let mut weighted = Self { scale_bits, ..self.clone() };
        let mut next = self.item_offsets.clone();
        for (place, rating) in self.places() {
            let fixed = (value(place, rating) * to_scale).round() as i32;
            weighted.user_cells[place.position].fixed = fixed;
            weighted.item_cells[next[place.item]].fixed = fixed;
            next[place.item] += 1;
        }
        weighted
    }

    /// The ratings for which `counts(place, rating)` holds, of the same users and items.
    pub fn filtered(&self, counts: impl Fn(Place, f64) -> bool) -> Self {
        let mut kept = Self {
            user_offsets: vec![0; self.user_offsets.len()],
            user_cells: Vec::new(),
            item_offsets: vec![0; self.item_offsets.len()],
            item_cells: Vec::new(),
            scale_bits: self.scale_bits,
            ages: Vec::new(),
        };
        for (place, _) in self.places().filter(|&(place, rating)| counts(place, rating)) {
            kept.user_cells.push(self.user_cells[place.position]);
            kept.ages.extend(self.ages.get(place.position));
            kept.user_offsets[place.user + 1] += 1;
            kept.item_offsets[place.item + 1] += 1;
        }
        accumulate(&mut kept.user_offsets);
        accumulate(&mut kept.item_offsets);
        kept.item_cells = vec![Cell { index: 0, fixed: 0 }; kept.user_cells.len()];
        let mut next = kept.item_offsets.clone();
        for user in 0..kept.user_count() {
            for position in kept.positions(user) {
                let Cell { index, fixed } = kept.user_cells[position];
                let place = &mut next[index as usize];
                kept.item_cells[*place] = Cell { index: user as u32, fixed };
                *place += 1;
            }
        }
        kept
    }

    /// The sum of the ratings in a row, exact before it is rounded once.
    pub fn rating_sum(&self, row: &[Cell]) -> f64 {
        row.iter().map(|cell| i64::from(cell.fixed)).sum::<i64>() as f64 / self.scale()
    }

    /// The sum of an item's squared values, in fixed point squared. Exact.
    pub fn squared_norm(&self, item: usize) -> i64 {
        self.item_row(item).iter().map(|cell| i64::from(cell.fixed).pow(2)).sum()
    }

    /// How many items there are, rated or not.
    pub fn item_count(&self) -> usize {
        self.item_offsets.len() - 1
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.user_offsets.len() - 1
    }

    /// What a user rated, by item.
    pub fn user_row(&self, user: usize) -> &[Cell] {
        &self.user_cells[self.user_offsets[user]..self.user_offsets[user + 1]]
    }

    /// Who rated an item, by user.
    pub fn item_row(&self, item: usize) -> &[Cell] {
        &self.item_cells[self.item_offsets[item]..self.item_offsets[item + 1]]
    }

    /// What a rating of 1 is in fixed point: a power of two.
    pub fn scale(&self) -> f64 {
        2f64.powi(self.scale_bits)
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

/// The largest scale at which a sum of `terms` products of the largest rating stays below 2^62.
fn scale_bits(largest: f64, terms: usize) -> i32 {
    let terms_bits = (usize::BITS - terms.leading_zeros()).cast_signed();
    let whole_bits = largest.log2().floor() as i32 + 1;
    (62 - terms_bits) / 2 - whole_bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(ratings: &[(u32, u32, f32)]) -> Result<RatingMatrix, MatrixError> {
        RatingMatrix::new(3, 4, ratings.iter().copied())
    }

    #[test]
    fn both_halves_hold_the_same_ratings() -> Result<(), MatrixError> {
        let m = matrix(&[(0, 1, 4.5), (0, 3, 1.0), (2, 1, 0.5)])?;
        let cell = |index, rating: f64| Cell { index, fixed: (rating * m.scale()) as i32 };
        assert_eq!(m.user_row(0), [cell(1, 4.5), cell(3, 1.0)]);
        assert_eq!(m.user_row(1), []);
        assert_eq!(m.item_row(1), [cell(0, 4.5), cell(2, 0.5)]);
        assert_eq!(m.item_row(0), []);
        assert_eq!((m.user_count(), m.item_count(), m.products()), (3, 4, 5));
        Ok(())
    }

    #[test]
    fn what_does_not_count_is_in_neither_half() -> Result<(), MatrixError> {
        let m = matrix(&[(0, 1, 4.5), (0, 3, 1.0), (2, 1, 0.5)])?
            .dated([1, 2, 3].into_iter())
            .filtered(|_, rating| rating < 4.0);
        let same = matrix(&[(0, 3, 1.0), (2, 1, 0.5)])?;
        for user in 0..3 {
            assert_eq!(m.user_row(user), same.user_row(user));
        }
        for item in 0..4 {
            assert_eq!(m.item_row(item), same.item_row(item));
        }
        // The ages go with their ratings.
        assert_eq!(m.ages.len(), 2);
        assert!(m.age(0) > 0.0 && m.age(1) == 0.0);
        Ok(())
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        let refused = |ratings: &[(u32, u32, f32)]| matrix(ratings).err();
        assert_eq!(
            refused(&[(0, 4, 1.0)]),
            Some(MatrixError::OutOfBounds { position: 0, user: 0, item: 4 })
        );
        assert_eq!(
            refused(&[(1, 0, 1.0), (0, 0, 1.0)]),
            Some(MatrixError::OutOfOrder { position: 1 })
        );
        assert_eq!(
            refused(&[(0, 0, 1.0), (0, 0, 2.0)]),
            Some(MatrixError::OutOfOrder { position: 1 })
        );
        assert_eq!(refused(&[(0, 0, f32::NAN)]), Some(MatrixError::NotFinite { position: 0 }));
    }

    #[test]
    fn sums_of_products_cannot_overflow() {
        for largest in [1e-9f64, 0.5, 1.0, 5.0, 10.0, 1000.0, 1e6] {
            for terms in [1usize, 1000, 138_493, 1 << 22, 1 << 31] {
                let fixed = (largest * 2f64.powi(scale_bits(largest, terms))).round();
                assert!(fixed < f64::from(i32::MAX));
                assert!(fixed * fixed * terms as f64 <= 2f64.powi(62), "{largest} {terms}");
            }
        }
        assert!(scale_bits(10.0, 138_493) >= 16);
    }
}
