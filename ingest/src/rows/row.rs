//! One rating or tombstone in dense form.

use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::unsigned_zero;

/// One rating or tombstone, as it is worked with. Many are held in [`Rows`](super::Rows), which take a third of this.
///
/// Two rows are equal when all their fields are, a tombstone being equal to a tombstone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row {
    /// Index of the user.
    pub user: u32,
    /// Index of the item.
    pub item: u32,
    /// NaN for a tombstone: an `Option` would cost four bytes more, and no rating is NaN.
    rating: f32,
    /// Index of the order key's origin.
    pub origin: u16,
    /// When the rating was given, in microseconds since 1970. Data, not order.
    pub rated_at: i64,
    /// Order key, first.
    pub order_micros: i64,
    /// Order key, third.
    pub sequence: u64,
}

/// What a row's order among all rows is: by user, by item, the later entry first.
type SortKey = (u32, u32, std::cmp::Reverse<(i64, u16, u64, i64, u32)>);

impl Row {
    pub(crate) fn new(
        [user, item]: [u32; 2],
        origin: u16,
        rating: Option<f32>,
        rated_at: i64,
        order: OrderKey,
    ) -> Self {
        // Tables of older programs may hold minus zero.
        let rating = rating.map_or(f32::NAN, unsigned_zero);
        let OrderKey { micros, sequence, .. } = order;
        Self { user, item, rating, origin, rated_at, order_micros: micros, sequence }
    }

    /// One that a file gave: its place in the order is its time, then its number.
    pub(crate) fn of_file(
        [user, item]: [u32; 2],
        origin: u16,
        rating: f32,
        micros: i64,
        sequence: u64,
    ) -> Self {
        let rating = unsigned_zero(rating);
        Self { user, item, rating, origin, rated_at: micros, order_micros: micros, sequence }
    }

    /// The rating; none for a tombstone.
    pub fn rating(&self) -> Option<f32> {
        (!self.rating.is_nan()).then_some(self.rating)
    }

    /// NaN for a tombstone.
    pub(super) fn rating_or_nan(&self) -> f32 {
        self.rating
    }

    pub(super) fn set_rating(&mut self, or_nan: f32) {
        self.rating = or_nan;
    }

    /// The row as an entry of a profile. `origins` are those of the [`Ratings`](crate::Ratings) that hold the row.
    pub fn entry(&self, origins: &[Origin]) -> Entry {
        let order = OrderKey {
            micros: self.order_micros,
            origin: origins[usize::from(self.origin)],
            sequence: self.sequence,
        };
        Entry { rating: self.rating(), rated_at: self.rated_at, order }
    }

    /// Order keys are unique, so the last two parts decide nothing in sound input; with them, rows that a damaged source
    /// gave the same key still sort the same way whatever the order of reading.
    pub(super) fn sort_key(&self) -> SortKey {
        let content = (self.rated_at, self.rating.to_bits());
        let order = (self.order_micros, self.origin, self.sequence, content.0, content.1);
        (self.user, self.item, std::cmp::Reverse(order))
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.sort_key() == other.sort_key()
    }
}

impl Eq for Row {}
