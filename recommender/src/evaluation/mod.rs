//! How good recommendations are: splits of ratings, metrics of ranked lists, and how sure their means are.
//!
//! Pure: which files the ratings come from, and how the numbers are shown, is the caller's.

mod beyond_accuracy;
mod bootstrap;
mod held_out;
mod metrics;
mod split;

pub use crate::chance::IdHashes;
pub use beyond_accuracy::{intra_list_distance, novelty};
pub use bootstrap::{Interval, Resampling, mean_intervals};
pub use held_out::{Case, Evaluation, UserResult, evaluate};
pub use metrics::{METRIC_COUNT, Metric, UserMetrics, user_metrics};
pub use split::{DatedRating, Side, Split, SplitError};
