//! The files: nothing is overwritten, and a file has its name only once it is whole.

use std::error::Error;
use std::fmt::Write;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Float32Builder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::history::Row;
use super::{SynthError, SynthFormat};

const CSV_BUFFER: usize = 1 << 18;
const BATCH_ROWS: usize = 16_384;
const ROW_GROUP_ROWS: usize = 262_144;

/// Any reason why something cannot be written.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A file that has its name not yet. It goes away when it is dropped instead of published.
pub struct Draft {
    /// What to write to.
    pub file: File,
    temporary: PathBuf,
    target: PathBuf,
    published: bool,
}

impl Draft {
    /// Starts a file. What a crashed run left behind is written over.
    ///
    /// # Errors
    /// When the name is taken, another run is writing this file, or the folder cannot be written.
    pub fn create(folder: &Path, name: &str) -> Result<Self, SynthError> {
        let temporary = folder.join(format!(".{name}.partial"));
        let target = folder.join(name);
        let failed = |cause: io::Error| SynthError::write(&temporary, cause.into());
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        let file = options.open(&temporary).map_err(failed)?;
        // The lock ends with the process. Where a file system has none, nothing keeps two runs at
        // once apart.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(SynthError::Busy(target));
        }
        let draft = Self { file, temporary, target, published: false };
        // Only now: another run may have published this very file between opening and locking.
        draft.name_is_free()?;
        draft.file.set_len(0).map_err(|cause| draft.failed(cause.into()))?;
        Ok(draft)
    }

    fn name_is_free(&self) -> Result<(), SynthError> {
        refuse_existing(&self.target)
    }

    /// Says that this file cannot be written, and why.
    pub fn failed(&self, cause: Cause) -> SynthError {
        SynthError::write(&self.target, cause)
    }

    /// Makes what was written last, and gives it its name.
    ///
    /// # Errors
    /// When the name is taken by now, or the disk fails.
    pub fn publish(mut self) -> Result<PathBuf, SynthError> {
        self.name_is_free()?;
        let moved =
            self.file.sync_all().and_then(|()| std::fs::rename(&self.temporary, &self.target));
        moved.map_err(|cause| self.failed(cause.into()))?;
        self.published = true;
        Ok(self.target.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: the next run writes over what stays.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Checks that nothing stands at a path.
///
/// # Errors
/// When something does.
pub fn refuse_existing(path: &Path) -> Result<(), SynthError> {
    match path.symlink_metadata() {
        Ok(_) => Err(SynthError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Starts a CSV file with these column names.
pub fn csv_writer<'a>(file: &'a File, columns: &[&str]) -> Result<csv::Writer<&'a File>, Cause> {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(CSV_BUFFER).from_writer(file);
    writer.write_record(columns)?;
    Ok(writer)
}

/// Writes ratings in one of the formats.
pub enum RatingWriter<'a> {
    /// As MovieLens has them.
    Csv(Box<csv::Writer<&'a File>>),
    /// As columns.
    Parquet(Box<ParquetRatings<'a>>),
}

impl<'a> RatingWriter<'a> {
    /// Starts a file.
    pub fn new(file: &'a File, format: SynthFormat) -> Result<Self, Cause> {
        Ok(match format {
            SynthFormat::Csv => {
                let columns = ["userId", "movieId", "rating", "timestamp"];
                Self::Csv(Box::new(csv_writer(file, &columns)?))
            }
            SynthFormat::Parquet => Self::Parquet(Box::new(ParquetRatings::new(file)?)),
        })
    }

    /// Adds a rating.
    pub fn push(&mut self, user: u32, row: &Row) -> Result<(), Cause> {
        match self {
            Self::Csv(writer) => {
                writer.serialize((user, row.item + 1, stars(row), row.rated_at))?
            }
            Self::Parquet(writer) => writer.push(user, row)?,
        }
        Ok(())
    }

    /// Writes what is still in memory.
    pub fn finish(self) -> Result<(), Cause> {
        match self {
            Self::Csv(mut writer) => writer.flush()?,
            Self::Parquet(writer) => writer.finish()?,
        }
        Ok(())
    }
}

fn stars(row: &Row) -> f32 {
    f32::from(row.halves) / 2.0
}

/// Collects ratings into columns.
pub struct ParquetRatings<'a> {
    schema: SchemaRef,
    users: StringBuilder,
    items: StringBuilder,
    stars: Float32Builder,
    times: Int64Builder,
    rows: usize,
    writer: ArrowWriter<&'a File>,
}

impl<'a> ParquetRatings<'a> {
    fn new(file: &'a File) -> Result<Self, Cause> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("user_id", DataType::Utf8, false),
            Field::new("item_id", DataType::Utf8, false),
            Field::new("rating", DataType::Float32, false),
            Field::new("timestamp", DataType::Int64, false),
        ]));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_created_by("akin".to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        Ok(Self {
            schema,
            users: StringBuilder::new(),
            items: StringBuilder::new(),
            stars: Float32Builder::new(),
            times: Int64Builder::new(),
            rows: 0,
            writer,
        })
    }

    fn push(&mut self, user: u32, row: &Row) -> Result<(), Cause> {
        // Written straight into the columns: no text is allocated for a row.
        write!(self.users, "{user}")?;
        self.users.append_value("");
        write!(self.items, "{}", row.item + 1)?;
        self.items.append_value("");
        self.stars.append_value(stars(row));
        self.times.append_value(row.rated_at);
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<(), Cause> {
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(self.users.finish()),
            Arc::new(self.items.finish()),
            Arc::new(self.stars.finish()),
            Arc::new(self.times.finish()),
        ];
        self.rows = 0;
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Cause> {
        self.write_batch()?;
        self.writer.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    type Outcome = Result<(), Box<dyn Error>>;

    fn names(folder: &Path) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(folder)?;
        names.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    #[test]
    fn a_draft_has_no_name_until_it_is_published() -> Outcome {
        let folder = tempfile::tempdir()?;
        let mut draft = Draft::create(folder.path(), "a.csv")?;
        draft.file.write_all(b"x")?;
        assert_eq!(names(folder.path())?, [".a.csv.partial"]);
        draft.publish()?;
        assert_eq!(names(folder.path())?, ["a.csv"]);
        assert_eq!(std::fs::read(folder.path().join("a.csv"))?, b"x");
        Ok(())
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_nothing() -> Outcome {
        let folder = tempfile::tempdir()?;
        drop(Draft::create(folder.path(), "a.csv")?);
        assert!(names(folder.path())?.is_empty());
        Ok(())
    }

    #[test]
    fn what_a_crash_left_behind_is_written_over() -> Outcome {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(".a.csv.partial"), "half of a longer file")?;
        let mut draft = Draft::create(folder.path(), "a.csv")?;
        draft.file.write_all(b"x")?;
        draft.publish()?;
        assert_eq!(std::fs::read(folder.path().join("a.csv"))?, b"x");
        Ok(())
    }

    #[test]
    fn two_runs_do_not_write_the_same_file() -> Outcome {
        let folder = tempfile::tempdir()?;
        let first = Draft::create(folder.path(), "a.csv")?;
        let second = Draft::create(folder.path(), "a.csv");
        assert!(matches!(second, Err(SynthError::Busy(_))));
        first.publish()?;
        Ok(())
    }

    #[test]
    fn a_file_that_appeared_meanwhile_is_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let draft = Draft::create(folder.path(), "a.csv")?;
        std::fs::write(folder.path().join("a.csv"), "mine")?;
        assert!(matches!(draft.publish(), Err(SynthError::Exists(_))));
        assert_eq!(names(folder.path())?, ["a.csv"]);
        assert_eq!(std::fs::read(folder.path().join("a.csv"))?, b"mine");
        Ok(())
    }
}
