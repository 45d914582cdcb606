//! Input files in S3: objects under any key, read from the beginning or by range.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::mpsc::Receiver;

use bytes::{Buf, Bytes};
use chrono::{DateTime, Utc};

use super::connection::{Connection, finish, start, wait};
use super::location::S3Location;
use super::options::S3Options;
use crate::error::{ErrorKind, StoreError};

/// What a reader asks for at once, in bytes. It holds two of these: the one being read, and the next on its way.
const CHUNK: u64 = 8 << 20;

/// One input object, as it was when it was listed: reading it fails when it has been replaced since.
#[derive(Debug, Clone)]
pub struct S3Input {
    connection: Connection,
    key: String,
    bytes: u64,
    etag: Option<String>,
    modified: DateTime<Utc>,
}

/// The objects at `s3://bucket/path`: the one with this very key; or else all below `path/`, sorted bytewise by key.
/// A path that ends with a slash, or a bucket alone, stands for what is below. Objects of no bytes whose key ends with
/// a slash (folders, as consoles make them) are left out.
///
/// # Errors
/// When the location is none, S3 cannot be reached or refuses. Nothing there is an empty list.
pub fn s3_inputs(location: &str) -> Result<Vec<S3Input>, StoreError> {
    s3_inputs_with(location, S3Options::default())
}

/// The same, with S3 reached in another way.
///
/// # Errors
/// As for [`s3_inputs`].
pub fn s3_inputs_with(location: &str, options: S3Options) -> Result<Vec<S3Input>, StoreError> {
    let parsed = S3Location::parse(location)?;
    let connection = Connection::new(&parsed.bucket, options)?;
    let asked = connection.clone();
    let (path, folder) = (parsed.path.clone(), parsed.folder());
    let objects = wait(location, async move {
        if !path.is_empty() && !path.ends_with('/') {
            // The key itself sorts first of all that begin with it.
            let first = asked.list(&path, None, Some(1)).await?;
            if first.first().is_some_and(|object| object.key() == Some(&path)) {
                return Ok(first);
            }
        }
        asked.list(&folder, None, None).await
    })?;
    let inputs = objects.into_iter().filter_map(|object| {
        let key = object.key?;
        let bytes = u64::try_from(object.size?).ok()?;
        let modified = object
            .last_modified
            .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
            .unwrap_or_default();
        let (connection, etag) = (connection.clone(), object.e_tag);
        (bytes > 0 || !key.ends_with('/')).then_some(S3Input {
            connection,
            key,
            bytes,
            etag,
            modified,
        })
    });
    let mut inputs: Vec<S3Input> = inputs.collect();
    inputs.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(inputs)
}

impl S3Input {
    /// `s3://bucket/key`.
    pub fn location(&self) -> String {
        self.connection.subject(&self.key)
    }

    /// The key in its bucket.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When it was written, by S3's clock.
    pub fn modified(&self) -> DateTime<Utc> {
        self.modified
    }

    /// What changes whenever the object does; none where the server has no such thing.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Reads a range of bytes, cut where the object ends.
    ///
    /// # Errors
    /// When the object is gone or was replaced, or S3 fails.
    pub fn read_range(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        match self.start(range)? {
            Some(pending) => finish(&self.location(), &pending),
            None => Ok(Bytes::new()),
        }
    }

    /// Reads from the beginning to the end, one chunk ahead of the reader.
    pub fn reader(&self) -> S3Reader {
        S3Reader { input: self.clone(), chunk: Bytes::new(), next: 0, pending: None }
    }

    /// Asks for a range; none when it is empty.
    fn start(&self, range: Range<u64>) -> Result<Option<Pending>, StoreError> {
        let range = range.start..range.end.min(self.bytes);
        if range.is_empty() {
            return Ok(None);
        }
        let input = self.clone();
        let call = async move {
            let asked = Some((range.start, range.end));
            let bytes = input.connection.read(&input.key, asked, input.etag.as_deref()).await;
            let replaced = || {
                let cause = "it was replaced while it was being read; start again";
                StoreError::new(ErrorKind::Failed, "read", input.location(), cause)
            };
            match bytes {
                Ok(bytes) if bytes.len() as u64 == range.end - range.start => Ok(bytes),
                // Without an ETag a shorter object shows only so.
                Ok(_) => Err(replaced()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(replaced()),
                Err(error) => Err(error),
            }
        };
        start(&self.location(), call).map(Some)
    }
}

type Pending = Receiver<Result<Bytes, StoreError>>;

/// Reads one object from its beginning to its end; what was read is what was listed, or it fails.
#[derive(Debug)]
pub struct S3Reader {
    input: S3Input,
    /// What has arrived and was not read yet.
    chunk: Bytes,
    /// Where the next chunk to ask for begins.
    next: u64,
    pending: Option<Pending>,
}

impl S3Reader {
    fn ask(&mut self) -> Result<(), StoreError> {
        let range = self.next..self.next.saturating_add(CHUNK).min(self.input.bytes);
        self.pending = self.input.start(range.clone())?;
        self.next = range.end;
        Ok(())
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        if self.pending.is_none() {
            self.ask()?;
        }
        if let Some(pending) = self.pending.take() {
            self.chunk = finish(&self.input.location(), &pending)?;
            self.ask()?;
        }
        Ok(())
    }
}

impl Read for S3Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && !buffer.is_empty() {
            self.advance().map_err(io::Error::other)?;
        }
        let length = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
