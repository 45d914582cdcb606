//! What a ledger has met that is not as it was written: each record is named in the log once, and counted.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use akin_recommender::profile::Origin;

use super::codec::{self, LogRow};
use crate::ledger::LedgerError;

/// At most this many are told apart; more are counted each time they are met.
const MOST_KNOWN: usize = 10_000;

/// So many missing entries of a row are named one by one.
const MOST_MISSING: usize = 1_000;

/// What follows where nothing more is known.
pub(super) const REFUSED: &str = "what needs it is refused; everything else goes on";
/// What follows from damage to an entry.
const ENTRY: &str = "it is taken from another copy, by user or in a segment of the store; where there is none, its user sees \
                     an older rating of the item";

/// The damaged records that this process has met.
#[derive(Debug, Default)]
pub(super) struct Damage(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    count: u64,
    known: HashSet<String>,
    /// Of the log, by position.
    entries: BTreeSet<u64>,
}

impl Damage {
    /// Names a damaged record, and what follows from it, the first time that it is met.
    pub(super) fn note(&self, record: &str, consequence: &str) {
        let mut met = self.lock();
        if met.known.len() < MOST_KNOWN && !met.known.insert(record.to_owned()) {
            return;
        }
        met.count += 1;
        tracing::error!(record, consequence, "a record of the ledger is damaged");
    }

    /// The same of an entry in the log, with what is known about it.
    pub(super) fn note_entry(&self, position: u64, about: &str) {
        self.lock().entries.insert(position);
        self.note(&entry_name(position), &format!("{about}: {ENTRY}"));
    }

    /// Notes entries that are not in the log.
    pub(super) fn note_missing(&self, mut positions: Range<u64>) {
        for position in positions.by_ref().take(MOST_MISSING) {
            self.note_entry(position, "it is missing");
        }
        if !positions.is_empty() {
            let entries = format!("entries {} to {}", positions.start, positions.end - 1);
            self.note(&entries, &format!("they are missing: {ENTRY}"));
        }
    }

    /// What a read gave, when some records may be passed over: none for a damaged one, which is noted.
    pub(super) fn or_noted<T>(
        &self,
        read: Result<T, LedgerError>,
        consequence: &str,
    ) -> Result<Option<T>, LedgerError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(LedgerError::Record(record)) => {
                self.note(&record, consequence);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a row of the log; none for a damaged one, which is noted.
    pub(super) fn log_row(
        &self,
        position: u64,
        row: &[u8],
        origins: &[Origin],
    ) -> Result<Option<LogRow>, LedgerError> {
        match codec::read_log(position, row, origins) {
            Ok(row) => Ok(Some(row)),
            Err(LedgerError::Record(_)) => {
                self.note_entry(position, &codec::about_log(row));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The positions of entries that were damaged when they were met.
    pub(super) fn entries(&self) -> BTreeSet<u64> {
        self.lock().entries.clone()
    }

    /// Other entries will have the positions after this one.
    pub(super) fn forget_entries_after(&self, mark: u64) {
        let mut met = self.lock();
        for position in met.entries.split_off(&mark.saturating_add(1)) {
            met.known.remove(&entry_name(position));
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Met> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry_name(position: u64) -> String {
    format!("entry {position}")
}
