//! A store in a folder of a local or network file system that has hard links and honest fsync.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use akin_schemas::ObjectKey;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::error::{ErrorKind, StoreError};
use crate::{Leftover, Listed, Store};

/// Where objects are written before they get their name; no table engine looks into dot folders.
const STAGING: &str = ".staging";

/// A store in a folder.
#[derive(Debug)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Opens a folder, creating it when it is missing.
    ///
    /// # Errors
    /// When it cannot be created or is not a folder.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let given = root.as_ref();
        let refused = |cause: &str| {
            StoreError::new(ErrorKind::Failed, "open the store", given.display(), cause)
        };
        if given.as_os_str().is_empty() {
            return Err(refused(
                "its name is empty; give the path of a folder, or s3://bucket/prefix",
            ));
        }
        if given.exists() && !given.is_dir() {
            return Err(refused(
                "that is a file; give the path of a folder, or s3://bucket/prefix",
            ));
        }
        let failed = |cause| StoreError::io("open the store", given.display(), cause);
        fs::create_dir_all(given).map_err(failed)?;
        let root = given.canonicalize().map_err(failed)?;
        Ok(Self { root })
    }

    /// Fails when the folder itself is gone, as when a volume is not mounted: nothing may then seem to be empty, and
    /// nothing be written into what the volume would hide.
    fn check_root(&self) -> io::Result<()> {
        if self.root.is_dir() {
            return Ok(());
        }
        let text = "the store's folder is gone; bring it back, such as by mounting its volume";
        Err(io::Error::other(text))
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Writes a file under a name of its own, durably.
    fn stage(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        self.check_root()?;
        let folder = self.root.join(STAGING);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{:016x}", std::process::id(), rand::random::<u64>()));
        let mut file = File::create_new(&path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        // A disk that is full must not be filled by each further try.
        or_removed(written, &path).map(|()| path)
    }

    /// A failed call. What is not found because the whole folder is gone is no object that there is not.
    fn failed(&self, operation: &'static str, subject: &Path, cause: io::Error) -> StoreError {
        let is_absent = cause.kind() == io::ErrorKind::NotFound;
        let cause = self.check_root().err().filter(|_| is_absent).unwrap_or(cause);
        StoreError::io(operation, subject.display(), cause)
    }

    /// Creates the folders above a path and makes their names durable.
    fn make_parents(&self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        if !parent.is_dir() {
            self.check_root()?;
            self.make_parents(parent)?;
            match fs::create_dir(parent) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_folder(parent.parent())?,
            }
        }
        Ok(())
    }

    /// Removes the folder of a version that has lost its last file. Nobody writes into it again: a version's name is
    /// never used twice. Other folders stay, because a file may be on its way into them.
    fn remove_if_empty(&self, folder: Option<&Path>) {
        let is_versions = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("version=");
        if let Some(folder) = folder.filter(|folder| folder.file_name().is_some_and(is_versions)) {
            // It fails when there is something in it.
            let _ = fs::remove_dir(folder);
        }
    }

    fn walk(&self, folder: &Path, found: &mut Vec<Listed>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let metadata = match fs::metadata(&path) {
                // Gone since. Whatever else cannot be looked at must not seem to be absent.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            if metadata.is_dir() {
                self.walk(&path, found)?;
            } else if let Some(key) = self.key(&path) {
                let modified = metadata.modified().map_or(DateTime::UNIX_EPOCH, DateTime::from);
                found.push(Listed { key, bytes: metadata.len(), modified });
            }
        }
        Ok(())
    }

    /// The key of a path; none for files that no store would have written.
    fn key(&self, path: &Path) -> Option<ObjectKey> {
        let text = path.strip_prefix(&self.root).ok()?.to_str()?;
        ObjectKey::try_from(text.to_owned()).ok()
    }
}

/// What came of a step with a staged file, which is removed when it failed.
fn or_removed<T>(outcome: io::Result<T>, staged: &Path) -> io::Result<T> {
    outcome.inspect_err(|_| drop(fs::remove_file(staged)))
}

fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

impl Store for FolderStore {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.path(key);
        let create = || {
            self.make_parents(&path)?;
            let staged = self.stage(&bytes)?;
            // A hard link, unlike a rename, fails when the name is taken.
            let linked = fs::hard_link(&staged, &path);
            let removed = fs::remove_file(&staged);
            linked?;
            sync_folder(path.parent())?;
            removed
        };
        create().map_err(|cause| self.failed("create", &path, cause))
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.path(key);
        let overwrite = || {
            self.make_parents(&path)?;
            let staged = self.stage(&bytes)?;
            or_removed(fs::rename(&staged, &path), &staged)?;
            sync_folder(path.parent())
        };
        overwrite().map_err(|cause| self.failed("write", &path, cause))
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => Ok(Bytes::from(bytes)),
            Err(cause) => Err(self.failed("read", &path, cause)),
        }
    }

    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        let path = self.path(key);
        let read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
            Ok(Bytes::from(bytes))
        };
        read().map_err(|cause| self.failed("read", &path, cause))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let path = self.path(key);
        let delete = || match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.check_root(),
            Err(error) => Err(error),
            Ok(()) => {
                sync_folder(path.parent())?;
                self.remove_if_empty(path.parent());
                Ok(())
            }
        };
        delete().map_err(|cause| StoreError::io("delete", path.display(), cause))
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        let folder = self.root.join(prefix);
        let mut found = Vec::new();
        self.check_root()
            .and_then(|()| self.walk(&folder, &mut found))
            .map_err(|cause| StoreError::io("list", folder.display(), cause))?;
        if let Some(after) = after {
            found.retain(|listed| listed.key > *after);
        }
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn sweep(&self, before: DateTime<Utc>, remove: bool) -> Result<Vec<Leftover>, StoreError> {
        let folder = self.root.join(STAGING);
        let sweep = || {
            let mut found = Vec::new();
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return self.check_root().map(|()| found);
                }
                entries => entries?,
            };
            for entry in entries {
                let path = entry?.path();
                // What is gone by now has got its name.
                let Ok(metadata) = fs::metadata(&path) else { continue };
                if metadata.is_file() && DateTime::<Utc>::from(metadata.modified()?) < before {
                    let name = path.display().to_string();
                    found.push(Leftover { name, bytes: metadata.len() });
                    if remove {
                        fs::remove_file(&path)?;
                    }
                }
            }
            found.sort_unstable_by(|a: &Leftover, b| a.name.cmp(&b.name));
            Ok(found)
        };
        sweep().map_err(|cause| StoreError::io("sweep", folder.display(), cause))
    }
}
