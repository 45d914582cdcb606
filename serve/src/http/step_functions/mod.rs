//! The Step Functions door: `POST /` in the AWS JSON 1.0 protocol (service model `stepfunctions`, 2016-11-23), so that
//! AWS's own clients work when they are pointed here. Executions are those of the REST door.

mod history;
mod operations;
mod refused;
mod signature;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use akin_schemas::http::Problem;
use akin_schemas::http::step_functions::{Failure, Parameters};
use serde_json::Value;

pub use operations::OPERATIONS;
pub use signature::{AccessKey, AccessKeys};

use super::openapi::{CallError, Target};
use super::problem::Refusal;
use super::request_id::RequestId;
use super::state::State;

/// The header that names the operation.
pub const TARGET: &str = "x-amz-target";
/// When to try again.
const X_AMZ_RETRY_AFTER: &str = "x-amz-retry-after";
/// The service's name in [`TARGET`].
const SERVICE: &str = "AWSStepFunctions.";
/// A request has at most so many bytes, as at AWS.
const BODY_LIMIT: usize = 1024 * 1024;
/// The media type of the protocol.
pub const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// Answers a request that names no operation.
pub async fn no_operation() -> Result<HttpResponse, Refusal> {
    Err(Refusal::bad_request(
        "only calls of Step Functions are taken at /: name the operation in the header X-Amz-Target, or send ratings to \
         /ratings",
    ))
}

type Answer = Result<Value, Failure>;

/// Answers one call.
#[utoipa::path(post, path = "/", tag = "step-functions",
    summary = "A call of AWS Step Functions",
    description = "AWS's JSON 1.0 protocol (service model `stepfunctions`, 2016-11-23). The operation stands in \
        `X-Amz-Target`; its parameters and answer are those of AWS. Signed with Signature Version 4 when the server has \
        keys. Point an AWS client's endpoint here rather than writing calls by hand.",
    params(
        ("X-Amz-Target" = inline(Target), Header, description = "`AWSStepFunctions.` and the operation"),
    ),
    request_body(content = Object, content_type = "application/x-amz-json-1.0"),
    responses(
        (status = 200, description = "The operation's answer", content_type = "application/x-amz-json-1.0", body = Object),
        (status = 400, description = "The operation's error; a problem where no operation is named",
            content((CallError = "application/x-amz-json-1.0"), (Problem = "application/problem+json"))),
        (status = 403, description = "Not signed as it should be", content_type = "application/x-amz-json-1.0", body = CallError),
        (status = 500, description = "A defect of this server", content_type = "application/x-amz-json-1.0", body = CallError),
        (status = 503, description = "Not now; try again after as many seconds as Retry-After says", content_type = "application/x-amz-json-1.0", body = CallError),
    ),
)]
pub async fn call(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let (mut response, body) = match answer(&request, payload, &state).await {
        Ok(body) => (HttpResponse::Ok(), body),
        Err(failure) => {
            let mut response = HttpResponse::build(status_of(&failure));
            response.insert_header(("x-amzn-errortype", failure.name()));
            if let Some(seconds) = failure.retry_after() {
                response.insert_header((header::RETRY_AFTER, seconds.to_string()));
                // In milliseconds. AWS's clients for Python (boto3 1.44) and Rust (aws-sdk-sfn 1.125) keep to this one alone.
                response.insert_header((X_AMZ_RETRY_AFTER, (1000 * seconds).to_string()));
            }
            (response, failure.body())
        }
    };
    response
        .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
        .insert_header(("x-amzn-requestid", request_id.unwrap_or_default()))
        .body(body.to_string())
}

fn status_of(failure: &Failure) -> StatusCode {
    StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn answer(request: &HttpRequest, payload: Payload, state: &Data<State>) -> Answer {
    let body = state.bodies.any(request, payload, BODY_LIMIT).await?;
    if let Some(keys) = &state.access_keys {
        signature::verify(request, &body, keys, chrono::Utc::now())?;
    }
    let target = request.headers().get(TARGET).and_then(|target| target.to_str().ok());
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case(MEDIA_TYPE) {
        return Err(Failure::serialization(format!("the Content-Type is not {MEDIA_TYPE}")));
    }
    operations::run(target.unwrap_or_default(), &Parameters::parse(&body)?, state).await
}
