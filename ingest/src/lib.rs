//! From inputs to clean, deduplicated ratings in dense form.
//!
//! This crate knows files, and whatever [`Remote`] reaches; it must not know the store, a similarity or a program.
//!
//! Files (text, gzip, Parquet, pipes) and ledger segments go through one [`Collector`]; [`Collector::finish`] keeps the
//! last entry of each user and item. Records that break a rule are rejected, counted and shown, never repaired: ids are
//! compared as bytes, and numbers are read without anything around them.

mod blocks;
mod bucket;
mod catalogue;
mod collector;
mod columnar;
mod entering;
mod error;
mod fields;
mod header;
mod in_order;
mod interner;
mod known;
mod layout;
mod listing;
mod objects;
mod placed;
mod preview;
mod progress;
mod ratings;
mod reading;
mod records;
mod rejects;
mod remote;
mod room;
mod rows;
mod rules;
mod seconds;
mod signature;
mod source;
mod splitter;
mod taking;
mod tasks;
mod text;
mod user_items;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use akin_schemas::RatingRange;
use chrono::{DateTime, Utc};

pub use catalogue::{Catalogue, CatalogueFile, CatalogueItem, Overlap};
pub use collector::Collector;
pub use entering::Entering;
pub use error::IngestError;
pub use layout::Layout;
pub use preview::{FilePreview, Preview, PreviewRow};
pub use progress::{NoProgress, Progress};
pub use ratings::Ratings;
pub use reading::Reading;
pub use rejects::{Reason, Reject, Rejects};
pub use remote::{Remote, RemoteError, RemoteObject};
pub use rows::{Block, Row, Rows, Unpacking};
pub use source::{Format, InputFile};

use rules::Rules;
use source::{Input, Opened};

/// What to read, and what to accept.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Files of ratings, patterns, or folders for all below, in argument order, or the same in S3; what one of them names
    /// is read sorted bytewise.
    pub sources: Vec<String>,
    /// Finds and reads what lies in S3.
    pub remote: &'static dyn Remote,
    /// How they are to be read, where they do not speak for themselves.
    pub reading: Reading,
    /// The catalogue: a file, or what stands for several, as in `sources`.
    pub items: Option<PathBuf>,
    /// The ratings that the store accepts.
    pub range: RatingRange,
    /// The run's time: nothing may be dated more than a day later.
    pub now: DateTime<Utc>,
    /// The greatest share of rejects that is allowed: of ratings for [`Rejects::check`], and of a catalogue's rows.
    pub max_reject_share: f64,
    /// What rows and ids may take, in bytes.
    pub max_memory: u64,
    /// Threads that read.
    pub threads: usize,
}

/// Reads all files of ratings into the collector.
///
/// Of two ratings with the same time the one in the later argument, file or line wins. The caller checks the share of
/// rejects afterwards, so that it can store them first.
///
/// # Errors
/// When a file is missing, cannot be read, or is not a file of ratings, or when memory does not suffice.
pub fn read_files(
    options: &IngestOptions,
    collector: &mut Collector,
    progress: &dyn Progress,
) -> Result<(), IngestError> {
    let inputs = source::expand(options.remote, &options.sources)?;
    progress.begin(source::total_bytes(&inputs), "reading ratings");
    tasks::read(options, &inputs, collector, progress)
}

/// Reads files of the text form of published splits (`user item item ...`), gzip or not, into the collector.
///
/// # Errors
/// As for [`read_files`].
pub fn read_user_items(
    options: &IngestOptions,
    collector: &mut Collector,
    progress: &dyn Progress,
) -> Result<(), IngestError> {
    let rules = Rules::new(options.range, options.now);
    let rating = options.reading.implicit_rating.unwrap_or(1.0);
    let inputs = source::expand(options.remote, &options.sources)?;
    progress.begin(source::total_bytes(&inputs), "reading ratings");
    for input in &inputs {
        let name = input.name();
        let Some(opened) = source::open(input, 1, progress)? else { continue };
        match opened {
            Opened::Text { format, stream } => {
                collector.intake.begin_file(InputFile::new(name.clone(), format));
                user_items::read(&name, stream, rating, &rules, collector)?;
            }
            Opened::Parquet(_) | Opened::ParquetObject(_) => {
                let problem = "this is Parquet, and --user-items reads text";
                return Err(IngestError::bad(&name, problem, "leave the option out"));
            }
        }
    }
    Ok(())
}

/// Reads the catalogue, an empty one where none is named: text, gzip or not, or Parquet, with columns item, title and
/// genres, of which one of the last two may be missing.
///
/// Rows that cannot be used are counted and logged. Of two rows for an item the later one stands.
///
/// # Errors
/// When a file cannot be read, is no catalogue or needs too much memory, or more rows cannot be used than is allowed.
pub fn read_catalogue(options: &IngestOptions) -> Result<CatalogueFile, IngestError> {
    let mut catalogue = CatalogueFile::new(options.max_memory);
    let Some(path) = &options.items else { return Ok(catalogue) };
    let inputs = match path.to_str() {
        Some(path) => source::expand_one(options.remote, path)?,
        None => vec![Input::named(path)],
    };
    for input in &inputs {
        let name = input.name();
        match source::open(input, 1, &NoProgress)? {
            None => {}
            Some(Opened::Text { stream, .. }) => {
                catalogue::read_text(&name, stream, &mut catalogue)?
            }
            Some(Opened::Parquet(file)) => columnar::read_catalogue(&name, file, &mut catalogue)?,
            Some(Opened::ParquetObject(blocks)) => {
                columnar::read_catalogue(&name, blocks, &mut catalogue)?;
            }
        }
    }
    catalogue.check(options.max_reject_share)?;
    Ok(catalogue)
}
