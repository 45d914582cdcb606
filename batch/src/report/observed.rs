//! What a run knows, and its store does not: how ratings are distributed, how many records it read, what it took.

use std::collections::BTreeMap;

use akin_schemas::RatingFigures;

/// What was seen while a version was computed. What is missing is told in words.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// How its ratings are distributed.
    pub ratings: Option<RatingFigures>,
    /// Records read from files, rejected ones included.
    pub read: Option<u64>,
    /// Those of them that were rejected, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// What the stages took, in their order.
    pub stages: Vec<StageCost>,
}

/// What a stage of a run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageCost {
    /// Its name.
    pub stage: &'static str,
    /// Seconds.
    pub seconds: f64,
    /// The most memory that the run had resident at once up to its end, in bytes, where the system tells it.
    pub peak_bytes: Option<u64>,
}
