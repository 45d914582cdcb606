//! The operations.

use std::sync::Arc;
use std::time::Duration;

use akin_schemas::http::step_functions::{
    Failure, Parameters, machine as check_machine, machine_to_list, machine_to_start,
    named_execution, new_name,
};
use akin_schemas::http::{JsonText, RatingBody, RatingBodyError, StateMachine, Stop};
use chrono::Utc;
use serde_json::{Map, Value, json};

use crate::http::accept::{accept, submission};
use crate::http::executions::{LONGEST_CAUSE, LONGEST_ERROR, abort, output_of};
use crate::http::problem::Refusal;
use crate::http::state::State;
use crate::http::token;
use crate::ledger::{ExecutionId, ExecutionRecord, ExecutionStatus, Filter, Request, RequestName};
use crate::metrics::Door;

use super::{Answer, SERVICE, history};

/// The machine's one state.
pub const STATE: &str = "FoldIn";

const LONGEST_LIST_TOKEN: usize = 3096;
const LONGEST_HISTORY_TOKEN: usize = 1024;

/// What [`run`] knows.
pub const OPERATIONS: [&str; 8] = [
    "StartExecution",
    "DescribeExecution",
    "ListExecutions",
    "StopExecution",
    "GetExecutionHistory",
    "DescribeStateMachine",
    "ListStateMachines",
    "StartSyncExecution",
];

/// Runs the operation that the header [`TARGET`](super::TARGET) names.
///
/// # Errors
/// What the service would answer.
pub async fn run(target: &str, parameters: &Parameters, state: &State) -> Answer {
    match target.strip_prefix(SERVICE).unwrap_or_default() {
        "StartExecution" => start(parameters, state).await.inspect_err(|failure| {
            state.metrics.refused(Door::StepFunctions, failure.name());
        }),
        "DescribeExecution" => describe(parameters, state).await,
        "ListExecutions" => list(parameters, state).await,
        "StopExecution" => stop(parameters, state).await,
        "GetExecutionHistory" => history_of(parameters, state).await,
        "DescribeStateMachine" => describe_machine(parameters, state),
        "ListStateMachines" => list_machines(parameters, state),
        "StartSyncExecution" => {
            machine_to_start(parameters, &state.machine)?;
            Err(Failure::wrong_machine_type())
        }
        _ => Err(Failure::unknown_operation(target)),
    }
}

/// A role for those who expect one; nothing is done in its name.
fn role_arn(machine: &StateMachine) -> String {
    format!("arn:aws:iam::{}:role/akin", machine.account())
}

/// Microseconds as the protocol's seconds, to the millisecond.
pub fn seconds(micros: i64) -> f64 {
    micros.div_euclid(1000) as f64 / 1000.0
}

async fn start(parameters: &Parameters, state: &State) -> Answer {
    machine_to_start(parameters, &state.machine)?;
    let name = new_name(parameters)?;
    let input = parameters.input()?.unwrap_or("{}");
    let rating = RatingBody::parse(input.as_bytes()).map_err(|error| match error {
        RatingBodyError::NotJson(reason) => Failure::invalid_input(&reason),
        RatingBodyError::NotARating(reason) => Failure::invalid_input(&reason),
    })?;
    let RatingBody { user, item, rating, .. } = rating;
    let submission = submission(state, user, item, rating, input.to_owned())?;
    // A name that looks like the key of an execution which has none of its own would hide that one.
    if let Some(name) = name
        && let Ok(key) = name.parse::<ExecutionId>()
        && state.wait_for(key, Duration::ZERO).await?.is_some()
    {
        return Err(Failure::execution_exists(&state.machine.execution_arn(name)));
    }
    let request_name = name.map(|name| RequestName::of_machine(name.to_owned()));
    let request = Request { submissions: vec![submission], name: request_name };
    let exists =
        || Failure::execution_exists(&state.machine.execution_arn(name.unwrap_or_default()));
    let reply = match accept(state, request).await {
        Err(refusal) if refusal.is_conflict() => return Err(exists()),
        other => other?,
    };
    let receipt = reply.receipts.first().ok_or_else(Refusal::internal)?;
    if reply.is_repeated {
        // Open: the original answer. Closed: the name is used up.
        let record = state.wait_for(receipt.execution, Duration::ZERO).await?;
        if record.is_none_or(|record| !record.is_running()) {
            return Err(exists());
        }
    }
    let key = receipt.execution.to_string();
    Ok(json!({
        "executionArn": state.machine.execution_arn(name.unwrap_or(&key)),
        "startDate": seconds(receipt.started_at),
    }))
}

/// The execution that a call is about.
struct Named {
    /// Its ARN as the client gave it.
    arn: String,
    /// Its key.
    id: ExecutionId,
    /// As it stands.
    record: Arc<ExecutionRecord>,
}

/// # Errors
/// When `executionArn` is absent, no ARN of an execution, or of one that is not known (any more).
async fn named(parameters: &Parameters, state: &State) -> Result<Named, Failure> {
    let (arn, name) = named_execution(parameters, &state.machine)?;
    let found = state.find(name, Duration::ZERO).await?;
    let (id, record) = found.ok_or_else(|| Failure::no_execution(arn))?;
    Ok(Named { arn: arn.to_owned(), id, record })
}

async fn describe(parameters: &Parameters, state: &State) -> Answer {
    let with_data = parameters.with_data()?;
    let Named { id, record, .. } = named(parameters, state).await?;
    let status = record.status();
    let mut found = summary(&state.machine, id, &record);
    let (error, cause) = record.failure();
    let input = Some(record.input.as_str());
    let output = if with_data { output_of(id, &record)? } else { None };
    let output = output.as_ref().map(JsonText::as_str);
    for (name, text) in [("input", input), ("output", output), ("error", error), ("cause", cause)] {
        if let Some(text) = text.filter(|_| with_data) {
            found.insert(name.to_owned(), text.into());
        }
    }
    found.insert("inputDetails".to_owned(), json!({"included": with_data}));
    if record.output().is_some() {
        found.insert("outputDetails".to_owned(), json!({"included": with_data}));
    }
    found.insert("redriveCount".to_owned(), 0.into());
    found.insert("redriveStatus".to_owned(), "NOT_REDRIVABLE".into());
    let reason = format!("Execution is {status} and cannot be redriven");
    found.insert("redriveStatusReason".to_owned(), reason.into());
    Ok(found.into())
}

/// What a listing says of an execution, and a description too.
fn summary(
    machine: &StateMachine,
    id: ExecutionId,
    record: &ExecutionRecord,
) -> Map<String, Value> {
    let (mut found, name) = (Map::new(), record.public_name(&id));
    found.insert("executionArn".to_owned(), machine.execution_arn(&name).into());
    found.insert("stateMachineArn".to_owned(), machine.arn().into());
    found.insert("name".to_owned(), name.into());
    found.insert("status".to_owned(), record.status().as_str().into());
    found.insert("startDate".to_owned(), seconds(record.started_at).into());
    if let Some(stopped_at) = record.stopped_at() {
        found.insert("stopDate".to_owned(), seconds(stopped_at).into());
    }
    found
}

async fn list(parameters: &Parameters, state: &State) -> Answer {
    machine_to_list(parameters, &state.machine)?;
    let limit = parameters.max_results()?;
    let statuses = [
        ("RUNNING", Some(ExecutionStatus::Running)),
        ("SUCCEEDED", Some(ExecutionStatus::Succeeded)),
        ("FAILED", Some(ExecutionStatus::Failed)),
        ("TIMED_OUT", Some(ExecutionStatus::TimedOut)),
        ("ABORTED", Some(ExecutionStatus::Aborted)),
        ("PENDING_REDRIVE", None),
    ];
    let status = parameters.one_of("statusFilter", &statuses)?;
    let redrives = [("REDRIVEN", true), ("NOT_REDRIVEN", false)];
    let is_redriven = parameters.one_of("redriveFilter", &redrives)?;
    // Nothing here is ever redriven.
    if status == Some(None) || is_redriven == Some(true) {
        return Ok(json!({"executions": []}));
    }
    let mut filter = Filter { status: status.flatten(), ..Filter::default() };
    let now = Utc::now().timestamp();
    if let Some(text) = parameters.text("nextToken", LONGEST_LIST_TOKEN)? {
        let after = token::decode(text, &filter, now);
        filter.after = Some(after.ok_or_else(|| Failure::invalid_token(text))?);
    }
    let page = state.list(&filter, limit).await?;
    let executions: Vec<_> =
        page.executions.iter().map(|(id, record)| summary(&state.machine, *id, record)).collect();
    let mut answer = json!({"executions": executions});
    if let Some(next) = page.next {
        answer["nextToken"] = token::encode(next, &filter, now).into();
    }
    Ok(answer)
}

async fn stop(parameters: &Parameters, state: &State) -> Answer {
    let error = parameters.any_text("error", LONGEST_ERROR)?.map(str::to_owned);
    let cause = parameters.any_text("cause", LONGEST_CAUSE)?.map(str::to_owned);
    let named = named(parameters, state).await?;
    let record = abort(state, named.id, Stop { error, cause }).await?;
    let record = record.ok_or_else(|| Failure::no_execution(&named.arn))?;
    Ok(json!({"stopDate": record.stopped_at().map(seconds)}))
}

async fn history_of(parameters: &Parameters, state: &State) -> Answer {
    let limit = parameters.max_results()?;
    let is_reversed = parameters.switch("reverseOrder", false)?;
    let with_data = parameters.switch("includeExecutionData", true)?;
    let token = parameters.text("nextToken", LONGEST_HISTORY_TOKEN)?;
    let Named { id, record, .. } = named(parameters, state).await?;
    let now = Utc::now().timestamp();
    let after = token.map(|token| {
        let number = token::decode_event(token, &id, is_reversed, now);
        number.ok_or_else(|| Failure::invalid_token(token))
    });
    let after = after.transpose()?;
    let output = if with_data { output_of(id, &record)? } else { None };
    let output = output.as_ref().map(JsonText::as_str);
    let mut events = history::events(&record, output, &role_arn(&state.machine), with_data);
    if is_reversed {
        events.reverse();
    }
    // By number: an execution may have ended since the part before.
    let number = |event: &Value| event["id"].as_u64().unwrap_or(0);
    events.retain(|event| {
        after.is_none_or(
            |after| if is_reversed { number(event) < after } else { number(event) > after },
        )
    });
    let has_more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| has_more).map(number);
    let mut answer = json!({"events": events});
    if let Some(next) = next {
        answer["nextToken"] = token::encode_event(next, &id, is_reversed, now).into();
    }
    Ok(answer)
}

fn describe_machine(parameters: &Parameters, state: &State) -> Answer {
    check_machine(parameters, &state.machine)?;
    let with_data = parameters.with_data()?;
    let definition = json!({
        "Comment": "Stores one rating, folds it in and recommends.",
        "StartAt": STATE,
        "States": {STATE: {"Type": "Task", "Resource": "arn:aws:states:::akin:foldIn", "End": true}},
    });
    let mut machine = machine(state);
    machine["status"] = "ACTIVE".into();
    // The protocol's own way to say that it is left out.
    machine["definition"] = if with_data { definition.to_string() } else { "{}".to_owned() }.into();
    machine["roleArn"] = role_arn(&state.machine).into();
    machine["loggingConfiguration"] = json!({"level": "OFF", "includeExecutionData": false});
    machine["tracingConfiguration"] = json!({"enabled": false});
    Ok(machine)
}

fn list_machines(parameters: &Parameters, state: &State) -> Answer {
    parameters.max_results()?;
    // One machine is never more than a page.
    match parameters.text("nextToken", LONGEST_HISTORY_TOKEN)? {
        Some(token) => Err(Failure::invalid_token(token)),
        None => Ok(json!({"stateMachines": [machine(state)]})),
    }
}

fn machine(state: &State) -> Value {
    json!({
        "stateMachineArn": state.machine.arn(),
        "name": state.machine.name(),
        "type": "STANDARD",
        "creationDate": seconds(state.ledger.created_at()),
    })
}
