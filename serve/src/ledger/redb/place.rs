//! The ledger's folder, and what is in it.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::Utc;
use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::ledger::LedgerError;

const LOCK_FILE: &str = "ledger.lock";

/// Where a ledger's journal is.
pub(super) trait JournalPlace {
    /// Creates it where there is none, so that it is there after a power cut, too.
    fn storage(&self) -> Result<Box<dyn StorageBackend>, LedgerError>;

    /// Keeps a copy of what is there, under a name with this number. Says which.
    fn keep(&self, number: u64) -> Result<String, LedgerError>;
}

/// The file of this path.
pub(super) struct JournalFile(pub(super) PathBuf);

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

    fn keep(&self, number: u64) -> Result<String, LedgerError> {
        let copy = self.free_name(number);
        let copied = fs::copy(&self.0, &copy).and_then(|_| File::open(&copy)?.sync_all());
        copied.map_err(|error| self.refused(&error))?;
        Ok(copy.display().to_string())
    }
}

impl JournalFile {
    /// A name that nothing has yet, with this number.
    fn free_name(&self, number: u64) -> PathBuf {
        let name = self.0.with_added_extension(number.to_string());
        if !name.exists() {
            return name;
        }
        name.with_added_extension(Utc::now().timestamp_micros().to_string())
    }

    /// Moves it out of the way of a new ledger. Says under which name.
    pub(super) fn set_aside(&self) -> Result<String, LedgerError> {
        let aside = self.free_name(0);
        fs::rename(&self.0, &aside).map_err(|error| self.refused(&error))?;
        Ok(aside.display().to_string())
    }

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
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// What the file takes, in bytes.
    pub(super) fn bytes(&self) -> Option<u64> {
        fs::metadata(&self.path).ok().map(|found| found.len())
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
pub(super) fn lock(folder: &Path, path: &Path) -> Result<FolderLock, LedgerError> {
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
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
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

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
