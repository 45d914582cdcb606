//! `akin-batch run`: from ratings to a published version.

mod base;
mod cost;
mod digest;
mod ended;
mod from_servers;
mod guard;
mod item_statistics;
mod ledger;
mod measure;
mod options;
mod parts;
mod summary;
mod taken_in;
mod titles;

pub(crate) use base::newest_manifest;
pub use cost::{check_cost, dense_seconds};
pub(crate) use ended::record_end;
pub use guard::{Judgement, QualityOptions};
pub(crate) use item_statistics::ItemStatistics;
pub use measure::{CutSide, MeasureOptions};
pub use options::{RangeArgument, RunOptions, share, thread_count};
pub(crate) use parts::{TableSink, into_table, put_items, put_neighbours, put_profiles};
pub use summary::Summary;
pub(crate) use taken_in::{TakenIn, rating_range, restored};

use akin_recommender::evaluation::IdHashes;
use akin_recommender::rating_weight::RatingWeight;
use akin_recommender::similarity::{
    FitSize, Measure, Neighbours, RatingMatrix, block, co_count_bytes, fit_targets,
};
use akin_schemas::{Manifest, VersionCounts};
use akin_store::{Content, Publication, Store, open_store, write_pointers};
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::failure::Failure;
use crate::ingest::{Ratings, Row};
use crate::memory;
use crate::operate::report;
use crate::progress::StageProgress;

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

/// The same, on a store that is open already, whatever `options` say of it, as if it were `now`.
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

    let taken = TakenIn::read(options, &measure, store, now, &progress)?;
    watch.lap("ingest");
    if let Some(current) = taken.unchanged(options)? {
        info!(version = %current.version, "the input is that of the current version: nothing is published");
        record_end(store, current, false);
        return Ok(Summary::unchanged(current, &taken, store.location(), watch));
    }
    taken.accept(options, store, publication.version())?;
    let ratings = &taken.ratings;
    let statistics = ItemStatistics::of(ratings)?;
    check_memory(options, &measure, ratings)?;
    let (quality, similarity) = (&options.quality, &options.similarity);
    let published = taken.published.as_ref();
    let judgement = quality.judge(ratings, similarity, options.threads, published, &progress)?;
    let unmeasured = judgement.unmeasured.clone();
    let metrics = judgement.metrics()?;
    if quality.is_asked() {
        watch.lap("evaluate");
    }
    let (neighbours, weight) = compute(options, &measure, ratings, WHOLE, &progress)?;
    watch.lap("similarities");

    progress.begin_steps(3, "publishing");
    let step = progress.steps();
    let parts = parts::put_all(&publication, ratings, &statistics, &neighbours.rows, &step)?;
    progress.clear();
    let counts = VersionCounts { pairs: neighbours.rows.pair_count() as u64, ..taken.counts() };
    let manifest = publish(
        store,
        publication,
        Content {
            rollback_of: None,
            written_by: PROGRAM.to_owned(),
            measure: options.similarity.manifest(&measure, &weight),
            rating_range: taken.range,
            counts,
            watermark: taken.watermark.clone(),
            latest_order_micros: taken.latest_order_micros(),
            input_digest: Some(taken.input_digest),
            erasure_epoch: taken.erasure_epoch(),
            titles_complete: taken.titles.complete,
            warnings: taken.warnings.clone(),
            metrics,
            parts,
        },
    )?;
    watch.lap("publish");
    if options.report {
        report(store, manifest.sequence)?;
        watch.lap("report");
    }
    record_end(store, &manifest, true);
    Ok(Summary::new(&manifest, &taken, store.location(), watch).unmeasured(unmeasured))
}

/// What manifests are signed with.
pub(crate) const PROGRAM: &str = concat!("akin-batch ", env!("CARGO_PKG_VERSION"));

/// Commits, and renews what people look at.
///
/// # Errors
/// See [`akin_store::CommitError`].
pub(crate) fn publish(
    store: &dyn Store,
    publication: Publication<'_>,
    content: Content,
) -> Result<Manifest, Failure> {
    let commit = publication.commit(content)?;
    if let Err(error) = write_pointers(store) {
        warn!(%error, "the version is published, but current.json and views.sql are out of date");
    }
    Ok(commit.manifest)
}

/// Refuses a computation that would not fit beside the ratings.
///
/// # Errors
/// When it would not.
pub(crate) fn check_memory(
    options: &RunOptions,
    measure: &Measure,
    ratings: &Ratings,
) -> Result<(), Failure> {
    let mut rating_counts = vec![0; ratings.items.len()];
    ratings.rows.iter().for_each(|row| rating_counts[row.item as usize] += 1);
    let size = FitSize {
        ratings: ratings.rows.len() as u64,
        users: ratings.users.len() as u64,
        items: ratings.items.len() as u64,
        co_counts: co_count_bytes(rating_counts),
        threads: options.threads.unwrap_or_else(rayon::current_num_threads) as u64,
    };
    let held = size.ratings * (size_of::<Row>() as u64 + options.quality.bytes_a_rating());
    let max_memory = memory::allowed_bytes(options.max_memory);
    check_cost(measure, options.similarity.selection(), size, held, max_memory)
}

/// All targets: block 0 of 1.
const WHOLE: (usize, usize) = (0, 1);

/// The neighbours of a block of targets.
pub(crate) struct Block {
    /// The number of the first target.
    pub first: usize,
    /// Their neighbours.
    pub rows: Neighbours,
}

/// Computes the neighbours of block `index` of `count`, and what ratings weigh in profiles.
///
/// # Errors
/// When a regression comes out too inexact.
pub(crate) fn compute(
    options: &RunOptions,
    measure: &Measure,
    ratings: &Ratings,
    (index, count): (usize, usize),
    progress: &StageProgress,
) -> Result<(Block, RatingWeight), Failure> {
    let rows = || ratings.rows.iter().filter_map(|row| Some((row, row.rating()?)));
    let rated = rows().map(|(row, rating)| (row.user, row.item, rating));
    let (users, items) = (ratings.users.len(), ratings.items.len());
    let mut matrix = RatingMatrix::new(users, items, rated).map_err(Failure::internal)?;
    if measure.needs_times() {
        let ids = IdHashes::of(&ratings.users, &ratings.items);
        matrix = matrix.dated(rows().map(|(row, _)| row.rated_at), ids);
    }
    info!(users, items, products = matrix.products(), "computing similarities");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;
    let targets = block(&matrix, index, count);
    progress.begin_steps(targets.len() as u64, "computing similarities");
    let step = progress.steps();
    let selection = options.similarity.selection();
    let first = targets.start;
    let rows = pool.install(|| fit_targets(&matrix, measure, selection, targets, &step))?;
    progress.clear();
    if rows.pair_count() == 0 && count == 1 {
        warn!(
            "no item has a neighbour: every recommendation will be what is popular; look at --rating-weight, \
             --min-co-count and --half-life, and whether anybody rated two items"
        );
    }
    Ok((Block { first, rows }, options.similarity.profile_weight(&matrix)))
}
