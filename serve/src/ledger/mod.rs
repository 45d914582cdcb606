//! The durable record of accepted ratings and of the executions that answer them.
//!
//! A rating is accepted when [`Ledger::accept`] has returned: it is on disk, together with the
//! execution whose handle the client gets. Everything after that (fold-in, scoring, flushing to the
//! store) can be replayed from here. [`GroupCommit`] queues what clients send and commits it in
//! batches; [`Executions`] knows the executions that are still in work. Both stand on the
//! [`Ledger`] trait only, so that a shared database may take the embedded file's place: nothing
//! here iterates over all that was ever accepted.
//!
//! This module must not know HTTP, the published version, or how a recommendation is computed.

mod error;
mod execution;
mod executions;
mod group_commit;
mod listing;
mod rating;
mod redb;
mod request;

#[cfg(test)]
pub(crate) mod gated;

use std::collections::BTreeMap;

use akin_recommender::profile::{Origin, Profile};
use akin_schemas::{ItemId, UserId};

pub use akin_schemas::http::{ExecutionId, ExecutionIdError};
pub use error::LedgerError;
pub use execution::{EndRecord, ExecutionRecord, ExecutionStatus, Finished, Outcome};
pub use executions::Executions;
pub use group_commit::{Answer, GroupCommit, Refusal, Rejection, Reply};
pub use listing::{Cursor, Filter, Page};
pub use rating::{Accepted, LedgerEntry, Submission};
#[cfg(test)]
pub(crate) use redb::faulty_disk;
pub use redb::{Opening, RedbLedger};
pub use request::{Answered, Receipt, Request, RequestName};

/// Which executions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Those started at this time or later, in microseconds since 1970.
    pub since: i64,
    /// At most so many.
    pub count: u64,
    /// At most so many bytes of inputs and outputs, with their names and errors.
    pub bytes: u64,
}

/// Keeps accepted ratings and executions. All times are microseconds since 1970.
pub trait Ledger: Send + Sync {
    /// The end of an execution as [`Ledger::commit`] writes it: what takes time is done here, on the caller's thread.
    fn record(&self, finished: &Finished) -> EndRecord;

    /// Writes requests and the outcomes of earlier executions in **one durable transaction**. When
    /// this returns `Ok`, all of it is on disk; after an error none of it may be answered as
    /// accepted. An outcome of an execution that is finished already, or that nobody knows, is
    /// passed over: the first one stands. A request whose name is known writes nothing. Answers
    /// come in the order of the requests.
    ///
    /// # Errors
    /// When the write fails (the ledger is poisoned from then on), or a record of one of these
    /// users is unreadable (nothing was written, the ledger goes on).
    fn commit(
        &self,
        requests: &[Request],
        ended: &[EndRecord],
        now: i64,
    ) -> Result<Vec<Answered>, LedgerError>;

    /// Writes one request without a name, and outcomes.
    ///
    /// # Errors
    /// As [`Ledger::commit`].
    fn accept(
        &self,
        batch: &[Submission],
        finished: &[Finished],
        now: i64,
    ) -> Result<Vec<Accepted>, LedgerError> {
        let ended: Vec<_> = finished.iter().map(|finished| self.record(finished)).collect();
        let answers = self.commit(&[batch.to_vec().into()], &ended, now)?;
        let accepted = answers.into_iter().filter_map(|answer| match answer {
            Answered::Accepted(accepted) => Some(accepted),
            Answered::Repeated(_) | Answered::NameTaken(_) | Answered::TooMany { .. } => None,
        });
        Ok(accepted.flatten().collect())
    }

    /// One user's entries, tombstones too.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn entries(&self, user: &UserId) -> Result<Profile<ItemId>, LedgerError>;

    /// One execution as it was last written.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn execution(&self, id: &ExecutionId) -> Result<Option<ExecutionRecord>, LedgerError>;

    /// The execution that a name stands for, the first one if the request had several submissions.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn named(&self, name: &RequestName) -> Result<Option<ExecutionId>, LedgerError>;

    /// At most `limit` executions that pass the filter, as they were last written, newest first:
    /// see [`Filter`] for what is newest. May find fewer and still name a place to go on from.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn list(&self, filter: &Filter, limit: usize) -> Result<Page, LedgerError>;

    /// The executions without an outcome, oldest first. Swept at start, so that none is left
    /// running for ever.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn unfinished(&self) -> Result<Vec<(ExecutionId, ExecutionRecord)>, LedgerError>;

    /// When the ledger was begun, in microseconds since 1970. Of one that was begun before that was noted: when it was
    /// first opened since.
    fn created_at(&self) -> i64;

    /// The name under which new entries are numbered.
    fn origin(&self) -> Origin;

    /// Takes a fresh origin, numbered from 1 on, and moves what is not flushed yet under it. For a
    /// ledger that was restored from a backup: entries that it handed out after the backup carry
    /// sequence numbers that it would hand out again. Clocks stay, so that the order of entries
    /// does, and an entry that is in the store under both origins counts once. What is damaged is left out, and named in
    /// the log.
    ///
    /// # Errors
    /// When the write fails.
    fn renew_origin(&self) -> Result<Origin, LedgerError>;

    /// The first `limit` entries after the flush mark, in the order of their sequence numbers. All
    /// are of the current origin. Where one is damaged, a fresh origin is taken first, see [`Ledger::renew_origin`]:
    /// behind a gap nothing would count as contained.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn unflushed(&self, limit: usize) -> Result<Vec<LedgerEntry>, LedgerError>;

    /// How many entries lie after the flush mark.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn unflushed_count(&self) -> Result<u64, LedgerError>;

    /// Moves the flush mark: entries of the current origin up to `through` are in the store. The mark never goes back,
    /// nor past the newest entry.
    ///
    /// # Errors
    /// When the write fails.
    fn mark_flushed(&self, through: u64) -> Result<(), LedgerError>;

    /// Forgets the oldest flushed entries, at most `limit` a call, up to the first one that is not
    /// contained: whose sequence number lies beyond what `through` says of its origin. A damaged one goes with the next
    /// that can be read. Says how many went. Where a user rated an item again, the newer entry stays until it is contained
    /// itself.
    ///
    /// # Errors
    /// When the write fails.
    fn forget_contained(
        &self,
        through: &BTreeMap<Origin, u64>,
        limit: usize,
    ) -> Result<u64, LedgerError>;

    /// Moves the hybrid clock past `micros`, what a loaded version contains. Kept in memory until
    /// the next entry carries it to disk: whoever loads a version after a restart observes it
    /// again.
    fn observe_clock(&self, micros: i64);

    /// Forgets finished executions, oldest first, until what is left keeps to `retention`, and the
    /// names that stood for them. At most `limit` a call, because a call holds up accepting.
    /// Executions still open stay. Says how many went.
    ///
    /// # Errors
    /// When the write fails.
    fn forget_executions(&self, retention: Retention, limit: usize) -> Result<u64, LedgerError>;

    /// Whether what is written is where the next start looks for it. A file that is removed or replaced while it is open goes
    /// on taking what is written, and nobody would find it again.
    fn is_in_place(&self) -> bool;

    /// Looks through everything for damage that nobody has met yet, and writes what is kept twice again. Calls `goes_on`
    /// now and then; ends early when that says so.
    ///
    /// # Errors
    /// When the disk fails.
    fn scrub(&self, goes_on: &dyn Fn() -> bool) -> Result<(), LedgerError>;

    /// The entries up to the flush mark that are damaged, by origin and sequence number: those that are known.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn damaged_entries(&self) -> Result<Vec<(Origin, u64)>, LedgerError>;

    /// Puts entries back in the place of damaged ones.
    ///
    /// # Errors
    /// When the write fails.
    fn put_back(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError>;

    /// How many records this process has found damaged. The log names each.
    fn damaged_records(&self) -> u64;

    /// What the ledger's files take, in bytes; none when the system does not tell.
    fn file_bytes(&self) -> Option<u64>;

    /// Whether a write or a read of the disk has failed. Then nothing is accepted until the program
    /// restarts; reads may still work.
    fn is_poisoned(&self) -> bool;
}
