//! The Parquet tables: one module a table, one writer and one reader for all of them.
//!
//! Columns, types, keys and row order are documented in `schemas/README.md`; the [`Table::schema`] of each table is the
//! truth that the documentation is tested against.

mod claims;
mod columns;
mod file;
mod items;
mod neighbours;
mod profiles;

pub use claims::unpacked_bytes;
pub use file::{EncodedPart, PartWriter, TableError, read_part};
pub use items::{ItemRow, Items};
pub use neighbours::{NeighbourRow, Neighbours};
pub use profiles::{ProfileRow, Profiles};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

/// A table of the contract: its columns, and how a row goes in and comes out.
pub trait Table: 'static {
    /// The table's name, as in its object keys.
    const NAME: &'static str;
    /// One row, borrowing its texts.
    type Row<'a>;
    /// Column builders.
    type Builders: Default;

    /// Column names, types and nullability, in order.
    fn schema() -> SchemaRef;
    /// Adds a row to the builders.
    fn append(builders: &mut Self::Builders, row: &Self::Row<'_>);
    /// Takes the columns out of the builders, in schema order, leaving them empty.
    fn finish(builders: &mut Self::Builders) -> Vec<ArrayRef>;
    /// Hands every row of a batch to `visit`, in order.
    ///
    /// # Errors
    /// When a column is missing, has another type, or holds a null that the schema excludes.
    fn rows(batch: &RecordBatch, visit: &mut dyn FnMut(Self::Row<'_>)) -> Result<(), TableError>;
}
