//! What one client asks for at once, and the name that makes asking again harmless.

use akin_schemas::UserId;

use super::{Accepted, ExecutionId, Submission};

/// Submissions that are accepted together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is to be accepted.
    pub submissions: Vec<Submission>,
    /// Under which name the same request may come again and changes nothing; none for one that
    /// counts each time.
    pub name: Option<RequestName>,
}

impl From<Vec<Submission>> for Request {
    /// Without a name.
    fn from(submissions: Vec<Submission>) -> Self {
        Self { submissions, name: None }
    }
}

/// A name that stands for one request as long as its executions are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestName {
    /// Empty for the machine's own names, which everybody shares.
    scope: String,
    name: String,
}

impl RequestName {
    /// A name that a caller chose for itself: the same name of another caller is another name.
    pub fn of_caller(caller: &UserId, name: String) -> Self {
        Self { scope: caller.to_string(), name }
    }

    /// An execution's name in the Step Functions protocol, which is a part of its ARN.
    pub fn of_machine(name: String) -> Self {
        Self { scope: String::new(), name }
    }

    /// The name as it was chosen.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name in the Step Functions protocol, if it is one.
    pub fn as_machine_name(&self) -> Option<&str> {
        self.scope.is_empty().then_some(&*self.name)
    }

    pub(super) fn from_key((scope, name): (&str, &str)) -> Self {
        Self { scope: scope.to_owned(), name: name.to_owned() }
    }

    pub(super) fn key(&self) -> (&str, &str) {
        (&self.scope, &self.name)
    }
}

/// An execution that answers a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The handle.
    pub execution: ExecutionId,
    /// When it was accepted, in microseconds since 1970.
    pub started_at: i64,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// It is on disk: one for each submission, in their order.
    Accepted(Vec<Accepted>),
    /// It had been accepted under this name before, and changed nothing now.
    Repeated(Vec<Receipt>),
    /// Its name stands for another request, which this execution answers. Nothing was accepted.
    NameTaken(ExecutionId),
    /// One of its users would have more than so many entries. Nothing was accepted.
    TooMany {
        /// Who.
        user: UserId,
        /// How many may be there.
        most: usize,
    },
}

impl Answered {
    /// What was accepted now.
    pub fn accepted(&self) -> &[Accepted] {
        match self {
            Self::Accepted(accepted) => accepted,
            Self::Repeated(_) | Self::NameTaken(_) | Self::TooMany { .. } => &[],
        }
    }
}
