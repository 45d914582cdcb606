//! The neighbours table: for each item (the target) its most similar items (the sources), best first.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, Int32Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, SchemaRef};

use super::Table;
use super::columns::{numbers, texts};
use super::file::{TableError, schema};

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
    type Builders = Builders;

    fn schema() -> SchemaRef {
        schema(vec![
            Field::new("item_id", DataType::Utf8, false),
            Field::new("neighbour_id", DataType::Utf8, false),
            Field::new("rank", DataType::Int32, false),
            Field::new("score", DataType::Float32, false),
            Field::new("co_count", DataType::Int32, false),
        ])
    }

    fn append(builders: &mut Builders, row: &NeighbourRow<'_>) {
        builders.item_id.append_value(row.item_id);
        builders.neighbour_id.append_value(row.neighbour_id);
        builders.rank.append_value(row.rank);
        builders.score.append_value(row.score);
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

    fn rows(
        batch: &RecordBatch,
        visit: &mut dyn FnMut(NeighbourRow<'_>),
    ) -> Result<(), TableError> {
        let item_id = texts(batch, "item_id")?;
        let neighbour_id = texts(batch, "neighbour_id")?;
        let rank = numbers::<Int32Type>(batch, "rank", "int32")?;
        let score = numbers::<Float32Type>(batch, "score", "float")?;
        let co_count = numbers::<Int32Type>(batch, "co_count", "int32")?;
        for at in 0..batch.num_rows() {
            visit(NeighbourRow {
                item_id: item_id.value(at),
                neighbour_id: neighbour_id.value(at),
                rank: rank.value(at),
                score: score.value(at),
                co_count: co_count.value(at),
            });
        }
        Ok(())
    }
}
