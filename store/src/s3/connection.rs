//! One bucket, reached through the SDK, whose futures run on threads of their own.

use std::env;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use bytes::Bytes;
use tokio::runtime::Runtime;

use super::failure::{chain, failure};
use super::options::S3Options;
use crate::error::{ErrorKind, StoreError};

/// The SDK tries a call this often; we try an answer that breaks off, or a conflict, this often.
pub(super) const ATTEMPTS: u32 = 4;

/// One bucket.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub client: Client,
    pub bucket: String,
    pub options: S3Options,
}

impl Connection {
    /// Finds region and credentials. Sends nothing to S3 yet.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn new(bucket: &str, options: S3Options) -> Result<Self, StoreError> {
        let subject = format!("s3://{bucket}");
        let bucket = bucket.to_owned();
        wait(&subject.clone(), async move {
            let refuse = |cause: String| {
                Err(StoreError::new(ErrorKind::Failed, "open", subject.clone(), cause))
            };
            let sdk = sdk_config(&options).await;
            if sdk.region().is_none() {
                return refuse("the bucket's region is not known; set AWS_REGION".to_owned());
            }
            let Some(provider) = sdk.credentials_provider() else {
                return refuse("there is no source of credentials".to_owned());
            };
            if let Err(error) = provider.provide_credentials().await {
                return refuse(format!(
                    "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give \
                     this machine or container a role ({})",
                    chain(&error)
                ));
            }
            // How many retries are left is counted for this bucket alone: else one that fails takes them from others.
            let retries = RetryPartition::custom(bucket.clone()).build();
            let mut config = aws_sdk_s3::config::Builder::from(&sdk).retry_partition(retries);
            if let Some(path_style) = path_style(&options, &sdk) {
                config = config.force_path_style(path_style);
            }
            Ok(Self { client: Client::from_conf(config.build()), bucket, options })
        })
    }

    /// A key as people write it.
    pub fn subject(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Reads an object, or a range of it that is not empty: fewer bytes where it ends before. With `etag`, of that
    /// very object. A body that breaks off is asked for again: the SDK's retries end where the body begins.
    pub async fn read(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
        etag: Option<&str>,
    ) -> Result<Bytes, StoreError> {
        let range = range.map(|(start, end)| format!("bytes={start}-{}", end - 1));
        let mut attempt = 1;
        loop {
            let request = self.client.get_object().bucket(&self.bucket).key(key);
            let request = request.set_range(range.clone()).set_if_match(etag.map(str::to_owned));
            let output = match request.send().await {
                Ok(output) => output,
                Err(error) if error.raw_response().is_some_and(|r| r.status().as_u16() == 416) => {
                    return Ok(Bytes::new());
                }
                Err(error) => return Err(failure("read", &self.subject(key), error)),
            };
            let promised = output.content_length();
            let cause = match output.body.collect().await {
                Ok(body) => {
                    let bytes = body.into_bytes();
                    if promised
                        .is_none_or(|promised| u64::try_from(promised) == Ok(bytes.len() as u64))
                    {
                        return Ok(bytes);
                    }
                    format!("{} bytes came of {} promised", bytes.len(), promised.unwrap_or(0))
                }
                Err(error) => chain(&error),
            };
            if attempt == ATTEMPTS {
                let cause = format!("the answer broke off {attempt} times: {cause}");
                return Err(StoreError::new(ErrorKind::Failed, "read", self.subject(key), cause));
            }
            self.pause(attempt).await;
            attempt += 1;
        }
    }

    /// Waits before attempt `attempt + 1`.
    pub async fn pause(&self, attempt: u32) {
        tokio::time::sleep(self.options.retry_delay * 2u32.pow(attempt - 1)).await;
    }

    /// Lists the objects whose keys begin with `prefix`, after `after`; at most about `limit` of them.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: Option<i32>,
    ) -> Result<Vec<aws_sdk_s3::types::Object>, StoreError> {
        let mut objects = Vec::new();
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let request = request.set_max_keys(limit).set_start_after(after.clone());
            let page = match request.set_continuation_token(token).send().await {
                Ok(page) => page,
                Err(error) => return Err(failure("list", &self.subject(prefix), error)),
            };
            token = page.next_continuation_token;
            objects.extend(page.contents.unwrap_or_default());
            let full = limit.is_some_and(|limit| objects.len() as i64 >= i64::from(limit));
            if token.is_none() || full {
                return Ok(objects);
            }
        }
    }
}

async fn sdk_config(options: &S3Options) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(options.retry_delay)
                .with_max_backoff(Duration::from_secs(5)),
        )
        // Of an attempt: up to the answer's head. A part of 16 MiB has two minutes. A body that stalls is given up by
        // the SDK's own watch over throughput.
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .read_timeout(Duration::from_secs(30))
                .operation_attempt_timeout(Duration::from_secs(120))
                .operation_timeout(Duration::from_secs(300))
                .build(),
        );
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some((id, secret)) = &options.credentials {
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "options"));
    }
    loader = loader.region(region(options).await);
    loader.load().await
}

async fn region(options: &S3Options) -> Option<Region> {
    if let Some(region) = &options.region {
        return Some(Region::new(region.clone()));
    }
    let elsewhere = options.endpoint_url.is_some()
        || ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .any(|name| env::var_os(name).is_some());
    if elsewhere {
        // Other endpoints rarely care, and asking the machine for its region takes seconds where there is none.
        let environment = aws_config::environment::EnvironmentVariableRegionProvider::new();
        let profile = aws_config::profile::ProfileFileRegionProvider::builder().build();
        let known = RegionProviderChain::first_try(environment).or_else(profile);
        return known.or_else(Region::new("us-east-1")).region().await;
    }
    RegionProviderChain::default_provider().region().await
}

fn path_style(options: &S3Options, sdk: &SdkConfig) -> Option<bool> {
    let asked = || env::var("AKIN_S3_PATH_STYLE").ok().map(|text| text == "true" || text == "1");
    let elsewhere = sdk.endpoint_url().is_some() || env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    options.path_style.or_else(asked).or(elsewhere.then_some(true))
}

/// The threads on which the SDK's futures run. One runtime a process: it outlives every store, and nothing has to be
/// shut down in a place where blocking is not allowed.
fn runtime(subject: &str) -> Result<&'static Runtime, StoreError> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(2).thread_name("s3").enable_all();
        builder.build().map_err(|error| error.to_string())
    });
    let refused =
        |cause: &String| StoreError::new(ErrorKind::Failed, "reach", subject, cause.clone());
    runtime.as_ref().map_err(refused)
}

/// Starts a call; its outcome arrives in the channel.
pub(super) fn start<T: Send + 'static>(
    subject: &str,
    call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<Receiver<Result<T, StoreError>>, StoreError> {
    let (sender, receiver) = channel();
    runtime(subject)?.spawn(async move {
        // Nobody listens any more when a reader was dropped.
        let _ = sender.send(call.await);
    });
    Ok(receiver)
}

/// Waits for a call that was started.
pub(super) fn finish<T>(
    subject: &str,
    receiver: &Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    receiver.recv().unwrap_or_else(|_| {
        let cause = "the call ended without an answer";
        Err(StoreError::new(ErrorKind::Failed, "reach", subject, cause))
    })
}

/// Makes a call and waits for it: on any thread, because the call runs on others.
pub(super) fn wait<T: Send + 'static>(
    subject: &str,
    call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    finish(subject, &start(subject, call)?)
}
