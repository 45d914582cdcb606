//! What the server counts and times, for Prometheus.
//!
//! Everything is named `akin_<what>_<unit>`; counters end in `_total`. Labels take few values only: routes as they are
//! registered, never a path, an id or a version's name twice.

mod commit;
mod observed;
mod scoring;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub use commit::CommitMetrics;
pub use observed::Observed;
pub use scoring::ScoringMetrics;

/// Upper bounds in seconds: from an answer out of memory to the longest poll.
const REQUEST_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    door: &'static str,
    reason: &'static str,
}

/// Which protocol a rating came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The REST door.
    Rest,
    /// The Step Functions door.
    StepFunctions,
}

impl Door {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::StepFunctions => "step-functions",
        }
    }
}

/// Everything that is counted while the server works; what is only looked at is [`Observed`].
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    refused: Family<RefusalLabels, Counter>,
    /// Requests whose handler panicked.
    pub panics: Counter,
    /// The way into the ledger.
    pub commit: CommitMetrics,
    /// Lists of recommendations.
    pub scoring: ScoringMetrics,
    /// Ledger entries that went into the store.
    pub flushed: Counter,
    /// Times that entries could not be written to the store.
    pub flush_failures: Counter,
    /// Whether the last one failed.
    pub is_flush_failing: AtomicBool,
    /// When everything accepted was last in the store, in seconds since 1970.
    pub flushed_at: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("akin");
        let seconds = || Histogram::new(REQUEST_SECONDS);
        let new = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            refused: Family::default(),
            panics: Counter::default(),
            commit: CommitMetrics::register(&mut registry),
            scoring: ScoringMetrics::register(&mut registry),
            flushed: Counter::default(),
            flush_failures: Counter::default(),
            is_flush_failing: AtomicBool::default(),
            flushed_at: Gauge::default(),
            registry: Registry::default(),
        };
        let requests = "Requests answered, by route (as registered; `other` where nothing is)";
        registry.register("http_requests", requests, new.requests.clone());
        let duration = "Time from a request's head to its answer's; what a client asked to wait is a part of it";
        let unit = Unit::Seconds;
        let (name, metric) = ("http_request_duration", new.request_seconds.clone());
        registry.register_with_unit(name, duration, unit.clone(), metric);
        let panics = "Requests whose handler panicked; they were answered with 500";
        registry.register("http_panics", panics, new.panics.clone());
        let refused =
            "Requests with ratings of which nothing was taken, by the door and the kind of problem";
        registry.register("rating_requests_refused", refused, new.refused.clone());
        let flushed = "Accepted entries (ratings and deletions) written to the store";
        registry.register("flushed_entries", flushed, new.flushed.clone());
        let failures =
            "Times that accepted entries could not be written to the store; the ledger keeps them";
        registry.register("flush_failures", failures, new.flush_failures.clone());
        let flushed_at = "When all that was accepted was last in the store";
        let metric = new.flushed_at.clone();
        registry.register_with_unit("flush_last_success_timestamp", flushed_at, unit, metric);
        Self { registry, ..new }
    }
}

impl Metrics {
    /// Counts an answer. `route` is the pattern that the request matched, if any.
    pub fn answered(&self, method: &str, route: Option<&'static str>, status: u16, took: Duration) {
        let (method, route) = (known_method(method), route.unwrap_or("other"));
        let labels = RouteLabels { method, route };
        self.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    /// Counts a request with ratings that was refused.
    pub fn refused(&self, door: Door, reason: &'static str) {
        self.refused.get_or_create(&RefusalLabels { door: door.as_str(), reason }).inc();
    }

    /// All of it, and what is `observed` now, in Prometheus' text format.
    ///
    /// # Errors
    /// Never: a text takes whatever is written to it.
    pub fn text(&self, observed: Observed) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        let mut now = Registry::default();
        now.register_collector(Box::new(observed));
        encode(&mut text, &now)?;
        Ok(text)
    }
}

/// Clients may send any word for a method.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_clients_send_there_are_few_series() {
        let metrics = Metrics::default();
        for n in 0..1000 {
            metrics.answered(&format!("M{n}"), None, 404, Duration::from_millis(n));
            metrics.answered("GET", Some("/items/{id}"), 200, Duration::ZERO);
            metrics.refused(Door::Rest, "invalid-rating");
        }
        let mut text = String::new();
        assert!(encode(&mut text, &metrics.registry).is_ok());
        let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(series("akin_http_requests_total{"), 2, "{text}");
        assert_eq!(series("akin_http_request_duration_seconds_count{"), 2, "{text}");
        let refused =
            "akin_rating_requests_refused_total{door=\"rest\",reason=\"invalid-rating\"} 1000";
        assert!(text.lines().any(|line| line == refused), "{text}");
        let other =
            "akin_http_requests_total{method=\"other\",route=\"other\",status=\"404\"} 1000";
        assert!(text.lines().any(|line| line == other), "{text}");
    }
}
