//! Uploads in parts that were neither completed nor aborted: what a crash leaves. No listing of objects shows them, and
//! their parts cost what objects do.

use aws_sdk_s3::error::ProvideErrorMetadata;
use chrono::{DateTime, Utc};

use super::connection::Connection;
use super::failure::failure;
use crate::error::{ErrorKind, StoreError};

/// One upload.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub key: String,
    pub id: String,
    /// What its parts hold.
    pub bytes: u64,
}

impl Connection {
    /// The uploads below `prefix` that were begun before `before`, sorted by key.
    pub async fn unfinished(
        &self,
        prefix: &str,
        before: DateTime<Utc>,
    ) -> Result<Vec<Unfinished>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let (key, upload) = after.unzip();
            let request = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
            let request = request.set_key_marker(key).set_upload_id_marker(upload);
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) => {
                    return Err(failure("list uploads below", &self.subject(prefix), error));
                }
            };
            after = match (page.is_truncated, page.next_key_marker, page.next_upload_id_marker) {
                (Some(true), Some(key), Some(upload)) => Some((key, upload)),
                _ => None,
            };
            for upload in page.uploads.unwrap_or_default() {
                let begun = upload
                    .initiated
                    .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()));
                // Without a time nobody knows whether it is still at work.
                let (Some(key), Some(id), Some(begun)) = (upload.key, upload.upload_id, begun)
                else {
                    continue;
                };
                // Some servers pay no heed to the prefix.
                if begun < before && key.starts_with(prefix) {
                    let bytes = self.uploaded(&key, &id).await?;
                    found.push(Unfinished { key, id, bytes });
                }
            }
            if after.is_none() {
                found.sort_unstable_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
                return Ok(found);
            }
        }
    }

    /// What the parts of an upload hold; nothing when it is gone.
    async fn uploaded(&self, key: &str, id: &str) -> Result<u64, StoreError> {
        let mut bytes = 0;
        let mut after = None;
        loop {
            let request = self.client.list_parts().bucket(&self.bucket).key(key).upload_id(id);
            let page = match request.set_part_number_marker(after).send().await {
                Ok(page) => page,
                Err(error) if error.code() == Some("NoSuchUpload") => return Ok(bytes),
                Err(error) => return Err(failure("list parts of", &self.subject(key), error)),
            };
            let sizes = page.parts.unwrap_or_default().into_iter().filter_map(|part| part.size);
            bytes += sizes.filter_map(|size| u64::try_from(size).ok()).sum::<u64>();
            after = page.next_part_number_marker.filter(|_| page.is_truncated == Some(true));
            if after.is_none() {
                return Ok(bytes);
            }
        }
    }

    /// Aborts an upload; one that is gone is aborted already.
    pub async fn abort(&self, key: &str, id: &str) -> Result<(), StoreError> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(key);
        match request.upload_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => {
                let error = failure("abort an upload of", &self.subject(key), error);
                if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
            }
        }
    }
}
