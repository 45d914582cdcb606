//! What was committed since the file was last written as a whole.
//!
//! A durable commit of the file writes every page that it changed, some twenty of 4 KiB for one rating, and waits for the
//! disk twice. So most commits change the file in memory alone, and say in the journal what they change, as one record, which
//! waits for the disk once. When there is much in it, or for other reasons, a commit writes the file; then the journal begins
//! again at its front, over what it had. A start makes the changes again that the file does not have.
//!
//! Numbers of records go up by one, over all records of a ledger, and the file notes the number of the newest one that it
//! contains: that tells new records from what is left of old ones. A start must know how far the journal went, or damage to
//! its newest record would pass for a write that the power cut. So behind each record, once it is on disk, comes a mark,
//! which waits for nothing: the next record takes its place. The file notes whether there is a journal, and the journal's
//! front how long it is at least. See [`layout`] for the bytes, and [`find`] for what a start makes of them.

mod find;
mod frames;
mod layout;
mod legacy;

use std::fmt::Display;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::codec::Change;
use crate::ledger::LedgerError;
pub(super) use find::{Expected, Found};
use layout::{ALIGNMENT, FIRST, Front, HEADER, Header, Mark, space};

/// With so many bytes in it the file is to be written, too: inputs may be long.
const MOST_BYTES: u64 = 16 << 20;
/// The journal's file grows by so much at once: each growth waits for the disk.
const GROWTH: u64 = 256 << 10;

/// The journal's file, and where it is in it.
#[derive(Debug)]
pub(super) struct Journal {
    storage: Box<dyn StorageBackend>,
    /// Its length, in bytes.
    length: u64,
    /// Whose it is: when that was created, in microseconds since 1970.
    ledger: i64,
    /// The newest record that the ledger's file contains.
    base: u64,
    /// Of the newest record.
    number: u64,
    /// Where the next one goes.
    end: u64,
    /// Changes in those that are in it.
    changes: usize,
    /// With so many the file is to be written.
    most_changes: usize,
}

/// The changes of one commit, to be written as a record.
#[derive(Debug)]
pub(super) struct Record {
    number: u64,
    /// With room for its header in front.
    bytes: Vec<u8>,
    changes: usize,
}

impl Record {
    /// Adds a change.
    ///
    /// # Errors
    /// When it is too long.
    pub(super) fn push(&mut self, change: &Change<'_>) -> Result<(), LedgerError> {
        self.changes += 1;
        frames::push(&mut self.bytes, self.number, change)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes == 0
    }
}

impl Journal {
    /// The journal of the ledger that was created at `ledger`.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn new(
        storage: Box<dyn StorageBackend>,
        ledger: i64,
        most_changes: usize,
    ) -> Result<Self, LedgerError> {
        let length = storage.len().map_err(failed)?;
        let end = FIRST;
        Ok(Self { storage, length, ledger, base: 0, number: 0, end, changes: 0, most_changes })
    }

    /// One that is always full, in which nothing is written: for a ledger whose journal is still to be found.
    ///
    /// # Errors
    /// Never.
    pub(super) fn none() -> Result<Self, LedgerError> {
        Self::new(Box::new(InMemoryBackend::new()), 0, 0)
    }

    /// What there is in it beyond what the file has.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn find(&self, in_file: Expected) -> Result<Found, LedgerError> {
        let length = usize::try_from(self.length).map_err(failed)?;
        let mut content = vec![0; length];
        self.storage.read(0, &mut content).map_err(failed)?;
        Ok(find::find(content, self.ledger, in_file))
    }

    /// Leaves nothing in it, and makes it ready for records. When this returns, that is on disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn create(&mut self) -> Result<(), LedgerError> {
        self.storage.set_len(0).map_err(failed)?;
        self.length = 0;
        self.grow(GROWTH)?;
        self.storage.sync_data().map_err(failed)
    }

    /// Makes it so long at least. What says so is on disk with the next record.
    fn grow(&mut self, length: u64) -> Result<(), LedgerError> {
        if length <= self.length {
            return Ok(());
        }
        let length = length.next_multiple_of(GROWTH);
        self.storage.set_len(length).map_err(failed)?;
        // A front that says more than is true would look like a journal that was cut.
        self.storage.sync_data().map_err(failed)?;
        self.length = length;
        let front = Front { ledger: self.ledger, length };
        self.storage.write(0, &front.write()).map_err(failed)
    }

    /// The file has everything now, up to the record of this number: the next record goes to the front.
    pub(super) fn begin_after(&mut self, number: u64) {
        self.number = number;
        self.begin_again();
    }

    /// The same, of the newest record.
    pub(super) fn begin_again(&mut self) {
        (self.base, self.end, self.changes) = (self.number, FIRST, 0);
    }

    /// The next record, with nothing in it yet.
    pub(super) fn next_record(&self) -> Record {
        Record { number: self.number + 1, bytes: vec![0; HEADER], changes: 0 }
    }

    /// Writes a record. When this returns, it is on disk; after an error that is not known, and nothing may be written any
    /// more.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn append(&mut self, record: Record) -> Result<(), LedgerError> {
        let Record { number, mut bytes, changes } = record;
        let (ledger, base) = (self.ledger, self.base);
        let held = (bytes.len() - HEADER) as u64;
        let header = Header { ledger, base, number, held, changes: changes as u64 };
        bytes[..HEADER].copy_from_slice(&header.write());
        let end = self.end + space(bytes.len());
        // With room for the mark.
        self.grow(end + ALIGNMENT)?;
        self.storage.write(self.end, &bytes).map_err(failed)?;
        self.storage.sync_data().map_err(failed)?;
        (self.number, self.end) = (number, end);
        self.changes += changes;
        self.storage.write(end, &Mark { ledger, base, number }.write()).map_err(failed)
    }

    /// Whether so much is in it that the file is to be written.
    pub(super) fn is_full(&self) -> bool {
        self.changes >= self.most_changes || self.end >= MOST_BYTES
    }

    /// Whether nothing is in it that the file does not have.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.end == FIRST
    }

    /// Leaves nothing in the file, when the ledger's file has everything and says that there is no journal.
    pub(super) fn clear(&self) {
        // What is left would be passed over.
        let _ = self.storage.set_len(0);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.storage.close();
    }
}

fn failed(error: impl Display) -> LedgerError {
    LedgerError::Disk(format!("the journal: {error}"))
}
