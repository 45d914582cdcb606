//! What a client may ask of a list of recommendations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::describe::Id;
use super::numbers;
use super::object::objects;
use super::rating::ids;
use crate::id::ItemId;

/// Things at most in one answer.
pub const MOST_ANSWERS: u16 = 1000;
/// Things that may be passed over before the first one in an answer.
pub const MOST_OFFSET: u16 = 10_000;

/// Narrows and orders recommendations. Everything may be left out.
///
/// A list holds exactly `n` items when that many are left that the user has not rated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// How many, from 1 to 1000.
    #[serde(
        deserialize_with = "numbers::whole::<_, _, 1, { MOST_ANSWERS as u64 }>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(minimum = 1, maximum = 1000)]
    pub n: Option<u16>,
    /// How many of the best are passed over, from 0 (the default) to 10,000: the next page begins at the sum of this
    /// `offset` and `n`. Pages from the same ratings and version have no gaps and repeat nothing; with `diversity` they do
    /// when all of them have the same `n`.
    #[serde(
        deserialize_with = "numbers::whole::<_, _, 0, { MOST_OFFSET as u64 }>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(minimum = 0, maximum = 10_000)]
    pub offset: Option<u16>,
    /// Items that are not recommended. Those that the version does not know are passed over.
    #[serde(deserialize_with = "ids", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Id>)]
    pub exclude: Vec<ItemId>,
    /// Nothing but these items is recommended, when there are any.
    #[serde(deserialize_with = "ids", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Id>)]
    pub only: Vec<ItemId>,
    /// Only items of at least one of these genres, when there are any. A genre is a text of the catalogue's, compared
    /// without regard to case; tags that the catalogue lists among the genres are genres.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub genres: Vec<String>,
    /// No items of any of these genres.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_genres: Vec<String>,
    /// Similarities that rest on fewer users who rated both items (`co_count`) do not count.
    #[serde(
        deserialize_with = "numbers::whole::<_, _, 0, { u32::MAX as u64 }>",
        skip_serializing_if = "Option::is_none"
    )]
    // Said in full: as `int32` a client would stop at half of it.
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    pub min_support: Option<u32>,
    /// From 0 (the default: by score alone) to 1: how much the list avoids items that are like those before them.
    #[serde(deserialize_with = "numbers::share", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub diversity: Option<f64>,
}

objects!(Options);

impl Options {
    /// The options in an execution's input; the default ones where it has none.
    pub fn of_input(input: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Input {
            options: Options,
        }

        serde_json::from_str::<Input>(input).unwrap_or_default().options
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn options_are_read_and_what_is_out_of_range_is_named() -> Result<(), serde_json::Error> {
        let text = r#"{"n":5,"exclude":["1",2],"excludeGenres":["Horror"],"diversity":0.25}"#;
        let options: Options = serde_json::from_str(text)?;
        assert_eq!(options.exclude.iter().map(ItemId::as_str).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(serde_json::from_str::<Options>(&serde_json::to_string(&options)?)?, options);
        for (text, expected) in [
            (r#"{"n":0}"#, "n is from 1 to 1000, not 0"),
            (r#"{"n":1001}"#, "n is from 1 to 1000, not 1001"),
            (r#"{"n":100000}"#, "n is from 1 to 1000, not 100000"),
            (r#"{"n":-1}"#, "n is from 1 to 1000, not -1"),
            (r#"{"n":1.5}"#, "n is a whole number from 1 to 1000, not 1.5"),
            (
                r#"{"n":"5"}"#,
                r#"n: invalid type: string "5", expected a whole number from 1 to 1000"#,
            ),
            (r#"{"n":[5]}"#, "n: invalid type: an array, expected a whole number from 1 to 1000"),
            (r#"{"offset":10001}"#, "offset is from 0 to 10000, not 10001"),
            (r#"{"minSupport":-1}"#, "minSupport is from 0 to 4294967295, not -1"),
            (r#"{"minSupport":4294967296}"#, "minSupport is from 0 to 4294967295, not 4294967296"),
            (r#"{"diversity":1.5}"#, "diversity is from 0 to 1, not 1.5"),
            (r#"{"diversity":-0.1}"#, "diversity is from 0 to 1, not -0.1"),
            (r#"{"diversity":2}"#, "diversity is from 0 to 1, not 2"),
            (
                r#"{"diversity":true}"#,
                "diversity: invalid type: boolean `true`, expected a number from 0 to 1",
            ),
            // As f32 it would be 1.
            (
                r#"{"diversity":1.0000000000000002}"#,
                "diversity is from 0 to 1, not 1.0000000000000002",
            ),
        ] {
            let refused = read::<Options>(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(refused, Err(expected.to_owned()));
        }
        let most = r#"{"n":1000,"offset":10000,"minSupport":4294967295,"diversity":1}"#;
        let most: Options = serde_json::from_str(most)?;
        let found = (most.n, most.offset, most.min_support, most.diversity);
        assert_eq!(found, (Some(1000), Some(10_000), Some(u32::MAX), Some(1.0)));
        let nulls = r#"{"n":null,"offset":null,"minSupport":null,"diversity":null}"#;
        assert_eq!(serde_json::from_str::<Options>(nulls)?, Options::default());
        for text in [r#"{"m":1}"#, r#"{"only":[""]}"#, r#"{"only":[1.0]}"#, r#"{"minSupport":-1}"#]
        {
            assert!(serde_json::from_str::<Options>(text).is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn an_input_without_options_asks_for_nothing() {
        let rated = r#"{"movieID":"1","user":"a","rating":6,"options":{"n":3}}"#;
        assert_eq!(Options::of_input(rated).n, Some(3));
        for input in [r#"{"movieID":"1","user":"a","rating":null}"#, "nonsense", "{}"] {
            assert_eq!(Options::of_input(input), Options::default());
        }
    }
}
