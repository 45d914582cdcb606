//! Ratings on their way into the ledger and out of it.

use std::sync::Arc;

use akin_recommender::profile::{Entry, Profile};
use akin_schemas::{ItemId, UserId};

use super::ExecutionId;

/// A rating, or the deletion of one, that a client asks to be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Who rates.
    pub user: UserId,
    /// What is rated.
    pub item: ItemId,
    /// The rating; none to delete it.
    pub rating: Option<f32>,
    /// The client's JSON text, which the handle echoes.
    pub input: String,
}

/// A submission that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The handle.
    pub execution: ExecutionId,
    /// When it was accepted, in microseconds since 1970.
    pub started_at: i64,
    /// Who rated.
    pub user: UserId,
    /// What was rated.
    pub item: ItemId,
    /// The client's JSON text.
    pub input: String,
    /// This user's entries in the ledger, tombstones too, after the whole batch. Shared: a batch
    /// may hold hundreds of submissions of one user.
    pub entries: Arc<Profile<ItemId>>,
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    /// Who rated.
    pub user: UserId,
    /// What was rated.
    pub item: ItemId,
    /// The rating or tombstone, with its place in the order.
    pub entry: Entry,
}
