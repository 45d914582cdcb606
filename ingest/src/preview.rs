//! What the first records of each file look like, without reading the rest.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parquet::file::reader::ChunkReader;

use super::columnar;
use super::error::IngestError;
use super::progress::Progress;
use super::rejects::{Reason, Rejects, excerpt};
use super::rules::Rules;
use super::source::{self, Format, Input, Opened};
use super::text;
use super::{IngestOptions, Layout};

/// Records of a text that are looked at.
const SAMPLE: u64 = 10_000;
/// Records of a file that are shown.
const SHOWN: usize = 5;

/// A record as it was understood, or the reason and the record where it would be rejected.
pub(super) type Sampled<'a> = Result<(&'a str, &'a str, f32, i64), (Reason, String)>;

/// One of the first records of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum PreviewRow {
    /// It would be taken in.
    Accepted {
        /// The user.
        user: String,
        /// The item.
        item: String,
        /// The rating.
        rating: f32,
        /// When, in microseconds since 1970.
        rated_at: i64,
    },
    /// It would be rejected.
    Rejected {
        /// The line of a text, the row of a Parquet file.
        line: u64,
        /// Why.
        reason: Reason,
        /// Its beginning.
        text: String,
    },
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePreview {
    /// Where it lies.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// What it is.
    pub format: Format,
    /// How its records are read; none for Parquet.
    pub layout: Option<Layout>,
    /// What stands between fields, where that is not what the layout's name says.
    pub separator: Option<&'static str>,
    /// The columns of user, item, rating and timestamp.
    pub columns: [String; 4],
    /// Its records.
    pub rows: u64,
    /// Whether they were counted, or else estimated from the first ones' length.
    pub is_counted: bool,
    /// The records that were looked at.
    pub sampled: u64,
    /// Those of them that would be rejected, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// The very first ones.
    pub first: Vec<PreviewRow>,
}

impl FilePreview {
    /// Whether it is compressed as a whole.
    pub fn is_gzip(&self) -> bool {
        self.format == Format::TextGzip
    }
}

/// What all files turned out to be.
#[derive(Debug, Default)]
pub struct Preview {
    /// The files, in reading order.
    pub files: Vec<FilePreview>,
    /// Distinct users among the records that were looked at.
    pub users: HashSet<String>,
    /// Distinct items among them.
    pub items: HashSet<String>,
    /// Those that would be rejected.
    pub rejects: Rejects,
}

impl Preview {
    /// Looks at the first records of every file that `options` name.
    ///
    /// # Errors
    /// As [`read_files`](super::read_files), as far as the first records show it; and where a file is a pipe, whose
    /// content would be gone afterwards.
    pub fn of(options: &IngestOptions) -> Result<Self, IngestError> {
        let mut preview = Self::default();
        for input in source::expand(options.remote, &options.sources)? {
            preview.look_at(&input, options)?;
        }
        Ok(preview)
    }

    /// All records, as far as is known.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Whether there is anything to compute from, as far as was looked at.
    ///
    /// # Errors
    /// When there is not.
    pub fn check_not_empty(&self) -> Result<(), IngestError> {
        if self.users.is_empty() { Err(IngestError::NoRatings) } else { Ok(()) }
    }

    /// Whether every record was looked at.
    pub fn is_complete(&self) -> bool {
        self.files.iter().all(|file| file.is_counted && file.sampled == file.rows)
    }

    fn look_at(&mut self, input: &Input, options: &IngestOptions) -> Result<(), IngestError> {
        let name = input.name();
        if input.is_pipe() {
            let problem = "this is a pipe, which a look would empty";
            return Err(IngestError::bad(&name, problem, "name a file, or start the run itself"));
        }
        let rules = Rules::new(options.range, options.now);
        let read = Counter::default();
        let Some(opened) = source::open(input, 1, &read)? else { return Ok(()) };
        let mut file = FilePreview {
            path: name.clone(),
            bytes: input.bytes().unwrap_or(0),
            format: Format::Parquet,
            layout: None,
            separator: None,
            columns: Default::default(),
            rows: 0,
            is_counted: true,
            sampled: 0,
            rejected: BTreeMap::new(),
            first: Vec::new(),
        };
        match opened {
            Opened::Parquet(opened) => self.look_at_rows(&mut file, opened, &rules, options)?,
            Opened::ParquetObject(opened) => {
                self.look_at_rows(&mut file, opened, &rules, options)?
            }
            Opened::Text { format, stream } => {
                file.format = format;
                let unpacked = Counter::default();
                let stream = Counted { stream, read: unpacked.clone() };
                let mut text = text::ratings(&name, stream, &options.reading)?;
                file.layout = Some(text.layout());
                file.separator = text.unusual_separator();
                file.columns = text.places().clone();
                let mut sampled_bytes = 0;
                while file.sampled < SAMPLE
                    && let Some(record) = text.next()?
                {
                    sampled_bytes += record.text.len() as u64 + 1;
                    let fields = record.fields.and_then(|f| text::checked(f, &rules));
                    let fields = fields.map_err(|reason| (reason, excerpt(record.text)));
                    self.take(&mut file, record.line, fields);
                }
                file.is_counted = text.next()?.is_none();
                file.rows = file.sampled;
                if !file.is_counted {
                    // A compressed file unpacks as its beginning does.
                    let expansion = unpacked.count() as f64 / read.count().max(1) as f64;
                    let all = file.bytes as f64 * expansion;
                    file.rows = (all / sampled_bytes as f64 * file.sampled as f64) as u64;
                }
            }
        }
        self.files.push(file);
        Ok(())
    }

    fn look_at_rows<R: Clone + ChunkReader + 'static>(
        &mut self,
        file: &mut FilePreview,
        opened: R,
        rules: &Rules,
        options: &IngestOptions,
    ) -> Result<(), IngestError> {
        let path = file.path.clone();
        let look = |row, record: Sampled<'_>| self.take(file, row, record);
        let (rows, columns) = columnar::sample(&path, opened, &options.reading, rules, look)?;
        (file.rows, file.columns) = (rows, columns);
        Ok(())
    }

    fn take(&mut self, file: &mut FilePreview, line: u64, record: Sampled<'_>) {
        file.sampled += 1;
        let row = match record {
            Ok((user, item, rating, rated_at)) => {
                for (known, id) in [(&mut self.users, user), (&mut self.items, item)] {
                    if !known.contains(id) {
                        known.insert(id.to_owned());
                    }
                }
                if file.first.len() == SHOWN {
                    return;
                }
                let (user, item) = (user.to_owned(), item.to_owned());
                PreviewRow::Accepted { user, item, rating, rated_at }
            }
            Err((reason, text)) => {
                self.rejects.add(&file.path, line, reason, || text.clone());
                *file.rejected.entry(reason).or_default() += 1;
                PreviewRow::Rejected { line, reason, text }
            }
        };
        if file.first.len() < SHOWN {
            file.first.push(row);
        }
    }
}

/// Counts the bytes that were read.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Counter {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Progress for Counter {
    fn begin(&self, _total_bytes: Option<u64>, _what: &str) {}

    fn advance(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

struct Counted<R> {
    stream: R,
    read: Counter,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.read.advance(read as u64);
        Ok(read)
    }
}
