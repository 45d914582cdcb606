//! Reads ratings from a Parquet file.
//!
//! Types are taken as they come where the meaning is plain: any strings or integers as ids, any numbers as ratings, and
//! integer seconds, timestamps of any unit or dates as times. Ids in a floating-point column are refused: `1.0` and `1`
//! would be two items.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use akin_schemas::tables::{check_footer, check_row_counts, unpacked_group_bytes};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use super::collector::Collector;
use super::error::IngestError;
use super::header::{self, Naming};
use super::preview::Sampled;
use super::progress::Progress;
use super::reading::Reading;
use super::rejects::{Reason, excerpt};
use super::rules::{self, Rules, Unit};
use super::shared::Shared;
use super::splitter::places;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8_192;
/// What a file's pages may take unpacked. Some writers make a page of 50 million rows.
const MAX_UNPACKED: u64 = 2 << 30;
const DAMAGED: &str = "check that the file is complete, or write it again";
const WRITE_AGAIN: &str = "write the file with another type for the column";

/// Reads a file of ratings.
pub(super) fn read<R: ChunkReader + 'static>(
    path: &str,
    file: R,
    reading: &Reading,
    rules: &Rules,
    collector: &mut Collector,
    progress: &dyn Progress,
) -> Result<(), IngestError> {
    let bytes = file.len();
    let columnar = Columnar::open(path, file, reading)?;
    let total = columnar.total;
    let (mut rows, mut told) = (0, 0);
    for group in 0..columnar.groups() {
        let (mut reader, unpacked) = columnar.group(path, group)?;
        collector.check_room_for(unpacked)?;
        while let Some(batch) = guarded(path, || Ok(reader.next().transpose()?))? {
            let columns = Columns::of(path, &batch, &columnar.positions, reading)?;
            for at in 0..batch.num_rows() {
                rows += 1;
                match columns.checked(at, rules) {
                    Ok((user, item, rating, micros)) => {
                        collector.accept(user, item, rating, micros)?;
                    }
                    Err(reason) => collector.reject(rows, reason, || columns.shown(at)),
                }
            }
            // The reader does not say where in the file it is; rows are a fair measure.
            let done = (u128::from(bytes) * u128::from(rows) / u128::from(total.max(rows))) as u64;
            progress.advance(done - told);
            told = done;
        }
    }
    if rows == total {
        return Ok(());
    }
    let problem = format!("not a readable Parquet file: it holds {rows} rows and claims {total}");
    Err(IngestError::bad(path, problem, DAMAGED))
}

/// Looks at the first rows of a file, at most as many as are decoded at once. Gives the number of all rows, and where
/// each wanted column is.
pub(super) fn sample<R: ChunkReader + 'static>(
    path: &str,
    file: R,
    reading: &Reading,
    rules: &Rules,
    mut look: impl FnMut(u64, Sampled<'_>),
) -> Result<(u64, [String; 4]), IngestError> {
    let columnar = Columnar::open(path, file, reading)?;
    for group in 0..columnar.groups() {
        let (mut reader, _) = columnar.group(path, group)?;
        // A group may have no rows.
        let Some(batch) = guarded(path, || Ok(reader.next().transpose()?))? else { continue };
        let columns = Columns::of(path, &batch, &columnar.positions, reading)?;
        for (at, row) in (0..batch.num_rows()).zip(1..) {
            look(row, columns.checked(at, rules).map_err(|reason| (reason, columns.shown(at))));
        }
        break;
    }
    Ok((columnar.total, columnar.places))
}

/// An opened file.
struct Columnar<R> {
    file: Shared<R>,
    metadata: ArrowReaderMetadata,
    /// The wanted columns.
    mask: ProjectionMask,
    /// Where each of them is in what is read.
    positions: [Option<usize>; 4],
    /// The same for a person to read.
    places: [String; 4],
    /// Rows.
    total: u64,
}

impl<R: ChunkReader + 'static> Columnar<R> {
    fn open(path: &str, file: R, reading: &Reading) -> Result<Self, IngestError> {
        let file = Shared::new(file);
        let metadata = guarded(path, || {
            check_footer(&file)?;
            let metadata = ArrowReaderMetadata::load(&file, Default::default())?;
            check_row_counts(metadata.metadata())?;
            Ok(metadata)
        })?;
        let schema = metadata.schema();
        let names: Vec<&[u8]> =
            schema.fields().iter().map(|field| field.name().as_bytes()).collect();
        let columns = header::ratings(reading);
        let wanted = header::locate(path, Naming::Header, &columns, &names)?;
        let places = places(&columns, &wanted, &names);
        check_types(path, schema, &wanted)?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), wanted.into_iter().flatten());
        let total = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        // A batch holds the wanted columns alone, in the order of the file.
        let positions = wanted.map(|column| {
            column.map(|column| wanted.iter().flatten().filter(|other| **other < column).count())
        });
        Ok(Self { file, metadata, mask, positions, places, total })
    }

    /// How many row groups there are.
    fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// A reader of one row group's wanted columns, and the bytes that unpacking takes.
    ///
    /// Group by group, because first the headers of its pages are looked at and then the pages read: in a remote file the
    /// blocks that the first fetched are still kept when the second wants them.
    fn group(
        &self,
        path: &str,
        group: usize,
    ) -> Result<(ParquetRecordBatchReader, u64), IngestError> {
        let unpacked = guarded(path, || {
            let group = self.metadata.metadata().row_group(group);
            Ok(unpacked_group_bytes(&self.file, group, |leaf| self.mask.leaf_included(leaf))?)
        })?;
        if unpacked > MAX_UNPACKED {
            let problem = format!("its pages would take {unpacked} bytes of memory unpacked");
            return Err(IngestError::bad(path, problem, "write the file with smaller pages"));
        }
        let reader = guarded(path, || {
            let (file, metadata) = (self.file.clone(), self.metadata.clone());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let builder = builder.with_row_groups(vec![group]).with_projection(self.mask.clone());
            Ok(builder.with_batch_size(BATCH_ROWS).build()?)
        })?;
        Ok((reader, unpacked))
    }
}

/// Runs the Parquet library on bytes that may be damaged. It asserts some of what they say, so that a panic is one of
/// its ways to report damage; whatever it worked on is dropped.
fn guarded<T>(
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

/// The type of a column's values, a dictionary's where it has one.
fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        plain => plain,
    }
}

fn is_id(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Utf8, Utf8View};
    // Some engines write text without saying that it is text.
    let text = matches!(data_type, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView);
    text || data_type.is_integer()
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || data_type.is_decimal()
}

fn unit(data_type: &DataType) -> Option<Unit> {
    match data_type {
        DataType::Date32 => Some(Unit::Days),
        DataType::Timestamp(TimeUnit::Second, _) => Some(Unit::Seconds),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => Some(Unit::Millis),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(Unit::Micros),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(Unit::Nanos),
        integer if integer.is_integer() => Some(Unit::Seconds),
        _ => None,
    }
}

fn check_types(
    path: &str,
    schema: &Schema,
    wanted: &[Option<usize>; 4],
) -> Result<(), IngestError> {
    const IDS: &str = "ids are strings or integers";
    const NUMBERS: &str = "ratings are numbers";
    const MOMENTS: &str = "times are integer seconds, timestamps or dates";
    let [user, item, rating, moment] =
        wanted.map(|at| at.map(|at| value_type(schema.field(at).data_type())));
    let accepted = [
        (user.is_none_or(is_id), IDS),
        (item.is_none_or(is_id), IDS),
        (rating.is_none_or(is_number), NUMBERS),
        (moment.is_none_or(|moment| unit(moment).is_some()), MOMENTS),
    ];
    for (column, (is_accepted, expected)) in wanted.iter().zip(accepted) {
        if let (Some(column), false) = (column, is_accepted) {
            let field = schema.field(*column);
            let (name, found) = (field.name(), field.data_type());
            let problem = format!("column `{name}` has type {found}, {expected}");
            return Err(IngestError::bad(path, problem, WRITE_AGAIN));
        }
    }
    Ok(())
}

/// The wanted columns of one batch: as found, dictionaries unpacked, and as read.
struct Columns {
    found: [ArrayRef; 4],
    user: StringArray,
    item: StringArray,
    rating: Float64Array,
    moment: Int64Array,
    unit: Unit,
}

impl Columns {
    /// What `reading` implies stands in every row of a column that is missing.
    fn of(
        path: &str,
        batch: &RecordBatch,
        positions: &[Option<usize>; 4],
        reading: &Reading,
    ) -> Result<Self, IngestError> {
        let rows = batch.num_rows();
        let rating = f64::from(reading.implicit_rating.unwrap_or(f32::NAN));
        let rating: ArrayRef = Arc::new(Float64Array::from_value(rating, rows));
        let moment = i64::from(reading.implicit_timestamp.unwrap_or(0));
        let moment: ArrayRef = Arc::new(Int64Array::from_value(moment, rows));
        let column = |at: usize, implied| positions[at].map_or(implied, |at| batch.column(at));
        // Only a rating and a time can be implied.
        let columns =
            [column(0, &moment), column(1, &moment), column(2, &rating), column(3, &moment)];
        guarded(path, || {
            let [user, item, rating, moment] =
                columns.map(|column| cast(column, value_type(column.data_type())));
            let found = [user?, item?, rating?, moment?];
            let [user, item, rating, moment] = &found;
            Ok(Self {
                user: cast(user, &DataType::Utf8)?.as_string().clone(),
                item: cast(item, &DataType::Utf8)?.as_string().clone(),
                rating: cast(rating, &DataType::Float64)?.as_primitive().clone(),
                moment: cast(moment, &DataType::Int64)?.as_primitive().clone(),
                unit: unit(moment.data_type()).unwrap_or(Unit::Seconds),
                found,
            })
        })
    }

    fn checked(&self, at: usize, rules: &Rules) -> Result<(&str, &str, f32, i64), Reason> {
        if self.found.iter().any(|column| column.is_null(at)) {
            return Err(Reason::Null);
        }
        // What is null only as read has no value of the type that it is read as.
        let read = |column: &dyn Array, else_: Reason| {
            if column.is_valid(at) { Ok(at) } else { Err(else_) }
        };
        Ok((
            rules::id(self.user.value(read(&self.user, Reason::NotUtf8)?))?,
            rules::id(self.item.value(read(&self.item, Reason::NotUtf8)?))?,
            rules.rating(self.rating.value(read(&self.rating, Reason::NotANumber)?))?,
            rules.moment(self.moment.value(read(&self.moment, Reason::After9999)?), self.unit)?,
        ))
    }

    fn shown(&self, at: usize) -> String {
        let shown = |column: &ArrayRef| array_value_to_string(column, at).ok();
        // A time in a zone that has a name cannot be shown without a table of zones.
        let values =
            self.found.iter().map(|column| shown(column).unwrap_or_else(|| "?".to_owned()));
        excerpt(values.collect::<Vec<_>>().join(",").as_bytes())
    }
}
