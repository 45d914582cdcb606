//! Inputs that are no files here. Whoever can reach S3 says how they are found and read; this module knows no client.

use std::error::Error;
use std::fmt::Debug;
use std::io::Read;
use std::ops::Range;

use bytes::Bytes;

/// Why they could not be found or read. Its text names the object.
pub type RemoteError = Box<dyn Error + Send + Sync>;

/// Finds objects.
pub trait Remote: Debug + Send + Sync {
    /// The objects at `s3://bucket/path`: the one with this very key; or else all below `path/`, sorted bytewise.
    ///
    /// # Errors
    /// When they cannot be looked for. Nothing there is an empty list.
    fn objects(&self, location: &str) -> Result<Vec<Box<dyn RemoteObject>>, RemoteError>;
}

/// One object, as it was when it was found: reading it fails when it has been replaced since.
pub trait RemoteObject: Debug + Send + Sync {
    /// `s3://bucket/key`.
    fn location(&self) -> String;

    /// The size.
    fn bytes(&self) -> u64;

    /// Reads a range of bytes, cut where the object ends.
    ///
    /// # Errors
    /// When the object is gone or was replaced, or cannot be reached.
    fn read_range(&self, range: Range<u64>) -> Result<Bytes, RemoteError>;

    /// Reads from the beginning to the end.
    fn reader(&self) -> Box<dyn Read + Send>;
}

/// Where nothing can be found.
#[cfg(test)]
#[derive(Debug)]
pub struct Nowhere;

#[cfg(test)]
impl Remote for Nowhere {
    fn objects(&self, location: &str) -> Result<Vec<Box<dyn RemoteObject>>, RemoteError> {
        Err(format!("{location} is not reached by tests").into())
    }
}
