//! The neighbours table: for each item (the target) its most similar items (the sources), best first.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float32Builder, Int32Array, Int32Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, SchemaRef};

use super::Table;
use super::columns::{Texts, described, numbers, repeating_texts};
use super::file::{TableError, schema};
use crate::unsigned_zero;

/// The neighbours table. Key: (item_id, neighbour_id). Order: item_id bytewise, then rank.
#[derive(Debug)]
pub struct Neighbours;

/// One neighbour of one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeighbourRow<'a> {
    /// The target: the item that may be recommended.
    pub item_id: &'a str,
    /// The source: the rated item that speaks for the target.
    pub neighbour_id: &'a str,
    /// 1 for the most similar.
    pub rank: i32,
    /// The similarity, in the measure's own scale.
    pub score: f32,
    /// Users who rated both.
    pub co_count: i32,
}

/// Column builders of [`Neighbours`].
#[derive(Default)]
pub struct Builders {
    item_id: StringBuilder,
    neighbour_id: StringBuilder,
    rank: Int32Builder,
    score: Float32Builder,
    co_count: Int32Builder,
}

impl Table for Neighbours {
    const NAME: &'static str = "neighbours";
    type Row<'a> = NeighbourRow<'a>;
    type Columns<'a> = NeighbourColumns<'a>;
    type Builders = Builders;
    const REPEATING: &'static [&'static str] = &["item_id", "neighbour_id"];

    fn schema() -> SchemaRef {
        schema(vec![
            described(
                Field::new("item_id", DataType::Utf8, false),
                "The target: the item that may be recommended.",
            ),
            described(
                Field::new("neighbour_id", DataType::Utf8, false),
                "The source: the rated item that speaks for the target.",
            ),
            described(
                Field::new("rank", DataType::Int32, false),
                "1, 2, ...: by the magnitude of the score, ties by neighbour_id.",
            ),
            described(
                Field::new("score", DataType::Float32, false),
                "The similarity, in the measure's own scale; negative where the source speaks against the target.",
            ),
            described(Field::new("co_count", DataType::Int32, false), "Users who rated both."),
        ])
    }

    fn append(builders: &mut Builders, row: &NeighbourRow<'_>) {
        builders.item_id.append_value(row.item_id);
        builders.neighbour_id.append_value(row.neighbour_id);
        builders.rank.append_value(row.rank);
        builders.score.append_value(unsigned_zero(row.score));
        builders.co_count.append_value(row.co_count);
    }

    fn finish(builders: &mut Builders) -> Vec<ArrayRef> {
        vec![
            Arc::new(builders.item_id.finish()),
            Arc::new(builders.neighbour_id.finish()),
            Arc::new(builders.rank.finish()),
            Arc::new(builders.score.finish()),
            Arc::new(builders.co_count.finish()),
        ]
    }

    fn columns(batch: &RecordBatch) -> Result<NeighbourColumns<'_>, TableError> {
        Ok(NeighbourColumns {
            item_id: repeating_texts(batch, "item_id")?,
            neighbour_id: repeating_texts(batch, "neighbour_id")?,
            rank: numbers::<Int32Type>(batch, "rank", "int32")?,
            score: numbers::<Float32Type>(batch, "score", "float")?,
            co_count: numbers::<Int32Type>(batch, "co_count", "int32")?,
        })
    }

    fn rows(
        columns: &NeighbourColumns<'_>,
        visit: &mut dyn FnMut(NeighbourRow<'_>),
    ) -> Result<(), TableError> {
        for at in 0..columns.rank.len() {
            visit(columns.row(at));
        }
        Ok(())
    }
}

/// Columns of [`Neighbours`].
pub struct NeighbourColumns<'a> {
    /// The targets.
    pub item_id: Texts<'a>,
    /// The sources.
    pub neighbour_id: Texts<'a>,
    rank: &'a Int32Array,
    score: &'a Float32Array,
    co_count: &'a Int32Array,
}

impl<'a> NeighbourColumns<'a> {
    /// One row.
    pub fn row(&self, at: usize) -> NeighbourRow<'a> {
        NeighbourRow {
            item_id: self.item_id.value(at),
            neighbour_id: self.neighbour_id.value(at),
            rank: self.rank.value(at),
            score: self.score.value(at),
            co_count: self.co_count.value(at),
        }
    }
}
