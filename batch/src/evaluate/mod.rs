//! `akin-batch evaluate`: holds ratings out, and counts how many of them are found.

mod experiment;
mod input;
mod options;
mod quality;
mod report;

pub use experiment::{Experiment, ExperimentSize};
pub use input::{SidedRating, SidedRatings};
pub use options::{EvaluateOptions, InputOptions, SplitKind, SplitOptions};
pub use quality::{Mean, Quality, QualityAt};
pub use report::Report;

use std::time::Instant;

use akin_recommender::scoring::Model;
use akin_recommender::similarity::{FitSize, Neighbours, fit};
use tracing::info;

use crate::failure::Failure;
use crate::memory;
use crate::progress::StageProgress;
use crate::run::check_cost;

/// Reads, splits, fits and tests a model, and popularity beside it.
///
/// # Errors
/// When input cannot be used, or nothing is held out.
pub fn evaluate(options: &EvaluateOptions) -> Result<Report, Failure> {
    let measure = options.similarity.measure()?;
    let progress = StageProgress::new();
    let ratings = SidedRatings::read(&options.input, options.split.split(), &progress)?;
    let experiment =
        Experiment::new(&ratings, options.input.relevant_from).map_err(Failure::internal)?;
    drop(ratings);
    if experiment.cases.is_empty() {
        return Err(Failure::NothingHeldOut);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;

    let (items, users) = (experiment.matrix.item_count(), experiment.cases.len() as u64);
    let selection = options.similarity.selection();
    let size = FitSize {
        ratings: experiment.size.train_ratings,
        items: items as u64,
        threads: pool.current_num_threads() as u64,
    };
    check_cost(&measure, selection, size, 0, memory::allowed_bytes(options.input.max_memory))?;
    info!(products = experiment.matrix.products(), "computing similarities");
    progress.begin_steps(items as u64, "computing similarities");
    let (step, began) = (progress.steps(), Instant::now());
    let neighbours = pool.install(|| fit(&experiment.matrix, &measure, selection, &step))?;
    let fit_seconds = began.elapsed().as_secs_f64();

    let weight = options.similarity.profile_weight(&measure, &experiment.matrix);
    let test = |name: &str, neighbours: Neighbours| {
        let model = Model::new(neighbours, &experiment.rating_counts).map_err(Failure::internal)?;
        let model = model.weighing(weight);
        progress.begin_steps(users, &format!("ranking by {name}"));
        let (step, lengths) = (progress.steps(), options.lengths());
        let resampling = options.resampling();
        let measure = || quality::measure(name, &model, &experiment, &lengths, resampling, &step);
        Ok::<_, Failure>(pool.install(measure))
    };
    let model = test(measure.preset().name(), neighbours)?;
    let model = Quality { fit_seconds: Some(fit_seconds), ..model };
    let popularity = test("popularity", Neighbours::from_rows(vec![Vec::new(); items]))?;
    progress.clear();
    Ok(Report {
        split: options.split_in_words(),
        relevant_from: options.input.relevant_from,
        size: experiment.size,
        measure: options.similarity.manifest(&measure, &weight),
        confidence: options.confidence,
        models: vec![model, popularity],
        conventions: Report::conventions(),
        program: concat!("akin-batch ", env!("CARGO_PKG_VERSION")),
    })
}
