//! Reading some of a table's columns, for who wants columns rather than rows.

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::file::{ROW_GROUP_ROWS, TableError, check_unpacked, guarded, metadata};
use super::{Table, unpacked_bytes};

/// Hands the named columns of a Parquet file to `visit`, at most a row group at once, in order, and returns the number of
/// rows. What is not named is not unpacked. With no name the batches have rows and no columns.
///
/// The columns that the table calls repeating are dictionaries of `Int32` and `Utf8`, all others as in [`Table::schema`].
///
/// # Errors
/// When the bytes are no Parquet file, or a column is missing, and what `visit` gives.
pub fn read_batches<T: Table>(
    bytes: Bytes,
    names: &[&str],
    mut visit: impl FnMut(&RecordBatch) -> Result<(), TableError>,
) -> Result<u64, TableError> {
    let mut reader = guarded(|| {
        let metadata = metadata::<T>(&bytes)?;
        if let Some(missing) =
            names.iter().find(|name| metadata.schema().column_with_name(name).is_none())
        {
            return Err(TableError::BadRow(format!("column `{missing}` is missing")));
        }
        let mask = ProjectionMask::columns(metadata.parquet_schema(), names.iter().copied());
        let is_wanted = |leaf| mask.leaf_included(leaf);
        check_unpacked(unpacked_bytes(&bytes, metadata.metadata(), is_wanted)?)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
        Ok(builder.with_projection(mask).with_batch_size(ROW_GROUP_ROWS).build()?)
    })?;
    let mut rows = 0;
    while let Some(batch) = guarded(|| Ok(reader.next().transpose()?))? {
        visit(&batch)?;
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float32Type, Int32Type};

    use super::*;
    use crate::tables::{ItemRow, Items, NeighbourRow, Neighbours, PartWriter};

    fn neighbours() -> Bytes {
        let mut writer = PartWriter::<Neighbours>::new().unwrap();
        for (item_id, neighbour_id, rank) in [("a", "b", 1), ("a", "c", 2), ("b", "a", 1)] {
            let row = NeighbourRow { item_id, neighbour_id, rank, score: 0.5, co_count: 3 };
            writer.push(&row).unwrap();
        }
        writer.finish().unwrap().bytes
    }

    fn read(names: &[&str]) -> Result<(u64, Vec<RecordBatch>), TableError> {
        let mut batches = Vec::new();
        let rows = read_batches::<Neighbours>(neighbours(), names, |batch| {
            batches.push(batch.clone());
            Ok(())
        })?;
        Ok((rows, batches))
    }

    #[test]
    fn only_what_is_named_is_read() {
        let (rows, batches) = read(&["score", "item_id"]).unwrap();
        assert_eq!((rows, batches.len(), batches[0].num_columns()), (3, 1, 2));
        let item = batches[0].column_by_name("item_id").unwrap().as_dictionary::<Int32Type>();
        let list = item.values().as_string::<i32>();
        let items: Vec<&str> =
            item.keys().values().iter().map(|&at| list.value(at as usize)).collect();
        assert_eq!(items, ["a", "a", "b"]);
        let score = batches[0].column_by_name("score").unwrap().as_primitive::<Float32Type>();
        assert_eq!(score.values(), &[0.5, 0.5, 0.5]);
    }

    #[test]
    fn rows_are_counted_without_columns_and_a_column_that_is_not_there_is_named() {
        let (rows, batches) = read(&[]).unwrap();
        assert_eq!((rows, batches[0].num_rows(), batches[0].num_columns()), (3, 3, 0));
        let missing = read(&["rank", "weight"]).unwrap_err();
        assert_eq!(missing.to_string(), "column `weight` is missing");
    }

    #[test]
    fn a_list_is_read_by_its_name() {
        let mut writer = PartWriter::<Items>::new().unwrap();
        let (title, genres) = (None, vec!["Drama", "War"]);
        let (rating_count, rating_mean, rated_between) = (0, None, None);
        let row = ItemRow { item_id: "a", title, genres, rating_count, rating_mean, rated_between };
        writer.push(&row).unwrap();
        let bytes = writer.finish().unwrap().bytes;
        let mut lengths = Vec::new();
        read_batches::<Items>(bytes, &["genres"], |batch| {
            lengths.push(batch.column(0).as_list::<i32>().value(0).len());
            Ok(())
        })
        .unwrap();
        assert_eq!(lengths, [2]);
    }
}
