//! What a client may ask of a list of recommendations.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::describe::Id;
use super::object::objects;
use super::rating::ids;
use crate::id::ItemId;

/// Things at most in one answer.
pub const MOST_ANSWERS: u16 = 1000;

/// Narrows and orders recommendations. Everything may be left out.
///
/// A list holds exactly `n` items when that many are left that the user has not rated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// How many, from 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000)]
    pub n: Option<u16>,
    /// Items that are not recommended. Those that the version does not know are passed over.
    #[serde(deserialize_with = "ids", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Id>)]
    pub exclude: Vec<ItemId>,
    /// Nothing but these items is recommended, when there are any.
    #[serde(deserialize_with = "ids", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Id>)]
    pub only: Vec<ItemId>,
    /// Only items of at least one of these genres, when there are any. A genre is a text of the catalogue's, compared as
    /// it stands; tags that the catalogue lists among the genres are genres.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub genres: Vec<String>,
    /// No items of any of these genres.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_genres: Vec<String>,
    /// Similarities that rest on fewer users who rated both items (`co_count`) do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    // Said in full: as `int32` a client would stop at half of it.
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    pub min_support: Option<u32>,
    /// From 0 (the default: by score alone) to 1: how much the list avoids items that are like those before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub diversity: Option<f64>,
}

objects!(Options);

/// A value that an option does not take.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OptionsError {
    /// The number of recommendations.
    #[error("n is from 1 to {MOST_ANSWERS}, not {0}")]
    Count(u16),
    /// The diversity.
    #[error("diversity is from 0 to 1, not {0}")]
    Diversity(f64),
}

impl Options {
    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// Names the first value that is out of its range.
    pub fn check(&self) -> Result<(), OptionsError> {
        if let Some(n) = self.n
            && !(1..=MOST_ANSWERS).contains(&n)
        {
            return Err(OptionsError::Count(n));
        }
        match self.diversity {
            Some(diversity) if !(0.0..=1.0).contains(&diversity) => {
                Err(OptionsError::Diversity(diversity))
            }
            _ => Ok(()),
        }
    }

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
    use super::*;

    #[test]
    fn options_are_read_and_what_is_out_of_range_is_named() -> Result<(), serde_json::Error> {
        let text = r#"{"n":5,"exclude":["1",2],"excludeGenres":["Horror"],"diversity":0.25}"#;
        let options: Options = serde_json::from_str(text)?;
        assert_eq!(options.exclude.iter().map(ItemId::as_str).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(options.check(), Ok(()));
        assert_eq!(serde_json::from_str::<Options>(&serde_json::to_string(&options)?)?, options);
        for (text, expected) in [
            (r#"{"n":0}"#, "n is from 1 to 1000, not 0"),
            (r#"{"n":1001}"#, "n is from 1 to 1000, not 1001"),
            (r#"{"diversity":1.5}"#, "diversity is from 0 to 1, not 1.5"),
            (r#"{"diversity":-0.1}"#, "diversity is from 0 to 1, not -0.1"),
            // As f32 it would be 1.
            (
                r#"{"diversity":1.0000000000000002}"#,
                "diversity is from 0 to 1, not 1.0000000000000002",
            ),
        ] {
            let refused = serde_json::from_str::<Options>(text)?.check();
            assert_eq!(refused.map_err(|error| error.to_string()), Err(expected.to_owned()));
        }
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
