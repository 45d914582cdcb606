//! Objects on their way up: in one request, or in parts.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::connection::{ATTEMPTS, Connection};
use super::failure::{failure, is_conflict};
use crate::error::{ErrorKind, StoreError};

/// S3 takes no more parts of one object.
const MOST_PARTS: usize = 10_000;
/// Parts on their way at once: they share one network.
const PARTS_AT_ONCE: usize = 4;

/// What became of one try that failed.
enum Refused {
    /// Another write was in progress and this one did not take place, or it cannot be told. Tried again, it meets what
    /// stands there.
    Again(StoreError),
    Other(StoreError),
}

impl Refused {
    fn new<E>(only_new: bool, subject: &str, error: SdkError<E>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        // An upload that is gone was completed by an attempt whose answer was lost, or aborted by somebody.
        let again = is_conflict(&error) || error.code() == Some("NoSuchUpload");
        let error = failure(if only_new { "create" } else { "write" }, subject, error);
        if again { Self::Again(error) } else { Self::Other(error) }
    }
}

impl Connection {
    /// Writes an object; with `only_new` only when there is none.
    pub async fn upload(&self, key: &str, bytes: Bytes, only_new: bool) -> Result<(), StoreError> {
        let mut attempt = 1;
        loop {
            let outcome = if bytes.len() > self.options.multipart_above {
                self.upload_in_parts(key, &bytes, only_new).await
            } else {
                self.put(key, bytes.clone(), only_new).await
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(Refused::Again(_)) if attempt < ATTEMPTS => self.pause(attempt).await,
                Err(Refused::Again(error) | Refused::Other(error)) => return Err(error),
            }
            attempt += 1;
        }
    }

    async fn put(&self, key: &str, bytes: Bytes, only_new: bool) -> Result<(), Refused> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = request.body(ByteStream::from(bytes));
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
        match request.set_if_none_match(only_new.then(|| "*".to_owned())).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(Refused::new(only_new, &self.subject(key), error)),
        }
    }

    async fn upload_in_parts(
        &self,
        key: &str,
        bytes: &Bytes,
        only_new: bool,
    ) -> Result<(), Refused> {
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(key);
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
        let id = match request.checksum_type(ChecksumType::FullObject).send().await {
            Ok(upload) => upload.upload_id.unwrap_or_default(),
            Err(error) => return Err(Refused::new(only_new, &self.subject(key), error)),
        };
        let outcome = match self.upload_parts(key, &id, bytes).await {
            Ok(parts) => self.complete(key, &id, parts, only_new).await,
            Err(error) => Err(Refused::Other(error)),
        };
        if outcome.is_err() {
            // Parts of nothing cost money until they are aborted. When this fails too, the bucket's lifecycle rule
            // has to (docs/store.md names it); what went wrong first is what is reported.
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key);
            let _ = abort.upload_id(&id).send().await;
        }
        outcome
    }

    async fn upload_parts(
        &self,
        key: &str,
        id: &str,
        bytes: &Bytes,
    ) -> Result<Vec<CompletedPart>, StoreError> {
        let size = self.options.part_bytes.max(bytes.len().div_ceil(MOST_PARTS)).max(1);
        let (mut running, mut done) = (JoinSet::new(), Vec::new());
        for (number, start) in (1..).zip((0..bytes.len()).step_by(size)) {
            if running.len() == PARTS_AT_ONCE {
                done.push(self.next_part(key, &mut running).await?);
            }
            let part = bytes.slice(start..bytes.len().min(start + size));
            let (connection, key, id) = (self.clone(), key.to_owned(), id.to_owned());
            running.spawn(async move { connection.upload_part(&key, &id, number, part).await });
        }
        while !running.is_empty() {
            done.push(self.next_part(key, &mut running).await?);
        }
        done.sort_unstable_by_key(|part| part.part_number);
        Ok(done)
    }

    async fn next_part(
        &self,
        key: &str,
        running: &mut JoinSet<Result<CompletedPart, StoreError>>,
    ) -> Result<CompletedPart, StoreError> {
        match running.join_next().await {
            Some(Ok(outcome)) => outcome,
            _ => {
                let cause = "a part's upload ended without an answer";
                Err(StoreError::new(
                    ErrorKind::Failed,
                    "upload a part of",
                    self.subject(key),
                    cause,
                ))
            }
        }
    }

    async fn upload_part(
        &self,
        key: &str,
        id: &str,
        number: i32,
        part: Bytes,
    ) -> Result<CompletedPart, StoreError> {
        let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(id);
        let request = request.part_number(number).body(ByteStream::from(part));
        match request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await {
            Ok(done) => Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(done.e_tag)
                .set_checksum_crc64_nvme(done.checksum_crc64_nvme)
                .build()),
            Err(error) => Err(failure("upload a part of", &self.subject(key), error)),
        }
    }

    async fn complete(
        &self,
        key: &str,
        id: &str,
        parts: Vec<CompletedPart>,
        only_new: bool,
    ) -> Result<(), Refused> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key);
        let request = request.upload_id(id).multipart_upload(parts);
        match request.set_if_none_match(only_new.then(|| "*".to_owned())).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(Refused::new(only_new, &self.subject(key), error)),
        }
    }
}
