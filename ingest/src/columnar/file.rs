//! An opened Parquet file, of which only the wanted columns are looked at.
//!
//! Whatever else the file holds does not matter: an odd type in a column that nobody asks for, or an odd packing, is no
//! reason to refuse the ratings beside it. So the other columns are taken out of the file's own description first, and
//! what is left is given to the Arrow reader.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use akin_schemas::tables::{check_footer, check_row_counts, unpacked_group_bytes};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_schema, parquet_to_arrow_schema_by_columns};
use parquet::basic::{Compression, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::super::error::IngestError;
use super::super::header::{self, Column, Naming};
use super::super::splitter::places;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8_192;
/// What a file's pages may take unpacked. Some writers make a page of 50 million rows.
const MAX_UNPACKED: u64 = 2 << 30;
const DAMAGED: &str = "check that the file is complete, or write it again";
const PACK_AGAIN: &str = "write the file again, packed with zstd or snappy";

/// An opened file with `N` wanted columns.
pub(in super::super) struct Columnar<R, const N: usize> {
    file: R,
    /// Of the wanted columns alone.
    metadata: ArrowReaderMetadata,
    /// Where each of them is in what is read.
    pub(in super::super) positions: [Option<usize>; N],
    /// The same for a person to read.
    pub(super) places: [String; N],
    /// Rows.
    pub(in super::super) total: u64,
}

impl<R: Clone + ChunkReader + 'static, const N: usize> Columnar<R, N> {
    pub(super) fn open(
        path: &str,
        file: R,
        columns: &[Column<'_>; N],
    ) -> Result<Self, IngestError> {
        let whole = guarded(path, || {
            check_footer(&file)?;
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
            check_row_counts(&metadata)?;
            Ok(metadata)
        })?;
        let names = guarded(path, || {
            let fields = whole.file_metadata().schema_descr().root_schema().get_fields();
            Ok(fields.iter().map(|field| field.name().as_bytes()).collect::<Vec<_>>())
        })?;
        let wanted = header::locate(path, Naming::Header, columns, &names)?;
        let places = places(columns, &wanted, &names);
        let roots: Vec<usize> = (0..names.len()).filter(|at| wanted.contains(&Some(*at))).collect();
        let metadata = guarded(path, || {
            let (metadata, schema) = (pruned(&whole, &roots)?, wanted_schema(&whole, &roots)?);
            let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
            Ok(ArrowReaderMetadata::try_new(Arc::new(metadata), options)?)
        })?;
        check_packing(path, metadata.metadata())?;
        let total = u64::try_from(whole.file_metadata().num_rows()).unwrap_or(0);
        // A batch holds the wanted columns alone, in the order of the file.
        let positions =
            wanted.map(|at| at.and_then(|at| roots.iter().position(|root| *root == at)));
        Ok(Self { file, metadata, positions, places, total })
    }

    /// The wanted columns' names and types.
    pub(super) fn fields(&self) -> [Option<&Field>; N] {
        self.positions.map(|at| at.map(|at| self.metadata.schema().field(at)))
    }

    /// How many row groups there are.
    pub(in super::super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The rows of a row group, as the file claims.
    pub(in super::super) fn rows_of(&self, group: usize) -> u64 {
        u64::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    /// A reader of one row group's wanted columns, and the bytes that unpacking takes.
    ///
    /// Group by group, because first the headers of its pages are looked at and then the pages read: in a remote file the
    /// blocks that the first fetched are still kept when the second wants them.
    pub(super) fn group(
        &self,
        path: &str,
        group: usize,
    ) -> Result<(ParquetRecordBatchReader, u64), IngestError> {
        let unpacked = guarded(path, || {
            let group = self.metadata.metadata().row_group(group);
            Ok(unpacked_group_bytes(&self.file, group, |_| true)?)
        })?;
        if unpacked > MAX_UNPACKED {
            let problem = format!("its pages would take {unpacked} bytes of memory unpacked");
            return Err(IngestError::bad(path, problem, "write the file with smaller pages"));
        }
        let reader = guarded(path, || {
            let (file, metadata) = (self.file.clone(), self.metadata.clone());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let builder = builder.with_row_groups(vec![group]);
            Ok(builder.with_batch_size(BATCH_ROWS).build()?)
        })?;
        Ok((reader, unpacked))
    }
}

/// Makes sure that as many rows were read as the file claims.
pub(in super::super) fn check_rows(path: &str, rows: u64, claimed: u64) -> Result<(), IngestError> {
    if rows == claimed {
        return Ok(());
    }
    let problem = format!("not a readable Parquet file: it holds {rows} rows and claims {claimed}");
    Err(IngestError::bad(path, problem, DAMAGED))
}

/// Runs the Parquet library on bytes that may be damaged. It asserts some of what they say, so that a panic is one of
/// its ways to report damage; whatever it worked on is dropped.
pub(super) fn guarded<T>(
    path: &str,
    work: impl FnOnce() -> Result<T, Box<dyn std::error::Error>>,
) -> Result<T, IngestError> {
    let problem = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(result)) => return Ok(result),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its content contradicts itself".to_owned(),
    };
    Err(IngestError::bad(path, format!("not a readable Parquet file: {problem}"), DAMAGED))
}

/// A file's description without the columns that are not wanted.
fn pruned(whole: &ParquetMetaData, roots: &[usize]) -> Result<ParquetMetaData, ParquetError> {
    let file = whole.file_metadata();
    let described = file.schema_descr();
    let root = described.root_schema();
    let fields = roots.iter().map(|at| root.get_fields()[*at].clone()).collect();
    let schema = Type::group_type_builder(root.name()).with_fields(fields).build()?;
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
    let groups = whole.row_groups().iter().map(|group| {
        let columns = group.columns().iter().enumerate();
        let wanted = columns
            .filter(|(leaf, _)| roots.contains(&described.get_column_root_idx(*leaf)))
            .map(|(_, column)| column.clone());
        RowGroupMetaData::builder(schema.clone())
            .set_num_rows(group.num_rows())
            .set_total_byte_size(group.total_byte_size())
            .set_column_metadata(wanted.collect())
            .build()
    });
    let groups = groups.collect::<Result<_, _>>()?;
    let by = file.created_by().map(str::to_owned);
    let described =
        FileMetaData::new(file.version(), file.num_rows(), by, None, schema.clone(), None);
    Ok(ParquetMetaData::new(described, groups))
}

/// The Arrow types in which the wanted columns are to be read, in the order of the file.
fn wanted_schema(whole: &ParquetMetaData, roots: &[usize]) -> Result<Schema, ParquetError> {
    let file = whole.file_metadata();
    let described = file.schema_descr();
    let mask = ProjectionMask::roots(described, roots.iter().copied());
    // What Arrow's writers note beside Parquet's own types: that milliseconds are a date, for one. A type in it that is
    // not known here makes the whole note unreadable, and Parquet's types are what counts.
    let noted = parquet_to_arrow_schema_by_columns(described, mask, file.key_value_metadata());
    let schema = match noted {
        Ok(schema) => schema,
        Err(_) => {
            let pruned = pruned(whole, roots)?;
            parquet_to_arrow_schema(pruned.file_metadata().schema_descr(), None)?
        }
    };
    let fields = schema.fields().iter().zip(roots).map(|(field, at)| {
        let parquet = &described.root_schema().get_fields()[*at];
        let is_int96 = parquet.is_primitive() && parquet.get_physical_type() == Physical::INT96;
        match field.data_type() {
            // Nanoseconds wrap in the year 2262. Microseconds hold every moment that a writer of such times can know.
            DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_int96 => {
                let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
                field.as_ref().clone().with_data_type(micros)
            }
            _ => field.as_ref().clone(),
        }
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

/// Refuses columns that are packed in a way that is not read here.
fn check_packing(path: &str, metadata: &ParquetMetaData) -> Result<(), IngestError> {
    let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    for column in columns {
        let codec = match column.compression() {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::ZSTD(_)
            | Compression::LZ4
            | Compression::LZ4_RAW => continue,
            Compression::BROTLI(_) => "brotli",
            Compression::LZO => "LZO",
        };
        let name = column.column_path().string();
        let problem = format!("column `{name}` is packed with {codec}, which is not supported");
        return Err(IngestError::bad(path, problem, PACK_AGAIN));
    }
    Ok(())
}
