//! The way of every rating into the ledger, whichever door it came through.

use std::time::Duration;

use akin_schemas::http::{Accepted, StateMachine};
use akin_schemas::{ItemId, UserId};
use chrono::DateTime;

use crate::ledger::{Receipt, Rejection, Reply, Request, RequestName, Submission};
use crate::metrics::Door;

use super::problem::Refusal;
use super::state::State;

/// Longer than any disk that is going to answer takes.
pub const COMMIT_DEADLINE: Duration = Duration::from_secs(30);

/// Checks a rating against the store's range.
///
/// # Errors
/// When it is outside, or no version has told the range yet.
pub fn submission(
    state: &State,
    user: UserId,
    item: ItemId,
    rating: f64,
    input: String,
) -> Result<Submission, Refusal> {
    let range = state.snapshot()?.manifest.rating_range;
    let stored = range.accept(rating).map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok(Submission { user, item, rating: Some(stored), input })
}

/// Hands a request to the ledger and returns when it is durable.
///
/// # Errors
/// When the ledger refuses it, the disk does not answer, or its name stands for another request.
pub async fn accept(state: &State, request: Request) -> Result<Reply, Refusal> {
    let name = request.name.clone();
    let answer = state.commit.submit(request)?;
    match tokio::time::timeout(COMMIT_DEADLINE, answer).await {
        Ok(Ok(Ok(reply))) => Ok(reply),
        Ok(Ok(Err(Rejection::Ledger(error)))) => Err(error.into()),
        Ok(Ok(Err(Rejection::NameTaken(_)))) => {
            let name = name.as_ref().map_or("", RequestName::name);
            Err(Refusal::conflict(format!(
                "the name (or Idempotency-Key) {name:?} was used with another input; send the same input, or choose \
                 another name"
            )))
        }
        Ok(Ok(Err(Rejection::TooMany { user, most }))) => Err(Refusal::too_many(&user, most)),
        // The rating may be on disk by now; sending it again does no harm.
        Ok(Err(_)) | Err(_) => Err(Refusal::unavailable(
            "the disk did not answer in time; whether the rating was stored is not known; send it again",
            5,
        )),
    }
}

/// Counts what was refused at the REST door.
pub fn counted<T>(state: &State, taken: Result<T, Refusal>) -> Result<T, Refusal> {
    taken.inspect_err(|refusal| state.metrics.refused(Door::Rest, refusal.reason()))
}

/// A receipt as clients read it.
pub fn accepted(machine: &StateMachine, receipt: &Receipt) -> Accepted {
    Accepted {
        execution_arn: machine.execution_arn(&receipt.execution.to_string()),
        start_date: DateTime::from_timestamp_micros(receipt.started_at).unwrap_or_default(),
    }
}
