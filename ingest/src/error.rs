//! Why ratings could not be read.

use std::io;

use thiserror::Error;

use super::remote::RemoteError;

/// Why ratings could not be read. Every message names the file or the figure, and what to do about it.
#[derive(Debug, Error)]
pub enum IngestError {
    /// An input is missing, is not what it should be, or holds something that no row can be blamed for.
    #[error("{path}: {problem}; {remedy}")]
    BadInput {
        /// The path or pattern, as given or as found.
        path: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The operating system refused to open or read an input, or its compressed content is damaged.
    #[error("{path}: could not be read ({source}); check that the file is complete and readable")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// An input in S3 cannot be found or read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// More records were rejected than the operator allows.
    #[error(
        "{rejected} of {read} records were rejected, a share of {share:.4} where {limit} is allowed \
         ({reasons}); the first is {first}; correct the input,{wider} or allow more with --max-reject-share"
    )]
    TooManyRejects {
        /// Records rejected.
        rejected: u64,
        /// Records read, rejected ones included.
        read: u64,
        /// Their ratio.
        share: f64,
        /// The ratio that is allowed.
        limit: f64,
        /// The most frequent reasons with their counts.
        reasons: String,
        /// File, line, reason and text of the first reject.
        first: String,
        /// What else would help, with a blank before and a comma after it; empty when nothing would.
        wider: &'static str,
    },
    /// Nothing to compute from.
    #[error(
        "no ratings: the input holds no accepted rating; check the files, and the rejects if there are any"
    )]
    NoRatings,
    /// An entry that claims to be a rating holds no number.
    #[error(
        "the rating of item {item:?} by user {user:?} is not a finite number; its source is damaged"
    )]
    NotFinite {
        /// Who rated.
        user: String,
        /// What was rated.
        item: String,
    },
    /// The ratings do not fit into the memory that they may take.
    #[error(
        "the ratings need {needed} bytes of memory or more where {limit} are allowed; raise --max-memory, \
         or give fewer ratings"
    )]
    TooLarge {
        /// Bytes needed so far.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// More distinct users, items or origins than can be numbered.
    #[error(
        "there are more than {limit} distinct {what}, which is more than can be numbered; give fewer ratings"
    )]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many can be numbered.
        limit: u64,
    },
}

impl IngestError {
    /// Whether the input is fine but too large; anything else is bad input.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMany { .. })
    }

    pub(super) fn bad(path: &str, problem: impl Into<String>, remedy: &'static str) -> Self {
        Self::BadInput { path: path.to_owned(), problem: problem.into(), remedy }
    }

    pub(super) fn read(path: &str, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}
