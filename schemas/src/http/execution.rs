//! The execution: the asynchronous handle of one accepted rating.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json_text::JsonText;
use super::object::objects;
use super::recommendation::FoldIn;

/// `202` to an accepted rating.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The handle to poll.
    pub execution_arn: String,
    /// When the rating was accepted.
    pub start_date: DateTime<Utc>,
}

/// Where an execution stands; the names are those of Step Functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// Accepted; the recommendations are being computed.
    Running,
    /// The output is there.
    Succeeded,
    /// The recommendations could not be computed; the rating stands.
    Failed,
    /// The recommendations took too long; the rating stands.
    TimedOut,
    /// Stopped on request; the rating stands.
    Aborted,
}

/// The body of `POST /executions/{executionArn}/stop`; may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Stop {
    /// A name for the reason, at most 256 characters.
    #[schema(max_length = 256)]
    pub error: Option<String>,
    /// The reason, at most 32,768 characters.
    #[schema(max_length = 32_768)]
    pub cause: Option<String>,
}

objects!(Stop);

/// The body of `GET /executions`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Executions {
    /// Newest first: of one user, by their start; else running ones by their start, ended ones by their end.
    pub executions: Vec<Execution>,
    /// What to send as `nextToken` to get the next part; absent when this was the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The body of `GET /executions/{executionArn}`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// The handle.
    pub execution_arn: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When the rating was accepted.
    pub start_date: DateTime<Utc>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_date: Option<DateTime<Utc>>,
    /// What the client sent, as it was sent.
    #[schema(value_type = Object)]
    pub input: JsonText,
    /// What came of it, once succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FoldIn<'static>>)]
    pub output: Option<JsonText>,
    /// The kind of failure, when failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What went wrong, when failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}
