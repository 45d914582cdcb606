//! Creates and opens the file.
//!
//! A file that redb is still creating does not open after a crash. So a new ledger is made under
//! another name, and gets its own name when all of it is on disk: a first start that dies half-way
//! leaves nothing but a file that the next start removes.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::AtomicI64;
use std::sync::{Mutex, OnceLock, RwLock};

use akin_recommender::profile::Origin;
use chrono::Utc;
use rand::RngExt;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableTable, StorageError,
    WriteTransaction,
};

use super::damage::Damage;
use super::journal::{Expected, Found, Journal};
use super::place::{
    FolderLock, JournalFile, JournalPlace, Place, create_folder, lock, sync_folder,
};
use super::recent::Recent;
use super::{
    RedbLedger, catch, changes, counters, is_of_content, make_durable, migrate, read, tables,
};
use crate::ledger::LedgerError;

const FILE: &str = "ledger.redb";
const UNFINISHED_FILE: &str = "ledger.redb.new";
const JOURNAL_FILE: &str = "ledger.journal";

/// How to open a ledger.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Memory for pages of the file.
    pub cache_bytes: usize,
    /// Whether to check every page of the file, which takes a while for a large one. Without,
    /// damage done from outside shows when the damaged page is read.
    pub verify: bool,
    /// So many of the newest entries are kept by user in memory, some 100 bytes each, before they are written by user: the
    /// more, the fewer pages each takes; a start looks at up to four times as many, a million a second.
    pub recent_entries: usize,
    /// So many entries one user may have; a rating that would make more is not accepted.
    pub entries_of_a_user: usize,
    /// With so many changes in the journal the file is written, a rating, its execution and the end of that being three: the more, the
    /// fewer pages that takes for each, but the longer ratings wait meanwhile.
    pub journal_changes: usize,
}

impl Default for Opening {
    /// redb's own default of 1 GiB is no good neighbour to a model in memory.
    fn default() -> Self {
        let recent_entries = 1 << 16;
        Self {
            cache_bytes: 16 << 20,
            verify: false,
            recent_entries,
            entries_of_a_user: 10_000,
            journal_changes: 2_250,
        }
    }
}

impl Opening {
    fn builder(self) -> Builder {
        let mut builder = Database::builder();
        builder.set_cache_size(self.cache_bytes).set_check_integrity_on_open(self.verify);
        builder
    }
}

impl RedbLedger {
    /// Opens the ledger in this folder; creates folder and ledger where there are none.
    ///
    /// # Errors
    /// When another server holds it, the folder cannot be used, or the file is damaged or of a
    /// newer format.
    pub fn open(folder: &Path, opening: Opening) -> Result<Self, LedgerError> {
        let refused = |error: io::Error| LedgerError::Folder {
            path: folder.display().to_string(),
            detail: error.to_string(),
        };
        create_folder(folder).map_err(refused)?;
        let path = folder.join(FILE);
        let lock = lock(folder, &path)?;
        let unfinished = folder.join(UNFINISHED_FILE);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(refused(error)),
            _ => {}
        }
        let journal = JournalFile(folder.join(JOURNAL_FILE));
        if !path.try_exists().map_err(refused)? {
            // Somebody has moved the ledger that it belongs to.
            if fs::metadata(&journal.0).is_ok_and(|found| found.len() > 0) {
                let aside = journal.set_aside()?;
                tracing::error!(
                    aside,
                    "there is a journal, but no ledger: it is set aside, and a new ledger begun"
                );
            }
            create(&unfinished, opening)?;
            File::open(&unfinished).and_then(|file| file.sync_all()).map_err(refused)?;
            fs::rename(&unfinished, &path).map_err(refused)?;
        }
        // Each time: an earlier start may have died between renaming and this.
        sync_folder(folder).map_err(refused)?;
        let database = catch(|| {
            let builder = opening.builder();
            builder.open(&path).map_err(|error| database_error(error, folder, &path))
        });
        let database = database.map_err(|error| damaged(error, &path))?;
        let mut ledger = Self::over(database, &journal, &path, Some(lock), opening)?;
        ledger.give_back_free_space(&path)?;
        for path in [&path, &journal.0] {
            ledger.places.push(Place::of(path).map_err(refused)?);
        }
        Ok(ledger)
    }

    /// A ledger over a database that holds one, and its journal.
    pub(super) fn over(
        database: Database,
        journal: &dyn JournalPlace,
        path: &Path,
        lock: Option<FolderLock>,
        opening: Opening,
    ) -> Result<Self, LedgerError> {
        let mut ledger = Self {
            database: Some(database),
            entries_of_a_user: opening.entries_of_a_user,
            // Not asked for before the file has told.
            created_at: 0,
            origin: RwLock::new(Origin::FILES),
            observed: AtomicI64::new(i64::MIN),
            poison: OnceLock::new(),
            damage: Damage::default(),
            recent: RwLock::default(),
            journal: Mutex::new(Journal::none()?),
            places: Vec::new(),
            _lock: lock,
        };
        let format = |transaction: &ReadTransaction| {
            read::counter(&transaction.open_table(tables::COUNTERS)?, tables::FORMAT_COUNTER)
        };
        let check = ledger.read(counters::check).and_then(|()| ledger.read(format));
        let found = check.map_err(|error| damaged(error, path))?;
        match found {
            tables::FORMAT => {}
            tables::FORMAT_WITHOUT_INDEXES..=tables::FORMAT_WITHOUT_CHECKSUMS => {
                let bring_up =
                    |transaction: &WriteTransaction| migrate::bring_up(transaction, found);
                ledger.write(bring_up).map_err(|error| damaged(error, path))?;
            }
            _ => {
                let path = path.display().to_string();
                return Err(LedgerError::Format { path, found, known: tables::FORMAT });
            }
        }
        ledger.take_up(journal, opening).map_err(|error| damaged(error, path))?;
        Ok(ledger)
    }

    /// Reads what there is to know of the file, after it has what its journal has.
    fn take_up(&mut self, journal: &dyn JournalPlace, opening: Opening) -> Result<(), LedgerError> {
        self.created_at = self.read_or_note_creation()?;
        let (origins, in_file) = self.read(|transaction| {
            let counters = transaction.open_table(tables::COUNTERS)?;
            let number = |name| -> Result<u64, LedgerError> {
                Ok(counters.get(name)?.map_or(0, |number| number.value()))
            };
            let newest = number(tables::JOURNAL_COUNTER)?;
            let exists = number(tables::JOURNAL_EXISTS_COUNTER)? == 1;
            let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
            Ok((origins, Expected { newest, exists }))
        })?;
        let origin = origins.last().copied();
        let origin = origin.ok_or_else(|| LedgerError::Record("no origin at all".to_owned()))?;
        let storage = journal.storage()?;
        let mut own = Journal::new(storage, self.created_at, opening.journal_changes)?;
        let found = own.find(in_file)?;
        self.tell(&found, journal)?;
        if found.newest > in_file.newest || (in_file.exists && !found.is_usable) {
            let changes =
                self.write(|transaction| changes::make_again(transaction, &found, &origins))?;
            let records = found.records.len();
            tracing::info!(
                records,
                changes,
                "what the ledger's file had not been told was taken from its journal"
            );
        }
        if !found.is_usable {
            own.create()?;
        }
        if !(in_file.exists && found.is_usable) {
            self.write(|transaction| changes::note_journal(transaction, true))?;
        }
        own.begin_after(found.newest);
        let read_recent = |transaction: &_| {
            Recent::read(transaction, &origins, opening.recent_entries, &self.damage)
        };
        let recent = self.read(read_recent)?;
        (self.origin, self.recent) = (RwLock::new(origin), RwLock::new(recent));
        self.journal = Mutex::new(own);
        Ok(())
    }
}

impl RedbLedger {
    /// Says what in the journal is damaged, or was cut, and keeps a copy of a damaged one.
    fn tell(&self, found: &Found, journal: &dyn JournalPlace) -> Result<(), LedgerError> {
        for (record, consequence) in &found.damage {
            self.damage.note(record, consequence);
        }
        if let Some(number) = found.kept_as {
            let copy = journal.keep(number)?;
            tracing::error!(copy, "the journal as it was found is kept");
        }
        if let Some(record) = found.cut {
            tracing::warn!(
                record,
                "the newest record of the ledger's journal is not whole: the power went while it was written, and nobody                  had heard that it was accepted"
            );
        }
        Ok(())
    }

    fn read_or_note_creation(&self) -> Result<i64, LedgerError> {
        let known = self.read(|transaction| {
            let counters = transaction.open_table(tables::COUNTERS)?;
            Ok(counters.get(tables::CREATED_COUNTER)?.map(|value| value.value().cast_signed()))
        })?;
        match known {
            Some(created_at) => Ok(created_at),
            None => self.write(|transaction| {
                let mut counters = transaction.open_table(tables::COUNTERS)?;
                let now = Utc::now().timestamp_micros();
                counters.insert(tables::CREATED_COUNTER, now.cast_unsigned())?;
                Ok(now)
            }),
        }
    }
}

/// Makes an empty database a ledger.
pub(super) fn initialise(database: &Database) -> Result<(), LedgerError> {
    let mut transaction = database.begin_write()?;
    make_durable(&mut transaction)?;
    {
        let mut counters = transaction.open_table(tables::COUNTERS)?;
        counters.insert(tables::FORMAT_COUNTER, tables::FORMAT)?;
        counters.insert(tables::SEQUENCE_COUNTER, 0)?;
        counters.insert(tables::CLOCK_COUNTER, 0)?;
        counters.insert(tables::FLUSHED_COUNTER, 0)?;
        counters.insert(tables::SETTLED_COUNTER, 0)?;
        counters.insert(tables::EXECUTION_BYTES_COUNTER, 0)?;
        transaction.open_table(tables::LOG)?;
        transaction.open_table(tables::USERS)?;
        transaction.open_table(tables::EXECUTIONS)?;
        transaction.open_table(tables::OUTCOMES)?;
        transaction.open_table(tables::OPEN)?;
        transaction.open_table(tables::ENDED)?;
        transaction.open_table(tables::NAMES)?;
    }
    add_origin(&transaction)?;
    counters::seal(&transaction)?;
    Ok(transaction.commit()?)
}

/// Adds a random origin, the current one from now on.
pub(super) fn add_origin(transaction: &WriteTransaction) -> Result<(u32, Origin), LedgerError> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = rand::rng();
    let mut name = Origin::LEDGER_PREFIX.to_owned();
    while name.len() < Origin::MAX_BYTES {
        name.push(char::from(LETTERS[random.random_range(0..LETTERS.len())]));
    }
    let mut origins = transaction.open_table(tables::ORIGINS)?;
    let number = origins.last()?.map_or(0, |(number, _)| number.value() + 1);
    origins.insert(number, &*name)?;
    Ok((number, read::origin(&name)?))
}

fn create(path: &Path, opening: Opening) -> Result<(), LedgerError> {
    let failed = |error: DatabaseError| LedgerError::Folder {
        path: path.display().to_string(),
        detail: error.to_string(),
    };
    let database = opening.builder().create(path).map_err(failed)?;
    initialise(&database)?;
    database.close().map_err(failed)
}

fn database_error(error: DatabaseError, folder: &Path, path: &Path) -> LedgerError {
    let detail = error.to_string();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            LedgerError::Held { path: path.display().to_string() }
        }
        DatabaseError::Storage(StorageError::Io(error)) if !is_of_content(&error) => {
            LedgerError::Folder { path: folder.display().to_string(), detail }
        }
        _ => LedgerError::Storage(detail),
    }
}

/// While opening, whatever the file answers but sense is damage; a disk that does not answer is not.
fn damaged(error: LedgerError, path: &Path) -> LedgerError {
    match error {
        LedgerError::Disk(detail) => {
            let folder = path.parent().unwrap_or(path);
            LedgerError::Folder { path: folder.display().to_string(), detail }
        }
        LedgerError::Storage(detail) | LedgerError::Record(detail) => {
            LedgerError::Damaged { path: path.display().to_string(), detail }
        }
        other => other,
    }
}
