//! How often and how well each item was rated.

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::failure::Failure;
use crate::ingest::Ratings;

/// Sums of ratings are taken in this fixed point, so that no order of additions can change a mean.
const FIXED_POINT: f64 = 65_536.0;

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
        statistics
            .fill(&by_item(ratings).map_err(Failure::internal)?)
            .map_err(Failure::internal)?;
        Ok(statistics)
    }

    fn fill(&mut self, grouped: &DataFrame) -> PolarsResult<()> {
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
            self.mean[at] = sum as f64 / FIXED_POINT / f64::from(count);
            self.rated_between[at] = (first.unwrap_or(0), last.unwrap_or(0));
        }
        Ok(())
    }
}

/// One row an item: `item`, `rating_count`, `rating_sum`, `rated_at_min`, `rated_at_max`.
// polars' eager aggregations are deprecated in favour of its lazy ones, whose feature pulls crates with advisories.
#[expect(deprecated)]
fn by_item(ratings: &Ratings) -> PolarsResult<DataFrame> {
    let rated = || ratings.rows.iter().filter_map(|row| Some((row, row.rating()?)));
    let item: Vec<u32> = rated().map(|(row, _)| row.item).collect();
    let rating: Vec<i64> =
        rated().map(|(_, rating)| (f64::from(rating) * FIXED_POINT).round() as i64).collect();
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
