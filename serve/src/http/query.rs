//! Reading what follows the question mark, and identifiers in paths.

use actix_web::dev::Payload;
use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use akin_schemas::http::explain;
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

/// `?n=`: how many are wanted.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// How many; 10 when it is left out.
    #[param(minimum = 1, maximum = 1000)]
    n: Option<u16>,
}

impl Count {
    /// The number asked for.
    ///
    /// # Errors
    /// When it is not from 1 to 1000.
    pub fn get(&self) -> Result<usize, Refusal> {
        Self::of(self.n, DEFAULT)
    }

    /// The same of a body that is read.
    ///
    /// # Errors
    /// As [`Count::get`], with 422.
    pub fn of_body(n: Option<u16>) -> Result<usize, Refusal> {
        Self::of(n, DEFAULT).map_err(|refusal| Refusal::unacceptable(refusal.detail()))
    }

    /// `n`, or `default` when none was given.
    ///
    /// # Errors
    /// When it is not from 1 to 1000.
    pub fn of(n: Option<u16>, default: u16) -> Result<usize, Refusal> {
        let n = n.unwrap_or(default);
        if (1..=MOST).contains(&n) {
            Ok(usize::from(n))
        } else {
            Err(Refusal::bad_request(format!("n is from 1 to {MOST}, not {n}")))
        }
    }
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
