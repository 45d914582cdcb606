//! What is known of items beside their similarities.

use akin_schemas::tables::ItemRow;

/// An item as the server knows it.
#[derive(Debug)]
pub struct Item {
    /// Its identifier.
    pub id: Box<str>,
    /// Its title, when the catalogue has one.
    pub title: Option<Box<str>>,
    /// The numbers of its genres.
    pub genres: Box<[u32]>,
}

/// How an item was rated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ItemStatistics {
    /// Users who rated it.
    pub rating_count: u32,
    /// Their mean rating; none without ratings.
    pub rating_mean: Option<f64>,
    /// The earliest and the latest rating, in microseconds since 1970; none without ratings.
    pub rated_between: Option<(i64, i64)>,
}

/// The statistics of all items by their numbers. Size: 28 bytes an item.
#[derive(Debug, Default)]
pub struct Statistics {
    counts: Vec<u32>,
    /// NaN for none.
    means: Vec<f64>,
    /// The later one first for none.
    between: Vec<(i64, i64)>,
}

impl Statistics {
    /// Adds those of the next item.
    pub fn push(&mut self, row: &ItemRow<'_>) {
        self.counts.push(u32::try_from(row.rating_count.max(0)).unwrap_or(u32::MAX));
        self.means.push(row.rating_mean.unwrap_or(f64::NAN));
        self.between.push(row.rated_between.unwrap_or((i64::MAX, i64::MIN)));
    }

    /// With no more room than is needed.
    pub fn finish(mut self) -> Self {
        self.counts.shrink_to_fit();
        self.means.shrink_to_fit();
        self.between.shrink_to_fit();
        self
    }

    /// Those of one item.
    pub fn of(&self, number: u32) -> ItemStatistics {
        let at = number as usize;
        ItemStatistics {
            rating_count: self.counts[at],
            rating_mean: Some(self.means[at]).filter(|mean| !mean.is_nan()),
            rated_between: Some(self.between[at]).filter(|(first, last)| first <= last),
        }
    }
}
