//! Listing executions, a page at a time.

use akin_schemas::UserId;

use super::{ExecutionId, ExecutionRecord, ExecutionStatus};

/// Which executions are listed, and from where on.
///
/// Newest first: as they were accepted, which no clock changes; those of one status other than running by the time of
/// ending, and where that is the same, as they were accepted. So an execution that ends meanwhile moves in no listing, but
/// for those by status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those that answer this user's ratings.
    pub user: Option<UserId>,
    /// Those that stand so.
    pub status: Option<ExecutionStatus>,
    /// Those after this place.
    pub after: Option<Cursor>,
}

/// A place in a listing: what comes after it is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When the execution ended, for listings by that, or started, in microseconds since 1970.
    pub micros: i64,
    /// The execution.
    pub id: ExecutionId,
}

/// A part of a listing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Newest first.
    pub executions: Vec<(ExecutionId, ExecutionRecord)>,
    /// Where the next page begins; none when there is nothing more.
    pub next: Option<Cursor>,
}
