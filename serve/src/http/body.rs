//! Reading a body: bounded in size, and as a whole in time (actix-web bounds the headers' time only).

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{BytesMut, Payload};
use akin_schemas::http::{Unread, read};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::problem::Refusal;

/// Bodies up to so many bytes are read at once; larger ones need one of few places.
const SMALL: usize = 4096;
/// Larger bodies that are read at the same time.
const LARGE_AT_ONCE: usize = 32;

/// How bodies are read.
pub struct Bodies {
    deadline: Duration,
    large: Semaphore,
}

impl Bodies {
    /// The whole of a body must be there within `deadline`.
    pub fn new(deadline: Duration) -> Self {
        Self { deadline, large: Semaphore::new(LARGE_AT_ONCE) }
    }

    /// Reads a JSON body.
    ///
    /// # Errors
    /// When it is not declared as JSON, is larger than `limit` bytes, does not arrive in time, breaks off, or is large
    /// and too many such are being read.
    pub async fn json(
        &self,
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
    ) -> Result<Bytes, Refusal> {
        check_type(request)?;
        self.any(request, payload, limit).await
    }

    /// Reads a JSON body of this form.
    ///
    /// # Errors
    /// As [`Bodies::json`]; when it is no JSON; or JSON of another form.
    pub async fn parsed<T: DeserializeOwned>(
        &self,
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
    ) -> Result<T, Refusal> {
        parse(&self.json(request, payload, limit).await?)
    }

    /// Reads a body, whatever it is declared as.
    ///
    /// # Errors
    /// As [`Bodies::json`], but for the declaration.
    pub async fn any(
        &self,
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
    ) -> Result<Bytes, Refusal> {
        if declared_length(request).is_some_and(|length| length > limit) {
            return Err(Refusal::body_too_large(limit));
        }
        tokio::time::timeout(self.deadline, self.collect(payload, limit))
            .await
            .unwrap_or_else(|_| Err(Refusal::body_too_slow(self.deadline.as_secs_f64())))
    }

    /// Reads a JSON body of this form if there is one; `null` is none.
    ///
    /// # Errors
    /// As [`Bodies::parsed`].
    pub async fn parsed_if_any<T: DeserializeOwned>(
        &self,
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
    ) -> Result<Option<T>, Refusal> {
        let body = self.any(request, payload, limit).await?;
        if body.is_empty() {
            return Ok(None);
        }
        check_type(request)?;
        parse(&body)
    }

    async fn collect(&self, mut payload: Payload, limit: usize) -> Result<Bytes, Refusal> {
        let mut body = BytesMut::new();
        let mut place = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::bad_request("the body broke off"))?;
            if body.len() + chunk.len() > limit {
                return Err(Refusal::body_too_large(limit));
            }
            if body.len() + chunk.len() > SMALL && place.is_none() {
                let busy = "too many large bodies are being read";
                let free = self.large.try_acquire();
                place = Some(free.map_err(|_| Refusal::overloaded(busy))?);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    read(body).map_err(|error| match error {
        Unread::OtherForm(reason) => Refusal::unacceptable(format!("the body: {reason}")),
        Unread::NotJson(reason) => Refusal::bad_request(format!("the body is not JSON: {reason}")),
    })
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn check_type(request: &HttpRequest) -> Result<(), Refusal> {
    // Of two, nobody can say which one counts.
    let mut kinds = request.headers().get_all(header::CONTENT_TYPE);
    let kind = kinds.next().filter(|_| kinds.next().is_none());
    let essence = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
    let is_json = essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let is_plain = encoding.is_none_or(|encoding| encoding == "identity");
    if is_json && is_plain { Ok(()) } else { Err(Refusal::not_json_type()) }
}
