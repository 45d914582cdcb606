//! Lists of recommendations: how long they take, and how they are found.

use std::time::Instant;

use akin_recommender::scoring::Scorer;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds in seconds: from a short profile to a whole catalogue.
const SECONDS: [f64; 12] =
    [0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];

/// What whoever scores counts.
#[derive(Debug, Clone)]
pub struct ScoringMetrics {
    seconds: Histogram,
    from_candidates: Counter,
}

impl ScoringMetrics {
    /// Makes them, to be shown by `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let new = Self { seconds: Histogram::new(SECONDS), from_candidates: Counter::default() };
        let help =
            "Time to compute one list of recommendations, reading the user's ratings included";
        registry.register_with_unit("scoring_duration", help, Unit::Seconds, new.seconds.clone());
        let help = "Lists found from the candidates kept of their users, rather than from nothing";
        registry.register("lists_from_candidates", help, new.from_candidates.clone());
        new
    }

    /// Counts a list that a scorer found just now.
    pub fn scored(&self, began: Instant, scorer: &mut Scorer) {
        self.seconds.observe(began.elapsed().as_secs_f64());
        if scorer.candidates_sufficed() {
            self.from_candidates.inc();
        }
    }
}
