//! The profiles table, which is also the form of a ledger segment: ratings with the order key that decides which of two
//! entries for the same user and item is the later one.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float32Array, Float32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    DataType, Field, Float32Type, Int64Type, SchemaRef, TimestampMicrosecondType,
};

use super::Table;
use super::columns::{Texts, described, moment, nullable_numbers, numbers, repeating_texts};
use super::file::{TableError, schema};
use crate::unsigned_zero;

/// The profiles table and the ledger segments.
///
/// Profiles: key (user_id, item_id), order by key, bytewise. Segments: key order_sequence, order by it.
#[derive(Debug)]
pub struct Profiles;

/// One rating of one user, or a tombstone where a rating was deleted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileRow<'a> {
    /// Who rated.
    pub user_id: &'a str,
    /// What was rated.
    pub item_id: &'a str,
    /// The rating; none for a tombstone.
    pub rating: Option<f32>,
    /// When it was given, in microseconds since 1970. Data, not order.
    pub rated_at: i64,
    /// Order key, first: a hybrid clock in microseconds since 1970.
    pub order_micros: i64,
    /// Order key, second: the ledger or file set that the entry came from.
    pub order_origin: &'a str,
    /// Order key, third: the entry's number within its origin.
    pub order_sequence: u64,
}

/// Column builders of [`Profiles`].
pub struct Builders {
    user_id: StringBuilder,
    item_id: StringBuilder,
    rating: Float32Builder,
    rated_at: TimestampMicrosecondBuilder,
    order_micros: Int64Builder,
    order_origin: StringBuilder,
    order_sequence: Int64Builder,
}

impl Default for Builders {
    fn default() -> Self {
        Self {
            user_id: StringBuilder::new(),
            item_id: StringBuilder::new(),
            rating: Float32Builder::new(),
            rated_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            order_micros: Int64Builder::new(),
            order_origin: StringBuilder::new(),
            order_sequence: Int64Builder::new(),
        }
    }
}

impl Table for Profiles {
    const NAME: &'static str = "profiles";
    type Row<'a> = ProfileRow<'a>;
    type Columns<'a> = ProfileColumns<'a>;
    type Builders = Builders;
    const REPEATING: &'static [&'static str] = &["user_id", "item_id", "order_origin"];
    const SCATTERED: &'static [&'static str] = &["rated_at", "order_micros", "order_sequence"];

    fn schema() -> SchemaRef {
        schema(vec![
            described(Field::new("user_id", DataType::Utf8, false), "Who rated."),
            described(Field::new("item_id", DataType::Utf8, false), "What was rated."),
            described(
                Field::new("rating", DataType::Float32, true),
                "Null for a tombstone: a rating that was deleted.",
            ),
            described(moment("rated_at", false), "When it was given, UTC: data, not order."),
            described(
                Field::new("order_micros", DataType::Int64, false),
                "Order key, first: a hybrid clock, in microseconds since 1970.",
            ),
            described(
                Field::new("order_origin", DataType::Utf8, false),
                "Order key, second: `files`, or the ledger that accepted it.",
            ),
            described(
                Field::new("order_sequence", DataType::Int64, false),
                "Order key, third: the entry's number within its origin.",
            ),
        ])
    }

    fn append(builders: &mut Builders, row: &ProfileRow<'_>) {
        builders.user_id.append_value(row.user_id);
        builders.item_id.append_value(row.item_id);
        builders.rating.append_option(row.rating.map(unsigned_zero));
        builders.rated_at.append_value(row.rated_at);
        builders.order_micros.append_value(row.order_micros);
        builders.order_origin.append_value(row.order_origin);
        // Signed, because several engines know no unsigned 64-bit integer; the value fits for every real ledger.
        builders.order_sequence.append_value(row.order_sequence.cast_signed());
    }

    fn finish(builders: &mut Builders) -> Vec<ArrayRef> {
        vec![
            Arc::new(builders.user_id.finish()),
            Arc::new(builders.item_id.finish()),
            Arc::new(builders.rating.finish()),
            Arc::new(builders.rated_at.finish()),
            Arc::new(builders.order_micros.finish()),
            Arc::new(builders.order_origin.finish()),
            Arc::new(builders.order_sequence.finish()),
        ]
    }

    fn columns(batch: &RecordBatch) -> Result<ProfileColumns<'_>, TableError> {
        let order_sequence = numbers::<Int64Type>(batch, "order_sequence", "int64")?.values();
        if order_sequence.iter().any(|&sequence| sequence < 0) {
            return Err(TableError::BadRow("column `order_sequence` is negative".to_owned()));
        }
        let rating = nullable_numbers::<Float32Type>(batch, "rating", "float")?;
        // One of them would spread through every sum that it enters.
        if rating.iter().flatten().any(|rating| !rating.is_finite()) {
            return Err(TableError::BadRow("column `rating` is not finite".to_owned()));
        }
        Ok(ProfileColumns {
            user_id: repeating_texts(batch, "user_id")?,
            item_id: repeating_texts(batch, "item_id")?,
            rating,
            rated_at: numbers::<TimestampMicrosecondType>(batch, "rated_at", "timestamp")?.values(),
            order_micros: numbers::<Int64Type>(batch, "order_micros", "int64")?.values(),
            order_origin: repeating_texts(batch, "order_origin")?,
            order_sequence,
        })
    }

    fn rows(
        columns: &ProfileColumns<'_>,
        visit: &mut dyn FnMut(ProfileRow<'_>),
    ) -> Result<(), TableError> {
        for at in 0..columns.rating.len() {
            visit(columns.row(at));
        }
        Ok(())
    }
}

/// Columns of [`Profiles`].
pub struct ProfileColumns<'a> {
    /// Who rated.
    pub user_id: Texts<'a>,
    /// What was rated.
    pub item_id: Texts<'a>,
    rating: &'a Float32Array,
    /// When it was given, in microseconds since 1970.
    pub rated_at: &'a [i64],
    /// The order key's first part.
    pub order_micros: &'a [i64],
    /// The order key's second part.
    pub order_origin: Texts<'a>,
    /// The order key's third part; none is negative.
    pub order_sequence: &'a [i64],
}

impl<'a> ProfileColumns<'a> {
    /// One row.
    pub fn row(&self, at: usize) -> ProfileRow<'a> {
        ProfileRow {
            user_id: self.user_id.value(at),
            item_id: self.item_id.value(at),
            rating: self.rating(at),
            rated_at: self.rated_at[at],
            order_micros: self.order_micros[at],
            order_origin: self.order_origin.value(at),
            order_sequence: self.order_sequence[at].cast_unsigned(),
        }
    }

    /// The rating of a row; none for a tombstone.
    pub fn rating(&self, at: usize) -> Option<f32> {
        self.rating.is_valid(at).then(|| self.rating.value(at))
    }
}
