//! A store below a prefix of an S3 bucket, and input files in one.

mod connection;
mod failure;
mod inputs;
mod location;
mod options;
mod unfinished;
mod upload;

pub use inputs::{S3Input, S3Reader, s3_inputs, s3_inputs_with};
pub use options::S3Options;

use std::future::Future;
use std::ops::Range;

use akin_schemas::ObjectKey;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use self::connection::{Connection, wait};
use self::failure::failure;
use self::location::S3Location;
use crate::error::StoreError;
use crate::{Leftover, Listed, Store};

/// A store below a prefix of a bucket.
#[derive(Debug)]
pub struct S3Store {
    connection: Connection,
    /// Empty, or with a slash at its end.
    folder: String,
}

impl S3Store {
    /// Opens `s3://bucket/prefix`, and sees whether it may be listed.
    ///
    /// # Errors
    /// When the location is none, region or credentials are missing, or S3 cannot be reached or refuses.
    pub fn open(location: &str) -> Result<Self, StoreError> {
        Self::open_with(location, S3Options::default())
    }

    /// The same, reached in another way.
    ///
    /// # Errors
    /// As for [`S3Store::open`].
    pub fn open_with(location: &str, options: S3Options) -> Result<Self, StoreError> {
        let store = Self::open_unseen(location, options)?;
        let prefix = format!("{}{}", store.folder, ObjectKey::MANIFESTS);
        store.call(|connection| async move { connection.list(&prefix, None, Some(1)).await })?;
        Ok(store)
    }

    /// The same without asking S3 for anything.
    ///
    /// # Errors
    /// When the location is none, or region or credentials are missing.
    pub fn open_unseen(location: &str, options: S3Options) -> Result<Self, StoreError> {
        let parsed = S3Location::parse(location)?;
        let connection = Connection::new(&parsed.bucket, options)?;
        Ok(Self { connection, folder: parsed.folder() })
    }

    fn path(&self, key: &ObjectKey) -> String {
        format!("{}{key}", self.folder)
    }

    fn call<T, F>(&self, call: impl FnOnce(Connection) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        wait(&self.location(), call(self.connection.clone()))
    }
}

impl Store for S3Store {
    fn location(&self) -> String {
        let location = self.connection.subject(&self.folder);
        location.trim_end_matches('/').to_owned()
    }

    /// A retry inside the SDK can meet the object that an earlier attempt created, and then says that it exists.
    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.path(key);
        self.call(|connection| async move { connection.upload(&path, bytes, true).await })
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.path(key);
        self.call(|connection| async move { connection.upload(&path, bytes, false).await })
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        let path = self.path(key);
        self.call(|connection| async move { connection.read(&path, None, None).await })
    }

    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        let path = self.path(key);
        // HTTP has no empty range: one byte tells whether the object is there.
        let (start, end) = (range.start, range.end.max(range.start + 1));
        let bytes = self.call(|connection| async move {
            connection.read(&path, Some((start, end)), None).await
        })?;
        Ok(if range.is_empty() { Bytes::new() } else { bytes })
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let path = self.path(key);
        let outcome = self.call(|connection| async move {
            let request = connection.client.delete_object().bucket(&connection.bucket).key(&path);
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(failure("delete", &connection.subject(&path), error)),
            }
        });
        // Some servers say so instead of nothing.
        outcome.or_else(|error| match error.kind() {
            crate::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        let below = format!("{}{prefix}", self.folder);
        let start = after.map(|after| self.path(after));
        let objects =
            self.call(|connection| async move { connection.list(&below, start, None).await })?;
        let listed = objects.into_iter().filter_map(|object| {
            // What no store would have written is not listed.
            let name = object.key?.strip_prefix(&self.folder)?.to_owned();
            let key = ObjectKey::try_from(name).ok()?;
            let bytes = u64::try_from(object.size?).ok()?;
            let modified = object
                .last_modified
                .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()));
            Some(Listed { key, bytes, modified: modified.unwrap_or_default() })
        });
        let mut listed: Vec<Listed> =
            listed.filter(|listed| after.is_none_or(|after| listed.key > *after)).collect();
        // Directory buckets list in no order.
        listed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }
    /// Uploads in parts that a crash left behind.
    fn sweep(&self, before: DateTime<Utc>, remove: bool) -> Result<Vec<Leftover>, StoreError> {
        let folder = self.folder.clone();
        self.call(|connection| async move {
            let mut leftovers = Vec::new();
            for upload in connection.unfinished(&folder, before).await? {
                if remove {
                    connection.abort(&upload.key, &upload.id).await?;
                }
                let name = connection.subject(&upload.key);
                leftovers.push(Leftover { name, bytes: upload.bytes });
            }
            Ok(leftovers)
        })
    }
}
