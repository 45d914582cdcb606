//! What S3 says when it does not do something, in words that help.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{ErrorKind, StoreError};

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let in_one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = in_one_line(error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = in_one_line(error.to_string());
        // Many wrappers repeat what they wrap.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// A failed call as the store's error.
pub(super) fn failure<E>(operation: &'static str, subject: &str, error: SdkError<E>) -> StoreError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let failed = |cause: String| StoreError::new(ErrorKind::Failed, operation, subject, cause);
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    let code = error.code().unwrap_or("").to_owned();
    let region = error
        .raw_response()
        .and_then(|answer| answer.headers().get("x-amz-bucket-region"))
        .map(str::to_owned);
    match (status, code.as_str()) {
        (_, "NoSuchBucket") => failed("there is no such bucket; create it, or correct the location".to_owned()),
        // The upload is gone, not the object: completed by an attempt whose answer was lost, or aborted.
        (_, "NoSuchUpload") => failed("the upload in parts is gone".to_owned()),
        (_, "NoSuchKey") => StoreError::not_found(operation, subject),
        (Some(412), _) => StoreError::already_exists(operation, subject),
        (Some(301 | 307), _) | (_, "AuthorizationHeaderMalformed") => {
            let region = region.unwrap_or_else(|| "the bucket's region".to_owned());
            failed(format!("the bucket is in another region; set AWS_REGION to {region}"))
        }
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken") => {
            failed(format!("S3 does not accept the credentials ({code}); renew or correct them"))
        }
        (_, "RequestTimeTooSkewed") => {
            failed("S3 and this machine disagree on the time; set this machine's clock".to_owned())
        }
        (Some(403), _) if operation.contains("upload") || operation.contains("parts") => failed(
            "access is denied; allow s3:PutObject, s3:AbortMultipartUpload, s3:ListBucketMultipartUploads and \
             s3:ListMultipartUploadParts as docs/store.md shows"
                .to_owned(),
        ),
        (Some(403), _) => failed(
            "access is denied. Either the credentials may not do this, or there is no such object and they may \
             not list the bucket, in which case S3 does not say so: allow s3:GetObject, s3:PutObject and \
             s3:ListBucket as docs/store.md shows"
                .to_owned(),
        ),
        (Some(status), code) => {
            let cause = match code {
                "" => format!(
                    "the answer ({status}) is not one of S3's: {}; check AWS_ENDPOINT_URL",
                    chain(&error)
                ),
                code => {
                    let message = error.message().unwrap_or("no message");
                    format!("S3 answered {status} {code}: {message}")
                }
            };
            // Out of order, or asked too much.
            let is_outage = status >= 500 || status == 429;
            if is_outage { StoreError::outage(operation, subject, cause) } else { failed(cause) }
        }
        (None, _) => {
            let cause = format!(
                "S3 cannot be reached: {}; check the network, AWS_ENDPOINT_URL and AWS_REGION",
                chain(&error)
            );
            // What was not even sent, such as to an address that is none, never works.
            let is_outage = match &error {
                SdkError::ConstructionFailure(_) => false,
                SdkError::DispatchFailure(failure) => !failure.is_user(),
                _ => true,
            };
            if is_outage { StoreError::outage(operation, subject, cause) } else { failed(cause) }
        }
    }
}

/// Whether S3 refused a write because another was in progress; it may do this one when asked again.
pub(super) fn is_conflict<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().as_u16() == 409)
}
