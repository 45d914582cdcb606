//! `POST /ratings`.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{Accepted, RatingBody, RatingBodyError, execution_arn};
use chrono::DateTime;

use crate::ledger::Submission;

use super::body;
use super::problem::Refusal;
use super::state::State;

/// A body of one rating has at most so many bytes.
const BODY_LIMIT: usize = 4096;
/// Longer than any disk that is going to answer takes.
const COMMIT_DEADLINE: Duration = Duration::from_secs(30);

/// Takes one rating, and answers once it is durable.
pub async fn post(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let body = body::read_json(&request, payload, BODY_LIMIT, state.body_deadline).await?;
    let submission = submission(&body, &state)?;
    let answer = state.commit.submit(vec![submission])?;
    let answer = tokio::time::timeout(COMMIT_DEADLINE, answer).await;
    let (Ok(Ok(receipts)), true) = (&answer, answer.is_ok()) else {
        // The rating may be on disk by now; sending it again does no harm.
        return Err(Refusal::unavailable(
            "the disk did not answer in time; whether the rating was stored is not known; send it again",
            5,
        ));
    };
    let receipts = receipts.clone()?;
    let receipt = receipts.first().ok_or_else(Refusal::internal)?;
    let execution_arn = execution_arn(&receipt.execution.to_string());
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, format!("/executions/{execution_arn}")))
        .json(Accepted {
            execution_arn,
            start_date: DateTime::from_timestamp_micros(receipt.started_at).unwrap_or_default(),
        }))
}

fn submission(body: &[u8], state: &State) -> Result<Submission, Refusal> {
    let rating = RatingBody::parse(body).map_err(|error| match error {
        RatingBodyError::NotJson(_) => Refusal::bad_request(error.to_string()),
        RatingBodyError::NotARating(_) => Refusal::invalid(error.to_string()),
    })?;
    let range = state.snapshot()?.manifest.rating_range;
    let stored =
        range.accept(rating.rating).map_err(|error| Refusal::invalid(error.to_string()))?;
    // A body that parses is UTF-8.
    let input = String::from_utf8_lossy(body).trim().to_owned();
    Ok(Submission { user: rating.user, item: rating.item, rating: Some(stored), input })
}
