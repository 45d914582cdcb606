//! How often and how well each item was rated.

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::failure::Failure;
use crate::ingest::{Ratings, Row};

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
    /// Groups the ratings by item. Tombstones do not count.
    ///
    /// # Errors
    /// When the frame cannot be built, which no input should be able to cause.
    pub fn of(ratings: &Ratings) -> Result<Self, Failure> {
        let mut statistics = Self {
            count: vec![0; ratings.items.len()],
            mean: vec![0.0; ratings.items.len()],
            rated_between: vec![(0, 0); ratings.items.len()],
        };
        let scale = scale(ratings);
        let grouped = by_item(ratings, scale).map_err(Failure::internal)?;
        statistics.fill(&grouped, scale).map_err(Failure::internal)?;
        Ok(statistics)
    }

    fn fill(&mut self, grouped: &DataFrame, scale: f64) -> PolarsResult<()> {
        let item = grouped.column("item")?.u32()?;
        let count = grouped.column("rating_count")?.u32()?;
        let sum = grouped.column("rating_sum")?.i64()?;
        let first = grouped.column("rated_at_min")?.i64()?;
        let last = grouped.column("rated_at_max")?.i64()?;
        let rows = item.iter().zip(count.iter()).zip(sum.iter()).zip(first.iter().zip(last.iter()));
        for (((item, count), sum), (first, last)) in rows {
            let (Some(item), Some(count), Some(sum)) = (item, count, sum) else { continue };
            let at = item as usize;
            self.count[at] = u64::from(count);
            self.mean[at] = sum as f64 / scale / f64::from(count);
            self.rated_between[at] = (first.unwrap_or(0), last.unwrap_or(0));
        }
        Ok(())
    }
}

/// What a rating of 1 is in fixed point: a power of two, so small that the sum of all ratings stays below 2^62.
fn scale(ratings: &Ratings) -> f64 {
    let rated = ratings.rows.iter().filter_map(Row::rating);
    let largest = rated.fold(1.0, |largest: f32, rating| largest.max(rating.abs()));
    let bits = |number: f64| number.log2().floor() as i32 + 1;
    let room = 62 - bits(f64::from(largest)) - bits(ratings.rows.len().max(1) as f64);
    2f64.powi(room.min(FRACTION_BITS))
}

/// One row an item: `item`, `rating_count`, `rating_sum`, `rated_at_min`, `rated_at_max`.
// polars' eager aggregations are deprecated in favour of its lazy ones, whose feature pulls crates with advisories.
#[expect(deprecated)]
fn by_item(ratings: &Ratings, scale: f64) -> PolarsResult<DataFrame> {
    let rated = || ratings.rows.iter().filter_map(|row| Some((row, row.rating()?)));
    let item: Vec<u32> = rated().map(|(row, _)| row.item).collect();
    let rating: Vec<i64> =
        rated().map(|(_, rating)| (f64::from(rating) * scale).round() as i64).collect();
    let rated_at: Vec<i64> = rated().map(|(row, _)| row.rated_at).collect();
    let frame = DataFrame::new_infer_height(vec![
        Column::new("item".into(), item),
        Column::new("rating".into(), rating),
        Column::new("rated_at".into(), rated_at),
    ])?;
    let groups = frame.group_by(["item"])?;
    let mut grouped = groups.clone().select(["rating"]).sum()?;
    let count = groups.clone().select(["rating"]).count()?;
    let first = groups.clone().select(["rated_at"]).min()?;
    let last = groups.select(["rated_at"]).max()?;
    grouped.with_column(count.column("rating_count")?.clone())?;
    grouped.with_column(first.column("rated_at_min")?.clone())?;
    grouped.with_column(last.column("rated_at_max")?.clone())?;
    Ok(grouped)
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
        Ok(ItemStatistics::of(&collector.finish(CatalogueFile::default())?)?.mean)
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
