//! From Arrow's columns, as the contract's reader gives them, to polars'. Both lay out numbers alike, but each has memory of
//! its own: without `unsafe` numbers are copied, eight bytes a row at most, and short texts are written into 16 bytes each.
//! Of texts that repeat each one is written once, and shared.

use std::sync::Arc;

use akin_schemas::tables::Table;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType as Arrow, Float32Type as ArrowFloat32, Float64Type as ArrowFloat64,
    Int32Type as Arrow32, Int64Type as Arrow64, TimestampMicrosecondType as ArrowMoment,
};
use polars::prelude::{
    ChunkTake, ChunkedArray, Column, DataFrame, DataType, Float32Type, Float64Type, IdxCa,
    Int32Type, Int64Type, IntoColumn, ListBuilderTrait, ListChunked, ListStringChunkedBuilder,
    NewChunkedArray, PlSmallStr, PolarsError, PolarsNumericType, PolarsResult, Schema, SchemaRef,
    StringChunked, TimeUnit, TimeZone,
};

/// The table's columns as polars knows them.
///
/// # Errors
/// When polars has no such type.
pub fn schema_of<T: Table>() -> PolarsResult<SchemaRef> {
    let contract = T::schema();
    let fields = contract.fields().iter().map(|field| {
        Ok::<_, PolarsError>((PlSmallStr::from_str(field.name()), polars_type(field.data_type())?))
    });
    Ok(Arc::new(fields.collect::<PolarsResult<Schema>>()?))
}

fn polars_type(arrow: &Arrow) -> PolarsResult<DataType> {
    Ok(match arrow {
        Arrow::Utf8 | Arrow::Dictionary(..) => DataType::String,
        Arrow::Int32 => DataType::Int32,
        Arrow::Int64 => DataType::Int64,
        Arrow::Float32 => DataType::Float32,
        Arrow::Float64 => DataType::Float64,
        Arrow::Timestamp(..) => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        Arrow::List(_) => DataType::List(Box::new(DataType::String)),
        other => return Err(unknown(other)),
    })
}

fn unknown(arrow: &Arrow) -> PolarsError {
    PolarsError::SchemaMismatch(format!("{arrow} is no type of a table").into())
}

/// A batch's columns.
///
/// # Errors
/// When one has a type that no table has.
pub fn batch_frame(batch: &RecordBatch) -> PolarsResult<DataFrame> {
    let schema = batch.schema();
    let named = schema.fields().iter().zip(batch.columns());
    let columns = named.map(|(field, array)| column(PlSmallStr::from_str(field.name()), array));
    DataFrame::new(batch.num_rows(), columns.collect::<PolarsResult<Vec<Column>>>()?)
}

fn column(name: PlSmallStr, array: &ArrayRef) -> PolarsResult<Column> {
    let column = match array.data_type() {
        Arrow::Utf8 => texts(name, array).map(IntoColumn::into_column),
        Arrow::Dictionary(..) => repeating_texts(name, array)?.map(IntoColumn::into_column),
        Arrow::Int32 => numbers::<Arrow32, Int32Type>(name, array).map(IntoColumn::into_column),
        Arrow::Int64 => numbers::<Arrow64, Int64Type>(name, array).map(IntoColumn::into_column),
        Arrow::Float32 => {
            numbers::<ArrowFloat32, Float32Type>(name, array).map(IntoColumn::into_column)
        }
        Arrow::Float64 => {
            numbers::<ArrowFloat64, Float64Type>(name, array).map(IntoColumn::into_column)
        }
        Arrow::Timestamp(..) => numbers::<ArrowMoment, Int64Type>(name, array).map(|micros| {
            micros.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_column()
        }),
        Arrow::List(_) => lists(name, array).map(IntoColumn::into_column),
        _ => None,
    };
    column.ok_or_else(|| unknown(array.data_type()))
}

fn numbers<A, P>(name: PlSmallStr, array: &ArrayRef) -> Option<ChunkedArray<P>>
where
    A: ArrowPrimitiveType,
    P: PolarsNumericType<Native = A::Native>,
{
    let array = array.as_primitive_opt::<A>()?;
    Some(if array.null_count() == 0 {
        ChunkedArray::<P>::from_slice(name, &array.values()[..])
    } else {
        ChunkedArray::<P>::from_iter_options(name, array.iter())
    })
}

fn texts(name: PlSmallStr, array: &ArrayRef) -> Option<StringChunked> {
    let array = array.as_string_opt::<i32>()?;
    Some(StringChunked::from_iter_options(name, array.iter()))
}

fn repeating_texts(name: PlSmallStr, array: &ArrayRef) -> PolarsResult<Option<StringChunked>> {
    let Some(coded) = array.as_dictionary_opt::<Arrow32>() else { return Ok(None) };
    let Some(list) = texts(name, coded.values()) else { return Ok(None) };
    let positions = coded.keys().iter().map(|at| at.map(i32::cast_unsigned));
    list.take(&IdxCa::from_iter_options(PlSmallStr::EMPTY, positions)).map(Some)
}

fn lists(name: PlSmallStr, array: &ArrayRef) -> Option<ListChunked> {
    let array = array.as_list_opt::<i32>()?;
    let texts = array.values().as_string_opt::<i32>()?;
    let mut builder = ListStringChunkedBuilder::new(name, array.len(), texts.len());
    for ends in array.value_offsets().windows(2) {
        builder.append_values_iter((ends[0]..ends[1]).map(|at| texts.value(at as usize)));
    }
    Some(builder.finish())
}
