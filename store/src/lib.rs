//! Bytes in and out: where versions live, how one is committed, and how one is opened.
//!
//! Calls block: whoever needs them beside async work gives them a thread. This crate must not know what the tables
//! mean (that is `akin-schemas`) or how similarities are computed.

mod delta_log;
mod error;
mod folder;
mod last_run;
mod open;
mod pointers;
mod publication;
mod s3;

pub use delta_log::{
    DeltaLogError, ensure_delta_logs, extend_delta_logs, manifest_of, note_checkpoint,
    standing_entry, write_checkpoint,
};
pub use error::{ErrorKind, StoreError};
pub use folder::FolderStore;
pub use last_run::{read_last_run, write_last_run};
pub use open::{
    Newest, OpenError, OpenedVersion, Part, open_newest, open_version, published_sequences,
    read_manifest,
};
pub use pointers::{write_pointers, write_pointers_after};
pub use publication::{Commit, CommitError, Content, GRACE_PERIOD, Publication, RUN_AGE_LIMIT};
pub use s3::{S3Input, S3Options, S3Reader, S3Store, s3_inputs, s3_inputs_with};

use std::ops::Range;
use std::sync::Arc;

use akin_schemas::ObjectKey;
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// When it was written, by the store's own clock.
    pub modified: DateTime<Utc>,
}

/// What a write that was broken off left behind, outside the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is, for people.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// A place for objects: a folder, or an S3 prefix.
///
/// Every method is one promise, kept by every backend and checked by one contract suite. An error whose
/// [`StoreError::may_have_happened`] is true says nothing about what the store holds now.
pub trait Store: Send + Sync {
    /// Where this is, for people.
    fn location(&self) -> String;

    /// Creates an object that does not exist yet, whole or not at all; durable when this returns.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when there is one; of several writers that race, exactly one succeeds.
    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError>;

    /// Writes an object that no program trusts, replacing what is there; readers see the old one or the new one.
    ///
    /// # Errors
    /// When the store fails.
    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError>;

    /// Reads an object.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError>;

    /// Reads the bytes `range` of an object: fewer where it ends before, none where it ends before the range begins.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Deletes an object; one that is not there is deleted already.
    ///
    /// # Errors
    /// When the store fails.
    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Lists the objects below `prefix` (which ends with `/`) whose keys come after `after`, bytewise, in that order.
    ///
    /// # Errors
    /// When the store fails. A prefix without objects is an empty list.
    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError>;

    /// Finds what writes that were broken off before `before` left behind, and removes it when told to. A backend that
    /// cleans up after itself has none.
    ///
    /// # Errors
    /// When the store fails.
    fn sweep(&self, before: DateTime<Utc>, remove: bool) -> Result<Vec<Leftover>, StoreError> {
        let _ = (before, remove);
        Ok(Vec::new())
    }
}

/// Opens a store for reading: as [`open_store`], but a folder that is missing is not created.
///
/// # Errors
/// As for [`open_store`], and when the folder is missing.
pub fn open_existing_store(location: &str) -> Result<Arc<dyn Store>, StoreError> {
    if !location.contains("://") && !std::path::Path::new(location).is_dir() {
        let cause = "there is no such folder; check the path, or publish a first version with akin-batch run";
        return Err(StoreError::new(ErrorKind::Failed, "open the store", location, cause));
    }
    open_store(location)
}

/// Opens the store at a location: `s3://bucket/prefix`, or the path of a folder, which is created when it is missing.
///
/// # Errors
/// When the folder cannot be created or read, S3 cannot be reached or refuses, or the location names a kind of store
/// that this build does not have.
pub fn open_store(location: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(location, S3Store::open)
}

/// The same for whoever can wait for the store: S3 is not asked for anything, and so need not answer yet.
///
/// # Errors
/// As for [`open_store`], but for what only S3 itself can tell.
pub fn open_store_unseen(location: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(location, |location| S3Store::open_unseen(location, S3Options::default()))
}

fn open_with(
    location: &str,
    open_s3: impl Fn(&str) -> Result<S3Store, StoreError>,
) -> Result<Arc<dyn Store>, StoreError> {
    match location.split_once("://") {
        None if location.starts_with("s3:") => {
            let cause = "a bucket is written s3://bucket/prefix; a folder of this name ./s3:...";
            Err(StoreError::new(ErrorKind::Failed, "open the store", location, cause))
        }
        None => Ok(Arc::new(FolderStore::open(location)?)),
        Some(("s3", _)) => Ok(Arc::new(open_s3(location)?)),
        Some((scheme, _)) => Err(StoreError::unsupported(location, scheme)),
    }
}
