//! `last-run.json`: when a run last ended well. For whoever watches; no program trusts it.

use akin_schemas::{LastRun, ObjectKey};
use bytes::Bytes;

use crate::Store;
use crate::error::{ErrorKind, StoreError};

/// Records a run that ended well, in the place of the one before.
///
/// # Errors
/// When the store fails. What the run did stands all the same.
pub fn write_last_run(store: &dyn Store, run: &LastRun) -> Result<(), StoreError> {
    let key = ObjectKey::last_run();
    let bytes =
        run.encode().map_err(|error| StoreError::new(ErrorKind::Failed, "write", &key, error))?;
    store.overwrite(&key, Bytes::from(bytes))
}

/// The last run that ended well; none when none was recorded, as by programs older than the record.
///
/// # Errors
/// When the store fails or refuses, or something else stands there. On S3 a record that is not there is refused to
/// whoever may not list the whole bucket.
pub fn read_last_run(store: &dyn Store) -> Result<Option<LastRun>, StoreError> {
    let key = ObjectKey::last_run();
    let bytes = match store.get_range(&key, 0..LastRun::MAX_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    LastRun::decode(&bytes)
        .map(Some)
        .map_err(|error| StoreError::new(ErrorKind::Failed, "understand", &key, error))
}
