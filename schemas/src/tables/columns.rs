//! Typed access to the columns of a batch, by name.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Int32Type, TimeUnit};

use super::file::TableError;

/// A moment in UTC, in microseconds: what every engine reads as a timestamp.
pub fn moment(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), nullable)
}

/// A column with what it means, which files and the Delta Lake logs tell, too.
pub fn described(field: Field, comment: &str) -> Field {
    field.with_metadata([("comment".to_owned(), comment.to_owned())])
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

/// A column of texts that repeat: each row holds the position of its text in a list.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    positions: &'a [i32],
    list: &'a StringArray,
}

impl<'a> Texts<'a> {
    /// The text of a row.
    pub fn value(&self, row: usize) -> &'a str {
        self.list.value(self.position(row))
    }

    /// Its position in the list.
    pub fn position(&self, row: usize) -> usize {
        self.positions[row] as usize
    }
}

/// What texts stand for, looked up once for each text in a column's list rather than for each row. Batches of one row
/// group share a list.
#[derive(Debug)]
pub struct TextLookup<V> {
    /// Held, so that a list elsewhere in memory is another one.
    list: Option<StringArray>,
    found: Vec<V>,
}

impl<V> Default for TextLookup<V> {
    fn default() -> Self {
        Self { list: None, found: Vec::new() }
    }
}

impl<V> TextLookup<V> {
    /// What each text of the column's list stands for, by [`Texts::position`].
    pub fn find(&mut self, column: &Texts<'_>, find: impl FnMut(&str) -> V) -> &[V] {
        let is_same = |list: &StringArray| {
            list.values().as_ptr() == column.list.values().as_ptr()
                && list.value_offsets().as_ptr() == column.list.value_offsets().as_ptr()
                && list.len() == column.list.len()
        };
        if !self.list.as_ref().is_some_and(is_same) {
            self.found.clear();
            self.found.extend(column.list.iter().map(Option::unwrap_or_default).map(find));
            self.list = Some(column.list.clone());
        }
        &self.found
    }
}

pub fn repeating_texts<'a>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<Texts<'a>, TableError> {
    let array = column(batch, name)?;
    let coded = array.as_dictionary_opt::<Int32Type>();
    let coded = coded.ok_or_else(|| wrong_type(array, name, "string"))?;
    let list = coded.values().as_string_opt::<i32>();
    let list = list.ok_or_else(|| wrong_type(array, name, "string"))?;
    without_nulls(coded, name)?;
    without_nulls(list, name)?;
    Ok(Texts { positions: coded.keys().values(), list })
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
