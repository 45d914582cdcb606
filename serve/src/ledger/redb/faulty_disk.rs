//! A disk in memory that loses what was not synced, dies in the middle of an operation, and whose
//! sync fails once.

#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::{Database, ReadableTable, StorageBackend, WriteTransaction};

use super::open;
use super::place::JournalPlace;
use super::{Opening, RedbLedger, catch, tables};
use crate::ledger::LedgerError;

const SECTOR: usize = 512;
/// So few that entries are settled in most tests.
const FEW_RECENT: usize = 5;

/// With so many changes in the journal the file is written: after some ten commits of one rating.
const FULL_JOURNAL: usize = 15;

/// The same disk for all clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

/// What is in the files of a disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Image([Vec<u8>; 2]);

impl Image {
    pub(crate) fn of(ledger: Vec<u8>, journal: Vec<u8>) -> Self {
        Self([ledger, journal])
    }

    pub(crate) fn files(self) -> (Vec<u8>, Vec<u8>) {
        let [ledger, journal] = self.0;
        (ledger, journal)
    }

    pub(crate) fn without_journal(self) -> Self {
        let [ledger, _] = self.0;
        Self([ledger, Vec::new()])
    }
}

/// A file of the disk: the ledger, or its journal.
#[derive(Debug, Clone)]
struct OneFile(FaultyDisk, usize);

#[derive(Debug, Default)]
struct State {
    files: [FileState; 2],
    operations: u64,
    dies_at: Option<u64>,
    /// Whether it works again after that one operation.
    revives: bool,
    failing_syncs: u32,
    fails_reads: bool,
}

#[derive(Debug, Default)]
struct FileState {
    /// What a power cut leaves for certain.
    durable: Vec<u8>,
    /// What reads see.
    current: Vec<u8>,
    /// What the next sync makes durable, and a power cut any part of.
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Sector(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>, grow: bool) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Sector(at, bytes) => {
                let end = at + bytes.len();
                if image.len() < end && grow {
                    image.resize(end, 0);
                }
                if let Some(target) = image.get_mut(*at..end) {
                    target.copy_from_slice(bytes);
                }
            }
        }
    }
}

impl FaultyDisk {
    pub(crate) fn holding(Image(files): Image) -> Self {
        let of = |content: Vec<u8>| FileState {
            durable: content.clone(),
            current: content,
            ..FileState::default()
        };
        let state = State { files: files.map(of), ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The power goes in the middle of the operation that many operations ahead (writes, syncs,
    /// changes of length).
    pub(crate) fn die_in(&self, operations: u64) {
        let mut state = self.state();
        state.dies_at = Some(state.operations + operations);
    }

    /// One operation, that many ahead, fails; those after it succeed. As on a disk that is full for
    /// a moment.
    pub(crate) fn fail_once_in(&self, operations: u64) {
        self.die_in(operations);
        self.state().revives = true;
    }

    /// The next sync fails, and what it should have written is never written: later syncs succeed
    /// without.
    pub(crate) fn fail_next_sync(&self) {
        self.state().failing_syncs = 1;
    }

    /// From now on reads fail, or no longer.
    pub(crate) fn fail_reads(&self, fail: bool) {
        self.state().fails_reads = fail;
    }

    /// What a restarted program finds, the machine still running.
    pub(crate) fn after_restart(&self) -> Image {
        Image(self.state().files.each_ref().map(|file| file.current.clone()))
    }

    /// What is there after a power cut: what was synced, and a random part of the rest, sector by
    /// sector.
    pub(crate) fn after_power_cut(&self, random: &mut StdRng) -> Image {
        let survival = [0.0, 0.1, 0.5, 0.9, 1.0][random.random_range(0..5)];
        Image(self.state().files.each_ref().map(|file| {
            let mut content = file.durable.clone();
            for change in &file.pending {
                if random.random_bool(survival) {
                    change.apply(&mut content, false);
                }
            }
            content
        }))
    }

    /// A ledger on this disk; a new one on an empty disk.
    pub(crate) fn ledger(&self) -> Result<RedbLedger, LedgerError> {
        self.ledger_with(FEW_RECENT)
    }

    /// The same, with so many recent entries.
    pub(crate) fn ledger_with(&self, recent_entries: usize) -> Result<RedbLedger, LedgerError> {
        let damaged = |error: redb::DatabaseError| LedgerError::Storage(error.to_string());
        let empty = self.state().files[0].current.is_empty();
        let mut builder = Database::builder();
        let builder = builder.set_cache_size(1 << 20);
        let backend = OneFile(self.clone(), 0);
        let database = catch(|| builder.create_with_backend(backend).map_err(damaged))?;
        if empty {
            open::initialise(&database)?;
        }
        let journal_changes = FULL_JOURNAL;
        let opening = Opening { recent_entries, journal_changes, ..Opening::default() };
        RedbLedger::over(database, self, Path::new("memory"), None, opening)
    }
}

impl JournalPlace for FaultyDisk {
    fn storage(&self) -> Result<Box<dyn StorageBackend>, LedgerError> {
        Ok(Box::new(OneFile(self.clone(), 1)))
    }

    fn keep(&self, _: u64) -> Result<String, LedgerError> {
        Ok("a copy".to_owned())
    }
}

impl State {
    /// Counts an operation; says whether the power goes during it.
    fn operate(&mut self) -> Result<bool, io::Error> {
        self.operations += 1;
        match self.dies_at {
            Some(at) if self.operations > at && !self.revives => Err(failure()),
            at => Ok(at == Some(self.operations)),
        }
    }
}

fn failure() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl StorageBackend for OneFile {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.state().files[self.1].current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.0.state();
        if state.fails_reads {
            return Err(failure());
        }
        let from = offset as usize;
        let bytes = state.files[self.1].current.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.0.state();
        let dying = state.operate()?;
        let change = Change::Length(len as usize);
        let file = &mut state.files[self.1];
        change.apply(&mut file.current, true);
        file.pending.push(change);
        if dying { Err(failure()) } else { Ok(()) }
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.0.state();
        if state.operate()? {
            return Err(failure());
        }
        let failing = state.failing_syncs > 0;
        state.failing_syncs = state.failing_syncs.saturating_sub(1);
        let file = &mut state.files[self.1];
        let pending = std::mem::take(&mut file.pending);
        if failing {
            return Err(failure());
        }
        for change in pending {
            change.apply(&mut file.durable, true);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.0.state();
        let dying = state.operate()?;
        let from = offset as usize;
        let file = &mut state.files[self.1];
        let target = file.current.get_mut(from..from + data.len());
        target.ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        let first = from / SECTOR * SECTOR;
        for at in (first..from + data.len()).step_by(SECTOR) {
            let end = (at + SECTOR).min(file.current.len());
            let sector = file.current[at..end].to_vec();
            file.pending.push(Change::Sector(at, sector));
        }
        if dying { Err(failure()) } else { Ok(()) }
    }
}

/// Puts a record of an unknown format between this user's entries.
pub(crate) fn spoil(ledger: &RedbLedger, user: &str) {
    let spoil = |transaction: &WriteTransaction| {
        let mut users = transaction.open_table(tables::USERS)?;
        users.insert((user, &*tables::entry_key("spoiled")), &[9u8, 1, 2][..])?;
        Ok(())
    };
    ledger.write(spoil).unwrap();
}

/// Changes a byte of a row of the log.
pub(crate) fn spoil_log(ledger: &RedbLedger, position: u64) {
    let spoil = |transaction: &WriteTransaction| {
        let mut log = transaction.open_table(tables::LOG)?;
        let mut row = log.get(position)?.unwrap().value().to_vec();
        row[0] = 0xff;
        log.insert(position, &*row)?;
        Ok(())
    };
    ledger.write(spoil).unwrap();
}

/// A generator for a test, with a seed that a failing test has printed: from `AKIN_SEED`, or a
/// fresh one.
pub(crate) fn seeded() -> StdRng {
    let given = std::env::var("AKIN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| rand::rng().random());
    eprintln!("AKIN_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
