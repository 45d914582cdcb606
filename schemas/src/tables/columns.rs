//! Typed access to the columns of a batch, by name.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, TimeUnit};

use super::file::TableError;

/// A moment in UTC, in microseconds: what every engine reads as a timestamp.
pub fn moment(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), nullable)
}

pub fn column<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a ArrayRef, TableError> {
    batch.column_by_name(name).ok_or(TableError::MissingColumn(name))
}

fn wrong_type(array: &ArrayRef, column: &'static str, expected: &'static str) -> TableError {
    TableError::WrongType { column, found: array.data_type().to_string(), expected }
}

pub fn nullable_texts<'a>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a StringArray, TableError> {
    let array = column(batch, name)?;
    array.as_string_opt::<i32>().ok_or_else(|| wrong_type(array, name, "string"))
}

pub fn texts<'a>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a StringArray, TableError> {
    let array = nullable_texts(batch, name)?;
    without_nulls(array, name)?;
    Ok(array)
}

pub fn nullable_numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &'static str,
    expected: &'static str,
) -> Result<&'a PrimitiveArray<T>, TableError> {
    let array = column(batch, name)?;
    array.as_primitive_opt::<T>().ok_or_else(|| wrong_type(array, name, expected))
}

pub fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &'static str,
    expected: &'static str,
) -> Result<&'a PrimitiveArray<T>, TableError> {
    let array = nullable_numbers::<T>(batch, name, expected)?;
    without_nulls(array, name)?;
    Ok(array)
}

fn without_nulls(array: &dyn Array, name: &'static str) -> Result<(), TableError> {
    if array.null_count() == 0 { Ok(()) } else { Err(TableError::UnexpectedNull(name)) }
}
