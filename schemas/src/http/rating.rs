//! The body of `POST /ratings`.

use std::fmt;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;
use utoipa::ToSchema;

use super::describe::Id;
use super::numbers;
use super::object::objects;
use super::options::{MOST_ANSWERS, MOST_OFFSET, Options};
use super::reading::{Unread, read};
use crate::id::{IdError, ItemId, UserId};

/// Why a body is not a rating.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RatingBodyError {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not a rating.
    #[error("the body is not a rating: {0}")]
    NotARating(String),
}

/// One rating as a client sends it: `{"movieID":"1234","user":"abby","rating":6}`.
///
/// The number is checked against the store's range by whoever knows the store.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct RatingBody {
    /// The item; `itemId` is another name.
    #[serde(rename = "movieID", alias = "itemId", deserialize_with = "id")]
    pub item: ItemId,
    /// The user; `userId` is another name.
    #[serde(alias = "userId", deserialize_with = "id")]
    pub user: UserId,
    /// The rating.
    pub rating: f64,
    /// What is asked of the recommendations that answer it; may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
}

impl RatingBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When the bytes are not JSON, or not one object with exactly an item, a user and a number, and maybe options.
    pub fn parse(body: &[u8]) -> Result<Self, RatingBodyError> {
        read(body).map_err(|error| match error {
            Unread::OtherForm(reason) => RatingBodyError::NotARating(reason),
            Unread::NotJson(reason) => RatingBodyError::NotJson(reason),
        })
    }
}

/// The elements of an array of ratings, each as it stands in the body, for [`RatingBody::parse`].
///
/// # Errors
/// When the bytes are not one JSON array.
pub fn rating_elements(body: &[u8]) -> Result<Vec<&[u8]>, RatingBodyError> {
    let elements: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| RatingBodyError::NotJson(error.to_string()))?;
    Ok(elements.into_iter().map(|element| element.get().as_bytes()).collect())
}

/// The body of `PUT /users/{id}/ratings/{item}`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct NewRating {
    /// The rating.
    pub rating: f64,
    /// What is asked of the recommendations that answer it; may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
}

/// One rating of a list that is scored and not stored.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct GivenRating {
    /// The item; `itemId` is another name.
    #[serde(rename = "movieID", alias = "itemId", deserialize_with = "id")]
    pub item: ItemId,
    /// The rating.
    pub rating: f64,
}

/// The body of `POST /recommendations`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct RatingsToScore {
    /// Each item at most once.
    #[schema(max_items = 10_000)]
    pub ratings: Vec<GivenRating>,
    /// What is asked of the recommendations; may be left out.
    #[serde(default)]
    pub options: Options,
}

/// The body of `POST /items/neighbours`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ItemsToLookUp {
    /// The items, at most 100.
    #[serde(deserialize_with = "ids")]
    #[schema(value_type = Vec<Id>, max_items = 100)]
    pub items: Vec<ItemId>,
    /// How many neighbours of each, from 1 to 1000; 10 when it is left out.
    #[serde(default, deserialize_with = "numbers::whole::<_, _, 1, { MOST_ANSWERS as u64 }>")]
    #[schema(minimum = 1, maximum = 1000)]
    pub n: Option<u16>,
    /// How many of the best of each are passed over, from 0 (the default) to 10,000.
    #[serde(default, deserialize_with = "numbers::whole::<_, _, 0, { MOST_OFFSET as u64 }>")]
    #[schema(minimum = 0, maximum = 10_000)]
    pub offset: Option<u16>,
}

objects!(RatingBody, NewRating, GivenRating, RatingsToScore, ItemsToLookUp);

/// Several identifiers, each as [`id`] reads it.
pub(super) fn ids<'de, D, I>(deserializer: D) -> Result<Vec<I>, D::Error>
where
    D: Deserializer<'de>,
    I: TryFrom<String, Error = IdError>,
{
    #[derive(Deserialize)]
    #[serde(bound = "I: TryFrom<String, Error = IdError>")]
    struct Read<I>(#[serde(deserialize_with = "id")] I);

    let read = Vec::<Read<I>>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|Read(id)| id).collect())
}

/// An identifier is a string, or an integer that stands for its decimal text.
fn id<'de, D, I>(deserializer: D) -> Result<I, D::Error>
where
    D: Deserializer<'de>,
    I: TryFrom<String, Error = IdError>,
{
    struct IdText;

    impl Visitor<'_> for IdText {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an id: a string, or an integer of at most 64 bits")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    let text = deserializer.deserialize_any(IdText)?;
    I::try_from(text).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::super::execution::Stop;
    use super::*;

    fn parsed(body: &str) -> Result<(String, String, f64), RatingBodyError> {
        let body = RatingBody::parse(body.as_bytes())?;
        Ok((body.item.into(), body.user.into(), body.rating))
    }

    #[test]
    fn every_spelling_of_a_rating_is_read() {
        let expected = Ok(("1234".to_owned(), "abby".to_owned(), 6.0));
        for body in [
            r#"{"movieID":"1234","user":"abby","rating":6}"#,
            r#"{"movieID":1234,"user":"abby","rating":6.0}"#,
            r#" {"rating":6,"userId":"abby","itemId":"1234"} "#,
        ] {
            assert_eq!(parsed(body), expected, "{body}");
        }
        let big = parsed(r#"{"movieID":9007199254740993,"user":-5,"rating":1}"#);
        assert_eq!(big, Ok(("9007199254740993".to_owned(), "-5".to_owned(), 1.0)));
    }

    #[test]
    fn what_is_no_json_is_told_apart_from_what_is_no_rating() {
        let not_json = [
            "",
            "{",
            "nonsense",
            "\u{feff}{}",
            r#"{"movieID":"1","user":"a","rating":NaN}"#,
            r#"{"movieID":"1","user":"a","rating":1e999}"#,
            r#"{"movieID":"1","user":"a","rating":1} trailing"#,
            r#"{"movieID":"\ud800","user":"a","rating":1}"#,
        ];
        for body in not_json {
            assert!(matches!(parsed(body), Err(RatingBodyError::NotJson(_))), "{body}");
        }
        let not_a_rating = [
            "[]",
            "null",
            "{}",
            "6",
            r#"[{"movieID":"1","user":"a","rating":1}]"#,
            r#"["1","a",1]"#,
            r#"["1","a",1,null]"#,
            r#"{"movieID":"1","user":"a","rating":1,"options":[5]}"#,
            r#"{"movieID":1.0,"user":"a","rating":1}"#,
            r#"{"movieID":18446744073709551616,"user":"a","rating":1}"#,
            r#"{"movieID":"","user":"a","rating":1}"#,
            r#"{"movieID":"a\u0000b","user":"a","rating":1}"#,
            r#"{"movieID":"1","user":null,"rating":1}"#,
            r#"{"movieID":"1","user":"a","rating":"5"}"#,
            r#"{"movieID":"1","user":"a","rating":null}"#,
            r#"{"movieID":"1","user":"a","rating":true}"#,
            r#"{"movieID":"1","user":"a","rating":1,"rating":2}"#,
            r#"{"movieID":"1","itemId":"2","user":"a","rating":1}"#,
            r#"{"movieID":"1","user":"a","rating":1,"extra":1}"#,
            r#"{"movieID":"1","user":"a"}"#,
            r#"{"movieID":"1","user":"a","rating":1,"options":{"n":0}}"#,
            r#"{"movieID":"1","user":"a","rating":1,"options":{"m":1}}"#,
        ];
        for body in not_a_rating {
            assert!(matches!(parsed(body), Err(RatingBodyError::NotARating(_))), "{body}");
        }
    }

    #[test]
    fn an_array_is_no_object_wherever_one_belongs() {
        fn refused<T: for<'de> Deserialize<'de>>(body: &str) {
            let error = serde_json::from_str::<T>(body).err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| format!("{body} is read"));
            assert!(error.starts_with("invalid type: sequence, expected an object at"), "{error}");
        }

        refused::<RatingBody>(r#"["1","a",1,null]"#);
        refused::<NewRating>(r#"[1,null]"#);
        refused::<GivenRating>(r#"["1",1]"#);
        refused::<RatingsToScore>(r#"[[],{}]"#);
        refused::<RatingsToScore>(r#"{"ratings":[["1",1]]}"#);
        refused::<RatingsToScore>(r#"{"ratings":[],"options":[5]}"#);
        refused::<ItemsToLookUp>(r#"[["1"],5]"#);
        refused::<Options>(r#"[5,[],[],[],[],1,0.5]"#);
        refused::<Stop>(r#"["error","cause"]"#);
    }

    #[test]
    fn invalid_utf8_and_deep_nesting_are_refused() {
        assert!(RatingBody::parse(b"{\"movieID\":\"\xff\",\"user\":\"a\",\"rating\":1}").is_err());
        assert!(RatingBody::parse("[".repeat(200_000).as_bytes()).is_err());
        let nested = format!(r#"{{"movieID":{}"#, "[".repeat(200_000));
        assert!(RatingBody::parse(nested.as_bytes()).is_err());
    }
}
