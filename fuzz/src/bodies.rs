//! JSON bodies of the REST door.

use std::fmt::Debug;

use akin_schemas::http::{ItemsToLookUp, Options, RatingBody, RatingsToScore, rating_elements};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::texts;

/// What was read, read again from its own JSON.
fn again<T: Serialize + DeserializeOwned + Debug>(read: &T) -> T {
    let json = serde_json::to_vec(read).unwrap_or_else(|error| panic!("{read:?}: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{read:?}: {error}"))
}

/// A number is read from JSON to the last bit but one.
fn is_near(first: f64, second: f64) -> bool {
    (first - second).abs() <= 2.0 * f64::EPSILON * first.abs()
}

/// The body of one rating, which is also the input of an execution.
pub(crate) fn rating(bytes: &[u8]) -> bool {
    // The options are read again from an input that is kept as text.
    let of_input = std::str::from_utf8(bytes).map(Options::of_input);
    let Ok(rating) = RatingBody::parse(bytes) else { return false };
    let read = again(&rating);
    assert!(is_near(rating.rating, read.rating), "{rating:?} {read:?}");
    assert_eq!(RatingBody { rating: rating.rating, ..read }, rating);
    assert_eq!(of_input, Ok(rating.options.clone().unwrap_or_default()));
    assert!(rating.rating.is_finite());
    assert!(!rating.item.as_str().is_empty() && !rating.user.as_str().is_empty());
    true
}

pub(crate) fn rating_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"movieID":"1234","user":"abby","rating":6}"#,
        r#"{"itemId":9007199254740993,"userId":-5,"rating":0.5}"#,
        r#"{"rating":1e-3,"user":"\u00e9\ud83d\ude00","movieID":"a b","options":{"n":20,"exclude":["7",8],"only":["9"],
            "genres":["Drama"],"excludeGenres":["War"],"minSupport":2,"diversity":0.25}}"#,
    ])
}

/// An array of ratings: each element is read alone, as it stands.
pub(crate) fn ratings(bytes: &[u8]) -> bool {
    let Ok(elements) = rating_elements(bytes) else { return false };
    for element in elements {
        assert!(!element.is_empty() && element.len() <= bytes.len());
        rating(element);
    }
    true
}

pub(crate) fn ratings_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "[]",
        r#"[{"movieID":"1","user":"a","rating":6},{"itemId":2,"userId":"b","rating":1.5}]"#,
        r#" [ {"movieID":"1","user":"a","rating":6,"options":{"n":1}} , 7, null, ["x"] ] "#,
    ])
}

/// The body of `POST /recommendations`.
pub(crate) fn recommendations(bytes: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<RatingsToScore>(bytes) else { return false };
    let read = again(&body);
    assert_eq!((read.ratings.len(), &read.options), (body.ratings.len(), &body.options));
    for (read, body) in read.ratings.iter().zip(&body.ratings) {
        assert!(read.item == body.item && is_near(body.rating, read.rating), "{read:?} {body:?}");
    }
    assert!(body.options.n.is_none_or(|n| (1..=1000).contains(&n)));
    assert!(body.options.offset.is_none_or(|offset| offset <= 10_000));
    assert!(body.options.diversity.is_none_or(|diversity| (0.0..=1.0).contains(&diversity)));
    true
}

pub(crate) fn recommendations_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"ratings":[]}"#,
        r#"{"ratings":[{"movieID":"1","rating":5},{"itemId":2,"rating":0.5}],"options":{"n":7,"offset":14,"diversity":1}}"#,
        r#"{"options":{"minSupport":3,"only":["4",5],"excludeGenres":["War"]},"ratings":[{"movieID":"1","rating":5}]}"#,
    ])
}

/// The body of `POST /items/neighbours`.
pub(crate) fn neighbours(bytes: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<ItemsToLookUp>(bytes) else { return false };
    assert_eq!(again(&body), body);
    assert!(body.items.iter().all(|item| !item.as_str().is_empty()));
    assert!(body.n.is_none_or(|n| (1..=1000).contains(&n)));
    assert!(body.offset.is_none_or(|offset| offset <= 10_000));
    true
}

pub(crate) fn neighbours_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"items":["1","2"],"n":10,"offset":20}"#,
        r#"{"items":[18446744073709551615,"\u0041"]}"#,
    ])
}
