//! Creates and opens the file.
//!
//! A file that redb is still creating does not open after a crash. So a new ledger is made under
//! another name, and gets its own name when all of it is on disk: a first start that dies half-way
//! leaves nothing but a file that the next start removes.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Mutex, OnceLock, RwLock};

use akin_recommender::profile::Origin;
use chrono::Utc;
use rand::RngExt;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableTable, StorageBackend, StorageError,
    WriteTransaction,
};

use super::journal::{Found, Journal};
use super::recent::Recent;
use super::{RedbLedger, catch, changes, is_of_content, make_durable, migrate, read, tables};
use crate::ledger::LedgerError;

const FILE: &str = "ledger.redb";
const UNFINISHED_FILE: &str = "ledger.redb.new";
const JOURNAL_FILE: &str = "ledger.journal";
const LOCK_FILE: &str = "ledger.lock";

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
    /// With so many changes in the journal the file is written, a rating and the end of its execution being two: the more, the
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
            journal_changes: 1_500,
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
                tracing::error!(
                    "there is a journal, but no ledger: it is set aside, and a new ledger begun"
                );
                journal.set_aside(0)?;
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
            database,
            entries_of_a_user: opening.entries_of_a_user,
            // Not asked for before the file has told.
            created_at: 0,
            origin: RwLock::new(Origin::FILES),
            observed: AtomicI64::new(i64::MIN),
            poison: OnceLock::new(),
            recent: RwLock::default(),
            journal: Mutex::new(Journal::none()?),
            places: Vec::new(),
            _lock: lock,
        };
        let format = |transaction: &ReadTransaction| {
            read::counter(&transaction.open_table(tables::COUNTERS)?, tables::FORMAT_COUNTER)
        };
        let found = ledger.read(format).map_err(|error| damaged(error, path))?;
        match found {
            tables::FORMAT => {}
            tables::FORMAT_WITHOUT_INDEXES..=tables::FORMAT_WITHOUT_JOURNAL => {
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
        let (origins, newest) = self.read(|transaction| {
            let counters = transaction.open_table(tables::COUNTERS)?;
            let newest = counters.get(tables::JOURNAL_COUNTER)?.map_or(0, |number| number.value());
            Ok((read::origins(&transaction.open_table(tables::ORIGINS)?)?, newest))
        })?;
        let origin = origins.last().copied();
        let origin = origin.ok_or_else(|| LedgerError::Record("no origin at all".to_owned()))?;
        let open = || Journal::new(journal.storage()?, self.created_at, opening.journal_changes);
        let mut found = open()?;
        match found.read_after(newest)? {
            Found::Records(records) => {
                if !records.is_empty() {
                    self.write(|transaction| {
                        changes::make_again(transaction, newest, &records, &origins)
                    })?;
                }
                found.begin_after(newest + records.len() as u64);
            }
            Found::Others { number } => {
                tracing::error!(
                    record = number,
                    contained = newest,
                    "the ledger's journal goes on after another state than the ledger's, which may be from a backup: \
                     it is set aside, and what only it has is not taken"
                );
                journal.set_aside(number)?;
                found = open()?;
                found.begin_after(newest);
            }
        }
        let read_recent =
            |transaction: &_| Recent::read(transaction, &origins, opening.recent_entries);
        let recent = self.read(read_recent)?;
        (self.origin, self.recent) = (RwLock::new(origin), RwLock::new(recent));
        self.journal = Mutex::new(found);
        Ok(())
    }
}

impl RedbLedger {
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

/// Where a ledger's journal is.
pub(super) trait JournalPlace {
    /// Creates it where there is none, so that it is there after a power cut, too.
    fn storage(&self) -> Result<Box<dyn StorageBackend>, LedgerError>;

    /// Keeps what is there, but under another name, with this number.
    fn set_aside(&self, number: u64) -> Result<(), LedgerError>;
}

/// The file of this path.
struct JournalFile(PathBuf);

impl JournalPlace for JournalFile {
    fn storage(&self) -> Result<Box<dyn StorageBackend>, LedgerError> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&self.0).map_err(|error| self.refused(&error))?;
        // Also where one was set aside a moment ago: what is written to a file without a name is lost.
        let folder = self.0.parent().unwrap_or(Path::new("."));
        sync_folder(folder).map_err(|error| self.refused(&error))?;
        let storage = FileBackend::new(file).map_err(|error| self.refused(&error))?;
        Ok(Box::new(storage))
    }

    fn set_aside(&self, number: u64) -> Result<(), LedgerError> {
        let mut aside = self.0.with_added_extension(number.to_string());
        if aside.exists() {
            let now = Utc::now().timestamp_micros().to_string();
            aside = aside.with_added_extension(now);
        }
        fs::rename(&self.0, aside).map_err(|error| self.refused(&error))
    }
}

impl JournalFile {
    fn refused(&self, error: &dyn Display) -> LedgerError {
        LedgerError::Folder { path: self.0.display().to_string(), detail: error.to_string() }
    }
}

/// Where a file is, and which one it is.
pub(super) struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// Whether the file is still there. When the system does not tell, it may be.
    pub(super) fn is_kept(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(found) => (found.dev(), found.ino()) == (self.device, self.inode),
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        }
    }
}

/// Keeps other servers out of the folder.
pub(super) struct FolderLock(pub(super) File);

impl Drop for FolderLock {
    /// Closing the file is not enough: a child that was forked a moment ago holds it too until it
    /// has started its own program.
    fn drop(&mut self) {
        // If it fails, closing lets go.
        let _ = self.0.unlock();
    }
}

/// Two servers that start at once in an empty folder would each create a ledger, and one would
/// replace the other's. So a file of its own is locked before anything is looked at. The system
/// lets go of it when the program ends.
fn lock(folder: &Path, path: &Path) -> Result<FolderLock, LedgerError> {
    let refused = |error: io::Error| LedgerError::Folder {
        path: folder.display().to_string(),
        detail: error.to_string(),
    };
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(folder.join(LOCK_FILE)).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(LedgerError::Held { path: path.display().to_string() })
        }
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

/// Creates a folder and those above it. A folder whose own entry is lost in a crash takes the
/// ledger with it, so the folder above is synced too.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    create_folder(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists || !folder.is_dir() => Err(error),
        _ => sync_folder(above),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
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
