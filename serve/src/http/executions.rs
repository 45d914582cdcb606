//! `GET /executions/{executionArn}`.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{Execution, ExecutionStatus, execution_name};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ledger::{self, ExecutionId, ExecutionRecord};

use super::problem::Refusal;
use super::query;
use super::state::State;

/// The longest poll, in seconds.
const LONGEST_WAIT: u64 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    wait: Option<u64>,
}

/// Says where an execution stands; with `?wait=SECONDS` only when it has ended, or the time is over.
pub async fn get(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let wait = query::parse::<Wait>(&request)?.wait.unwrap_or(0);
    if wait > LONGEST_WAIT {
        let detail = format!("wait is at most {LONGEST_WAIT} seconds, not {wait}");
        return Err(Refusal::bad_request(detail));
    }
    let arn = query::path_step(&request)?;
    let unknown = || Refusal::not_found("there is no such execution, or it is forgotten by now");
    let name = execution_name(&arn).map_err(|_| unknown())?;
    let id: ExecutionId = name.parse().map_err(|_| unknown())?;

    let mut draining = state.draining.clone();
    let record = tokio::select! {
        record = state.executions.wait(id, Duration::from_secs(wait)) => record?,
        // Who waits is told what there is, so that the server can stop.
        _ = draining.wait_for(|draining| *draining) => {
            state.executions.wait(id, Duration::ZERO).await?
        }
    };
    let record = record.ok_or_else(unknown)?;
    let body = execution(arn, &record)?;
    let mut response = HttpResponse::Ok();
    if record.is_running() {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    Ok(response.json(body))
}

fn execution(execution_arn: String, record: &ExecutionRecord) -> Result<Execution, Refusal> {
    let raw = |text: &str| {
        RawValue::from_string(text.to_owned()).map_err(|error| {
            tracing::error!(%error, execution_arn, "a text in the ledger is not JSON");
            Refusal::internal()
        })
    };
    let (error, cause) = record.failure();
    Ok(Execution {
        status: status(record.status()),
        start_date: moment(record.started_at),
        stop_date: record.stopped_at().map(moment),
        input: raw(&record.input)?,
        output: record.output().map(raw).transpose()?,
        error: error.map(str::to_owned),
        cause: cause.map(str::to_owned),
        execution_arn,
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
