//! Ratings on their way into the ledger and out of it.

use std::sync::{Arc, OnceLock};

use akin_recommender::profile::{Entry, Profile};
use akin_schemas::{ItemId, UserId};

use super::{ExecutionId, ExecutionRecord, Ledger, LedgerError, Receipt};

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
    /// Who rated what, and when: how the execution begins.
    pub record: Arc<ExecutionRecord>,
    /// This user's entries in the ledger, tombstones too, after the whole batch. Shared: a batch
    /// may hold hundreds of submissions of one user. Empty while they are too many to be held until
    /// they are needed: see [`Accepted::entries`].
    pub entries: Arc<OnceLock<Profile<ItemId>>>,
}

impl Accepted {
    /// This user's entries. Where they were too many to be held, the first of a batch reads them, and the others find
    /// what it has read: later ratings may be among them.
    ///
    /// # Errors
    /// When they must be read, and cannot be.
    pub fn entries(&self, ledger: &dyn Ledger) -> Result<&Profile<ItemId>, LedgerError> {
        if let Some(entries) = self.entries.get() {
            return Ok(entries);
        }
        let entries = ledger.entries(&self.record.user)?;
        Ok(self.entries.get_or_init(|| entries))
    }

    /// What the client gets.
    pub fn receipt(&self) -> Receipt {
        Receipt { execution: self.execution, started_at: self.record.started_at }
    }

    /// The execution as it begins.
    pub fn begun(&self) -> (ExecutionId, Arc<ExecutionRecord>) {
        (self.execution, self.record.clone())
    }
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
