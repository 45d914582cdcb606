//! Writing one Parquet file on several threads: row groups by themselves, and then the file of them.

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};

use super::Table;
use super::file::{BATCH_ROWS, EncodedPart, ROW_GROUP_ROWS, TableError, writer};
use crate::checksum::Checksum;

/// A row group, encoded.
pub struct EncodedGroup {
    columns: Vec<ArrowColumnChunk>,
    rows: u64,
}

/// Collects up to [`ROW_GROUP_ROWS`] rows into one row group.
pub struct GroupWriter<T: Table> {
    builders: T::Builders,
    buffered: usize,
    rows: usize,
    columns: Vec<ArrowColumnWriter>,
}

impl<T: Table> GroupWriter<T> {
    /// Starts a row group.
    ///
    /// # Errors
    /// When the Parquet writer refuses the table's schema.
    pub fn new() -> Result<Self, TableError> {
        let (_, groups) = writer::<T>()?.into_serialized_writer()?;
        let columns = groups.create_column_writers(0)?;
        Ok(Self { builders: T::Builders::default(), buffered: 0, rows: 0, columns })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the group is full, or a full batch cannot be written.
    pub fn push(&mut self, row: &T::Row<'_>) -> Result<(), TableError> {
        if self.rows == ROW_GROUP_ROWS {
            return Err(TableError::BadRow(format!("a row group has {ROW_GROUP_ROWS} rows")));
        }
        T::append(&mut self.builders, row);
        self.buffered += 1;
        self.rows += 1;
        if self.buffered == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        if self.buffered == 0 {
            return Ok(());
        }
        let batch = RecordBatch::try_new(T::schema(), T::finish(&mut self.builders))?;
        let mut columns = self.columns.iter_mut();
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array)? {
                // A field has as many leaves as it has column writers.
                if let Some(column) = columns.next() {
                    column.write(&leaf)?;
                }
            }
        }
        self.buffered = 0;
        Ok(())
    }

    /// Ends the group.
    ///
    /// # Errors
    /// When its last rows cannot be written.
    pub fn finish(mut self) -> Result<EncodedGroup, TableError> {
        self.flush()?;
        let columns = self.columns.into_iter().map(ArrowColumnWriter::close);
        Ok(EncodedGroup { columns: columns.collect::<Result<_, _>>()?, rows: self.rows as u64 })
    }
}

/// A file of row groups, all of which but the last are full: the same bytes that a [`PartWriter`](super::PartWriter) makes of
/// the same rows.
///
/// # Errors
/// When it cannot be written.
pub fn part_of_groups<T: Table>(
    groups: impl IntoIterator<Item = EncodedGroup>,
) -> Result<EncodedPart, TableError> {
    let (mut file, _) = writer::<T>()?.into_serialized_writer()?;
    let mut rows = 0;
    for group in groups {
        rows += group.rows;
        let mut into = file.next_row_group()?;
        for column in group.columns {
            column.append_to_row_group(&mut into)?;
        }
        into.close()?;
    }
    let bytes = Bytes::from(file.into_inner()?);
    Ok(EncodedPart { rows, sha256: Checksum::of(&bytes), bytes })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::tables::{ItemRow, Items, PartWriter, ProfileRow, Profiles};

    /// Rows with texts and numbers that repeat, scatter and are missing.
    fn profile(row: u64, ids: &(String, String)) -> ProfileRow<'_> {
        let micros = 1_000_000 * (row * row % 1_000_003) as i64;
        ProfileRow {
            user_id: &ids.0,
            item_id: &ids.1,
            rating: (!row.is_multiple_of(11)).then_some((row % 10) as f32 / 2.0),
            rated_at: micros,
            order_micros: micros + (row % 7) as i64,
            order_origin: if row.is_multiple_of(5) { "ledger-a" } else { "files" },
            order_sequence: row,
        }
    }

    #[test]
    fn groups_make_the_file_that_rows_make() {
        for rows in [0, 1, 20_000, ROW_GROUP_ROWS, 2 * ROW_GROUP_ROWS + 70_000] {
            let mut whole = PartWriter::<Profiles>::new().unwrap();
            let mut groups = Vec::new();
            for begin in (0..rows).step_by(ROW_GROUP_ROWS) {
                let mut group = GroupWriter::<Profiles>::new().unwrap();
                for row in begin..rows.min(begin + ROW_GROUP_ROWS) {
                    // So many items that a dictionary of them is too large.
                    let ids = ((row / 90).to_string(), (row * 7_919 % 150_001).to_string());
                    whole.push(&profile(row as u64, &ids)).unwrap();
                    group.push(&profile(row as u64, &ids)).unwrap();
                }
                groups.push(group.finish().unwrap());
            }
            let (whole, joined) =
                (whole.finish().unwrap(), part_of_groups::<Profiles>(groups).unwrap());
            assert_eq!((joined.rows, joined.sha256), (whole.rows, whole.sha256), "{rows}");
            assert_eq!(joined.bytes, whole.bytes, "{rows}");
        }
    }

    #[test]
    fn lists_are_written_alike() {
        let mut whole = PartWriter::<Items>::new().unwrap();
        let mut group = GroupWriter::<Items>::new().unwrap();
        for row in 0..40_000_u64 {
            let (item_id, title) = (row.to_string(), format!("title {}", row % 9_000));
            let genres = ["Drama", "War", "Comedy"][..(row % 4) as usize].to_vec();
            let row = ItemRow {
                item_id: &item_id,
                title: (row % 3 > 0).then_some(&title),
                genres,
                rating_count: row.cast_signed(),
                rating_mean: (row % 6 > 0).then_some(row as f64 / 7.0),
                rated_between: (row % 6 > 0).then_some((row.cast_signed(), 1 << 40)),
            };
            whole.push(&row).unwrap();
            group.push(&row).unwrap();
        }
        let groups = [group.finish().unwrap()];
        assert_eq!(part_of_groups::<Items>(groups).unwrap().bytes, whole.finish().unwrap().bytes);
    }

    #[test]
    fn a_group_has_no_more_rows_than_it_may() {
        let ids = ("u".to_owned(), "i".to_owned());
        let mut group = GroupWriter::<Profiles>::new().unwrap();
        for row in 0..ROW_GROUP_ROWS as u64 {
            group.push(&profile(row, &ids)).unwrap();
        }
        assert!(matches!(group.push(&profile(0, &ids)), Err(TableError::BadRow(_))));
    }
}
