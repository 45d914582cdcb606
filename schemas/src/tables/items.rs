//! The items table: every item that was rated or named in the catalogue.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, Int64Array, Int64Builder, ListArray,
    ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, SchemaRef, TimestampMicrosecondType,
};

use super::Table;
use super::columns::{column, described, moment, nullable_numbers, nullable_texts, numbers, texts};
use super::file::{TableError, schema};

/// The items table. Key: item_id. Order: item_id bytewise.
#[derive(Debug)]
pub struct Items;

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRow<'a> {
    /// The item.
    pub item_id: &'a str,
    /// Its title, when a catalogue gave one.
    pub title: Option<&'a str>,
    /// Its genres, when a catalogue gave some.
    pub genres: Vec<&'a str>,
    /// Users who rated it.
    pub rating_count: i64,
    /// Their mean rating; none without ratings.
    pub rating_mean: Option<f64>,
    /// The earliest and the latest rating, in microseconds since 1970.
    pub rated_between: Option<(i64, i64)>,
}

/// Column builders of [`Items`].
pub struct Builders {
    item_id: StringBuilder,
    title: StringBuilder,
    genres: ListBuilder<StringBuilder>,
    rating_count: Int64Builder,
    rating_mean: Float64Builder,
    first_rated_at: TimestampMicrosecondBuilder,
    last_rated_at: TimestampMicrosecondBuilder,
}

fn genre() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

impl Default for Builders {
    fn default() -> Self {
        Self {
            item_id: StringBuilder::new(),
            title: StringBuilder::new(),
            genres: ListBuilder::new(StringBuilder::new()).with_field(genre()),
            rating_count: Int64Builder::new(),
            rating_mean: Float64Builder::new(),
            first_rated_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            last_rated_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
        }
    }
}

impl Table for Items {
    const NAME: &'static str = "items";
    type Row<'a> = ItemRow<'a>;
    type Columns<'a> = ItemColumns<'a>;
    type Builders = Builders;
    const REPEATING: &'static [&'static str] = &[];

    fn schema() -> SchemaRef {
        schema(vec![
            described(Field::new("item_id", DataType::Utf8, false), "The item."),
            described(
                Field::new("title", DataType::Utf8, true),
                "Null where no catalogue ever gave one, or it was dropped.",
            ),
            described(
                Field::new("genres", DataType::List(genre()), false),
                "Empty where no catalogue ever gave any.",
            ),
            described(Field::new("rating_count", DataType::Int64, false), "Users who rated it."),
            described(Field::new("rating_mean", DataType::Float64, true), "Null without ratings."),
            described(
                moment("first_rated_at", true),
                "The earliest rating, UTC; null without ratings.",
            ),
            described(
                moment("last_rated_at", true),
                "The latest rating, UTC; null without ratings.",
            ),
        ])
    }

    fn append(builders: &mut Builders, row: &ItemRow<'_>) {
        builders.item_id.append_value(row.item_id);
        builders.title.append_option(row.title);
        for genre in &row.genres {
            builders.genres.values().append_value(genre);
        }
        builders.genres.append(true);
        builders.rating_count.append_value(row.rating_count);
        builders.rating_mean.append_option(row.rating_mean.map(|mean| mean + 0.0));
        builders.first_rated_at.append_option(row.rated_between.map(|(first, _)| first));
        builders.last_rated_at.append_option(row.rated_between.map(|(_, last)| last));
    }

    fn finish(builders: &mut Builders) -> Vec<ArrayRef> {
        vec![
            Arc::new(builders.item_id.finish()),
            Arc::new(builders.title.finish()),
            Arc::new(builders.genres.finish()),
            Arc::new(builders.rating_count.finish()),
            Arc::new(builders.rating_mean.finish()),
            Arc::new(builders.first_rated_at.finish()),
            Arc::new(builders.last_rated_at.finish()),
        ]
    }

    fn columns(batch: &RecordBatch) -> Result<ItemColumns<'_>, TableError> {
        let item_id = texts(batch, "item_id")?;
        let title = nullable_texts(batch, "title")?;
        let genres = column(batch, "genres")?;
        let genres = genres.as_list_opt::<i32>().ok_or_else(|| TableError::WrongType {
            column: "genres",
            found: genres.data_type().to_string(),
            expected: "list of strings",
        })?;
        let genre_texts = genres.values().as_string_opt::<i32>().ok_or(TableError::WrongType {
            column: "genres",
            found: genres.value_type().to_string(),
            expected: "list of strings",
        })?;
        if genres.null_count() > 0 || genre_texts.null_count() > 0 {
            return Err(TableError::UnexpectedNull("genres"));
        }
        let rating_count = numbers::<Int64Type>(batch, "rating_count", "int64")?;
        let rating_mean = nullable_numbers::<Float64Type>(batch, "rating_mean", "double")?;
        let first_rated_at =
            nullable_numbers::<TimestampMicrosecondType>(batch, "first_rated_at", "timestamp")?;
        let last_rated_at =
            nullable_numbers::<TimestampMicrosecondType>(batch, "last_rated_at", "timestamp")?;
        Ok(ItemColumns {
            item_id,
            title,
            genres,
            genre_texts,
            rating_count,
            rating_mean,
            first_rated_at,
            last_rated_at,
        })
    }

    fn rows(
        columns: &ItemColumns<'_>,
        visit: &mut dyn FnMut(ItemRow<'_>),
    ) -> Result<(), TableError> {
        let ItemColumns { item_id, title, genres, genre_texts, rating_count, rating_mean, .. } =
            columns;
        let (first, last) = (columns.first_rated_at, columns.last_rated_at);
        for at in 0..item_id.len() {
            let range =
                genres.value_offsets()[at] as usize..genres.value_offsets()[at + 1] as usize;
            visit(ItemRow {
                item_id: item_id.value(at),
                title: title.is_valid(at).then(|| title.value(at)),
                genres: range.map(|genre| genre_texts.value(genre)).collect(),
                rating_count: rating_count.value(at),
                rating_mean: rating_mean.is_valid(at).then(|| rating_mean.value(at)),
                rated_between: (first.is_valid(at) && last.is_valid(at))
                    .then(|| (first.value(at), last.value(at))),
            });
        }
        Ok(())
    }
}

/// Columns of [`Items`].
pub struct ItemColumns<'a> {
    item_id: &'a StringArray,
    title: &'a StringArray,
    genres: &'a ListArray,
    genre_texts: &'a StringArray,
    rating_count: &'a Int64Array,
    rating_mean: &'a Float64Array,
    first_rated_at: &'a TimestampMicrosecondArray,
    last_rated_at: &'a TimestampMicrosecondArray,
}
