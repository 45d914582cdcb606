//! The kinds of problems, and `GET /problems/{name}`, which says what each means: the `type` of a problem is a path of this
//! server.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::ProblemKind;

use super::Refusal;
use crate::http::openapi::{Missing, Unreadable};
use crate::http::query;

/// What a client can tell problems apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(&'static Described);

#[derive(Debug, PartialEq, Eq)]
struct Described {
    name: &'static str,
    /// None when it varies.
    status: Option<StatusCode>,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

/// Makes a constant of each kind, and a list of all of them, so that none can be sent that cannot be looked up.
macro_rules! kinds {
    ($($constant:ident, $name:literal, $status:expr, $title:literal, $meaning:literal, $remedy:literal;)+) => {
        impl Kind {
            $(
                #[doc = $title]
                pub const $constant: Self = Self(&Described {
                    name: $name,
                    status: $status,
                    title: $title,
                    meaning: $meaning,
                    remedy: $remedy,
                });
            )+

            const ALL: &[Self] = &[$(Self::$constant),+];
        }
    };
}

kinds! {
    BAD_REQUEST, "bad-request", Some(StatusCode::BAD_REQUEST),
        "The request could not be read",
        "A parameter, a header or the body is not of the form that belongs there: not JSON, not UTF-8, an unknown \
         parameter, or a value out of its range.",
        "Change what `detail` names. The same request will be refused again.";
    NOT_FOUND, "not-found", Some(StatusCode::NOT_FOUND),
        "There is no such thing",
        "The path, or what it names, is not there: an item that the serving version does not know, or an execution that \
         never was or is forgotten by now (--keep-executions-days).",
        "Check the path. An item that was rated a moment ago is known from the next batch run on.";
    METHOD_NOT_ALLOWED, "method-not-allowed", Some(StatusCode::METHOD_NOT_ALLOWED),
        "The method is not allowed here",
        "The path is there, but takes other methods.",
        "Use one of those that the header Allow names.";
    BODY_TOO_SLOW, "body-too-slow", Some(StatusCode::REQUEST_TIMEOUT),
        "The body came too slowly",
        "The body was not whole when its time was over (--request-timeout). Nothing was stored.",
        "Send it again, faster or in smaller parts.";
    CONFLICT, "conflict", Some(StatusCode::CONFLICT),
        "The request contradicts an earlier one",
        "The name or Idempotency-Key stands for a request with another content. Nothing was stored.",
        "Repeat a request with the content that it had, or give a new one a name of its own.";
    BODY_TOO_LARGE, "body-too-large", Some(StatusCode::PAYLOAD_TOO_LARGE),
        "The body is too large",
        "The body, or one rating in it, has more bytes than are taken. Nothing was stored.",
        "Send fewer things at a time; `detail` says how many bytes there may be.";
    UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        "The media type is not supported",
        "The body is not declared as JSON, is declared twice, or is compressed.",
        "Send it with `Content-Type: application/json`, and without a content encoding.";
    INVALID_RATING, "invalid-rating", Some(StatusCode::UNPROCESSABLE_ENTITY),
        "The rating is not acceptable",
        "The body is JSON, but no rating that this store takes: a field is missing, unknown or of another type, or the \
         number is outside the store's range. Nothing was stored, nor of an array that it was in.",
        "Change what `detail` names; GET /versions/current says the range.";
    UNACCEPTABLE, "unacceptable", Some(StatusCode::UNPROCESSABLE_ENTITY),
        "The request is not acceptable",
        "The body is JSON, but not of the form that belongs here, or holds too much or a value out of its range.",
        "Change what `detail` names; GET /openapi.json has the form.";
    TOO_MANY_RATINGS, "too-many-ratings", Some(StatusCode::TOO_MANY_REQUESTS),
        "The user has too many new ratings",
        "The user has as many ratings that no version contains yet as are taken (--new-ratings-per-user). This one was not \
         stored.",
        "Waiting alone does not help: whoever runs the server runs akin-batch with --with-ledger, or raises the option.";
    UNAVAILABLE, "unavailable", Some(StatusCode::SERVICE_UNAVAILABLE),
        "Not available at the moment",
        "The server cannot answer now: no version is loaded, too much waits, it is about to stop, or its disk failed. \
         Unless `detail` says otherwise nothing was stored.",
        "Send the same request again after as many seconds as Retry-After says.";
    INTERNAL, "internal", Some(StatusCode::INTERNAL_SERVER_ERROR),
        "Something went wrong in the server",
        "A defect of the server. Whether something was stored is not known.",
        "Report it with the `requestId`, which finds the cause in the server's log. A rating may be sent again: it counts \
         once.";
    REFUSED, "refused", None,
        "Refused",
        "The server refused the request before anything looked at it; the status says why.",
        "Check that it is well-formed HTTP/1.1.";
}

impl Kind {
    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// The status of all problems of this kind; 500 where it varies.
    pub fn status(self) -> StatusCode {
        self.0.status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What a problem has as its `type`.
    pub fn path(self) -> String {
        format!("/problems/{}", self.name())
    }

    fn described(self) -> ProblemKind {
        let Described { status, title, meaning, remedy, .. } = self.0;
        ProblemKind {
            kind: self.path(),
            title: (*title).to_owned(),
            status: status.map(|status| status.as_u16()),
            meaning: (*meaning).to_owned(),
            remedy: (*remedy).to_owned(),
        }
    }
}

/// `GET /problems/{name}`: says what a kind of problem means, and what to do about it. The `type` of each problem is such a
/// path.
#[utoipa::path(get, path = "/problems/{name}", tag = "server", operation_id = "show_problem",
    params(("name" = String, Path, description = "The last step of a problem's `type`", example = "not-found")),
    responses(
        (status = 200, description = "What it means", content_type = "application/json", body = ProblemKind),
        Unreadable, Missing,
    ),
)]
pub async fn show(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    let name = query::path_step(&request)?;
    let kind = Kind::ALL.iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        Refusal::not_found(format!("there is no problem {name:?}; there are {}", names.join(", ")))
    })?;
    Ok(HttpResponse::Ok().json(kind.described()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::web;

    use super::*;

    #[test]
    fn the_type_of_each_problem_leads_to_what_it_means() {
        actix_web::rt::System::new().block_on(async {
            let app = App::new().route("/problems/{name}", web::get().to(show));
            let app = init_service(app).await;
            let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            assert_eq!(names.len(), Kind::ALL.len());
            for kind in Kind::ALL {
                let request = TestRequest::get().uri(&kind.path()).to_request();
                let answer = call_service(&app, request).await;
                assert_eq!(answer.status(), 200, "{kind:?}");
                let shown: ProblemKind = read_body_json(answer).await;
                assert_eq!((shown.kind, shown.title), (kind.path(), kind.title().to_owned()));
                assert!(!shown.meaning.is_empty() && !shown.remedy.is_empty());
            }
            let request = TestRequest::get().uri("/problems/nonsense").to_request();
            assert_eq!(call_service(&app, request).await.status(), 404);
        });
    }
}
