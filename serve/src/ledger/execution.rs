//! Executions: what a handle stands for.

use std::fmt;

use akin_schemas::http::{Options, Output};
use akin_schemas::{ItemId, UserId};

use super::{ExecutionId, RequestName, Submission};

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
    /// With this output.
    Succeeded(Output),
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

/// Why an execution timed out, for people.
const TIMEOUT_CAUSE: &str = "there was no output within the time that --execution-timeout gives; the rating is kept, and the next list \
     for this user counts it";

impl Outcome {
    /// The error of what takes too long, as Step Functions names it.
    pub const TIMEOUT: &str = "States.Timeout";

    /// The status that it leaves.
    pub fn status(&self) -> ExecutionStatus {
        match self {
            Self::Succeeded(_) => ExecutionStatus::Succeeded,
            Self::Failed { .. } => ExecutionStatus::Failed,
            Self::TimedOut => ExecutionStatus::TimedOut,
            Self::Aborted { .. } => ExecutionStatus::Aborted,
        }
    }
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

/// A [`Finished`] as it is written, by [`Ledger::record`](super::Ledger::record).
#[derive(Debug, Clone, PartialEq)]
pub struct EndRecord {
    /// Which one.
    pub id: ExecutionId,
    /// What its status is from then on.
    pub status: ExecutionStatus,
    /// When, in microseconds since 1970.
    pub stopped_at: i64,
    /// The ledger's own form of it.
    pub bytes: Vec<u8>,
}

/// All there is to say about one execution.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRecord {
    /// Whose rating it answers.
    pub user: UserId,
    /// The item that was rated.
    pub item: ItemId,
    /// The rating; none for a deletion.
    pub rating: Option<f32>,
    /// The client's JSON text.
    pub input: String,
    /// The name of the request that it answers, or a part of it.
    pub name: Option<RequestName>,
    /// When it was accepted, in microseconds since 1970.
    pub started_at: i64,
    /// How and when it ended; none while it runs.
    pub end: Option<(Outcome, i64)>,
}

impl ExecutionRecord {
    pub(crate) fn running(
        submission: &Submission,
        name: Option<&RequestName>,
        started_at: i64,
    ) -> Self {
        let Submission { user, item, rating, input } = submission.clone();
        Self { user, item, rating, input, name: name.cloned(), started_at, end: None }
    }

    /// Whether it answers the same wish, however it was written.
    pub(super) fn answers(&self, submission: &Submission) -> bool {
        let Submission { user, item, rating, input } = submission;
        (&self.user, &self.item, &self.rating) == (user, item, rating)
            && (self.input == *input || Options::of_input(&self.input) == Options::of_input(input))
    }

    /// The name by which clients know it: the one that its client gave it, or its key's.
    pub fn public_name(&self, id: &ExecutionId) -> String {
        let own = self.name.as_ref().and_then(RequestName::as_machine_name);
        own.map_or_else(|| id.to_string(), str::to_owned)
    }

    /// Where it stands.
    pub fn status(&self) -> ExecutionStatus {
        self.end.as_ref().map_or(ExecutionStatus::Running, |(outcome, _)| outcome.status())
    }

    /// When it ended, in microseconds since 1970.
    pub fn stopped_at(&self) -> Option<i64> {
        self.end.as_ref().map(|(_, at)| *at)
    }

    /// Its output, where it succeeded.
    pub fn output(&self) -> Option<&Output> {
        match &self.end {
            Some((Outcome::Succeeded(output), _)) => Some(output),
            _ => None,
        }
    }

    /// The error's name and its cause, where it failed, took too long, or was stopped.
    pub fn failure(&self) -> (Option<&str>, Option<&str>) {
        match &self.end {
            Some((Outcome::Failed { error, cause }, _)) => (Some(error), Some(cause)),
            Some((Outcome::TimedOut, _)) => (Some(Outcome::TIMEOUT), Some(TIMEOUT_CAUSE)),
            Some((Outcome::Aborted { error, cause }, _)) => (error.as_deref(), cause.as_deref()),
            _ => (None, None),
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }
}
