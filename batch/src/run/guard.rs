//! The guard: how well held-out ratings are found, recorded in the manifest, and a run that finds fewer refused.

use std::collections::BTreeMap;

use akin_recommender::evaluation::{Metric, Resampling, Side, Split};
use akin_schemas::Manifest;
use akin_schemas::stage::Comparison;
use clap::Args;
use tracing::{info, warn};

use crate::evaluate::{
    Depth, Experiment, Fitted, Nothing, Quality, SidedRatings, popularity, quality_of,
};
use crate::failure::Failure;
use crate::ingest::Ratings;
use crate::progress::StageProgress;

use super::measure::MeasureOptions;
use super::options::share;

/// What is held out. The same ratings each time, however many others there are, so that figures of one store's versions
/// can be compared: neither the share nor the seed is an option.
const SPLIT: Split = Split::Random { share: 0.1, seed: 1 };
const LENGTH: usize = 10;
/// The metric that is compared.
const COMPARED: &str = "ndcg@10";

/// Whether quality is measured, and what it must be.
#[derive(Debug, Clone, Args)]
pub struct QualityOptions {
    /// Hold a tenth of the ratings out first, and record in the manifest how well they are found.
    #[arg(long)]
    pub evaluate: bool,
    /// Do so, and publish nothing when NDCG@10 falls by more than this share below the current version's [default:
    /// 0.05]. When the current version has none, publish and say so.
    #[arg(long, num_args = 0..=1, default_missing_value = "0.05", value_parser = share, value_name = "SHARE")]
    pub guard: Option<f64>,
}

impl QualityOptions {
    /// Whether anything is measured.
    pub fn is_asked(&self) -> bool {
        self.evaluate || self.guard.is_some()
    }

    /// What a measurement takes beside the ratings: their sides, a matrix of their own, and profiles.
    pub fn bytes_a_rating(&self) -> u64 {
        if self.is_asked() { 80 } else { 0 }
    }

    /// Whether a version lacks figures that are asked for and that its ratings would give.
    ///
    /// # Errors
    /// When the ratings cannot be split, which no input should be able to cause.
    pub fn finds_figures_missing(
        &self,
        version: &Manifest,
        ratings: &Ratings,
    ) -> Result<bool, Failure> {
        if !self.is_asked() || version.metrics.contains_key(COMPARED) {
            return Ok(false);
        }
        // Of too few ratings nothing can be held out: then every run would find them missing.
        Ok(held_out(ratings)?.nothing().is_none())
    }

    /// Measures what is asked for, and judges whether it has fallen too far. Where there are too few ratings to measure
    /// anything by, there are no figures, and the judgement says why: a first run may have one rating.
    ///
    /// # Errors
    /// When nothing can be measured, which no input should be able to cause.
    pub fn judge(
        &self,
        ratings: &Ratings,
        similarity: &MeasureOptions,
        threads: Option<usize>,
        published: Option<&Manifest>,
        progress: &StageProgress,
    ) -> Result<Judgement, Failure> {
        if !self.is_asked() {
            return Ok(Judgement::unasked());
        }
        let measured = measured(ratings, similarity, threads, progress)?;
        let unmeasured = measured.as_ref().err().map(|nothing| {
            format!("there are too few ratings to hold a tenth of them out ({nothing})")
        });
        let metrics = measured.unwrap_or_default();
        match (&unmeasured, metrics.get(COMPARED)) {
            (Some(why), _) => warn!("nothing is measured: {why}"),
            (None, Some(ndcg)) => info!("{COMPARED} is {ndcg:.4} on held-out ratings"),
            (None, None) => {}
        }
        let judgement = match self.guard {
            Some(share) => compared(share, metrics, published),
            None => Judgement::passed(metrics, "there is no guard".to_owned()),
        };
        Ok(judgement.without_figures(unmeasured))
    }
}

/// What was measured, and whether a run may publish it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What was found of held-out ratings; empty when nothing was measured.
    pub metrics: BTreeMap<String, f64>,
    /// Whether the run may publish.
    pub passed: bool,
    /// Why.
    pub reason: String,
    /// What was compared, if anything was.
    pub comparison: Option<Comparison>,
    /// Why there are no figures although they were asked for.
    pub unmeasured: Option<String>,
}

impl Judgement {
    /// That of a run which is not to be measured.
    pub fn unasked() -> Self {
        let reason = "neither evaluate nor guard is among the options";
        Self::passed(BTreeMap::new(), reason.to_owned())
    }

    fn passed(metrics: BTreeMap<String, f64>, reason: String) -> Self {
        Self { metrics, passed: true, reason, comparison: None, unmeasured: None }
    }

    fn without_figures(self, unmeasured: Option<String>) -> Self {
        let reason = match &unmeasured {
            Some(why) => format!("{why}; {}", self.reason),
            None => self.reason,
        };
        Self { reason, unmeasured, ..self }
    }

    /// The metrics of a run that may publish.
    ///
    /// # Errors
    /// When it may not.
    pub fn metrics(self) -> Result<BTreeMap<String, f64>, Failure> {
        match self.comparison {
            Some(Comparison { now, before, version, allowed_fall, .. }) if !self.passed => {
                Err(Failure::Guard { now, before, version, share: allowed_fall * 100.0 })
            }
            _ => Ok(self.metrics),
        }
    }
}

/// A tenth of the ratings to find, and the others to find them by.
fn held_out(ratings: &Ratings) -> Result<Experiment, Failure> {
    let sided = SidedRatings::one(ratings, Side::Train).split(SPLIT).map_err(Failure::internal)?;
    Experiment::new(&sided, None).map_err(Failure::internal)
}

fn measured(
    ratings: &Ratings,
    similarity: &MeasureOptions,
    threads: Option<usize>,
    progress: &StageProgress,
) -> Result<Result<BTreeMap<String, f64>, Nothing>, Failure> {
    let experiment = held_out(ratings)?;
    if let Some(nothing) = experiment.nothing() {
        return Ok(Err(nothing));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;
    let resampling = Resampling { rounds: 1_000, confidence: 0.95, seed: 1 };
    let depth = Depth { lengths: &[LENGTH], resampling, distance_steps: 0.0 };
    progress.begin_steps(experiment.matrix.item_count() as u64, "fitting without a tenth");
    let step = progress.steps();
    // The run has checked that it fits.
    let fitted = pool.install(|| Fitted::new(&experiment, similarity, u64::MAX, &step))?;
    progress.begin_steps(2 * experiment.cases.len() as u64, "finding the tenth");
    let step = progress.steps();
    let test = |model: &_| pool.install(|| quality_of("", model, &experiment, depth, &step));
    let found = test(&fitted.model);
    let popular = test(&popularity(&experiment).map_err(Failure::internal)?);
    progress.clear();
    Ok(Ok(recorded(&found, &popular)))
}

fn recorded(found: &Quality, popular: &Quality) -> BTreeMap<String, f64> {
    let mut metrics = BTreeMap::new();
    for at in &found.at {
        for metric in [Metric::Ndcg, Metric::Recall, Metric::HitRate] {
            let Some(mean) = at.metrics.get(metric.name()) else { continue };
            metrics.insert(format!("{}@{}", metric.name(), at.n), mean.mean);
            if metric == Metric::Ndcg {
                metrics.insert(format!("ndcg@{}_low", at.n), mean.low);
                metrics.insert(format!("ndcg@{}_high", at.n), mean.high);
            }
        }
        metrics.insert(format!("coverage@{}", at.n), at.coverage);
    }
    metrics.extend(
        popular.mean(Metric::Ndcg, LENGTH).map(|mean| (format!("popularity_{COMPARED}"), mean)),
    );
    metrics
}

fn compared(share: f64, metrics: BTreeMap<String, f64>, published: Option<&Manifest>) -> Judgement {
    let Some(current) = published else {
        let reason = "there is no version yet that the guard could compare with";
        info!("{reason}");
        return Judgement::passed(metrics, reason.to_owned());
    };
    let Some(&before) = current.metrics.get(COMPARED) else {
        let reason =
            "the current version has no held-out figures: the guard has nothing to compare with";
        warn!(version = %current.version, "{reason}");
        return Judgement::passed(metrics, reason.to_owned());
    };
    let now = metrics.get(COMPARED).copied().unwrap_or(0.0);
    let version = current.version.clone();
    Judgement {
        passed: now >= before * (1.0 - share),
        reason: format!(
            "NDCG@10 on held-out ratings is {now:.4} where version {version} has {before:.4}, and a fall of {} % is allowed",
            share * 100.0
        ),
        comparison: Some(Comparison {
            metric: COMPARED.to_owned(),
            now,
            before,
            version,
            allowed_fall: share,
        }),
        metrics,
        unmeasured: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use akin_schemas::{Cut, Measure, Parts, RatingRange, VersionCounts, VersionName};
    use chrono::DateTime;

    fn manifest(ndcg: Option<f64>) -> Manifest {
        Manifest {
            schema_version: 1,
            sequence: 1,
            rollback_of: None,
            version: VersionName::new(DateTime::UNIX_EPOCH, 5),
            write_id: String::new(),
            started_at: DateTime::UNIX_EPOCH,
            written_by: String::new(),
            measure: Measure {
                name: String::new(),
                parameters: BTreeMap::new(),
                cut: Cut::Target,
                top_k: 1,
                rating_weights: None,
            },
            rating_range: RatingRange::default(),
            counts: VersionCounts::default(),
            watermark: BTreeMap::new(),
            latest_order_micros: 0,
            input_digest: None,
            erasure_epoch: 0,
            titles_complete: false,
            warnings: Vec::new(),
            metrics: ndcg.into_iter().map(|ndcg| (COMPARED.to_owned(), ndcg)).collect(),
            parts: Parts::default(),
        }
    }

    #[test]
    fn a_fall_beyond_the_share_is_refused_and_nothing_else() {
        let found = |ndcg: Option<f64>| manifest(ndcg).metrics;
        let published = manifest(Some(0.4));
        let refused = |share, now| compared(share, found(now), Some(&published)).metrics().is_err();
        assert!(!refused(0.05, Some(0.5)) && !refused(0.05, Some(0.4)));
        assert!(!refused(0.05, Some(0.381)) && refused(0.05, Some(0.379)));
        assert!(refused(0.0, Some(0.399)) && !refused(0.5, Some(0.201)));
        // Where nothing can be held out any more, nothing is found.
        assert!(refused(0.05, None) && !refused(1.0, None));
        assert!(compared(0.05, found(Some(0.1)), Some(&manifest(None))).metrics().is_ok());
        assert!(compared(0.05, found(Some(0.1)), None).metrics().is_ok());
    }
}
