//! The S3 that both programs find in their environment.

use std::sync::OnceLock;

use super::ministack::Ministack;

static ENVIRONMENT: OnceLock<[(&str, String); 4]> = OnceLock::new();

/// The server, started when a test first asks for it.
pub fn server() -> &'static Ministack {
    let server = Ministack::get();
    ENVIRONMENT.get_or_init(|| {
        [
            ("AWS_ENDPOINT_URL", server.endpoint()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    });
    server
}

/// What programs have to know in order to find it; nothing when no test asked for it.
pub fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    ENVIRONMENT.get().into_iter().flatten().map(|(name, value)| (*name, value.as_str()))
}

/// An object that is text.
pub fn text(bucket: &str, key: &str) -> String {
    let (status, text) = server().request("GET", &format!("/{bucket}/{key}"), b"");
    assert_eq!(status, 200, "{text}");
    text
}
