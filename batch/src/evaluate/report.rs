//! What an evaluation reports: one JSON object, or a table.

use std::fmt;

use akin_recommender::evaluation::Metric;
use akin_schemas::{Cut, Measure};
use serde::Serialize;

use super::experiment::ExperimentSize;
use super::quality::{Mean, Quality, QualityAt};

/// How the numbers are to be understood.
const CONVENTIONS: [&str; 6] = [
    "every item learnt from is ranked for every user, less the user's rated ones, by the function that serves, \
     what is popular included where similarities say nothing",
    "means are over users with at least one relevant held-out item, each counting once",
    "recall: hits / relevant; recall_capped: hits / min(N, relevant); precision: hits / N",
    "ndcg: binary gain, discount 1 / log2(rank + 1), ideal list of min(N, relevant); map: sum of the precisions at \
     hits / min(N, relevant); mrr: 1 / rank of the first hit within N; hit_rate: share of users with a hit",
    "coverage: share of the items learnt from that is in some list; novelty: mean of log2(users / raters), in bits; \
     diversity: mean over all pairs of a list of 1 - cosine of their raters",
    "intervals: percentile bootstrap over users",
];

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The split in words.
    pub split: String,
    /// The least rating that counts as relevant; none when any does.
    pub relevant_from: Option<f32>,
    /// How large the experiment is.
    pub size: ExperimentSize,
    /// How similarities were computed.
    pub measure: Measure,
    /// The share of means within an interval.
    pub confidence: f64,
    /// The model and, beside it, popularity.
    pub models: Vec<Quality>,
    /// How the numbers are to be understood.
    pub conventions: Vec<&'static str>,
    /// What computed it.
    pub program: &'static str,
}

impl Report {
    /// What every report says alike.
    pub fn conventions() -> Vec<&'static str> {
        CONVENTIONS.to_vec()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = &self.size;
        writeln!(f, "split      {}", self.split)?;
        let relevant = self.relevant_from.map(|least| format!(" that are {least} or more"));
        let relevant = relevant.unwrap_or_default();
        writeln!(
            f,
            "learnt     {} ratings, {} users, {} items",
            size.train_ratings, size.train_users, size.train_items
        )?;
        writeln!(
            f,
            "to find    {} held-out ratings{relevant}, of {} users ({} of unknown items, {} in the profile)",
            size.relevant, size.test_users, size.relevant_unknown, size.relevant_seen
        )?;
        let parameters = self.measure.parameters.iter();
        let parameters: Vec<_> =
            parameters.map(|(name, value)| format!("{name} {value}")).collect();
        let (name, k) = (&self.measure.name, self.measure.top_k);
        let cut = match self.measure.cut {
            Cut::Target => "target",
            Cut::Source => "source",
        };
        writeln!(f, "measure    {name}, top-k {k}, cut by {cut}, {}", parameters.join(", "))?;
        if let Some(weights) = &self.measure.rating_weights {
            let (fit, profile) = (&weights.similarities, &weights.profiles);
            writeln!(f, "weights    {fit} in similarities, {profile} in profiles")?;
        }
        writeln!(f, "interval   -+ half of the {:.0} % interval\n", self.confidence * 100.0)?;
        for metrics in [&Metric::ALL[..4], &Metric::ALL[4..]] {
            self.table(f, metrics)?;
        }
        for convention in &self.conventions {
            writeln!(f, "- {convention}")?;
        }
        write!(f, "{}", self.program)
    }
}

impl Report {
    fn table(&self, f: &mut fmt::Formatter<'_>, metrics: &[Metric]) -> fmt::Result {
        let is_last = metrics.len() < 4;
        write!(f, "{:<24}{:>5}", "", "N")?;
        for metric in metrics {
            write!(f, "{:>16}", metric.name())?;
        }
        writeln!(f, "{}", if is_last { "  coverage   novelty diversity" } else { "" })?;
        let rows = self.models.iter().flat_map(|m| m.at.iter().map(move |at| (&m.name, at)));
        for (name, at) in rows {
            write!(f, "{name:<24}{:>5}", at.n)?;
            for metric in metrics {
                write!(f, "{:>16}", at.metrics.get(metric.name()).map(cell).unwrap_or_default())?;
            }
            writeln!(f, "{}", if is_last { beyond(at) } else { String::new() })?;
        }
        writeln!(f)
    }
}

fn cell(mean: &Mean) -> String {
    format!("{:.4} -+{:.4}", mean.mean, (mean.high - mean.low) / 2.0)
}

fn beyond(at: &QualityAt) -> String {
    let diversity = at.intra_list_diversity.map_or("-".to_owned(), |value| format!("{value:.4}"));
    format!("{:>10.4}{:>10.4}{diversity:>10}", at.coverage, at.novelty)
}
