//! `akin-batch run`: from ratings to a published version.

mod base;
mod cost;
mod digest;
mod guard;
mod item_statistics;
mod ledger;
mod measure;
mod options;
mod parts;
mod summary;

pub(crate) use base::newest_manifest;
pub use cost::{check_cost, dense_seconds};
pub use guard::QualityOptions;
pub use measure::{CutSide, MeasureOptions};
pub use options::{RangeArgument, RunOptions, share, thread_count};
pub use summary::{Summary, thousands};

use std::collections::BTreeMap;

use akin_recommender::profile::Origin;
use akin_recommender::rating_weight::RatingWeight;
use akin_recommender::similarity::{FitSize, Measure, Neighbours, RatingMatrix, fit};
use akin_schemas::{Manifest, ObjectKey, RatingRange, VersionCounts};
use akin_store::{Content, ErrorKind, Publication, Store, open_store, write_pointers};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::failure::Failure;
use crate::ingest::{Collector, Ratings, Row, read_catalogue, read_files};
use crate::memory;
use crate::progress::StageProgress;

use base::Keep;
use digest::input_digest;
use item_statistics::ItemStatistics;
use ledger::{Read, Watermark};
use summary::Stopwatch;

/// Reads, computes and publishes, and says what was done.
///
/// # Errors
/// See [`Failure`]; unless it says otherwise, nothing was published.
pub fn run(options: &RunOptions) -> Result<Summary, Failure> {
    options.similarity.measure()?;
    let store = open_store(&options.store)?;
    run_on(store.as_ref(), options, Utc::now())
}

/// The same, on a store that is open already, whatever `options` say of it.
///
/// # Errors
/// See [`Failure`]; unless it says otherwise, nothing was published.
pub fn run_on(
    store: &dyn Store,
    options: &RunOptions,
    now: DateTime<Utc>,
) -> Result<Summary, Failure> {
    let mut watch = Stopwatch::start();
    let measure = options.similarity.measure()?;
    let progress = StageProgress::new();
    // The number is fixed before any input is read: whoever reads later and publishes earlier wins.
    let publication = Publication::begin(store, now)?;
    info!(version = %publication.version(), sequence = publication.sequence(), "run begins");

    let (published, passed_over) = newest_manifest(store)?;
    if options.since_last
        && let Some(problem) = passed_over
    {
        return Err(base::lost(&problem));
    }
    let range = rating_range(options, published.as_ref())?;
    let max_memory = memory::allowed_bytes(options.max_memory);

    let keep = what_to_keep(options, published.as_ref())?;

    let input = Input { keep, published: published.as_ref(), range, max_memory };
    let (ratings, watermark) = ingest(options, store, &input, &progress)?;
    let asked = options.similarity.asked(&measure);
    let input_digest = Some(input_digest(&ratings, &watermark, range, &asked)?);
    watch.lap("ingest");
    let rejects_are_few = ratings.rejects.check(ratings.read, options.max_reject_share);
    if let Some(current) = &published
        && options.if_changed
        && current.input_digest == input_digest
        && rejects_are_few.is_ok()
    {
        info!(version = %current.version, "the input is that of the current version: nothing is published");
        return Ok(Summary::unchanged(current, &ratings, store.location(), watch));
    }
    keep_rejects(store, &publication, &ratings)?;
    rejects_are_few?;
    ratings.check_not_empty()?;

    let statistics = ItemStatistics::of(&ratings)?;
    let size = FitSize {
        ratings: ratings.rows.len() as u64,
        items: ratings.items.len() as u64,
        threads: options.threads.unwrap_or_else(rayon::current_num_threads) as u64,
    };
    let held = size.ratings * (size_of::<Row>() as u64 + options.quality.bytes_a_rating());
    check_cost(&measure, options.similarity.selection(), size, held, max_memory)?;
    let (similarity, threads) = (&options.similarity, options.threads);
    let metrics =
        options.quality.check(&ratings, similarity, threads, published.as_ref(), &progress)?;
    if options.quality.is_asked() {
        watch.lap("evaluate");
    }
    let (neighbours, weight) = compute(options, &measure, &ratings, &progress)?;
    watch.lap("similarities");

    progress.begin_steps(3, "publishing");
    let step = progress.steps();
    let parts = parts::put_all(&publication, &ratings, &statistics, &neighbours, &step)?;
    progress.clear();
    let counts = VersionCounts {
        ratings: ratings.rows.iter().filter(|row| row.rating().is_some()).count() as u64,
        users: parts::rating_users(&ratings),
        items: ratings.items.len() as u64,
        pairs: neighbours.pair_count() as u64,
    };
    let commit = publication.commit(Content {
        rollback_of: None,
        written_by: concat!("akin-batch ", env!("CARGO_PKG_VERSION")).to_owned(),
        measure: options.similarity.manifest(&measure, &weight),
        rating_range: range,
        counts,
        watermark,
        latest_order_micros: ratings.rows.iter().map(|row| row.order_micros).max().unwrap_or(0),
        input_digest,
        erasure_epoch: published.map_or(0, |manifest| manifest.erasure_epoch),
        metrics,
        parts,
    })?;
    if let Err(error) = write_pointers(store) {
        warn!(%error, "the version is published, but current.json and views.sql are out of date");
    }
    watch.lap("publish");
    Ok(Summary::new(&commit.manifest, &ratings, store.location(), watch))
}

/// Which entries of the current version the run keeps. What servers accepted is never left out by oversight: the
/// watermark goes back only where the operator says so.
fn what_to_keep(options: &RunOptions, published: Option<&Manifest>) -> Result<Keep, Failure> {
    if options.since_last {
        if published.is_none() && options.ratings.is_empty() {
            let store = &options.store;
            return Err(Failure::Usage(format!(
                "--since-last continues the current version, and {store} has none; give files with --ratings"
            )));
        }
        return Ok(Keep::Everything);
    }
    if options.with_ledger {
        return Ok(Keep::Ledgers);
    }
    let Some(published) = published else { return Ok(Keep::Nothing) };
    let ledgers = base::ledgers(&published.watermark);
    let list: Vec<String> =
        ledgers.iter().map(|(ledger, through)| format!("{ledger} up to {through}")).collect();
    if !list.is_empty() && !options.without_ledger {
        return Err(Failure::Usage(format!(
            "version {} holds ratings that servers accepted ({}), and this run would leave them out; add \
             --with-ledger to keep them, or --without-ledger to leave them out",
            published.version,
            list.join(", ")
        )));
    }
    if !list.is_empty() {
        let ledgers = list.join(", ");
        warn!(ledgers, "ratings that the current version holds are left out");
    }
    Ok(Keep::Nothing)
}

/// The range belongs to the store: the first run sets it, later ones must not contradict it.
pub(crate) fn rating_range(
    options: &RunOptions,
    published: Option<&Manifest>,
) -> Result<RatingRange, Failure> {
    let asked = options.rating_range.map(|range| range.0);
    match (published.map(|manifest| manifest.rating_range), asked) {
        (Some(kept), Some(asked)) if kept != asked => Err(Failure::Usage(format!(
            "--rating-range {}:{} contradicts the store, whose ratings are more than {} and at most {}; \
             leave the option out, or start a new store",
            asked.above, asked.at_most, kept.above, kept.at_most
        ))),
        (Some(kept), _) => Ok(kept),
        (None, asked) => Ok(asked.unwrap_or_default()),
    }
}

/// What a run reads from, beside its options.
struct Input<'a> {
    keep: Keep,
    published: Option<&'a Manifest>,
    range: RatingRange,
    max_memory: u64,
}

fn ingest(
    options: &RunOptions,
    store: &dyn Store,
    input: &Input<'_>,
    progress: &StageProgress,
) -> Result<(Ratings, BTreeMap<String, u64>), Failure> {
    let Input { keep, published, range, max_memory } = *input;
    let ingest = options.ingest(range, max_memory);
    let mut collector = Collector::new(max_memory);
    let mut catalogue = read_catalogue(&ingest)?;
    let mut watermark = Watermark::default();
    let mut unreadable = None;
    if let Some(manifest) = published.filter(|_| keep != Keep::Nothing) {
        match base::take_in(store, manifest, keep, &mut collector) {
            Ok(()) => watermark = Watermark::after(base::ledgers(&manifest.watermark)),
            // The segments may have it all.
            Err(Failure::Base { problem, .. }) if keep == Keep::Ledgers => {
                warn!(problem, "the current version's profiles are passed over");
                unreadable = Some((manifest, problem));
            }
            Err(failure) => return Err(failure),
        }
        if keep == Keep::Everything {
            let files = manifest.watermark.get(Origin::FILES.as_str()).copied().unwrap_or(0);
            collector.continue_files_after(files);
            if options.items.is_none() {
                base::keep_catalogue(store, manifest, &mut catalogue)?;
            }
        }
    }
    if !options.ratings.is_empty() {
        read_files(&ingest, &mut collector, progress)?;
    }
    progress.clear();
    if keep != Keep::Nothing {
        let read = if keep == Keep::Everything { Read::Beyond } else { Read::All };
        ledger::take_in(store, &mut watermark, read, |row, origin| {
            ledger::push(&mut collector, row, origin)
        })?;
    }
    let mut watermark = watermark.into_map();
    if let Some((manifest, problem)) = unreadable {
        base::check_not_less(manifest, &watermark, problem)?;
    }
    watermark.insert(Origin::FILES.to_string(), collector.files_through());
    Ok((collector.finish(catalogue)?, watermark))
}

fn keep_rejects(
    store: &dyn Store,
    publication: &Publication<'_>,
    ratings: &Ratings,
) -> Result<(), Failure> {
    let rejected = ratings.rejects.total();
    if rejected == 0 {
        return Ok(());
    }
    let key = ObjectKey::rejects(publication.version());
    match store.create(&key, Bytes::from(ratings.rejects.to_csv())) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => warn!(rejected, of = ratings.read, "rejected lines are listed in {key}"),
    }
    Ok(())
}

fn compute(
    options: &RunOptions,
    measure: &Measure,
    ratings: &Ratings,
    progress: &StageProgress,
) -> Result<(Neighbours, RatingWeight), Failure> {
    let rows = || ratings.rows.iter().filter_map(|row| Some((row, row.rating()?)));
    let rated = rows().map(|(row, rating)| (row.user, row.item, rating));
    let (users, items) = (ratings.users.len(), ratings.items.len());
    let mut matrix = RatingMatrix::new(users, items, rated).map_err(Failure::internal)?;
    if measure.needs_times() {
        matrix = matrix.dated(rows().map(|(row, _)| row.rated_at));
    }
    info!(users, items, products = matrix.products(), "computing similarities");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;
    progress.begin_steps(items as u64, "computing similarities");
    let step = progress.steps();
    let selection = options.similarity.selection();
    let neighbours = pool.install(|| fit(&matrix, measure, selection, &step))?;
    progress.clear();
    Ok((neighbours, options.similarity.profile_weight(&matrix)))
}
