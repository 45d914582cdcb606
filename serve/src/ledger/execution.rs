//! Executions: what a handle stands for.

use std::fmt;

use akin_schemas::{ItemId, UserId};

use super::{ExecutionId, Submission};

/// Where an execution stands. The names are those of the Step Functions protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionStatus {
    /// Accepted, no output yet.
    Running,
    /// Its output is there.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// It took too long.
    TimedOut,
    /// A client stopped it. Its rating stays.
    Aborted,
}

impl ExecutionStatus {
    /// The name in both protocols.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an execution ended. There is no way to end it as running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With this output, a JSON text.
    Succeeded(String),
    /// With an error's name and its cause.
    Failed {
        /// The error's name.
        error: String,
        /// What happened, for people.
        cause: String,
    },
    /// It took too long.
    TimedOut,
    /// A client stopped it, maybe saying why.
    Aborted {
        /// The error's name, as the client gave it.
        error: Option<String>,
        /// The client's reason.
        cause: Option<String>,
    },
}

/// The end of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Which one.
    pub id: ExecutionId,
    /// How it ended.
    pub outcome: Outcome,
    /// When, in microseconds since 1970.
    pub stopped_at: i64,
}

/// All there is to say about one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRecord {
    /// Whose rating it answers.
    pub user: UserId,
    /// The item that was rated.
    pub item: ItemId,
    /// The client's JSON text.
    pub input: String,
    /// When it was accepted, in microseconds since 1970.
    pub started_at: i64,
    /// How and when it ended; none while it runs.
    pub end: Option<(Outcome, i64)>,
}

impl ExecutionRecord {
    pub(super) fn running(submission: &Submission, started_at: i64) -> Self {
        let Submission { user, item, input, .. } = submission.clone();
        Self { user, item, input, started_at, end: None }
    }

    /// Where it stands.
    pub fn status(&self) -> ExecutionStatus {
        match &self.end {
            None => ExecutionStatus::Running,
            Some((Outcome::Succeeded(_), _)) => ExecutionStatus::Succeeded,
            Some((Outcome::Failed { .. }, _)) => ExecutionStatus::Failed,
            Some((Outcome::TimedOut, _)) => ExecutionStatus::TimedOut,
            Some((Outcome::Aborted { .. }, _)) => ExecutionStatus::Aborted,
        }
    }

    /// When it ended, in microseconds since 1970.
    pub fn stopped_at(&self) -> Option<i64> {
        self.end.as_ref().map(|(_, at)| *at)
    }

    /// Its output, a JSON text, where it succeeded.
    pub fn output(&self) -> Option<&str> {
        match &self.end {
            Some((Outcome::Succeeded(output), _)) => Some(output),
            _ => None,
        }
    }

    /// The error's name and its cause, where it failed or was stopped.
    pub fn failure(&self) -> (Option<&str>, Option<&str>) {
        match &self.end {
            Some((Outcome::Failed { error, cause }, _)) => (Some(error), Some(cause)),
            Some((Outcome::Aborted { error, cause }, _)) => (error.as_deref(), cause.as_deref()),
            _ => (None, None),
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }
}
