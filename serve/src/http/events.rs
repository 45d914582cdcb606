//! Server-sent events (HTML, "Server-sent events", WHATWG), as a browser's `EventSource` reads them: it asks again whenever
//! a stream ends, and tells the id of the last event that it was sent, until it is answered with 204.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::StateMachine;
use futures_util::{StreamExt, stream};

use crate::ledger::{ExecutionId, ExecutionRecord};

use super::executions::{execution, find};
use super::openapi::{Event, Missing, Unavailable, Unreadable};
use super::problem::Refusal;
use super::query;
use super::state::State;

/// The id of the last event that was read.
const LAST_EVENT_ID: &str = "last-event-id";
/// Between two signs of life: proxies close what is silent for a minute.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How long a server that stops waits for the end, which mostly takes a few milliseconds.
const LAST_MOMENT: Duration = Duration::from_secs(1);
/// What ends a stream without an end: a comment, and after how many milliseconds to ask again.
const STOPPING: &str = ": the server stops; ask again for the end\nretry: 5000\n\n";

/// `GET /executions/{executionArn}/events`: the execution as server-sent events: at once as it stands, and again when
/// it has ended; then the stream ends. Who was sent the end, and asks again with its id, is answered with 204.
#[utoipa::path(get, path = "/executions/{arn}/events", tag = "executions",
    params(
        ("arn" = String, Path, description = "An `executionArn`", example = "arn:aws:states:local:000000000000:execution:akin:0199a0b1-example"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was read, as browsers send it"),
    ),
    responses(
        (status = 200, description = "Events named by the status; their data is an `Execution`. The end has an id. A stream \
            without it ends when the server stops: ask again",
            content_type = "text/event-stream", body = inline(Event)),
        (status = 204, description = "The last event that was read is the end: do not ask again"),
        Unreadable, Missing, Unavailable,
    ),
)]
pub async fn events(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    let (id, record) = find(&request, &state, Duration::ZERO).await?;
    if has_seen_end(&request, &record) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let first = event(&state.machine, id, &record)?;
    let after = stream::unfold(record.is_running(), move |is_running| {
        let state = state.clone();
        async move {
            if !is_running {
                return None;
            }
            let is_last = *state.draining.borrow();
            let patience = if is_last { LAST_MOMENT } else { SIGN_OF_LIFE };
            let record = match is_last {
                true => state.executions.wait(id, patience).await.ok(),
                false => state.wait_for(id, patience).await.ok(),
            };
            let record = record.flatten()?;
            let text = if !record.is_running() {
                event(&state.machine, id, &record).ok()?
            } else if is_last {
                Bytes::from(STOPPING)
            } else {
                Bytes::from(": running\n\n")
            };
            Some((Ok::<_, Infallible>(text), record.is_running() && !is_last))
        }
    });
    let all = stream::once(std::future::ready(Ok(first))).chain(after);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(all)))
}

/// The event that tells how an execution stands. That of its end has an id, the status.
fn event(
    machine: &StateMachine,
    id: ExecutionId,
    record: &ExecutionRecord,
) -> Result<Bytes, Refusal> {
    let execution = execution(machine, id, record)?;
    let data = serde_json::to_string(&execution).map_err(|_| Refusal::internal())?;
    // An input is passed on as it came. A line break in JSON stands between tokens only; in an event it would end the data.
    let data = data.replace(['\n', '\r'], " ");
    let status = record.status();
    let last = if record.is_running() { String::new() } else { format!("id: {status}\n") };
    Ok(Bytes::from(format!("event: {status}\ndata: {data}\n{last}\n")))
}

fn has_seen_end(request: &HttpRequest, record: &ExecutionRecord) -> bool {
    let seen = request.headers().get(LAST_EVENT_ID);
    !record.is_running() && seen.is_some_and(|seen| seen == record.status().as_str())
}
