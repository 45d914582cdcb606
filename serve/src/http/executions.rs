//! Executions: looking at one, waiting for it, stopping it, listing them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::UserId;
use akin_schemas::http::{
    Execution, ExecutionStatus, Executions, JsonText, Output, StateMachine, Stop, numbers,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ledger::{self, ExecutionId, ExecutionRecord, Filter, Finished, Outcome};

use super::accept::COMMIT_DEADLINE;
use super::openapi::{BadBody, Missing, Unavailable, Unreadable};
use super::problem::Refusal;
use super::query;
use super::state::State;
use super::token;

/// The longest poll, in seconds.
const LONGEST_WAIT: u64 = 60;
/// Who waits for the end of an execution that is on its way to the disk looks so often whether the disk has failed.
const LOOK: Duration = Duration::from_secs(1);
/// `error` and `cause` of a stop, in characters, as Step Functions limits them.
pub const LONGEST_ERROR: usize = 256;
/// The same for `cause`.
pub const LONGEST_CAUSE: usize = 32_768;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wait {
    /// Seconds to wait for its end at most.
    #[serde(default, deserialize_with = "numbers::whole_in_text::<_, _, 0, LONGEST_WAIT>")]
    #[param(minimum = 0, maximum = 60)]
    wait: Option<u64>,
}

/// `GET /executions/{executionArn}`: says where an execution stands; with `?wait=SECONDS` only when it has ended, or
/// the time is over.
#[utoipa::path(get, path = "/executions/{arn}", tag = "executions", params(("arn" = String, Path, description = "An `executionArn`", example = "arn:aws:states:local:000000000000:execution:akin:0199a0b1-example"), Wait),
    responses(
        (status = 200, description = "How it stands", content_type = "application/json", body = Execution,
            headers(("Retry-After" = Option<u32>, description = "Of a running one: seconds to the next poll"))),
        Unreadable, Missing, Unavailable,
    ),
)]
pub async fn get(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let wait = query::parse::<Wait>(&request)?.wait.unwrap_or(0);
    let (id, record) = find(&request, &state, Duration::from_secs(wait)).await?;
    let body = execution(&state.machine, id, &record)?;
    let mut response = HttpResponse::Ok();
    if record.is_running() {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    Ok(response.json(body))
}

/// `POST /executions/{executionArn}/stop`: stops an execution, and shows how it stands then. One that had ended stays
/// as it was; the rating stays in any case.
#[utoipa::path(post, path = "/executions/{arn}/stop", tag = "executions", params(("arn" = String, Path, description = "An `executionArn`", example = "arn:aws:states:local:000000000000:execution:akin:0199a0b1-example")),
    request_body(content = Option<Stop>, content_type = "application/json", description = "May be left out"),
    responses(
        (status = 200, description = "How it stands", content_type = "application/json", body = Execution),
        Unreadable, Missing, BadBody, Unavailable,
    ),
)]
pub async fn stop(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    let (id, _) = find(&request, &state, Duration::ZERO).await?;
    // JSON may take twelve bytes for a character, two escapes of six.
    let limit = 12 * (LONGEST_ERROR + LONGEST_CAUSE) + 1024;
    let stop: Stop =
        state.bodies.parsed_if_any(&request, payload, limit).await?.unwrap_or_default();
    for (name, text, longest) in
        [("error", &stop.error, LONGEST_ERROR), ("cause", &stop.cause, LONGEST_CAUSE)]
    {
        let length = text.as_ref().map_or(0, |text| text.chars().count());
        if length > longest {
            let detail = format!("`{name}` has at most {longest} characters, not {length}");
            return Err(Refusal::unacceptable(detail));
        }
    }
    let record = abort(&state, id, stop).await?.ok_or_else(unknown)?;
    Ok(HttpResponse::Ok().json(execution(&state.machine, id, &record)?))
}

/// Ends an execution as aborted, unless it has ended, and returns it when that is on disk; none if nobody knows it.
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn abort(
    state: &State,
    id: ExecutionId,
    stop: Stop,
) -> Result<Option<Arc<ExecutionRecord>>, Refusal> {
    let outcome = Outcome::Aborted { error: stop.error, cause: stop.cause };
    let finished = Finished { id, outcome, stopped_at: Utc::now().timestamp_micros() };
    let commit = state.commit.clone();
    let written = actix_web::web::block(move || commit.finish_durably(&finished)).await;
    let lost = "the end could not be written; whether it lasts over a restart is not known";
    match written.map_err(|_| Refusal::internal())?? {
        Some(written) => match tokio::time::timeout(COMMIT_DEADLINE, written).await {
            Ok(Ok(())) => Ok(state.executions.wait(id, Duration::ZERO).await?),
            Ok(Err(_)) | Err(_) => Err(Refusal::unavailable(lost, 30)),
        },
        // It has ended, or its end is on its way.
        None => match end_of(state, id).await? {
            Some(record) if record.is_running() => Err(Refusal::unavailable(lost, 30)),
            found => Ok(found),
        },
    }
}

/// An execution that ends with one of the next commits; as it stands when there will be none.
async fn end_of(state: &State, id: ExecutionId) -> Result<Option<Arc<ExecutionRecord>>, Refusal> {
    let began = Instant::now();
    loop {
        let record = state.executions.wait(id, LOOK).await?;
        let is_running = record.as_ref().is_some_and(|record| record.is_running());
        if !is_running || state.ledger.is_poisoned() || began.elapsed() > COMMIT_DEADLINE {
            return Ok(record);
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Which {
    /// Of this user only.
    #[param(min_length = 1, max_length = 128)]
    user: Option<String>,
    /// With this status only.
    status: Option<ExecutionStatus>,
    /// How many at most; 100 when it is left out.
    #[serde(
        default,
        deserialize_with = "numbers::whole_in_text::<_, _, 1, { query::MOST as u64 }>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    n: Option<u16>,
    /// `nextToken` of the part before.
    next_token: Option<String>,
}

/// `GET /executions?user=&status=&n=&nextToken=`: lists executions, newest first.
#[utoipa::path(get, path = "/executions", tag = "executions", params(Which),
    responses(
        (status = 200, description = "Newest first", content_type = "application/json", body = Executions),
        Unreadable, Unavailable,
    ),
)]
pub async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Which { user, status, n, next_token } = query::parse(&request)?;
    let user = user.map(UserId::try_from).transpose();
    let user = user.map_err(|error| Refusal::bad_request(format!("the user: {error}")))?;
    let count = usize::from(n.unwrap_or(100));
    let mut filter = Filter { user, status: status.map(ledger_status), after: None };
    let now = Utc::now().timestamp();
    if let Some(token) = next_token {
        let after = token::decode(&token, &filter, now).ok_or_else(|| {
            Refusal::bad_request(
                "nextToken is not one of this listing, or older than a day; begin again without it",
            )
        })?;
        filter.after = Some(after);
    }
    let page = state.list(&filter, count).await?;
    let listed = page.executions.iter().map(|(id, record)| execution(&state.machine, *id, record));
    Ok(HttpResponse::Ok().json(Executions {
        executions: listed.collect::<Result<_, _>>()?,
        next_token: page.next.map(|next| token::encode(next, &filter, now)),
    }))
}

/// The execution that the path names, as [`State::find`] has it.
///
/// # Errors
/// When there is none, or the ledger cannot be read.
pub(super) async fn find(
    request: &HttpRequest,
    state: &State,
    patience: Duration,
) -> Result<(ExecutionId, Arc<ExecutionRecord>), Refusal> {
    let arn = query::path_step(request)?;
    let name = state.machine.execution_name(&arn).map_err(|_| unknown())?;
    state.find(name, patience).await?.ok_or_else(unknown)
}

fn unknown() -> Refusal {
    Refusal::not_found("there is no such execution, or it is forgotten by now")
}

/// An execution as clients read it.
///
/// # Errors
/// When what the ledger has of it cannot be written.
pub(super) fn execution(
    machine: &StateMachine,
    id: ExecutionId,
    record: &ExecutionRecord,
) -> Result<Execution, Refusal> {
    let input = JsonText::parse(&record.input).map_err(|error| {
        tracing::error!(%error, %id, "an input in the ledger is not JSON");
        Refusal::internal()
    })?;
    let (error, cause) = record.failure();
    Ok(Execution {
        execution_arn: machine.execution_arn(&record.public_name(&id)),
        status: status(record.status()),
        start_date: moment(record.started_at),
        stop_date: record.stopped_at().map(moment),
        input,
        output: output_of(id, record)?,
        error: error.map(str::to_owned),
        cause: cause.map(str::to_owned),
    })
}

/// An execution's output as clients read it.
///
/// # Errors
/// When it cannot be written.
pub fn output_of(id: ExecutionId, record: &ExecutionRecord) -> Result<Option<JsonText>, Refusal> {
    let output = record.output().map(Output::json).transpose();
    output.map_err(|error| {
        tracing::error!(%error, %id, "an output in the ledger cannot be written");
        Refusal::internal()
    })
}

fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

fn status(status: ledger::ExecutionStatus) -> ExecutionStatus {
    match status {
        ledger::ExecutionStatus::Running => ExecutionStatus::Running,
        ledger::ExecutionStatus::Succeeded => ExecutionStatus::Succeeded,
        ledger::ExecutionStatus::Failed => ExecutionStatus::Failed,
        ledger::ExecutionStatus::TimedOut => ExecutionStatus::TimedOut,
        ledger::ExecutionStatus::Aborted => ExecutionStatus::Aborted,
    }
}

fn ledger_status(status: ExecutionStatus) -> ledger::ExecutionStatus {
    match status {
        ExecutionStatus::Running => ledger::ExecutionStatus::Running,
        ExecutionStatus::Succeeded => ledger::ExecutionStatus::Succeeded,
        ExecutionStatus::Failed => ledger::ExecutionStatus::Failed,
        ExecutionStatus::TimedOut => ledger::ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted => ledger::ExecutionStatus::Aborted,
    }
}
