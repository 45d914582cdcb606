//! The history of an execution: what an AWS machine of one task state would have recorded. It follows from the
//! execution's record alone, so that nothing of it is stored.

use serde_json::{Map, Value, json};

use crate::ledger::{ExecutionRecord, Outcome};

use super::operations::{STATE, seconds};

/// All events, oldest first, ids from 1 on. `output` is the record's, as it is written.
pub fn events(
    record: &ExecutionRecord,
    output: Option<&str>,
    role_arn: &str,
    with_data: bool,
) -> Vec<Value> {
    let data = |name: &str, text: &str| {
        let mut details = Map::new();
        if with_data {
            details.insert(name.to_owned(), text.into());
        }
        details.insert(format!("{name}Details"), json!({"truncated": false}));
        details
    };
    let with = |mut details: Map<String, Value>, name: &str, value: &str| {
        details.insert(name.to_owned(), value.into());
        details
    };
    let started = with(data("input", &record.input), "roleArn", role_arn);
    let entered = with(data("input", &record.input), "name", STATE);
    let mut found = vec![
        ("ExecutionStarted", "executionStartedEventDetails", started, record.started_at),
        ("TaskStateEntered", "stateEnteredEventDetails", entered, record.started_at),
    ];
    if let Some((outcome, at)) = &record.end {
        let why = |error: Option<&str>, cause: Option<&str>| {
            let named = [("error", error), ("cause", cause)];
            let present =
                named.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
            present.collect::<Map<String, Value>>()
        };
        let (kind, details, content) = match outcome {
            Outcome::Succeeded(_) => {
                let output = data("output", output.unwrap_or_default());
                let exited = with(output.clone(), "name", STATE);
                found.push(("TaskStateExited", "stateExitedEventDetails", exited, *at));
                ("ExecutionSucceeded", "executionSucceededEventDetails", output)
            }
            Outcome::Failed { error, cause } => {
                let content = why(Some(error), Some(cause));
                ("ExecutionFailed", "executionFailedEventDetails", content)
            }
            // The service says no cause here.
            Outcome::TimedOut => {
                let content = why(Some(Outcome::TIMEOUT), None);
                ("ExecutionTimedOut", "executionTimedOutEventDetails", content)
            }
            Outcome::Aborted { error, cause } => {
                let content = why(error.as_deref(), cause.as_deref());
                ("ExecutionAborted", "executionAbortedEventDetails", content)
            }
        };
        found.push((kind, details, content, *at));
    }
    let numbered = found.into_iter().zip(1..);
    let event = |((kind, details, content, at), id): ((&str, &str, Map<_, _>, i64), u64)| {
        // The first two both follow the beginning, as at AWS; and what comes from outside follows nothing.
        let is_from_outside = matches!(kind, "ExecutionTimedOut" | "ExecutionAborted");
        let previous = if id <= 2 || is_from_outside { 0 } else { id - 1 };
        json!({"timestamp": seconds(at), "type": kind, "id": id, "previousEventId": previous, details: content})
    };
    numbered.map(event).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use akin_schemas::http::JsonText;
    use akin_schemas::{ItemId, UserId};

    use super::*;
    use crate::ledger::Submission;

    #[test]
    fn what_comes_from_outside_follows_no_event_and_says_why_as_far_as_that_is_known() {
        let (user, item) = (UserId::try_from("abby").unwrap(), ItemId::try_from("1").unwrap());
        let submission = Submission { user, item, rating: None, input: "{}".to_owned() };
        let (why, because) = ("Enough", "of it");
        let aborted = |error: Option<&str>, cause: Option<&str>| Outcome::Aborted {
            error: error.map(str::to_owned),
            cause: cause.map(str::to_owned),
        };
        let failed = Outcome::Failed { error: why.to_owned(), cause: because.to_owned() };
        let succeeded = Outcome::Succeeded(JsonText::of(&"{}").unwrap().into());
        let last = |outcome: Outcome| {
            let running = ExecutionRecord::running(&submission, None, 5);
            let record = ExecutionRecord { end: Some((outcome, 9)), ..running };
            events(&record, Some("{}"), "role", true).pop().unwrap()
        };
        let both = json!({"error": why, "cause": because});
        for (outcome, details, id, previous, expected) in [
            (Outcome::TimedOut, "executionTimedOut", 3, 0, json!({"error": "States.Timeout"})),
            (aborted(None, None), "executionAborted", 3, 0, json!({})),
            (aborted(Some(why), Some(because)), "executionAborted", 3, 0, both.clone()),
            (failed, "executionFailed", 3, 2, both),
            (
                succeeded,
                "executionSucceeded",
                4,
                3,
                json!({"output": "{}", "outputDetails": {"truncated": false}}),
            ),
        ] {
            let event = last(outcome);
            assert_eq!(event[format!("{details}EventDetails")], expected, "{event}");
            assert_eq!((&event["id"], &event["previousEventId"]), (&id.into(), &previous.into()));
        }
    }
}
