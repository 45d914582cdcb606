//! The stage of the guard: measures what the run would publish, if it is asked to, and says whether it may.

use akin_schemas::stage::{EvaluateRequest, Evaluated, Ingested};
use akin_store::{Store, read_manifest};

use crate::failure::Failure;
use crate::memory;
use crate::progress::StageProgress;
use crate::run::{Facts, ItemStatistics, Judgement, check_memory, restored};
use crate::threads::on_threads;

use super::ingest::options;
use super::work::Work;

/// Judges the run. That it does not pass is an answer, and no failure.
///
/// # Errors
/// See [`Failure`].
pub fn evaluate(store: &dyn Store, request: &EvaluateRequest) -> Result<Evaluated, Failure> {
    let ingested = &request.ingest;
    let work = Work::new(store, &ingested.run);
    work.once("evaluate", request, || {
        let Judgement { metrics, passed, mut reason, comparison, .. } =
            judge(store, &work, ingested)?;
        for warning in &ingested.warnings {
            reason.push_str(&format!("; but {warning}"));
        }
        Ok(Evaluated { run: ingested.run.clone(), passed, reason, metrics, comparison })
    })
}

fn judge(store: &dyn Store, work: &Work<'_>, ingested: &Ingested) -> Result<Judgement, Failure> {
    let details = work.details(ingested)?;
    let options = options(&ingested.store, &details.options)?;
    let measure = options.similarity.measure()?;
    if !options.quality.is_asked() {
        // Without reading the ratings.
        return Ok(Judgement::unasked());
    }
    let max_memory = memory::allowed_bytes(options.max_memory);
    let ratings = on_threads(options.threads, || {
        let ratings = restored(store, &details.items, &details.profiles, max_memory)?;
        let facts = Facts::of(&ratings, None);
        let statistics = ItemStatistics::of(&ratings, &facts);
        check_memory(&options, &measure, &ratings, &facts, &statistics)?;
        Ok(ratings)
    })?;
    let before = details.before.map(|number| read_manifest(store, number)).transpose()?;
    let (similarity, progress) = (&options.similarity, StageProgress::new());
    options.quality.judge(&ratings, similarity, options.threads, before.as_ref(), &progress)
}
