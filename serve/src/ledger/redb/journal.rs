//! What was committed since the file was last written as a whole.
//!
//! A durable commit of the file writes every page that it changed, some twenty of 4 KiB for one rating, and waits for the
//! disk twice. So most commits change the file in memory alone, and say in the journal what they change, as one record, which
//! waits for the disk once. When there is much in it, or for other reasons, a commit writes the file; then the journal begins
//! again at its front, over what it had. A start makes the changes again that the file does not have.
//!
//! A record is [`MAGIC`], whose it is, its number, the length of what it holds, a checksum of all that, and what it holds,
//! the changes of one commit. The next one begins at a multiple of [`ALIGNMENT`]: so a write that the power cuts touches no
//! page of an earlier one. Numbers go up by one, over all records of a ledger, and the file notes the number of the newest
//! one that it contains: that tells new records from what is left of old ones.

use std::fmt::Display;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::codec::Change;
use crate::ledger::LedgerError;

/// How a record begins. Changes with its form.
const MAGIC: [u8; 8] = *b"akinjrn1";
/// Where records begin, in bytes; no less than the pages of disks.
const ALIGNMENT: u64 = 4096;
/// Magic, ledger, number, length, checksum.
const HEADER: usize = 8 + 8 + 8 + 8 + 4;
/// Where the checksum is, in a record.
const CHECKSUM: usize = HEADER - 4;
/// With so many bytes in it the file is to be written, too: inputs may be long.
const MOST_BYTES: u64 = 16 << 20;
/// The journal's file grows by so much at once: each growth is written with the next record.
const GROWTH: u64 = 256 << 10;

/// The journal's file, and where it is in it.
#[derive(Debug)]
pub(super) struct Journal {
    storage: Box<dyn StorageBackend>,
    /// Its length, in bytes.
    length: u64,
    /// Whose it is: when that was created, in microseconds since 1970.
    ledger: i64,
    /// Of the newest record.
    number: u64,
    /// Where the next one goes.
    end: u64,
    /// Changes in those that are in it.
    changes: usize,
    /// With so many the file is to be written.
    most_changes: usize,
}

/// What a start finds in a journal.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// What the records hold that come after what the file has, oldest first.
    Records(Vec<Vec<u8>>),
    /// Records that go on after another state of a ledger than the file has: a later one, of which those in between are
    /// missing, or one of another ledger.
    Others {
        /// The first one's number.
        number: u64,
    },
}

/// The changes of one commit, to be written as a record.
#[derive(Debug)]
pub(super) struct Record {
    ledger: i64,
    number: u64,
    /// With room for its header in front.
    bytes: Vec<u8>,
    changes: usize,
}

impl Record {
    /// Adds a change.
    pub(super) fn push(&mut self, change: &Change<'_>) {
        change.write(&mut self.bytes);
        self.changes += 1;
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
        Ok(Self { storage, length, ledger, number: 0, end: 0, changes: 0, most_changes })
    }

    /// One that is always full, in which nothing is written: for a ledger whose journal is still to be found.
    ///
    /// # Errors
    /// Never.
    pub(super) fn none() -> Result<Self, LedgerError> {
        Self::new(Box::new(InMemoryBackend::new()), 0, 0)
    }

    /// What the file does not have, which has everything up to the record of this number.
    ///
    /// # Errors
    /// When the disk fails, or a record cannot be read and there are newer ones: what they say was accepted, and so was what
    /// is missing.
    pub(super) fn read_after(&self, number: u64) -> Result<Found, LedgerError> {
        let (mut newest, mut records, mut at) = (number, Vec::new(), 0);
        let mut before = None;
        while let Some(mut record) = self.record_at(at)?
            && before.is_none_or(|before: u64| record.number == before + 1)
        {
            if record.ledger != self.ledger || record.number > newest + 1 {
                return Ok(Found::Others { number: record.number });
            }
            at += space(record.bytes.len());
            before = Some(record.number);
            if record.number == newest + 1 {
                newest = record.number;
                records.push(record.bytes.split_off(HEADER));
            }
        }
        // What is left of older records has lower numbers. The newest may have been cut, but then nothing came after it.
        while at < self.length {
            if let Some(later) = self.record_at(at)?.filter(|later| later.number > newest) {
                return Err(LedgerError::Storage(format!(
                    "`ledger.journal` beside it has record {}, but not the one before; without that file it opens, but lacks \
                     what was accepted last",
                    later.number
                )));
            }
            at += ALIGNMENT;
        }
        Ok(Found::Records(records))
    }

    /// The record that begins here, if any does.
    fn record_at(&self, at: u64) -> Result<Option<Record>, LedgerError> {
        let mut header = [0; HEADER];
        if at + HEADER as u64 > self.length {
            return Ok(None);
        }
        self.storage.read(at, &mut header).map_err(failed)?;
        if header[..8] != MAGIC {
            return Ok(None);
        }
        let [ledger, number, held] =
            [8, 16, 24].map(|from| u64::from_le_bytes(part(&header, from)));
        let whole = held.checked_add(HEADER as u64).filter(|whole| *whole <= self.length - at);
        let Some(whole) = whole.and_then(|whole| usize::try_from(whole).ok()) else {
            return Ok(None);
        };
        let mut bytes = vec![0; whole];
        self.storage.read(at, &mut bytes).map_err(failed)?;
        let is_sound = part(&bytes, CHECKSUM) == checksum(&bytes);
        let ledger = ledger.cast_signed();
        Ok(is_sound.then_some(Record { ledger, number, bytes, changes: 0 }))
    }

    /// The file has everything now, up to the record of this number: the next record goes to the front.
    pub(super) fn begin_after(&mut self, number: u64) {
        self.number = number;
        self.begin_again();
    }

    /// The same, of the newest record.
    pub(super) fn begin_again(&mut self) {
        (self.end, self.changes) = (0, 0);
    }

    /// The next record, with nothing in it yet.
    pub(super) fn next_record(&self) -> Record {
        let bytes = vec![0; HEADER];
        Record { ledger: self.ledger, number: self.number + 1, bytes, changes: 0 }
    }

    /// Writes a record. When this returns, it is on disk; after an error that is not known, and nothing may be written any
    /// more.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn append(&mut self, record: Record) -> Result<(), LedgerError> {
        let Record { ledger, number, mut bytes, changes } = record;
        let held = (bytes.len() - HEADER) as u64;
        bytes[..8].copy_from_slice(&MAGIC);
        for (field, from) in [(ledger.cast_unsigned(), 8), (number, 16), (held, 24)] {
            bytes[from..from + 8].copy_from_slice(&field.to_le_bytes());
        }
        let checksum = checksum(&bytes);
        bytes[CHECKSUM..HEADER].copy_from_slice(&checksum);
        let end = self.end + space(bytes.len());
        if end > self.length {
            let length = end.next_multiple_of(GROWTH);
            self.storage.set_len(length).map_err(failed)?;
            self.length = length;
        }
        self.storage.write(self.end, &bytes).map_err(failed)?;
        self.storage.sync_data().map_err(failed)?;
        (self.number, self.end) = (number, end);
        self.changes += changes;
        Ok(())
    }

    /// Whether so much is in it that the file is to be written.
    pub(super) fn is_full(&self) -> bool {
        self.changes >= self.most_changes || self.end >= MOST_BYTES
    }

    /// Whether nothing is in it that the file does not have.
    pub(super) fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Leaves nothing in the file, when there is nothing in it that counts.
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

/// Of all of a record but the checksum itself.
fn checksum(record: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..CHECKSUM]);
    hasher.update(&record[HEADER..]);
    hasher.finalize().to_le_bytes()
}

/// What a record of this length takes, up to where the next one begins.
fn space(length: usize) -> u64 {
    (length as u64).next_multiple_of(ALIGNMENT)
}

/// These bytes of a record, which are there.
fn part<const N: usize>(record: &[u8], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&record[from..from + N]);
    part
}

fn failed(error: impl Display) -> LedgerError {
    LedgerError::Disk(format!("the journal: {error}"))
}
