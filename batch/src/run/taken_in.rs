//! The first stage of a run: what it takes in, and from where.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use akin_recommender::profile::Origin;
use akin_recommender::similarity;
use akin_schemas::{
    Checksum, Manifest, Measure, ObjectKey, PartEntry, RatingFigures, RatingRange, VersionCounts,
    VersionName,
};
use akin_store::{ErrorKind, Store};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::failure::Failure;
use crate::ingest::{CatalogueFile, Collector, Ratings, Rows, read_catalogue, read_files};
use crate::memory;
use crate::progress::StageProgress;
use crate::report::{Observed, StageCost};

use super::base::{self, Keep, newest_manifest};
use super::digest::input_digest;
use super::facts::Facts;
use super::ledger::{self, Read, Watermark};
use super::options::{RangeArgument, RunOptions};
use super::titles::{self, Titles};

/// What a run computes from.
pub(crate) struct TakenIn {
    /// The ratings, dense.
    pub ratings: Ratings,
    /// Figures of them.
    pub facts: Facts,
    /// For each origin how far its entries are contained.
    pub watermark: BTreeMap<String, u64>,
    /// The ratings that the store accepts.
    pub range: RatingRange,
    /// What is to be computed.
    asked: Measure,
    /// Whether titles are dropped.
    drops_items: bool,
    digest: OnceLock<Checksum>,
    /// How many items have titles.
    pub titles: Titles,
    /// What a person should look at.
    pub warnings: Vec<String>,
    /// The version that is current.
    pub published: Option<Manifest>,
}

impl TakenIn {
    /// Reads what the options name, as a run of the time `now` does. The run's number must be fixed already.
    ///
    /// # Errors
    /// When input cannot be used, the options contradict the store, or the store fails.
    pub fn read(
        options: &RunOptions,
        measure: &similarity::Measure,
        store: &dyn Store,
        now: DateTime<Utc>,
        progress: &StageProgress,
    ) -> Result<Self, Failure> {
        let published = newest_manifest(store, options.past_damage)?;
        let range = rating_range(options, published.as_ref())?;
        let max_memory = memory::allowed_bytes(options.max_memory);
        let keep = what_to_keep(options, store, published.as_ref())?;
        let input = Input { keep, published: published.as_ref(), range, max_memory, now };
        let Gathered { ratings, watermark, titles, warnings } =
            ingest(options, store, &input, progress)?;
        for warning in &warnings {
            warn!("{warning}");
        }
        Ok(Self {
            facts: Facts::of(&ratings, published.as_ref()),
            asked: options.similarity.asked(measure),
            drops_items: options.drop_items,
            digest: OnceLock::new(),
            ratings,
            watermark,
            range,
            titles,
            warnings,
            published,
        })
    }

    /// What identifies all of it, and what is to be computed. It reads all ratings, the first time that it is asked for.
    ///
    /// # Errors
    /// When the measure has no JSON form, which no input should be able to cause.
    pub fn input_digest(&self) -> Result<Checksum, Failure> {
        if let Some(digest) = self.digest.get() {
            return Ok(*digest);
        }
        let kept = (self.range, self.drops_items);
        let digest = input_digest(&self.ratings, &self.watermark, kept, &self.asked)?;
        Ok(*self.digest.get_or_init(|| digest))
    }

    /// Lets go of the ratings, of which nothing is asked any more but their figures and the digest, if that was asked for
    /// before.
    pub fn let_go(&mut self) {
        self.ratings.rows = Rows::default();
        // Each thread gives back what it had asked for, whoever freed it.
        rayon::broadcast(|_| akin_allocator::give_back());
    }

    /// The current version, if it was computed from the same input in the same way, has the figures that are asked for,
    /// and the run is to end then.
    ///
    /// # Errors
    /// When it cannot be told what could be held out, which no input should be able to cause.
    pub fn unchanged(&self, options: &RunOptions) -> Result<Option<&Manifest>, Failure> {
        let ratings = &self.ratings;
        let rejects = ratings.rejects.check(ratings.read, options.max_reject_share);
        let same = match &self.published {
            Some(current) if options.if_changed && rejects.is_ok() => {
                (current.input_digest == Some(self.input_digest()?)).then_some(current)
            }
            _ => None,
        };
        match same {
            Some(current) if options.quality.finds_figures_missing(current, ratings)? => {
                info!(version = %current.version, "the input is that of the current version, which has no figures yet");
                Ok(None)
            }
            same => Ok(same),
        }
    }

    /// Keeps the rejects, and makes sure that they are few and that there is something to compute from.
    ///
    /// # Errors
    /// When that is not so, or the store fails.
    pub fn accept(
        &self,
        options: &RunOptions,
        store: &dyn Store,
        version: &VersionName,
    ) -> Result<(), Failure> {
        let ratings = &self.ratings;
        keep_rejects(store, version, ratings)?;
        ratings.rejects.check(ratings.read, options.max_reject_share)?;
        Ok(ratings.check_not_empty()?)
    }

    /// What a report says of a run that took this in.
    pub fn observed(&self, figures: Option<RatingFigures>, stages: Vec<StageCost>) -> Observed {
        let ratings = &self.ratings;
        let reasons = ratings.rejects.counts().iter();
        Observed {
            ratings: figures,
            read: Some(ratings.read),
            rejected: reasons.map(|(reason, count)| (reason.to_string(), *count)).collect(),
            stages,
        }
    }

    /// Ratings, users and items; no pairs yet.
    pub fn counts(&self) -> VersionCounts {
        self.facts.counts()
    }

    /// The latest order clock contained.
    pub fn latest_order_micros(&self) -> i64 {
        self.facts.latest_order_micros
    }

    /// How many erasures are carried out.
    pub fn erasure_epoch(&self) -> u64 {
        self.published.as_ref().map_or(0, |manifest| manifest.erasure_epoch)
    }
}

/// The ratings that were written as these tables, as far as what is computed depends on them.
///
/// # Errors
/// When a file is gone or damaged, or memory does not suffice.
pub(crate) fn restored(
    store: &dyn Store,
    items: &[PartEntry],
    profiles: &[PartEntry],
    max_memory: u64,
) -> Result<Ratings, Failure> {
    let mut collector = Collector::new(max_memory);
    let mut catalogue = CatalogueFile::new(max_memory);
    base::take_in(store, profiles, Keep::Everything, &mut collector)
        .and_then(|()| base::take_in_items(store, items, &mut catalogue))
        .map_err(|failure| match failure {
            Failure::Base { problem, .. } => Failure::Work(problem),
            other => other,
        })?;
    Ok(collector.finish(catalogue)?)
}

/// Which entries of the current version the run keeps. What servers accepted is never left out by oversight: the
/// watermark goes back only where the operator says so.
fn what_to_keep(
    options: &RunOptions,
    store: &dyn Store,
    published: Option<&Manifest>,
) -> Result<Keep, Failure> {
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
    let list = list.join(", ");
    if options.without_ledger {
        if !list.is_empty() {
            warn!(ledgers = list, "ratings that the current version holds are left out");
        }
        return Ok(Keep::Nothing);
    }
    let held = if list.is_empty() {
        let segments = store.list(ObjectKey::RATINGS, None)?;
        let Some(first) = segments.first() else { return Ok(Keep::Nothing) };
        format!(
            "the store holds ratings that servers accepted (from {} on, segments: {})",
            first.key,
            segments.len()
        )
    } else {
        format!("version {} holds ratings that servers accepted ({list})", published.version)
    };
    Err(Failure::Usage(format!(
        "{held}, and this run would leave them out; add --with-ledger to keep them, or --without-ledger to leave them out"
    )))
}

/// The range belongs to the store: the first run sets it, later ones may widen it. A narrower one would leave ratings of
/// the store outside.
pub(crate) fn rating_range(
    options: &RunOptions,
    published: Option<&Manifest>,
) -> Result<RatingRange, Failure> {
    let asked = options.rating_range.map(|range| range.0);
    let Some(kept) = published.map(|manifest| manifest.rating_range) else {
        return Ok(asked.unwrap_or_default());
    };
    match asked {
        None => Ok(kept),
        Some(asked) if asked.contains(&kept) => {
            if asked != kept {
                info!(from = %RangeArgument(kept), to = %RangeArgument(asked), "this run widens the store's rating range");
            }
            Ok(asked)
        }
        Some(asked) => Err(Failure::Usage(format!(
            "--rating-range {} would leave out ratings that the store takes, which are more than {} and at most {}; \
             leave the option out, name a range that contains {}, or start a new store",
            RangeArgument(asked),
            kept.above,
            kept.at_most,
            RangeArgument(kept)
        ))),
    }
}

/// What a run reads from, beside its options.
struct Input<'a> {
    keep: Keep,
    published: Option<&'a Manifest>,
    range: RatingRange,
    max_memory: u64,
    now: DateTime<Utc>,
}

/// What a run has read.
struct Gathered {
    ratings: Ratings,
    watermark: BTreeMap<String, u64>,
    titles: Titles,
    warnings: Vec<String>,
}

fn ingest(
    options: &RunOptions,
    store: &dyn Store,
    input: &Input<'_>,
    progress: &StageProgress,
) -> Result<Gathered, Failure> {
    let Input { keep, published, range, max_memory, now } = *input;
    let ingest = options.ingest(range, max_memory, now);
    let mut collector = Collector::new(max_memory);
    let mut catalogue = read_catalogue(&ingest)?;
    let mut watermark = Watermark::default();
    let mut unreadable = None;
    if let Some(manifest) = published.filter(|_| keep != Keep::Nothing) {
        match base::take_in(store, &manifest.parts.profiles, keep, &mut collector) {
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
    let mut warnings = Vec::new();
    if options.items.is_some() {
        warnings.extend(collector.overlap(&catalogue).warning());
    }
    let kept = (keep, options.drop_items);
    let titles = titles::complete(store, published, kept, &mut catalogue, &mut warnings)?;
    warnings.extend(titles.warning());
    let ratings = collector.finish(catalogue)?;
    Ok(Gathered { ratings, watermark, titles, warnings })
}

fn keep_rejects(
    store: &dyn Store,
    version: &VersionName,
    ratings: &Ratings,
) -> Result<(), Failure> {
    let rejected = ratings.rejects.total();
    if rejected == 0 {
        return Ok(());
    }
    let key = ObjectKey::rejects(version);
    match store.create(&key, Bytes::from(ratings.rejects.to_csv())) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => warn!(rejected, of = ratings.read, "rejected lines are listed in {key}"),
    }
    Ok(())
}
