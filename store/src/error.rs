//! What can go wrong with a store.

use std::error::Error;
use std::fmt;
use std::io;

/// The kinds of failure that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// There is such an object already.
    AlreadyExists,
    /// The store did not do it, or did not say whether it did.
    Failed,
}

/// A failed call: what was tried, on which object, where, and why it failed.
#[derive(Debug)]
pub struct StoreError {
    kind: ErrorKind,
    operation: &'static str,
    subject: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
    is_outage: bool,
}

impl StoreError {
    /// A failure of `operation` on `subject`.
    pub fn new(
        kind: ErrorKind,
        operation: &'static str,
        subject: impl fmt::Display,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let cause = Some(cause.into());
        Self { kind, operation, subject: subject.to_string(), cause, is_outage: false }
    }

    /// The same of a store that cannot be reached, or is out of order: later it may answer.
    pub fn outage(
        operation: &'static str,
        subject: impl fmt::Display,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { is_outage: true, ..Self::new(ErrorKind::Failed, operation, subject, cause) }
    }

    /// There is no such object.
    pub fn not_found(operation: &'static str, subject: impl fmt::Display) -> Self {
        let kind = ErrorKind::NotFound;
        Self { kind, operation, subject: subject.to_string(), cause: None, is_outage: false }
    }

    /// There is such an object already.
    pub fn already_exists(operation: &'static str, subject: impl fmt::Display) -> Self {
        let kind = ErrorKind::AlreadyExists;
        Self { kind, operation, subject: subject.to_string(), cause: None, is_outage: false }
    }

    pub(crate) fn io(
        operation: &'static str,
        subject: impl fmt::Display,
        cause: io::Error,
    ) -> Self {
        let kind = match cause.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            _ => ErrorKind::Failed,
        };
        Self::new(kind, operation, subject, cause)
    }

    pub(crate) fn unsupported(location: &str, scheme: &str) -> Self {
        let cause = format!(
            "this build has no `{scheme}` stores; give the path of a folder, or s3://bucket/prefix"
        );
        Self::new(ErrorKind::Failed, "open", location, cause)
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the store gave no answer of its own, which it may give later.
    pub fn is_outage(&self) -> bool {
        self.is_outage
    }

    /// The error and what caused it, in one line.
    pub fn chain(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    /// Whether a write that failed so may have taken effect all the same.
    pub fn may_have_happened(&self) -> bool {
        self.kind == ErrorKind::Failed
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.operation, self.subject)?;
        match self.kind {
            ErrorKind::NotFound => f.write_str(": there is no such object"),
            ErrorKind::AlreadyExists => f.write_str(": it exists already"),
            ErrorKind::Failed => Ok(()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The kind already says what a not-found or exists error would.
        if self.kind == ErrorKind::Failed {
            self.cause.as_deref().map(|cause| cause as _)
        } else {
            None
        }
    }
}
