//! `akin-batch plan`: what a run would read, how it would understand it, and whether it would fit in memory.

mod options;
mod show;

pub use options::PlanOptions;

use std::path::Path;

use akin_recommender::similarity::{FitCost, FitSize, fit_cost};
use akin_schemas::RatingRange;
use akin_store::open_existing_store;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::failure::Failure;
use crate::ingest::{FilePreview, Preview, PreviewRow, read_catalogue};
use crate::memory;
use crate::run;

/// What a run would do. Printed for people, or as one JSON object.
#[derive(Debug, Serialize)]
pub struct Plan {
    files: Vec<PlannedFile>,
    ratings: u64,
    /// Whether every file's ratings were counted, or some estimated.
    ratings_are_counted: bool,
    /// Records that were looked at, and what they hold at least.
    sampled: u64,
    users_at_least: u64,
    items_at_least: u64,
    rejected_of_sampled: u64,
    /// Items of the catalogue; none where no catalogue was named.
    catalogue_items: Option<u64>,
    /// Ratings of the current version that the run may take over.
    kept: u64,
    rating_above: f64,
    rating_at_most: f64,
    memory: Vec<Stage>,
    memory_allowed: u64,
    fits: bool,
    /// Whether all records were looked at.
    #[serde(skip)]
    is_complete: bool,
}

#[derive(Debug, Serialize)]
struct PlannedFile {
    path: String,
    bytes: u64,
    recognised_as: String,
    user_column: String,
    item_column: String,
    rating_column: String,
    timestamp_column: String,
    ratings: u64,
    ratings_are_counted: bool,
    sampled: u64,
    rejected_of_sampled: Vec<String>,
    first: Vec<First>,
}

/// One of a file's first records.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum First {
    Accepted { user: String, item: String, rating: f32, rated_at: String },
    Rejected { line: u64, rejected: String, text: String },
}

/// The most memory that a stage takes, in bytes, by estimate.
#[derive(Debug, Serialize)]
struct Stage {
    stage: &'static str,
    bytes: u64,
}

/// Looks at the input and plans. Nothing is computed, written or published.
///
/// # Errors
/// As a run's, as far as the first records of the files show it. A plan that does not fit in memory is no error here:
/// see [`Plan::verdict`].
pub fn plan(options: &PlanOptions) -> Result<Plan, Failure> {
    let options = &options.0;
    let measure = options.similarity.measure()?;
    let max_memory = memory::allowed_bytes(options.max_memory);
    let published = match options.store.as_str() {
        "" => None,
        folder if !folder.contains("://") && !Path::new(folder).exists() => None,
        store => run::newest_manifest(open_existing_store(store)?.as_ref(), options.past_damage)?,
    };
    let range = run::rating_range(options, published.as_ref())?;
    let input = options.ingest(range, max_memory, Utc::now());
    // A run that continues the current version may have no files.
    let preview = if input.sources.is_empty() { Preview::default() } else { Preview::of(&input)? };
    let catalogue_items = match &options.items {
        Some(_) => Some(read_catalogue(&input)?.item_count() as u64),
        None => None,
    };
    // What the ledgers hold is at most what was published with them, and what they accepted since.
    let continues = options.since_last || options.with_ledger;
    let counts = published.map(|manifest| manifest.counts).unwrap_or_default();
    let kept = if continues { counts.ratings } else { 0 };
    // Titles are kept, whatever is rated.
    let kept_items = if continues || !options.drop_items { counts.items } else { 0 };
    if preview.is_complete() && !continues {
        preview.rejects.check(preview.rows(), options.max_reject_share)?;
        preview.check_not_empty()?;
    }
    let items = catalogue_items.unwrap_or(0).max(preview.items.len() as u64).max(kept_items);
    let size = FitSize {
        ratings: preview.rows() + kept,
        users: user_count(&preview, preview.rows() + kept),
        items,
        // A byte a pair, and a tenth more for the items that many rated.
        co_counts: items * items / 2 * 11 / 10,
        threads: options.threads.unwrap_or_else(rayon::current_num_threads) as u64,
    };
    let fit = fit_cost(&measure, options.similarity.selection(), size);
    let laid_out = run::laid_out_bytes(&measure, size.ratings);
    let memory = stages(size, laid_out, fit);
    Ok(Plan { kept, ..Plan::new(&preview, catalogue_items, memory, max_memory, range) })
}

/// Bytes of a rating that a file gave, packed.
const PACKED: u64 = 14;
/// Bytes of an id beside its text: while it is numbered, and later.
const ID: u64 = 80;
/// What a thread has at hand while it reads: ids that it has met, and what it reads and packs; and while ratings are written:
/// row groups, and the part that they become.
const OF_READER: u64 = 24 << 20;
const OF_WRITER: u64 = 40 << 20;
/// What the program takes before it reads anything.
const PROGRAM: u64 = 24 << 20;

/// Users are known from the first records alone; each is taken to have as many ratings as the first ones.
fn user_count(preview: &Preview, rows: u64) -> u64 {
    let sampled: u64 = preview.files.iter().map(|file| file.sampled).sum();
    (rows as f64 * preview.users.len() as f64 / sampled.max(1) as f64) as u64
}

fn stages(size: FitSize, laid_out: u64, fit: FitCost) -> Vec<Stage> {
    let packed = size.ratings * PACKED;
    let beside = PROGRAM + (size.users + size.items) * ID;
    let stage = |stage, bytes| Stage { stage, bytes: beside + bytes };
    vec![
        // Sorting takes no more: what is sorted is let go of range by range.
        stage("reading", packed + size.threads * OF_READER),
        stage("writing ratings", packed + size.threads * OF_WRITER),
        stage("laying out", packed + laid_out),
        stage("similarities", fit.bytes),
    ]
}

impl Plan {
    fn new(
        preview: &Preview,
        catalogue_items: Option<u64>,
        memory: Vec<Stage>,
        memory_allowed: u64,
        range: RatingRange,
    ) -> Self {
        let files: Vec<PlannedFile> = preview.files.iter().map(PlannedFile::of).collect();
        Self {
            ratings: preview.rows(),
            ratings_are_counted: preview.files.iter().all(|file| file.is_counted),
            sampled: preview.files.iter().map(|file| file.sampled).sum(),
            users_at_least: preview.users.len() as u64,
            items_at_least: preview.items.len() as u64,
            rejected_of_sampled: preview.rejects.total(),
            catalogue_items,
            kept: 0,
            rating_above: range.above,
            rating_at_most: range.at_most,
            fits: memory.iter().all(|stage| stage.bytes <= memory_allowed),
            memory,
            memory_allowed,
            files,
            is_complete: preview.is_complete(),
        }
    }

    /// The largest stage's bytes.
    fn needed(&self) -> u64 {
        self.memory.iter().map(|stage| stage.bytes).max().unwrap_or(0)
    }

    /// Whether the run would fit in memory, by estimate.
    ///
    /// # Errors
    /// When it would not.
    pub fn verdict(&self) -> Result<(), Failure> {
        if self.fits {
            return Ok(());
        }
        Err(Failure::Memory { needed: self.needed() >> 20, limit: self.memory_allowed >> 20 })
    }
}

impl PlannedFile {
    fn of(file: &FilePreview) -> Self {
        let [user, item, rating, timestamp] = file.columns.clone();
        let layout = file.layout.map(|layout| match file.separator {
            Some(separator) => format!("{layout} with {separator}"),
            None => layout.to_string(),
        });
        let recognised_as = match (layout, file.is_gzip()) {
            (None, _) => "parquet".to_owned(),
            (Some(layout), true) => format!("{layout}, gzip"),
            (Some(layout), false) => layout,
        };
        Self {
            path: file.path.clone(),
            bytes: file.bytes,
            recognised_as,
            user_column: user,
            item_column: item,
            rating_column: rating,
            timestamp_column: timestamp,
            ratings: file.rows,
            ratings_are_counted: file.is_counted,
            sampled: file.sampled,
            rejected_of_sampled: file
                .rejected
                .iter()
                .map(|(reason, count)| format!("{reason}: {count}"))
                .collect(),
            first: file.first.iter().map(First::of).collect(),
        }
    }
}

impl First {
    fn of(row: &PreviewRow) -> Self {
        match row.clone() {
            PreviewRow::Accepted { user, item, rating, rated_at } => {
                let moment = DateTime::from_timestamp_micros(rated_at);
                let rated_at =
                    moment.map(|moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true));
                Self::Accepted { user, item, rating, rated_at: rated_at.unwrap_or_default() }
            }
            PreviewRow::Rejected { line, reason, text } => {
                Self::Rejected { line, rejected: reason.to_string(), text }
            }
        }
    }
}
