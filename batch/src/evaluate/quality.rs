//! The quality of one model: every metric at every N, with its confidence interval.

use std::collections::BTreeMap;
use std::time::Instant;

use akin_recommender::evaluation::{
    Evaluation, Metric, Resampling, UserMetrics, evaluate, intra_list_distance, mean_intervals,
    novelty,
};
use akin_recommender::scoring::Model;
use rayon::prelude::*;
use serde::Serialize;

use super::experiment::Experiment;

/// How thoroughly to measure.
#[derive(Debug, Clone, Copy)]
pub struct Depth<'a> {
    /// The lengths of the lists, ascending.
    pub lengths: &'a [usize],
    /// How intervals are drawn.
    pub resampling: Resampling,
    /// Work that the distances within lists may take at each length, in steps of about a nanosecond; 0 for few users.
    pub distance_steps: f64,
}

/// What was measured of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Which model.
    pub name: String,
    /// Seconds that the fit took; none for popularity.
    pub fit_seconds: Option<f64>,
    /// Seconds that ranking for all users took.
    pub rank_seconds: f64,
    /// The numbers, by length of list, ascending.
    pub at: Vec<QualityAt>,
}

/// What was measured of lists of one length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityAt {
    /// The length.
    pub n: usize,
    /// Every metric by its name: means over users.
    #[serde(flatten)]
    pub metrics: BTreeMap<&'static str, Mean>,
    /// The share of the items learnt from that is in some user's list.
    pub coverage: f64,
    /// Mean over users of the mean self-information of their list, in bits.
    pub novelty: f64,
    /// Mean over users of the mean distance within their list; none where lists have one item.
    pub intra_list_diversity: Option<f64>,
    /// Over how many users that one is the mean.
    pub intra_list_users: usize,
}

/// A mean and the bounds of its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// Tests a model on the current rayon pool. `on_user` is called once a user.
pub fn quality_of(
    name: &str,
    model: &Model,
    experiment: &Experiment,
    depth: Depth<'_>,
    on_user: &(dyn Fn() + Sync),
) -> Quality {
    let Depth { lengths, resampling, distance_steps } = depth;
    let began = Instant::now();
    let found = evaluate(model, &experiment.cases, lengths, on_user);
    let rank_seconds = began.elapsed().as_secs_f64();
    let at = lengths.iter().enumerate().map(|(position, &n)| {
        let users: Vec<UserMetrics> = found.users.iter().map(|user| user.at[position]).collect();
        let means = mean_intervals(&users, resampling).into_iter().flatten();
        let means = Metric::ALL.iter().zip(means).map(|(metric, interval)| {
            let (mean, low, high) = (interval.mean, interval.low, interval.high);
            (metric.name(), Mean { mean, low, high })
        });
        let distances = Distances::of(experiment, &found, n, distance_steps);
        QualityAt {
            n,
            metrics: means.collect(),
            coverage: found.coverage(experiment.matrix.item_count(), n),
            novelty: mean_novelty(experiment, &found, n),
            intra_list_diversity: distances.mean,
            intra_list_users: distances.users,
        }
    });
    Quality { name: name.to_owned(), fit_seconds: None, rank_seconds, at: at.collect() }
}

impl Quality {
    /// The mean of a metric at a length that was measured.
    pub fn mean(&self, metric: Metric, n: usize) -> Option<f64> {
        let at = self.at.iter().find(|at| at.n == n)?;
        at.metrics.get(metric.name()).map(|mean| mean.mean)
    }
}

fn mean_novelty(experiment: &Experiment, found: &Evaluation, n: usize) -> f64 {
    let lists = found.users.iter().map(|user| &user.ranked[..n.min(user.ranked.len())]);
    let values: Vec<f64> = lists.filter_map(|list| novelty(&experiment.matrix, list)).collect();
    mean(&values).unwrap_or(0.0)
}

struct Distances {
    mean: Option<f64>,
    users: usize,
}

impl Distances {
    /// Of as many users, evenly spaced, as bounded work allows.
    fn of(experiment: &Experiment, found: &Evaluation, n: usize, steps: f64) -> Self {
        // Lists hold popular items: the mean length of a rating's item row is that of their rows.
        let squares: f64 = experiment.rating_counts.iter().map(|&c| (c as f64).powi(2)).sum();
        let row = squares / (experiment.size.train_ratings as f64).max(1.0);
        let steps_a_user = (n * n.saturating_sub(1)) as f64 * row.max(1.0);
        let most = ((steps / steps_a_user.max(1.0)) as usize).max(10);
        let every = found.users.len().div_ceil(most).max(1);
        let sample: Vec<_> = found.users.iter().step_by(every).collect();
        let values: Vec<f64> = sample
            .par_iter()
            .map(|user| &user.ranked[..n.min(user.ranked.len())])
            .filter_map(|list| intra_list_distance(&experiment.matrix, list))
            .collect();
        Self { mean: mean(&values), users: values.len() }
    }
}

/// The mean, summed in order; none without values.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
