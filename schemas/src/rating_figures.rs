//! How a version's ratings are distributed: what a report shows of them, counted while they are in memory.

use serde::{Deserialize, Serialize};

/// Counts of all ratings that stand; tombstones are none. Each list is in ascending order of what it counts by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RatingFigures {
    /// Values, and how many ratings have each. Of thousands of different values those that are close are counted as one.
    pub values: Vec<(f32, u64)>,
    /// Months in UTC, in months since January 1970, and how many ratings were given in each.
    pub months: Vec<(i64, u64)>,
    /// Numbers of ratings, and how many users gave so many.
    pub activity: Vec<(u64, u64)>,
}
