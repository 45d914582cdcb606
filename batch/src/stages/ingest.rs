//! The first stage: everything that is read from outside is read here.

use akin_recommender::similarity::has_independent_rows;
use akin_schemas::stage::{IngestDetails, IngestRequest, Ingested, MAX_SHARDS, Shard};
use akin_schemas::{VersionCounts, VersionName};
use akin_store::Store;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use clap::{Args, Command, FromArgMatches};
use serde_json::Value;
use std::collections::BTreeMap;
use tracing::warn;

use crate::config;
use crate::failure::Failure;
use crate::progress::StageProgress;
use crate::run::{
    ItemStatistics, RunOptions, TakenIn, put_items, put_profiles, rating_figures, record_end,
};
use crate::threads::on_threads;

use super::work::Work;

/// The options of a run in documents.
///
/// # Errors
/// When one is none, or not an option that a stage has.
pub fn options(store: &str, options: &BTreeMap<String, Value>) -> Result<RunOptions, Failure> {
    for name in ["store", "config", "json", "report", "no-report"] {
        if options.contains_key(name) {
            return Err(Failure::Usage(format!(
                "{name:?} is no option of a stage; remove it from the document's options"
            )));
        }
    }
    let usage = |problem: String| Failure::Usage(format!("the document's options: {problem}"));
    let command = RunOptions::augment_args(Command::new("run").no_binary_name(true));
    let text = serde_json::to_string(options).map_err(Failure::internal)?;
    let mut arguments = config::options_of(&text, &command, &[]).map_err(usage)?;
    arguments.push(format!("--store={store}"));
    // clap says more than fits on a line.
    let first_line = |error: clap::Error| {
        let text = error.to_string();
        let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
        usage(lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
    };
    let matches = command.try_get_matches_from(arguments).map_err(first_line)?;
    RunOptions::from_arg_matches(&matches).map_err(first_line)
}

/// Takes in what the request names, and leaves it in the run's folder.
///
/// # Errors
/// See [`Failure`].
pub fn ingest(
    store: &dyn Store,
    request: &IngestRequest,
    now: DateTime<Utc>,
) -> Result<Ingested, Failure> {
    let options = options(&request.store, &request.options)?;
    options.similarity.measure()?;
    if !(1..=MAX_SHARDS).contains(&request.shards) {
        return Err(Failure::Usage(format!(
            "shards is {}; a run has 1 to {MAX_SHARDS}",
            request.shards
        )));
    }
    let work = Work::new(store, &request.run);
    let take_in = || take_in(store, &work, request, &options, now);
    work.once("ingest", request, || on_threads(options.threads, take_in))
}

fn take_in(
    store: &dyn Store,
    work: &Work<'_>,
    request: &IngestRequest,
    options: &RunOptions,
    now: DateTime<Utc>,
) -> Result<Ingested, Failure> {
    let measure = options.similarity.measure()?;
    // The number is fixed before any input is read, and the same however often this is tried.
    let begun = work.begin(request, now)?;
    let taken = TakenIn::read(options, &measure, store, now, &StageProgress::new())?;
    let counts = taken.counts();
    if let Some(current) = taken.unchanged(options)? {
        // The run ends here.
        record_end(store, current, false);
        let found = (false, current.version.clone(), current.sequence);
        return Ok(document(request, found, &taken, counts));
    }
    taken.accept(options, store, &begun.version)?;
    let statistics = ItemStatistics::of(&taken.ratings, &taken.facts);
    let details = IngestDetails {
        options: request.options.clone(),
        before: taken.published.as_ref().map(|manifest| manifest.sequence),
        rating_range: taken.range,
        counts,
        watermark: taken.watermark.clone(),
        latest_order_micros: taken.latest_order_micros(),
        input_digest: taken.input_digest()?,
        erasure_epoch: taken.erasure_epoch(),
        titles_complete: taken.titles.complete,
        warnings: taken.warnings.clone(),
        items: put_items(&work.parts("items"), &taken.ratings, &statistics, &|| ())?,
        profiles: put_profiles(&work.parts("profiles"), &taken.ratings, &|| ())?,
        rating_figures: Some(rating_figures(&taken.ratings)),
        begun,
    };
    let shards = if has_independent_rows(&measure, options.similarity.selection()) {
        request.shards
    } else {
        if request.shards > 1 {
            warn!(
                asked = request.shards,
                "these similarities are not divided: each share would compute everything"
            );
        }
        1
    };
    let bytes = serde_json::to_vec_pretty(&details).map_err(Failure::internal)?;
    let found = (true, details.begun.version.clone(), details.begun.sequence);
    Ok(Ingested {
        shards: Shard::all(shards).collect(),
        details: Some(work.put("details", "json", Bytes::from(bytes))?),
        ..document(request, found, &taken, counts)
    })
}

fn document(
    request: &IngestRequest,
    (changed, version, sequence): (bool, VersionName, u64),
    taken: &TakenIn,
    counts: VersionCounts,
) -> Ingested {
    let rejects = &taken.ratings.rejects;
    let reasons = rejects.counts().iter();
    Ingested {
        run: request.run.clone(),
        store: request.store.clone(),
        changed,
        version,
        sequence,
        shards: Vec::new(),
        ratings_read: taken.ratings.read,
        ratings_rejected: rejects.total(),
        rejected_by_reason: reasons.map(|(reason, n)| (reason.to_string(), *n)).collect(),
        ratings: counts.ratings,
        users: counts.users,
        items: counts.items,
        titles: Some(taken.titles.now),
        titles_before: taken.titles.before,
        warnings: taken.warnings.clone(),
        details: None,
    }
}
