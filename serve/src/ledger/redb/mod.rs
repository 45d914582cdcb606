//! The ledger as one embedded file (redb).
//!
//! What clients wait for is written to a [`journal`] beside the file, and changes the file in memory alone. Every other
//! write, and each that finds the journal full, writes the file: one transaction with an immediate, two-phase, quickly
//! repaired commit, which takes with it what was committed in memory before. Two phases matter after a failed fsync: the
//! commit's data and its activation are synced one after the other, so what a reopened file shows is a whole transaction even
//! if the kernel dropped the pages that it failed to write.

mod accept;
mod changes;
mod codec;
mod compact;
mod counters;
mod damage;
mod journal;
mod list;
mod migrate;
mod of_user;
mod open;
mod place;
mod read;
mod recent;
mod renewal;
mod retention;
mod scrub;
mod tables;

#[cfg(test)]
mod creation_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod disk_fault_tests;
#[cfg(test)]
pub(crate) mod faulty_disk;
#[cfg(test)]
mod journal_tests;
#[cfg(test)]
mod power_loss_tests;
#[cfg(test)]
mod recent_tests;
#[cfg(test)]
mod rot_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use akin_recommender::profile::{Origin, Profile};
use akin_schemas::{ItemId, UserId};
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::{
    Answered, EndRecord, ExecutionId, ExecutionRecord, Filter, Finished, Ledger, LedgerEntry,
    LedgerError, Page, Request, RequestName, Retention,
};
use crate::panics;
use damage::Damage;
use journal::{Journal, Record};
pub use open::Opening;
use place::{FolderLock, Place};
use recent::{Recent, RecentRow, Settling};

/// A ledger in a file of its own.
pub struct RedbLedger {
    /// None once it is closed.
    database: Option<Database>,
    /// As the file has it.
    created_at: i64,
    /// How many entries one user may have.
    entries_of_a_user: usize,
    /// The current origin. The file has all of them.
    origin: RwLock<Origin>,
    /// What loaded versions contain at most; not on disk.
    observed: AtomicI64,
    /// The failure after which nothing is accepted.
    poison: OnceLock<String>,
    /// What is not written by user yet. Whoever reads looks here before a transaction begins, and whoever writes changes it
    /// after its transaction has ended: so nothing is ever in neither place.
    recent: RwLock<Recent>,
    /// Held from before a write begins until `recent` is as it left it.
    journal: Mutex<Journal>,
    damage: Damage,
    /// Where its files are; none for one that is in memory.
    places: Vec<Place>,
    /// Held as long as the database is open; dropped after it.
    _lock: Option<FolderLock>,
}

impl RedbLedger {
    fn database(&self) -> Result<&Database, LedgerError> {
        self.database.as_ref().ok_or_else(|| LedgerError::Storage("it is closed".to_owned()))
    }

    fn begin_read(&self) -> Result<ReadTransaction, LedgerError> {
        Ok(self.database()?.begin_read()?)
    }

    /// Runs a read. redb may panic over a file that something else has altered: one request fails,
    /// not the server. But after a failed read of the disk redb lets nothing be read or written any more: that poisons.
    fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let result = catch(|| work(&self.begin_read()?));
        match &result {
            Err(LedgerError::Disk(cause)) => self.poison(cause.clone()),
            Err(LedgerError::Record(found) | LedgerError::Storage(found)) => {
                self.damage.note(found, damage::REFUSED);
            }
            _ => {}
        }
        result
    }

    fn poison(&self, cause: String) {
        if self.poison.set(cause).is_ok() {
            let cause = self.poison.get();
            tracing::error!(cause, "the ledger is poisoned: nothing is accepted until a restart");
        }
    }

    /// Runs a write as one durable transaction of the file, or not at all. Poisons the ledger unless the error
    /// is about one record: after a failed write or sync only reopening tells what is on disk, and
    /// a second sync of the same pages may well claim success.
    fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.write_settling(|transaction, _| work(transaction))
    }

    /// The same, for what needs recent entries to be settled.
    fn write_settling<T>(
        &self,
        work: impl FnOnce(&WriteTransaction, &mut Settling<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.transact(Goes::ToTheFile, |transaction, settling, _| work(transaction, settling))
    }

    /// The same, for what says all that it changes as a record, but for what it settles: which is settled again after a crash.
    fn transact<T>(
        &self,
        goes: Goes,
        work: impl FnOnce(&WriteTransaction, &mut Settling<'_>, &mut Record) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.check_poison()?;
        let mut journal = self.journal();
        let result = catch(|| {
            let mut transaction = self.database()?.begin_write()?;
            // The transaction before, which this one waited for, may have failed.
            self.check_poison()?;
            let to_journal = goes == Goes::ToTheJournal && !journal.is_full();
            if to_journal {
                transaction.set_durability(Durability::None)?;
            } else {
                make_durable(&mut transaction)?;
            }
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            let mut settling = Settling::new(&recent);
            let mut record = journal.next_record();
            let value = work(&transaction, &mut settling, &mut record)?;
            let changes = settling.into_changes();
            drop(recent);
            if to_journal && !record.is_empty() {
                changes::note_record(&transaction, record.number())?;
            }
            // Before what says that it is on disk.
            counters::seal(&transaction)?;
            if to_journal && !record.is_empty() {
                journal.append(record)?;
            }
            transaction.commit()?;
            if !to_journal {
                journal.begin_again();
            }
            self.recent.write().unwrap_or_else(PoisonError::into_inner).apply(changes);
            Ok(value)
        });
        if let Err(error) = &result
            && !matches!(error, LedgerError::Record(_) | LedgerError::Poisoned { .. })
        {
            self.poison(error.to_string());
        }
        if let Err(LedgerError::Record(record)) = &result {
            self.damage.note(record, damage::REFUSED);
        }
        // Only now: who waits for it must see the poison.
        drop(journal);
        result
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not written by user yet.
    fn recent_of(&self, user: &UserId) -> Vec<RecentRow> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner).of(user).to_vec()
    }

    fn check_poison(&self) -> Result<(), LedgerError> {
        match self.poison.get() {
            None => Ok(()),
            Some(cause) => Err(LedgerError::Poisoned { cause: cause.clone() }),
        }
    }
}

impl Ledger for RedbLedger {
    fn record(&self, finished: &Finished) -> EndRecord {
        let Finished { id, ref outcome, stopped_at } = *finished;
        let bytes = codec::write_outcome(&id, outcome, stopped_at);
        EndRecord { id, status: outcome.status(), stopped_at, bytes }
    }

    fn commit(
        &self,
        requests: &[Request],
        ended: &[EndRecord],
        now: i64,
    ) -> Result<Vec<Answered>, LedgerError> {
        if requests.is_empty() && ended.is_empty() {
            return Ok(Vec::new());
        }
        let observed = self.observed.load(Ordering::Acquire);
        self.transact(Goes::ToTheJournal, |transaction, settling, record| {
            let writes = accept::Writes { transaction, settling, record };
            let time = accept::Time { now, observed };
            accept::commit(writes, requests, ended, time, self.entries_of_a_user)
        })
    }

    fn entries(&self, user: &UserId) -> Result<Profile<ItemId>, LedgerError> {
        let recent = self.recent_of(user);
        self.read(|transaction| {
            let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
            let users = transaction.open_table(tables::USERS)?;
            read::profile(&users, user, &recent, &origins)
        })
    }

    fn execution(&self, id: &ExecutionId) -> Result<Option<ExecutionRecord>, LedgerError> {
        self.read(|transaction| read::execution(transaction, id))
    }

    fn named(&self, name: &RequestName) -> Result<Option<ExecutionId>, LedgerError> {
        self.read(|transaction| read::named(transaction, name))
    }

    fn list(&self, filter: &Filter, limit: usize) -> Result<Page, LedgerError> {
        let recent = filter.user.as_ref().map(|user| self.recent_of(user)).unwrap_or_default();
        self.read(|transaction| list::page(transaction, filter, &recent, limit, &self.damage))
    }

    fn unfinished(&self) -> Result<Vec<(ExecutionId, ExecutionRecord)>, LedgerError> {
        self.read(|transaction| read::unfinished(transaction, &self.damage))
    }

    fn created_at(&self) -> i64 {
        self.created_at
    }

    fn origin(&self) -> Origin {
        *self.origin.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew_origin(&self) -> Result<Origin, LedgerError> {
        let fresh = self.write_settling(|transaction, settling| {
            renewal::renew_origin(transaction, settling, &self.damage)
        })?;
        *self.origin.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(fresh)
    }

    fn unflushed(&self, limit: usize) -> Result<Vec<LedgerEntry>, LedgerError> {
        let unflushed = || self.read(|transaction| read::unflushed(transaction, limit));
        match unflushed()? {
            Some(entries) => Ok(entries),
            None => {
                let origin = self.renew_origin()?;
                tracing::warn!(%origin, "the ledger goes on under a new name, because entries that are not in the store are damaged");
                let left = || LedgerError::Record("an entry that is still damaged".to_owned());
                unflushed()?.ok_or_else(left)
            }
        }
    }

    fn unflushed_count(&self) -> Result<u64, LedgerError> {
        self.read(read::unflushed_count)
    }

    fn mark_flushed(&self, through: u64) -> Result<(), LedgerError> {
        self.write(|transaction| retention::mark_flushed(transaction, through))
    }

    fn forget_contained(
        &self,
        through: &BTreeMap<Origin, u64>,
        limit: usize,
    ) -> Result<u64, LedgerError> {
        if !self.read(|transaction| retention::any_contained(transaction, through, &self.damage))? {
            return Ok(0);
        }
        self.write_settling(|transaction, settling| {
            retention::forget_contained(transaction, settling, through, limit, &self.damage)
        })
    }

    fn observe_clock(&self, micros: i64) {
        self.observed.fetch_max(micros, Ordering::AcqRel);
    }

    fn forget_executions(&self, retention: Retention, limit: usize) -> Result<u64, LedgerError> {
        if !self.read(|transaction| retention::any_beyond(transaction, retention))? {
            return Ok(0);
        }
        self.write_settling(|transaction, settling| {
            retention::forget(transaction, settling, retention, limit, &self.damage)
        })
    }

    fn is_in_place(&self) -> bool {
        self.places.iter().all(Place::is_kept)
    }

    fn scrub(&self, goes_on: &dyn Fn() -> bool) -> Result<(), LedgerError> {
        self.look_through(goes_on)
    }

    fn damaged_entries(&self) -> Result<Vec<(Origin, u64)>, LedgerError> {
        self.find_damaged_entries()
    }

    fn put_back(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        self.put_entries_back(entries)
    }

    fn damaged_records(&self) -> u64 {
        self.damage.count()
    }

    fn file_bytes(&self) -> Option<u64> {
        self.places.iter().map(Place::bytes).sum()
    }

    fn is_poisoned(&self) -> bool {
        self.poison.get().is_some()
    }
}

/// Where a transaction is written before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    ToTheFile,
    /// Unless that is full.
    ToTheJournal,
}

impl Drop for RedbLedger {
    /// Leaves the file whole, so that it is all there is to keep. If that fails, the journal has the rest.
    fn drop(&mut self) {
        if self.write(|transaction| changes::note_journal(transaction, false)).is_ok() {
            self.journal().clear();
        }
        // After damage redb may panic here, too.
        let database = self.database.take();
        let _ = catch(|| {
            drop(database);
            Ok(())
        });
    }
}

/// When a commit of this transaction returns, it is on disk; after a crash the file opens without a
/// scan.
fn make_durable(transaction: &mut WriteTransaction) -> Result<(), LedgerError> {
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(())
}

/// Turns a panic into an error.
fn catch<T>(work: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    panics::catch(work).unwrap_or_else(|text| {
        Err(LedgerError::Storage(format!("the file makes no sense to redb: {text}")))
    })
}

/// Whether an error says that what is in the file is wrong, and not that the disk cannot be reached.
fn is_of_content(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

macro_rules! storage_errors {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for LedgerError {
            fn from(error: redb::$error) -> Self {
                let text = error.to_string();
                match redb::Error::from(error) {
                    redb::Error::Io(error) if is_of_content(&error) => Self::Storage(text),
                    redb::Error::Io(_) | redb::Error::PreviousIo => Self::Disk(text),
                    _ => Self::Storage(text),
                }
            }
        })*
    };
}
storage_errors!(StorageError, TableError, TransactionError, CommitError, SetDurabilityError);
