//! Reading JSON that somebody else wrote, and saying what is wrong with it: which field, and what belongs there.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;
use thiserror::Error;

/// Why JSON was not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unread {
    /// The bytes are no JSON: why, and where.
    #[error("{0}")]
    NotJson(String),
    /// It is JSON of another form: which field, and why.
    #[error("{0}")]
    OtherForm(String),
}

/// What serde calls things, and what they are to whoever wrote them: how a reason begins, and what it expects last.
const KINDS: [(&str, &str); 3] = [
    ("invalid type: sequence", "invalid type: an array"),
    ("invalid type: map", "invalid type: an object"),
    ("invalid type: unit value", "invalid type: null"),
];
const EXPECTED: [(&str, &str); 2] = [("f64", "a number"), ("a sequence", "an array")];

/// Reads a value.
///
/// # Errors
/// When the bytes are no JSON, or JSON of another form.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unread> {
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => Unread::OtherForm(explained::<T>(json).unwrap_or(error.to_string())),
        _ => Unread::NotJson(error.to_string()),
    })
}

/// Reads it once more, slower, and says what is wrong with which field.
fn explained<T: DeserializeOwned>(json: &[u8]) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    serde_path_to_error::deserialize::<_, T>(&mut deserializer).err().map(explain)
}

/// What is wrong with which field, in the words of whoever wrote it; without the place in the text, which a field's name
/// tells better.
pub fn explain(error: serde_path_to_error::Error<impl Display>) -> String {
    let path = error.path().clone();
    let reason = in_plain_words(&error.into_inner().to_string());
    // These name the field themselves.
    let names_it = ["unknown field", "duplicate field"].iter().any(|kind| reason.starts_with(kind));
    let segments = path.iter().len().saturating_sub(usize::from(names_it));
    let mut field = String::new();
    for segment in path.iter().take(segments) {
        let is_named = !matches!(segment, Segment::Seq { .. });
        field += if is_named && !field.is_empty() { "." } else { "" };
        field += &segment.to_string();
    }
    // Such as "is from 1 to 1000, not 0", which goes on from the name.
    let between = if reason.starts_with("is ") { " " } else { ": " };
    if field.is_empty() { reason } else { format!("{field}{between}{reason}") }
}

/// Without the place in the text at its end. What the client wrote, which stands in the middle, is left as it is.
fn in_plain_words(said: &str) -> String {
    let is_place =
        |place: &str| place.split(" column ").all(|number| number.parse::<u64>().is_ok());
    let reason = match said.rsplit_once(" at line ") {
        Some((reason, place)) if is_place(place) => reason,
        _ => said,
    };
    let (mut begin, mut end) = (reason.to_owned(), String::new());
    if let Some((before, expected)) = reason.rsplit_once(", expected ")
        && let Some((_, meant)) = EXPECTED.iter().find(|(said, _)| *said == expected)
    {
        (begin, end) = (before.to_owned(), format!(", expected {meant}"));
    }
    if let Some((said, meant)) = KINDS.iter().find(|(said, _)| begin.starts_with(said)) {
        begin.replace_range(..said.len(), meant);
    }
    begin + &end
}

#[cfg(test)]
mod tests {
    use super::super::{ItemsToLookUp, RatingBody, RatingsToScore};
    use super::*;

    #[test]
    fn what_is_wrong_is_said_of_the_field_by_its_name() {
        let of_scoring = |json: &str| {
            read::<RatingsToScore>(json.as_bytes()).err().map(|error| error.to_string())
        };
        let id = "expected an id: a string, or an integer of at most 64 bits";
        for (json, expected) in [
            (
                r#"{"ratings":[{"itemId":"1","rating":4},{"itemId":"2","rating":"x"}]}"#,
                r#"ratings[1].rating: invalid type: string "x", expected a number"#.to_owned(),
            ),
            (
                r#"{"ratings":[{"itemId":1.5,"rating":4}]}"#,
                format!("ratings[0].itemId: invalid type: floating point `1.5`, {id}"),
            ),
            (
                r#"{"ratings":[],"options":{"n":-1}}"#,
                "options.n is from 1 to 1000, not -1".to_owned(),
            ),
            (r#"{"ratings":{}}"#, "ratings: invalid type: an object, expected an array".to_owned()),
            (
                r#"{"ratings":[],"options":[]}"#,
                "options: invalid type: an array, expected an object".to_owned(),
            ),
            (
                r#"{"ratings":[],"options":{"m":1}}"#,
                "options: unknown field `m`, expected one of `n`, `offset`, `exclude`, `only`, `genres`, \
                 `excludeGenres`, `minSupport`, `diversity`"
                    .to_owned(),
            ),
            (r#"{"rating":[]}"#, "unknown field `rating`, expected `ratings` or `options`".to_owned()),
            (r#"{"ratings":[],"ratings":[]}"#, "duplicate field `ratings`".to_owned()),
            (
                r#"{"ratings":[{"itemId":"1","rating":"type: map at line 1, expected f64"}]}"#,
                r#"ratings[0].rating: invalid type: string "type: map at line 1, expected f64", expected a number"#
                    .to_owned(),
            ),
            (
                r#"{"ratings":[],"a.b":1}"#,
                "unknown field `a.b`, expected `ratings` or `options`".to_owned(),
            ),
            ("{}", "missing field `ratings`".to_owned()),
            ("[]", "invalid type: an array, expected an object".to_owned()),
        ] {
            assert_eq!(of_scoring(json), Some(expected), "{json}");
        }
        let of_items =
            read::<ItemsToLookUp>(br#"{"items":["1",2,{}]}"#).err().map(|error| error.to_string());
        assert_eq!(of_items, Some(format!("items[2]: invalid type: an object, {id}")));
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = read::<RatingBody>(b"{\"movieID\": nonsense}").err();
        assert!(
            matches!(error, Some(Unread::NotJson(reason)) if reason.ends_with("at line 1 column 14"))
        );
    }
}
