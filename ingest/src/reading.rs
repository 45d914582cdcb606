//! What a person may say about files of ratings that do not speak for themselves.

use clap::Args;

use super::layout::Layout;

/// How files of ratings are to be read.
#[derive(Debug, Clone, Default, Args)]
pub struct Reading {
    /// The layout of the text files among the ratings [default: each file's is recognised by its first line].
    #[arg(long, value_enum, value_name = "LAYOUT")]
    pub format: Option<Layout>,
    /// The column that holds the user, as the header has it.
    #[arg(long, value_name = "NAME")]
    pub user_column: Option<String>,
    /// The column that holds the item.
    #[arg(long, value_name = "NAME")]
    pub item_column: Option<String>,
    /// The column that holds the rating.
    #[arg(long, value_name = "NAME", conflicts_with = "implicit_rating")]
    pub rating_column: Option<String>,
    /// The column that holds the time.
    #[arg(long, value_name = "NAME")]
    pub timestamp_column: Option<String>,
    /// What a record without a rating counts as, whether the file has no such column or leaves it empty. Without this
    /// option such a file is refused, and such a record rejected.
    #[arg(long, value_name = "RATING")]
    pub implicit_rating: Option<f32>,
    /// The time of a record without one, in seconds since 1970, whether the file has no such column or leaves it empty.
    /// Without this option such a file is refused, and such a record rejected.
    #[arg(long, value_name = "SECONDS", conflicts_with = "timestamp_column")]
    pub implicit_timestamp: Option<u32>,
}

impl Reading {
    /// The first of the options that name a column, if one is given.
    pub(super) fn named_column(&self) -> Option<&'static str> {
        [
            ("--user-column", &self.user_column),
            ("--item-column", &self.item_column),
            ("--rating-column", &self.rating_column),
            ("--timestamp-column", &self.timestamp_column),
        ]
        .into_iter()
        .find_map(|(option, name)| name.as_ref().map(|_| option))
    }
}
