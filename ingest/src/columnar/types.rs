//! Which Arrow types can stand for what, and turning columns into those that are worked with.

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;

use super::super::error::IngestError;
use super::super::rejects::excerpt;
use super::super::rules::Unit;

const WRITE_AGAIN: &str = "write the file with another type for the column";

/// What the values of a time column count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Whole units.
    Whole(Unit),
    /// Seconds, with a fraction.
    Fractional,
}

/// The type of a column's values, a dictionary's where it has one; of nulls any that can be null.
pub(super) fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        DataType::Null => &DataType::Int64,
        plain => plain,
    }
}

/// The column without a dictionary.
pub(super) fn unpacked(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    cast(column, value_type(column.data_type()))
}

/// The column as text; null where bytes are not.
pub(super) fn texts(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(cast(column, &DataType::Utf8)?.as_string().clone())
}

/// Text, and bytes, because some engines write text without saying that it is text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Utf8, Utf8View};
    matches!(data_type, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView)
}

pub(super) fn is_id(data_type: &DataType) -> bool {
    is_text(data_type) || data_type.is_integer()
}

pub(super) fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || data_type.is_decimal()
}

/// Whether these are lists of texts.
pub(super) fn is_list_of_texts(data_type: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, LargeUtf8, List, Utf8, Utf8View};
    match data_type {
        List(of) | LargeList(of) | FixedSizeList(of, _) => {
            matches!(value_type(of.data_type()), Utf8 | LargeUtf8 | Utf8View)
        }
        _ => false,
    }
}

pub(super) fn clock(data_type: &DataType) -> Option<Clock> {
    let unit = match data_type {
        // Thirty-two bits hold the seconds of these years to within two minutes.
        DataType::Float64 => return Some(Clock::Fractional),
        DataType::Date32 => Unit::Days,
        DataType::Timestamp(TimeUnit::Second, _) => Unit::Seconds,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => Unit::Millis,
        DataType::Timestamp(TimeUnit::Microsecond, _) => Unit::Micros,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Unit::Nanos,
        integer if integer.is_integer() => Unit::Seconds,
        _ => return None,
    };
    Some(Clock::Whole(unit))
}

/// Refuses a column whose values are not what they should be.
pub(super) fn check(
    path: &str,
    field: Option<&Field>,
    is_accepted: impl FnOnce(&DataType) -> bool,
    expected: &str,
) -> Result<(), IngestError> {
    let Some(field) = field else { return Ok(()) };
    // A column of nothing but nulls may have no type.
    if *field.data_type() == DataType::Null || is_accepted(value_type(field.data_type())) {
        return Ok(());
    }
    let (name, found) = (field.name(), field.data_type());
    let problem = format!("column `{name}` has type {found}, {expected}");
    Err(IngestError::bad(path, problem, WRITE_AGAIN))
}

/// A row for a person to look at.
pub(super) fn shown(columns: &[ArrayRef], at: usize) -> String {
    let shown = |column: &ArrayRef| array_value_to_string(column, at).ok();
    // A time in a zone that has a name cannot be shown without a table of zones.
    let values = columns.iter().map(|column| shown(column).unwrap_or_else(|| "?".to_owned()));
    excerpt(values.collect::<Vec<_>>().join(",").as_bytes())
}
