//! `akin-batch evaluate`: holds ratings out, and counts how many of them are found.

mod experiment;
mod fitted;
mod input;
mod nothing;
mod options;
mod quality;
mod report;

pub use experiment::{Experiment, ExperimentSize, spaced};
pub use fitted::{Fitted, popularity};
pub use input::{SidedRating, SidedRatings};
pub use nothing::Nothing;
pub use options::{EvaluateOptions, InputOptions, SplitKind, SplitOptions};
pub use quality::{Depth, Mean, Quality, QualityAt, quality_of};
pub use report::Report;

use akin_recommender::scoring::Model;
use tracing::info;

use crate::failure::Failure;
use crate::memory;
use crate::progress::StageProgress;
use crate::threads::on_threads;

/// Work that the distances within lists may take at each length.
const DISTANCE_STEPS: f64 = 4e9;

/// Reads, splits, fits and tests a model, and popularity beside it.
///
/// # Errors
/// When input cannot be used, nothing is held out, or nothing is left to learn from.
pub fn evaluate(options: &EvaluateOptions) -> Result<Report, Failure> {
    // Wrong options are told before anything is read.
    let measure = options.similarity.measure()?;
    let progress = StageProgress::new();
    let ratings = on_threads(options.threads, || {
        SidedRatings::read(&options.input, options.split.split(), &progress)
    })?;
    let experiment =
        Experiment::new(&ratings, options.input.relevant_from).map_err(Failure::internal)?;
    drop(ratings);
    experiment.check_learns(&measure)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;

    info!(products = experiment.matrix.products(), "computing similarities");
    progress.begin_steps(experiment.matrix.item_count() as u64, "computing similarities");
    let step = progress.steps();
    let memory = memory::allowed_bytes(options.input.max_memory);
    let fitted = pool.install(|| Fitted::new(&experiment, &options.similarity, memory, &step))?;

    let lengths = options.lengths();
    let resampling = options.resampling();
    let depth = Depth { lengths: &lengths, resampling, distance_steps: DISTANCE_STEPS };
    let test = |name: &str, model: &Model| {
        progress.begin_steps(experiment.cases.len() as u64, &format!("ranking by {name}"));
        let step = progress.steps();
        pool.install(|| quality_of(name, model, &experiment, depth, &step))
    };
    let model = test(fitted.measure.preset().name(), &fitted.model);
    let model = Quality { fit_seconds: Some(fitted.seconds), ..model };
    let popularity = test("popularity", &popularity(&experiment).map_err(Failure::internal)?);
    progress.clear();
    Ok(Report {
        split: options.split_in_words(),
        relevant_from: options.input.relevant_from,
        size: experiment.size,
        measure: options.similarity.manifest(&fitted.measure, &fitted.weight),
        confidence: options.confidence,
        models: vec![model, popularity],
        conventions: Report::conventions(),
        program: concat!("akin-batch ", env!("CARGO_PKG_VERSION")),
    })
}
