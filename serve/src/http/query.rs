//! Reading what follows the question mark, and identifiers in paths.

use std::ops::Range;

use actix_web::dev::Payload;
use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use akin_schemas::http::{MOST_OFFSET, explain, numbers};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;

use super::problem::Refusal;

/// Things at most in one answer.
pub const MOST: u16 = akin_schemas::http::MOST_ANSWERS;
/// Things in one answer when nobody says how many.
pub const DEFAULT: u16 = 10;

/// No parameters at all.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `?n=&offset=`: which part of a list is wanted.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How many; 10 when it is left out.
    #[serde(default, deserialize_with = "numbers::whole_in_text::<_, _, 1, { MOST as u64 }>")]
    #[param(minimum = 1, maximum = 1000)]
    n: Option<u16>,
    /// How many of the best are passed over; 0 when it is left out.
    #[serde(
        default,
        deserialize_with = "numbers::whole_in_text::<_, _, 0, { MOST_OFFSET as u64 }>"
    )]
    #[param(minimum = 0, maximum = 10_000)]
    offset: Option<u16>,
}

impl Part {
    /// The places in the list, from 0 on.
    pub fn places(&self) -> Range<usize> {
        places(self.n, self.offset)
    }
}

/// The places of a part of a list, from 0 on; 10 where nobody says how many.
pub fn places(n: Option<u16>, offset: Option<u16>) -> Range<usize> {
    let begin = usize::from(offset.unwrap_or(0));
    begin..begin + usize::from(n.unwrap_or(DEFAULT))
}

/// Reads the query. Unknown parameters are refused by name.
///
/// # Errors
/// When a parameter is unknown or has no value of its kind.
pub fn parse<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
    if !is_utf8_when_decoded(request.query_string()) {
        return Err(Refusal::bad_request("the query is not UTF-8"));
    }
    let query = request.query_string();
    serde_urlencoded::from_str(query).or_else(|_| {
        // Once more, slower, to say which parameter is wrong.
        let pairs = form_urlencoded::parse(query.as_bytes());
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
            .map_err(|error| Refusal::bad_request(format!("the query: {}", explain(error))))
    })
}

/// Reads the one variable step of the path.
///
/// # Errors
/// When it is not UTF-8.
pub fn path_step(request: &HttpRequest) -> Result<String, Refusal> {
    path_steps(request)
}

/// Reads the variable steps of the path.
///
/// # Errors
/// When one is not UTF-8.
pub fn path_steps<T: DeserializeOwned + 'static>(request: &HttpRequest) -> Result<T, Refusal> {
    if !is_utf8_when_decoded(request.uri().path()) {
        return Err(Refusal::bad_request("the path is not UTF-8"));
    }
    let step = Path::<T>::from_request(request, &mut Payload::None).now_or_never();
    step.and_then(Result::ok)
        .map(Path::into_inner)
        .ok_or_else(|| Refusal::bad_request("the path is not UTF-8"))
}

/// Whether a path or a query is UTF-8. actix-web itself would put a replacement character where the bytes are not.
fn is_utf8_when_decoded(text: &str) -> bool {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}
