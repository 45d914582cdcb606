//! How often and how well each item was rated.

use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use crate::ingest::{Block, Ratings};

use super::facts::Facts;

/// Bits after the point in which ratings are summed, so that no order of additions can change a mean; fewer where they
/// are so great or so many that their sum would not fit.
const FRACTION_BITS: i32 = 16;

/// Statistics by item number; items without ratings have a count of 0.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemStatistics {
    /// Users who rated the item.
    pub count: Vec<u64>,
    /// Their mean rating; 0 without ratings.
    pub mean: Vec<f64>,
    /// The earliest and the latest rating, in microseconds since 1970.
    pub rated_between: Vec<(i64, i64)>,
}

impl ItemStatistics {
    /// Groups the ratings by item, on the current rayon pool. Tombstones do not count.
    pub fn of(ratings: &Ratings, facts: &Facts) -> Self {
        let scale = scale(facts);
        let (items, blocks) = (ratings.items.len(), ratings.rows.blocks());
        // One share a thread, because each counts every item for itself.
        let share = blocks.len().div_ceil(rayon::current_num_threads()).max(1);
        let shares = blocks.par_chunks(share).map(|blocks| counted(blocks, items, scale));
        let of_items = shares.reduce_with(|mut all, more| {
            all.iter_mut().zip(more).for_each(|(all, more)| all.add(more));
            all
        });
        let of_items = of_items.unwrap_or_else(|| vec![OfItem::NONE; items]);
        let mean = |of: &OfItem| match of.count {
            0 => 0.0,
            count => of.sum as f64 / scale / count as f64,
        };
        let between = |of: &OfItem| if of.count > 0 { (of.first, of.last) } else { (0, 0) };
        Self {
            count: of_items.iter().map(|of| of.count).collect(),
            mean: of_items.iter().map(mean).collect(),
            rated_between: of_items.iter().map(between).collect(),
        }
    }
}

/// What a rating of 1 is in fixed point: a power of two, so small that the sum of all ratings stays below 2^62.
fn scale(facts: &Facts) -> f64 {
    let bits = |number: f64| number.log2().floor() as i32 + 1;
    let room = 62 - bits(f64::from(facts.largest)) - bits(facts.entries.max(1) as f64);
    2f64.powi(room.min(FRACTION_BITS))
}

/// Of one item's ratings.
#[derive(Debug, Clone, Copy)]
struct OfItem {
    count: u64,
    /// In fixed point.
    sum: i64,
    first: i64,
    last: i64,
}

impl OfItem {
    const NONE: Self = Self { count: 0, sum: 0, first: i64::MAX, last: i64::MIN };

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

fn counted(blocks: &[Block], items: usize, scale: f64) -> Vec<OfItem> {
    let mut of_items = vec![OfItem::NONE; items];
    let mut rows = Vec::new();
    for block in blocks {
        rows.clear();
        block.unpack(&mut rows);
        for row in &rows {
            let Some(rating) = row.rating() else { continue };
            let sum = (f64::from(rating) * scale).round() as i64;
            let (first, last) = (row.rated_at, row.rated_at);
            of_items[row.item as usize].add(OfItem { count: 1, sum, first, last });
        }
    }
    of_items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{CatalogueFile, Collector};
    use akin_recommender::profile::{OrderKey, Origin};

    fn means(ratings: &[(&str, f32)]) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
        let mut collector = Collector::new(1 << 20);
        for ((item, rating), sequence) in ratings.iter().zip(0..) {
            let order = OrderKey { micros: 7, origin: Origin::FILES, sequence };
            collector.push(&sequence.to_string(), item, Some(*rating), 7, order)?;
        }
        let ratings = collector.finish(CatalogueFile::default())?;
        Ok(ItemStatistics::of(&ratings, &Facts::of(&ratings, None)).mean)
    }

    #[test]
    fn means_are_those_of_the_ratings_however_great_they_are()
    -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(means(&[("a", 0.5), ("b", 5.0), ("a", 4.0)])?, [2.25, 5.0]);
        let (low, high) = (2f32.powi(47), 2f32.powi(55));
        let mean = 2f64.powi(46) + 2f64.powi(54);
        assert_eq!(means(&[("a", low), ("a", high), ("b", -high)])?, [mean, -2f64.powi(55)]);
        let most = f64::from(f32::MAX);
        assert_eq!(means(&[("a", f32::MAX), ("b", -f32::MAX), ("a", f32::MAX)])?, [most, -most]);
        // Each of these fits where their sum would not.
        assert_eq!(means(&[("a", 2f32.powi(46)); 1_000])?, [2f64.powi(46)]);
        Ok(())
    }
}
