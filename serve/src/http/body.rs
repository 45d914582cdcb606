//! Reading a body: bounded in size, and as a whole in time (actix-web bounds the headers' time only).

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{BytesMut, Payload};
use bytes::Bytes;
use futures_util::StreamExt;

use super::problem::Refusal;

/// Reads a JSON body.
///
/// # Errors
/// When it is not declared as JSON, is larger than `limit` bytes, does not arrive within `deadline`, or breaks off.
pub async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, Refusal> {
    check_type(request)?;
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Refusal::body_too_large(limit));
    }
    tokio::time::timeout(deadline, collect(payload, limit))
        .await
        .unwrap_or_else(|_| Err(Refusal::body_too_slow(deadline.as_secs_f64())))
}

fn check_type(request: &HttpRequest) -> Result<(), Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let essence = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
    let is_json = essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let is_plain = encoding.is_none_or(|encoding| encoding == "identity");
    if is_json && is_plain { Ok(()) } else { Err(Refusal::not_json_type()) }
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refusal::bad_request("the body broke off"))?;
        if body.len() + chunk.len() > limit {
            return Err(Refusal::body_too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
