//! The stage that publishes: parts go up, and the manifest is the commit, as in any run.

use std::collections::BTreeMap;

use akin_schemas::stage::{Evaluated, PublishRequest, Published, RunName, Shard, Similarities};
use akin_schemas::tables::{EncodedPart, Neighbours};
use akin_schemas::{Manifest, ObjectKey, PartEntry, Parts, VersionCounts, VersionName};
use akin_store::{Content, Part, Publication, Store, read_last_run};
use tracing::info;

use crate::failure::Failure;
use crate::run::{PROGRAM, TableSink, follow_again, into_table, publish as commit, record_end};

use super::ingest::options;
use super::work::Work;

/// Publishes what the other stages left. A run that has published already gives the same answer again.
///
/// # Errors
/// See [`Failure`]; unless it says otherwise, nothing was published.
pub fn publish(store: &dyn Store, request: &PublishRequest) -> Result<Published, Failure> {
    let ingested = &request.ingest;
    let details = Work::new(store, &ingested.run).details(ingested)?;
    let publication = Publication::resume(store, details.begun.clone());
    if let Some(manifest) = publication.published()? {
        info!(version = %manifest.version, "this was published before");
        follow_again(store, &manifest);
        record_once(store, &manifest);
        return Ok(published(request, &manifest));
    }
    let options = options(&ingested.store, &details.options)?;
    let metrics = metrics(request, options.quality.is_asked())?;
    let shards = shards(request)?;
    let parts = Parts {
        neighbours: joined(store, &publication, &shards)?,
        items: copied(store, &publication, ObjectKey::items_part, &details.items)?,
        profiles: copied(store, &publication, ObjectKey::profiles_part, &details.profiles)?,
    };
    let pairs = shards.iter().map(|shard| shard.pairs).sum();
    let content = Content {
        rollback_of: None,
        written_by: PROGRAM.to_owned(),
        measure: shards[0].measure.clone(),
        rating_range: details.rating_range,
        counts: VersionCounts { pairs, ..details.counts },
        watermark: details.watermark,
        latest_order_micros: details.latest_order_micros,
        input_digest: Some(details.input_digest),
        erasure_epoch: details.erasure_epoch,
        titles_complete: details.titles_complete,
        warnings: details.warnings,
        metrics,
        parts,
    };
    let manifest = commit(store, publication, content)?;
    record_end(store, &manifest, true);
    Ok(published(request, &manifest))
}

/// Records the end of a run that published before, unless that was done then: repeated a day later, it is not a run of
/// that day.
fn record_once(store: &dyn Store, manifest: &Manifest) {
    match read_last_run(store) {
        Ok(Some(last)) if last.sequence >= manifest.sequence => {}
        _ => record_end(store, manifest, true),
    }
}

fn published(request: &PublishRequest, manifest: &Manifest) -> Published {
    Published {
        run: request.ingest.run.clone(),
        store: request.ingest.store.clone(),
        version: manifest.version.clone(),
        sequence: manifest.sequence,
        counts: manifest.counts,
        manifest: ObjectKey::manifest(manifest.sequence),
    }
}

/// The metrics of a run that may publish.
fn metrics(request: &PublishRequest, is_asked: bool) -> Result<BTreeMap<String, f64>, Failure> {
    let ingested = &request.ingest;
    match &request.evaluate {
        None if is_asked => Err(Failure::Usage(
            "the run is to be judged, and the document has no \"evaluate\"; run akin-batch evaluate first".to_owned(),
        )),
        None => Ok(BTreeMap::new()),
        Some(Evaluated { run, .. }) if *run != ingested.run => Err(of_another_run(run, request)),
        Some(Evaluated { passed: false, comparison: Some(compared), .. }) => Err(Failure::Guard {
            now: compared.now,
            before: compared.before,
            version: compared.version.clone(),
            share: compared.allowed_fall * 100.0,
        }),
        Some(Evaluated { passed: false, reason, .. }) => {
            Err(Failure::Usage(format!("evaluate did not let the run pass: {reason}")))
        }
        Some(Evaluated { metrics, .. }) => Ok(metrics.clone()),
    }
}

fn of_another_run(run: &RunName, request: &PublishRequest) -> Failure {
    let expected = &request.ingest.run;
    Failure::Usage(format!(
        "a document of run {run} stands among those of {expected}; give those of one run"
    ))
}

/// The shards in order, one at least: each of them, once, computed alike.
fn shards(request: &PublishRequest) -> Result<Vec<&Similarities>, Failure> {
    let mut given: Vec<&Similarities> = request.similarities.iter().collect();
    given.sort_by_key(|similarities| similarities.shard.index());
    if let Some(other) = given.iter().find(|given| given.run != request.ingest.run) {
        return Err(of_another_run(&other.run, request));
    }
    let of = given.first().map_or(1, |first| first.shard.count());
    let all: Vec<Shard> = Shard::all(u32::try_from(of).unwrap_or(u32::MAX)).collect();
    if given.iter().map(|given| given.shard).ne(all.iter().copied()) {
        let found: Vec<String> = given.iter().map(|given| given.shard.to_string()).collect();
        return Err(Failure::Usage(format!(
            "the similarities are not every shard of {of}, each once, but [{}]; compute those that are missing",
            found.join(", ")
        )));
    }
    if given.iter().any(|other| other.measure != given[0].measure) {
        return Err(Failure::Usage(
            "the shards were computed in different ways; compute all of them with one program"
                .to_owned(),
        ));
    }
    Ok(given)
}

/// The shards' rows as one table, in the files that a run in one process writes.
fn joined(
    store: &dyn Store,
    publication: &Publication<'_>,
    shards: &[&Similarities],
) -> Result<Vec<PartEntry>, Failure> {
    let put = into_table(publication, ObjectKey::neighbours_part);
    let mut sink = TableSink::<Neighbours>::new(&put)?;
    for entry in shards.iter().flat_map(|shard| &shard.neighbours) {
        let mut outcome = Ok(());
        Part::fetch(store, entry)
            .and_then(|part| {
                part.read::<Neighbours>(|row| {
                    if outcome.is_ok() {
                        outcome = sink.push(&row);
                    }
                })
            })
            .map_err(Failure::of_work)?;
        outcome?;
    }
    sink.finish()
}

/// Parts that are what will be published already.
fn copied(
    store: &dyn Store,
    publication: &Publication<'_>,
    key: fn(&VersionName, usize) -> ObjectKey,
    entries: &[PartEntry],
) -> Result<Vec<PartEntry>, Failure> {
    let put = into_table(publication, key);
    let copy = |(number, entry): (usize, &PartEntry)| {
        let part = Part::fetch(store, entry).map_err(Failure::of_work)?;
        let (bytes, rows, sha256) = (part.bytes().clone(), entry.rows, entry.sha256);
        put(number, EncodedPart { bytes, rows, sha256 })
    };
    entries.iter().enumerate().map(copy).collect()
}
