//! `akin-batch run`: from ratings to a published version.

mod base;
mod cost;
mod digest;
mod distribution;
mod ended;
mod facts;
mod followed;
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
mod uploads;

#[cfg(test)]
mod same_bytes;

pub(crate) use base::newest_manifest;
pub use cost::{check_cost, dense_seconds, laid_out_bytes};
pub(crate) use distribution::rating_figures;
pub(crate) use ended::record_end;
pub use facts::Facts;
pub(crate) use followed::{complete_logs, follow, follow_again};
pub use guard::{Judgement, QualityOptions};
pub use item_statistics::ItemStatistics;
pub use measure::{CutSide, MeasureOptions};
pub use options::{RangeArgument, RunOptions, share, thread_count};
pub(crate) use parts::{TableSink, into_table, put_neighbours};
pub use parts::{put_items, put_profiles};
pub use summary::Summary;
pub(crate) use taken_in::{TakenIn, rating_range, restored};

use akin_recommender::evaluation::IdHashes;
use akin_recommender::rating_weight::RatingWeight;
use akin_recommender::similarity::{
    FitSize, Measure, Neighbours, RatingMatrix, block, co_count_bytes, fit_targets,
};
use akin_schemas::{Manifest, ObjectKey, PartEntry, Parts, VersionCounts};
use akin_store::{Content, Publication, Store, open_store};
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::failure::Failure;
use crate::ingest::Ratings;
use crate::memory;
use crate::progress::StageProgress;
use crate::report::{self, Observed};
use crate::threads::on_threads;

use summary::Stopwatch;
use uploads::{Uploads, with_uploads};

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
    let measure = options.similarity.measure()?;
    on_threads(options.threads, || run_here(store, options, &measure, now))
}

/// The same on the current rayon pool.
fn run_here(
    store: &dyn Store,
    options: &RunOptions,
    measure: &Measure,
    now: DateTime<Utc>,
) -> Result<Summary, Failure> {
    let mut watch = Stopwatch::start();
    let progress = StageProgress::new();
    // The number is fixed before any input is read: whoever reads later and publishes earlier wins.
    let publication = Publication::begin(store, now)?;
    info!(version = %publication.version(), sequence = publication.sequence(), "run begins");

    let mut taken = TakenIn::read(options, measure, store, now, &progress)?;
    watch.lap("ingest");
    if let Some(current) = taken.unchanged(options)? {
        info!(version = %current.version, "the input is that of the current version: nothing is published");
        complete_logs(store, current);
        record_end(store, current, false);
        return Ok(Summary::unchanged(current, &taken, store.location(), watch));
    }
    taken.accept(options, store, publication.version())?;
    let statistics = ItemStatistics::of(&taken.ratings, &taken.facts);
    let figures = (!options.no_report).then(|| rating_figures(&taken.ratings));
    check_memory(options, measure, &taken.ratings, &taken.facts, &statistics)?;
    let (quality, similarity) = (&options.quality, &options.similarity);
    let published = taken.published.as_ref();
    let judgement =
        quality.judge(&taken.ratings, similarity, options.threads, published, &progress)?;
    let unmeasured = judgement.unmeasured.clone();
    let metrics = judgement.metrics()?;
    if quality.is_asked() {
        watch.lap("evaluate");
    }

    let (parts, weight, pairs) = with_uploads(&publication, |uploads| {
        let (items, profiles) = put_ratings(uploads, &taken, &statistics, &progress)?;
        watch.lap("tables");
        let matrix = matrix_of(measure, &taken.ratings)?;
        // Similarities need the room, and whatever else is said of ratings has been found out.
        taken.let_go();
        uploads.check()?;
        let (block, weight) = compute(options, measure, &matrix, WHOLE, &progress)?;
        drop(matrix);
        watch.lap("similarities");
        let put = uploads.put_into(ObjectKey::neighbours_part);
        let pairs = block.rows.pair_count();
        progress.begin_steps(parts::steps(pairs), "writing neighbours");
        let (step, ids) = (progress.steps(), &taken.ratings.items);
        let neighbours = put_neighbours(&put, ids, 0, &block.rows, &step)?;
        progress.clear();
        Ok((Parts { neighbours, items, profiles }, weight, pairs as u64))
    })?;
    let counts = VersionCounts { pairs, ..taken.counts() };
    let manifest = publish(
        store,
        publication,
        Content {
            rollback_of: None,
            written_by: PROGRAM.to_owned(),
            measure: options.similarity.manifest(measure, &weight),
            rating_range: taken.range,
            counts,
            watermark: taken.watermark.clone(),
            latest_order_micros: taken.latest_order_micros(),
            input_digest: Some(taken.input_digest()?),
            erasure_epoch: taken.erasure_epoch(),
            titles_complete: taken.titles.complete,
            warnings: taken.warnings.clone(),
            metrics,
            parts,
        },
    )?;
    watch.lap("publish");
    // Whatever becomes of the report, the run ended well.
    record_end(store, &manifest, true);
    let mut reported = None;
    if !options.no_report {
        let observed = taken.observed(figures, watch.costs());
        reported = Some(write_report(store, manifest.sequence, observed));
        watch.lap("report");
    }
    let summary = Summary::new(&manifest, &taken, store.location(), watch);
    Ok(summary.unmeasured(unmeasured).reported(reported))
}

/// Writes the report of what was published, and gives where it is, or why there is none: the version stands.
fn write_report(store: &dyn Store, sequence: u64, observed: Observed) -> Result<ObjectKey, String> {
    let written = report::write(store, sequence, observed);
    written.map(|(report, _)| report.key).map_err(|failure| {
        let error = failure.chain();
        warn!(error, "the version is published, and its report could not be written");
        error
    })
}

/// Writes the tables that follow from the ratings, items and profiles, and takes the digest of the input beside it.
fn put_ratings(
    uploads: &Uploads<'_>,
    taken: &TakenIn,
    statistics: &ItemStatistics,
    progress: &StageProgress,
) -> Result<(Vec<PartEntry>, Vec<PartEntry>), Failure> {
    let ratings = &taken.ratings;
    let steps = parts::steps(ratings.items.len()) + parts::steps(ratings.rows.len());
    progress.begin_steps(steps, "writing ratings");
    let step = progress.steps();
    let put = || {
        let items =
            put_items(&uploads.put_into(ObjectKey::items_part), ratings, statistics, &step)?;
        let profiles = put_profiles(&uploads.put_into(ObjectKey::profiles_part), ratings, &step)?;
        Ok((items, profiles))
    };
    // One thread is enough for the digest, which is no less work than reading all ratings.
    let (digest, put) = rayon::join(|| taken.input_digest(), put);
    progress.clear();
    digest.and(put)
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
    follow(store, &commit.manifest);
    Ok(commit.manifest)
}

/// Refuses a computation that would not fit, or not beside the ratings where those are needed meanwhile.
///
/// # Errors
/// When it would not.
pub(crate) fn check_memory(
    options: &RunOptions,
    measure: &Measure,
    ratings: &Ratings,
    facts: &Facts,
    statistics: &ItemStatistics,
) -> Result<(), Failure> {
    let size = FitSize {
        ratings: facts.entries,
        users: ratings.users.len() as u64,
        items: facts.items,
        co_counts: co_count_bytes(statistics.count.clone()),
        threads: rayon::current_num_threads() as u64,
    };
    let rows = ratings.rows.bytes();
    let max_memory = memory::allowed_bytes(options.max_memory);
    let quality = &options.quality;
    let beside =
        if quality.is_asked() { rows + size.ratings * quality.bytes_a_rating() } else { 0 };
    check_cost(measure, options.similarity.selection(), size, beside, max_memory)?;
    let laid_out = rows + laid_out_bytes(measure, size.ratings);
    if laid_out > max_memory {
        return Err(Failure::Memory { needed: laid_out >> 20, limit: max_memory >> 20 });
    }
    Ok(())
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

/// Lays the ratings out as a matrix, dated where the measure asks for it.
///
/// # Errors
/// When ratings are out of order, which no input should be able to cause.
pub(crate) fn matrix_of(measure: &Measure, ratings: &Ratings) -> Result<RatingMatrix, Failure> {
    let (users, items) = (ratings.users.len(), ratings.items.len());
    let matrix =
        RatingMatrix::new(users, items, ratings.rows.rated()).map_err(Failure::internal)?;
    if !measure.needs_times() {
        return Ok(matrix);
    }
    let ids = IdHashes::of(&ratings.users, &ratings.items);
    let rated = ratings.rows.iter().filter(|row| row.rating().is_some());
    Ok(matrix.dated(rated.map(|row| row.rated_at), ids))
}

/// Computes the neighbours of block `index` of `count`, and what ratings weigh in profiles, on the current rayon pool.
///
/// # Errors
/// When a regression comes out too inexact.
pub(crate) fn compute(
    options: &RunOptions,
    measure: &Measure,
    matrix: &RatingMatrix,
    (index, count): (usize, usize),
    progress: &StageProgress,
) -> Result<(Block, RatingWeight), Failure> {
    let (users, items) = (matrix.user_count(), matrix.item_count());
    info!(users, items, products = matrix.products(), "computing similarities");
    let targets = block(matrix, index, count);
    progress.begin_steps(targets.len() as u64, "computing similarities");
    let step = progress.steps();
    let selection = options.similarity.selection();
    let first = targets.start;
    let rows = fit_targets(matrix, measure, selection, targets, &step)?;
    progress.clear();
    if rows.pair_count() == 0 && count == 1 {
        warn!(
            "no item has a neighbour: every recommendation will be what is popular; look at --rating-weight, \
             --min-co-count and --half-life, and whether anybody rated two items"
        );
    }
    Ok((Block { first, rows }, options.similarity.profile_weight(matrix)))
}
