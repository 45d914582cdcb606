//! Refusals: what a client is told when it does not get what it asked for.

mod kind;

use std::fmt;

pub use kind::{__path_show, show};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use akin_schemas::UserId;
use akin_schemas::http::{PROBLEM_JSON, Problem};

use crate::ledger::{self, LedgerError};

use super::request_id::X_REQUEST_ID;
use kind::Kind;

/// What is counted when more ratings wait for the disk than may.
const QUEUE_FULL: &str = "queue-full";
/// What is counted when too much else is in work.
const OVERLOADED: &str = "overloaded";

/// A problem on its way to the client. The texts are public.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    kind: Kind,
    title: &'static str,
    detail: String,
    retry_after: Option<u32>,
    allow: Option<&'static str>,
    reason: &'static str,
}

impl Refusal {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            status: kind.status(),
            kind,
            title: kind.title(),
            detail: detail.into(),
            retry_after: None,
            allow: None,
            reason: kind.name(),
        }
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
            kind: self.kind.path(),
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

    /// Whether the server has too much to do, and nothing else is wrong.
    pub fn is_overload(&self) -> bool {
        [QUEUE_FULL, OVERLOADED].contains(&self.reason)
    }

    /// 400: not readable as what it should be.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Kind::BAD_REQUEST, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NOT_FOUND, detail)
    }

    /// 405.
    pub fn method_not_allowed(method: &str, path: &str, allow: &'static str) -> Self {
        let detail = format!("{path} does not take {method}; it takes {allow}");
        Self { allow: Some(allow), ..Self::new(Kind::METHOD_NOT_ALLOWED, detail) }
    }

    /// 408: the body did not come in time.
    pub fn body_too_slow(seconds: f64) -> Self {
        let detail = format!("the whole body must arrive within {seconds} seconds");
        Self::new(Kind::BODY_TOO_SLOW, detail)
    }

    /// 409: it contradicts what is there.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Kind::CONFLICT, detail)
    }

    /// The same about one element of an array.
    pub fn of_element(self, number: usize) -> Self {
        Self { detail: format!("element {number}: {}", self.detail), ..self }
    }

    /// 413.
    pub fn body_too_large(limit: usize) -> Self {
        Self::too_large("a body here", limit)
    }

    /// The same of a part of it, or of a body of one kind: what has at most this many bytes.
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self::new(Kind::BODY_TOO_LARGE, format!("{what} has at most {limit} bytes"))
    }

    /// 415.
    pub fn not_json_type() -> Self {
        let detail =
            "send the body as `Content-Type: application/json`, without a content encoding";
        Self::new(Kind::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 422: readable, but not acceptable.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Kind::INVALID_RATING, detail)
    }

    /// 422, and no rating is meant to be taken.
    pub fn unacceptable(detail: impl Into<String>) -> Self {
        Self::new(Kind::UNACCEPTABLE, detail)
    }

    /// 429: a user has more ratings than are taken before a version contains them.
    pub fn too_many(user: &UserId, most: usize) -> Self {
        let detail = format!(
            "the user {:?} has {most} ratings that no version contains yet, and more are not taken: run akin-batch with \
             --with-ledger, or raise --new-ratings-per-user",
            user.as_str()
        );
        Self::new(Kind::TOO_MANY_RATINGS, detail)
    }

    /// 503: come back later, after this many seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Kind::UNAVAILABLE, detail) }
    }

    /// 503 while too much of one thing is in work.
    pub fn overloaded(detail: impl Into<String>) -> Self {
        Self { reason: OVERLOADED, ..Self::unavailable(detail, 1) }
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
        let detail =
            "the request could not be answered; the request id finds it in the server's log";
        Self::new(Kind::INTERNAL, detail)
    }

    /// Whatever the HTTP library refused by itself.
    pub fn of_status(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or(Kind::REFUSED.title());
        Self { status, title, ..Self::new(Kind::REFUSED, "the request was refused") }
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
            ledger::Refusal::QueueFull => (1, QUEUE_FULL),
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
