//! What is counted on the way into the ledger.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::ledger::ExecutionStatus;

/// Upper bounds in seconds of what a disk takes.
const SECONDS: [f64; 11] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];
/// Upper bounds of a batch; a whole array may go beyond the last.
const RATINGS: [f64; 11] = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    status: &'static str,
}

/// Handles to the counters of commits and executions.
#[derive(Debug, Clone)]
pub struct CommitMetrics {
    seconds: Histogram,
    ratings: Histogram,
    accepted: Counter,
    repeated: Counter,
    ended: Family<Ended, Counter>,
}

impl Default for CommitMetrics {
    /// Counters that nobody reads.
    fn default() -> Self {
        Self {
            seconds: Histogram::new(SECONDS),
            ratings: Histogram::new(RATINGS),
            accepted: Counter::default(),
            repeated: Counter::default(),
            ended: Family::default(),
        }
    }
}

impl CommitMetrics {
    /// Counters that `registry` shows.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self::default();
        let seconds = "Time of one commit, up to the disk's word that it is there";
        registry.register_with_unit("commit_duration", seconds, Unit::Seconds, new.seconds.clone());
        let ratings = "Ratings and deletions in one commit, repeated ones too; 0 where only outcomes were written";
        registry.register("commit_ratings", ratings, new.ratings.clone());
        let accepted = "Ratings and deletions accepted: they are on disk";
        registry.register("ratings_accepted", accepted, new.accepted.clone());
        let repeated = "Ratings and deletions that had been accepted before, under the same name";
        registry.register("ratings_repeated", repeated, new.repeated.clone());
        let ended = "Executions ended, by status";
        registry.register("executions_ended", ended, new.ended.clone());
        new
    }

    /// A commit of so many ratings came to its end, good or bad.
    pub fn committed(&self, ratings: usize, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
        self.ratings.observe(ratings as f64);
    }

    /// So many were accepted.
    pub fn accepted(&self, count: usize) {
        self.accepted.inc_by(count as u64);
    }

    /// So many had been accepted before.
    pub fn repeated(&self, count: usize) {
        self.repeated.inc_by(count as u64);
    }

    /// An execution ended.
    pub fn ended(&self, status: ExecutionStatus) {
        self.ended.get_or_create(&Ended { status: status.as_str() }).inc();
    }
}
