//! The Parquet tables: one module a table, one writer and one reader for all of them.
//!
//! Columns, types, keys and row order are documented in `schemas/README.md`; the [`Table::schema`] of each table is the
//! truth that the documentation is tested against.

mod batches;
mod claims;
mod columns;
mod compact;
mod file;
mod groups;
mod items;
mod neighbours;
mod profiles;

pub use batches::read_batches;
pub use claims::{check_row_counts, unpacked_bytes, unpacked_group_bytes};
pub use columns::{TextLookup, Texts};
pub use compact::check_footer;
pub use file::{EncodedPart, PartWriter, ROW_GROUP_ROWS, TableError, read_columns, read_part};
pub use groups::{EncodedGroup, GroupWriter, part_of_groups};
pub use items::{ItemColumns, ItemRow, Items};
pub use neighbours::{NeighbourColumns, NeighbourRow, Neighbours};
pub use profiles::{ProfileColumns, ProfileRow, Profiles};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

/// A table of the contract: its columns, and how a row goes in and comes out.
pub trait Table: 'static {
    /// The table's name, as in its object keys.
    const NAME: &'static str;
    /// One row, borrowing its texts.
    type Row<'a>;
    /// The columns of some rows that follow each other.
    type Columns<'a>;
    /// Column builders.
    type Builders: Default;
    /// The columns that are read as [`Texts`]: their texts repeat.
    const REPEATING: &'static [&'static str];
    /// The columns whose integers hardly repeat: stored as differences, where a list of them would only take room.
    const SCATTERED: &'static [&'static str] = &[];

    /// Column names, types and nullability, in order.
    fn schema() -> SchemaRef;
    /// Adds a row to the builders.
    fn append(builders: &mut Self::Builders, row: &Self::Row<'_>);
    /// Takes the columns out of the builders, in schema order, leaving them empty.
    fn finish(builders: &mut Self::Builders) -> Vec<ArrayRef>;
    /// Finds the columns of a batch.
    ///
    /// # Errors
    /// When a column is missing, has another type, or holds a null that the schema excludes.
    fn columns(batch: &RecordBatch) -> Result<Self::Columns<'_>, TableError>;
    /// Hands every row to `visit`, in order.
    ///
    /// # Errors
    /// When a row breaks a rule of the table.
    fn rows(
        columns: &Self::Columns<'_>,
        visit: &mut dyn FnMut(Self::Row<'_>),
    ) -> Result<(), TableError>;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use arrow::datatypes::{DataType, TimeUnit};

    const DOCUMENTATION: &str = include_str!("../../README.md");

    /// The rows `| column | type | ...` below a heading.
    fn documented(table: &str) -> Vec<(String, String)> {
        let section = DOCUMENTATION.split("\n## ").find_map(|section| section.strip_prefix(table));
        let lines =
            section.unwrap_or_default().lines().skip_while(|line| !line.starts_with("|---"));
        let rows = lines.skip(1).take_while(|line| line.starts_with("| "));
        rows.map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_start_matches("| ").to_owned());
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        })
        .collect()
    }

    fn actual(schema: &SchemaRef) -> Vec<(String, String)> {
        let named = |field: &arrow::datatypes::Field| {
            let name = match field.data_type() {
                DataType::Utf8 => "string",
                DataType::Int32 => "int32",
                DataType::Int64 => "int64",
                DataType::Float32 => "float",
                DataType::Float64 => "double",
                DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
                    "timestamp"
                }
                DataType::List(of) if *of.data_type() == DataType::Utf8 => "list of string",
                other => panic!("{other} has no name in the documentation"),
            };
            if field.is_nullable() { format!("{name}, null") } else { name.to_owned() }
        };
        schema.fields().iter().map(|field| (field.name().clone(), named(field))).collect()
    }

    #[test]
    fn the_documentation_names_every_column_and_its_type() {
        for (table, schema) in [
            (Neighbours::NAME, Neighbours::schema()),
            (Items::NAME, Items::schema()),
            (Profiles::NAME, Profiles::schema()),
        ] {
            assert_eq!(documented(table), actual(&schema), "{table}");
        }
    }

    #[test]
    fn every_column_says_what_it_means_in_its_files_too() {
        use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
        for schema in [Neighbours::schema(), Items::schema(), Profiles::schema()] {
            assert!(schema.fields().iter().all(|field| field.metadata().contains_key("comment")));
        }
        let file = PartWriter::<Profiles>::new().and_then(PartWriter::finish).unwrap().bytes;
        let read = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert_eq!(read.schema().fields(), Profiles::schema().fields());
    }
}
