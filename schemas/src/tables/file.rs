//! Writing and reading one Parquet file of a table.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use thiserror::Error;

use super::Table;
use super::claims::unpacked_bytes;
use super::compact::check_footer;
use crate::checksum::Checksum;

/// Rows that are turned into Arrow columns at once.
pub(super) const BATCH_ROWS: usize = 16_384;
/// Rows of a row group: small enough that a reader of one user or item skips most of a sorted file.
pub const ROW_GROUP_ROWS: usize = 262_144;
/// What a part's pages may take unpacked. The writer makes pages of about a mebibyte.
const MAX_UNPACKED: u64 = 128 << 20;

/// Why a Parquet file is not a part of its table.
#[derive(Debug, Error)]
pub enum TableError {
    /// Not readable as Parquet.
    #[error("not a readable Parquet file: {0}")]
    Parquet(#[from] ParquetError),
    /// Not decodable into columns.
    #[error("not decodable: {0}")]
    Arrow(#[from] ArrowError),
    /// A column of the contract is not there.
    #[error("column `{0}` is missing")]
    MissingColumn(&'static str),
    /// A column has a type that the contract does not give it.
    #[error("column `{column}` has type {found}, the contract says {expected}")]
    WrongType {
        /// The column's name.
        column: &'static str,
        /// Its type in the file.
        found: String,
        /// Its type in the contract.
        expected: &'static str,
    },
    /// A null where the contract has none.
    #[error("column `{0}` holds a null")]
    UnexpectedNull(&'static str),
    /// Its bytes contradict each other in a way that the Parquet library does not expect.
    #[error("its content contradicts itself")]
    Contradiction,
    /// Its pages would take too much memory.
    #[error("its pages would take {unpacked} bytes unpacked where {limit} are allowed")]
    TooLarge {
        /// Bytes that they would take.
        unpacked: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A row breaks a rule of its table.
    #[error("{0}")]
    BadRow(String),
    /// Whoever reads it wants no more of it.
    #[error("not read to its end")]
    Stopped,
}

/// A finished file and what the manifest says of it.
#[derive(Debug, Clone)]
pub struct EncodedPart {
    /// The file.
    pub bytes: Bytes,
    /// Its rows.
    pub rows: u64,
    /// The checksum of its bytes.
    pub sha256: Checksum,
}

/// A writer of a table's files.
pub(super) fn writer<T: Table>() -> Result<ArrowWriter<Vec<u8>>, TableError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("akin".to_owned());
    for &column in T::SCATTERED {
        properties = properties
            .set_column_dictionary_enabled(column.into(), false)
            .set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(ArrowWriter::try_new(Vec::new(), T::schema(), Some(properties.build()))?)
}

/// Collects rows into one Parquet file. The same rows give the same bytes.
pub struct PartWriter<T: Table> {
    builders: T::Builders,
    buffered: usize,
    rows: u64,
    writer: ArrowWriter<Vec<u8>>,
}

impl<T: Table> PartWriter<T> {
    /// Starts a file.
    ///
    /// # Errors
    /// When the Parquet writer refuses the table's schema.
    pub fn new() -> Result<Self, TableError> {
        Ok(Self { builders: T::Builders::default(), buffered: 0, rows: 0, writer: writer::<T>()? })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a full batch cannot be written.
    pub fn push(&mut self, row: &T::Row<'_>) -> Result<(), TableError> {
        T::append(&mut self.builders, row);
        self.buffered += 1;
        self.rows += 1;
        if self.buffered == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        if self.buffered > 0 {
            let batch = RecordBatch::try_new(T::schema(), T::finish(&mut self.builders))?;
            self.writer.write(&batch)?;
            self.buffered = 0;
        }
        Ok(())
    }

    /// Rows pushed so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When the last batch or the footer cannot be written.
    pub fn finish(mut self) -> Result<EncodedPart, TableError> {
        self.flush()?;
        let bytes = Bytes::from(self.writer.into_inner()?);
        Ok(EncodedPart { rows: self.rows, sha256: Checksum::of(&bytes), bytes })
    }
}

/// Hands every row of a Parquet file to `visit`, in order, and returns their number.
///
/// Columns are found by name, so that a later writer may add some.
///
/// # Errors
/// When the bytes are no Parquet file, or not one of this table.
pub fn read_part<T: Table>(
    bytes: Bytes,
    mut visit: impl FnMut(T::Row<'_>),
) -> Result<u64, TableError> {
    read_columns::<T>(bytes, |_, columns| T::rows(&columns, &mut visit))
}

/// The same by some thousand rows at once: hands their number and columns to `visit`.
///
/// # Errors
/// When the bytes are no Parquet file, or not one of this table, and what `visit` gives.
pub fn read_columns<T: Table>(
    bytes: Bytes,
    mut visit: impl FnMut(usize, T::Columns<'_>) -> Result<(), TableError>,
) -> Result<u64, TableError> {
    let mut reader = guarded(|| {
        let metadata = metadata::<T>(&bytes)?;
        check_unpacked(unpacked_bytes(&bytes, metadata.metadata(), |_| true)?)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
        Ok(builder.with_batch_size(BATCH_ROWS).build()?)
    })?;
    let mut rows = 0;
    while let Some(batch) = guarded(|| Ok(reader.next().transpose()?))? {
        visit(batch.num_rows(), T::columns(&batch)?)?;
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

/// Refuses what would take too much.
pub(super) fn check_unpacked(unpacked: u64) -> Result<(), TableError> {
    if unpacked > MAX_UNPACKED {
        return Err(TableError::TooLarge { unpacked, limit: MAX_UNPACKED });
    }
    Ok(())
}

/// How the file is to be read: texts that repeat as positions in lists, as they are stored.
pub(super) fn metadata<T: Table>(bytes: &Bytes) -> Result<ArrowReaderMetadata, TableError> {
    // The embedded Arrow schema is a hint from the writer's library; the Parquet types are the contract.
    let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    check_footer(bytes)?;
    let stored = ArrowReaderMetadata::load(bytes, options())?;
    let fields = stored.schema().fields().iter().map(|field| {
        let repeats = T::REPEATING.contains(&field.name().as_str());
        if repeats && *field.data_type() == DataType::Utf8 {
            let list = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
            Arc::new(Field::new(field.name(), list, field.is_nullable()))
        } else {
            field.clone()
        }
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(ArrowReaderMetadata::try_new(stored.metadata().clone(), options().with_schema(schema))?)
}

/// Runs the Parquet library on bytes that may be damaged: no checksum goes before a ledger's segment. The library
/// asserts some of what they say, so that a panic is one of its ways to report damage; what it worked on is dropped.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(TableError::Contradiction))
}

pub(super) fn schema(fields: Vec<arrow::datatypes::Field>) -> arrow::datatypes::SchemaRef {
    Arc::new(arrow::datatypes::Schema::new(fields))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::tables::{ItemRow, Items, ProfileRow, Profiles};

    fn profiles(ratings: [Option<f32>; 3]) -> Bytes {
        let mut writer = PartWriter::<Profiles>::new().unwrap();
        for (order_sequence, rating) in (1..).zip(ratings) {
            let row = ProfileRow {
                user_id: "u",
                item_id: "a",
                rating,
                rated_at: 7,
                order_micros: 7,
                order_origin: "files",
                order_sequence,
            };
            writer.push(&row).unwrap();
        }
        writer.finish().unwrap().bytes
    }

    fn items() -> Bytes {
        let mut writer = PartWriter::<Items>::new().unwrap();
        for (item_id, genres) in [("a", vec!["Drama", "War"]), ("b", vec![])] {
            let (title, rated_between) = (Some("title"), Some((1, 2)));
            let (rating_count, rating_mean) = (3, Some(3.5));
            let row = ItemRow { item_id, title, genres, rating_count, rating_mean, rated_between };
            writer.push(&row).unwrap();
        }
        writer.finish().unwrap().bytes
    }

    /// Reads damaged copies: one byte of each place replaced, and then several places at once, always the same ones.
    fn refused<T: Table>(sound: &Bytes) -> usize {
        let read = |bytes: Vec<u8>| read_part::<T>(bytes.into(), |_| ()).is_err();
        let length = sound.len();
        let mut refused = 0;
        for at in 0..length {
            for by in [0x7f, 0xff, sound[at] ^ 1] {
                let mut damaged = sound.to_vec();
                damaged[at] = by;
                refused += usize::from(read(damaged));
            }
        }
        let mut state = 1_u64;
        // Knuth's linear congruential generator; its high bits are the good ones.
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        for _ in 0..2_000 {
            let mut damaged = sound.to_vec();
            for _ in 0..=next() % 6 {
                let at = next() % length;
                damaged[at] = next() as u8;
            }
            refused += usize::from(read(damaged));
        }
        refused
    }

    #[test]
    fn a_damaged_part_is_refused_or_read_but_never_a_panic() {
        let (profiles, items) = (profiles([Some(4.5), None, Some(1.0)]), items());
        assert_eq!(read_part::<Profiles>(profiles.clone(), |_| ()).unwrap(), 3);
        assert_eq!(read_part::<Items>(items.clone(), |_| ()).unwrap(), 2);
        assert!(refused::<Profiles>(&profiles) > 2_000);
        assert!(refused::<Items>(&items) > 2_000);
    }

    #[test]
    fn a_rating_that_is_not_finite_is_refused() {
        for rating in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let refused = read_part::<Profiles>(profiles([Some(1.0), None, Some(rating)]), |_| ());
            assert_eq!(refused.unwrap_err().to_string(), "column `rating` is not finite");
        }
    }
}
