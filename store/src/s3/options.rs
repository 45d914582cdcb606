//! How S3 is reached.

use std::time::Duration;

/// How S3 is reached. The default takes everything from where every AWS tool takes it: environment, profile, the
/// container's or the machine's role.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Another endpoint than AWS's own. None: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's.
    pub endpoint_url: Option<String>,
    /// None: `AWS_REGION`, the profile's, the machine's; `us-east-1` with another endpoint than AWS's own.
    pub region: Option<String>,
    /// An access key id and its secret. None: the default chain.
    pub credentials: Option<(String, String)>,
    /// Whether the bucket stands in the path rather than in the host's name. None: `AKIN_S3_PATH_STYLE` (true or
    /// false), else in the path with another endpoint than AWS's own, because few of those have a name a bucket.
    pub path_style: Option<bool>,
    /// Objects of more bytes than this go up in parts.
    pub multipart_above: usize,
    /// The size of such a part in bytes (S3 takes no less than 5 MiB); more where 10,000 would not hold the object.
    pub part_bytes: usize,
    /// How long to wait before a call is tried again; twice as long before each further time.
    pub retry_delay: Duration,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            endpoint_url: None,
            region: None,
            credentials: None,
            path_style: None,
            multipart_above: 32 << 20,
            part_bytes: 16 << 20,
            retry_delay: Duration::from_millis(100),
        }
    }
}
