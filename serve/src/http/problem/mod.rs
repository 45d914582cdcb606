//! Refusals: what a client is told when it does not get what it asked for.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use akin_schemas::UserId;
use akin_schemas::http::{PROBLEM_JSON, Problem};

use crate::ledger::{self, LedgerError};

use super::request_id::X_REQUEST_ID;

/// A problem on its way to the client. The texts are public.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<u32>,
    allow: Option<&'static str>,
    reason: &'static str,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: String) -> Self {
        Self { status, kind, title, detail, retry_after: None, allow: None, reason: kind }
    }

    /// The answer, with the id that finds the request in the log.
    pub fn answer(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, PROBLEM_JSON));
        response.insert_header((X_REQUEST_ID, request_id));
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, methods));
        }
        let problem = Problem {
            kind: format!("/problems/{}", self.kind),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            request_id: request_id.to_owned(),
        };
        response.body(serde_json::to_string(&problem).unwrap_or_default())
    }

    /// The kind of problem, for counting: finer than what clients are told to tell apart.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What is wrong with this request.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// After how many seconds to try again.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Whether it contradicts an earlier request.
    pub fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// 400: not readable as what it should be.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        let (kind, title) = ("bad-request", "The request could not be read");
        Self::new(StatusCode::BAD_REQUEST, kind, title, detail.into())
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail.into())
    }

    /// 405.
    pub fn method_not_allowed(method: &str, path: &str, allow: &'static str) -> Self {
        let (kind, title) = ("method-not-allowed", "The method is not allowed here");
        let detail = format!("{path} does not take {method}; it takes {allow}");
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, title, detail);
        Self { allow: Some(allow), ..refusal }
    }

    /// 408: the body did not come in time.
    pub fn body_too_slow(seconds: f64) -> Self {
        let (kind, title) = ("body-too-slow", "The body came too slowly");
        let detail = format!("the whole body must arrive within {seconds} seconds");
        Self::new(StatusCode::REQUEST_TIMEOUT, kind, title, detail)
    }

    /// 409: it contradicts what is there.
    pub fn conflict(detail: impl Into<String>) -> Self {
        let (kind, title) = ("conflict", "The request contradicts an earlier one");
        Self::new(StatusCode::CONFLICT, kind, title, detail.into())
    }

    /// The same about one element of an array.
    pub fn of_element(self, number: usize) -> Self {
        Self { detail: format!("element {number}: {}", self.detail), ..self }
    }

    /// 413.
    pub fn body_too_large(limit: usize) -> Self {
        Self::too_large("a body here", limit)
    }

    /// The same of a part of it, or of a body of one kind: what has at most so many bytes.
    pub fn too_large(what: &str, limit: usize) -> Self {
        let (kind, title) = ("body-too-large", "The body is too large");
        let detail = format!("{what} has at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, kind, title, detail)
    }

    /// 415.
    pub fn not_json_type() -> Self {
        let (kind, title) = ("unsupported-media-type", "The media type is not supported");
        let detail =
            "send the body as `Content-Type: application/json`, without a content encoding";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, kind, title, detail.to_owned())
    }

    /// 422: readable, but not acceptable.
    pub fn invalid(detail: impl Into<String>) -> Self {
        let (kind, title) = ("invalid-rating", "The rating is not acceptable");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail.into())
    }

    /// 422, and no rating is meant to be taken.
    pub fn unacceptable(detail: impl Into<String>) -> Self {
        let (kind, title) = ("unacceptable", "The request is not acceptable");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail.into())
    }

    /// 429: a user has more ratings than are taken before a version contains them.
    pub fn too_many(user: &UserId, most: usize) -> Self {
        let (kind, title) = ("too-many-ratings", "The user has too many new ratings");
        let detail = format!(
            "the user {:?} has {most} ratings that no version contains yet, and more are not taken: run akin-batch with \
             --with-ledger, or raise --new-ratings-per-user",
            user.as_str()
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, kind, title, detail)
    }

    /// 503: come back later.
    pub fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        let (kind, title) = ("unavailable", "Not available at the moment");
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail.into());
        Self { retry_after: Some(retry_after), ..refusal }
    }

    /// 503 until the first version is loaded.
    pub fn no_version() -> Self {
        let detail = "no version is loaded yet: run akin-batch, or wait until it has published";
        Self { reason: "no-version", ..Self::unavailable(detail, 5) }
    }

    /// 503 while what was published cannot be loaded.
    pub fn no_version_loads() -> Self {
        let detail =
            "no version can be loaded from the store: GET /health/ready and the log say why";
        Self { reason: "no-version", ..Self::unavailable(detail, 5) }
    }

    /// 500: a defect of this server.
    pub fn internal() -> Self {
        let (kind, title) = ("internal", "Something went wrong in the server");
        let detail =
            "the request could not be answered; the request id finds it in the server's log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, kind, title, detail.to_owned())
    }

    /// Whatever the HTTP library refused by itself.
    pub fn of_status(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Refused");
        Self::new(status, "refused", title, "the request was refused".to_owned())
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        // The cause names files of this machine: it belongs into the log.
        tracing::error!(%error, "the ledger failed");
        let refusal = Self::unavailable("the ledger cannot be used at the moment", 30);
        Self { reason: "ledger-failed", ..refusal }
    }
}

impl From<ledger::Refusal> for Refusal {
    fn from(refusal: ledger::Refusal) -> Self {
        let (retry_after, reason) = match refusal {
            ledger::Refusal::QueueFull => (1, "queue-full"),
            ledger::Refusal::Closing => (1, "stopping"),
            ledger::Refusal::Poisoned | ledger::Refusal::FileGone => (30, "ledger-failed"),
        };
        let detail = format!("the rating was not accepted: {refusal}");
        Self { reason, ..Self::unavailable(detail, retry_after) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Without an id: the frame around all requests answers anew, and knows it.
    fn error_response(&self) -> HttpResponse {
        self.answer("")
    }
}
