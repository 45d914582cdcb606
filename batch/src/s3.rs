//! Input files in S3, read with the store's client.

use std::io::Read;
use std::ops::Range;

use akin_store::{S3Input, s3_inputs};
use bytes::Bytes;

use crate::ingest::{Remote, RemoteError, RemoteObject};

/// S3, reached as the environment says.
#[derive(Debug, Clone, Copy)]
pub struct S3;

impl Remote for S3 {
    fn objects(&self, location: &str) -> Result<Vec<Box<dyn RemoteObject>>, RemoteError> {
        let found = s3_inputs(location)?;
        Ok(found
            .into_iter()
            .map(|input| Box::new(Object(input)) as Box<dyn RemoteObject>)
            .collect())
    }
}

/// One object.
#[derive(Debug)]
struct Object(S3Input);

impl RemoteObject for Object {
    fn location(&self) -> String {
        self.0.location()
    }

    fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    fn read_range(&self, range: Range<u64>) -> Result<Bytes, RemoteError> {
        Ok(self.0.read_range(range)?)
    }

    fn reader(&self) -> Box<dyn Read + Send> {
        Box::new(self.0.reader())
    }
}
