//! What the last run that ended well left behind, for whoever watches that runs go on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::VersionName;

/// The last run that ended well, whether it published or found nothing new: the body of `last-run.json`.
///
/// It is overwritten by each such run, carries no checksum, and may be missing or older than the truth: no program may do
/// anything with it but show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it ended, by the clock of its machine.
    pub finished_at: DateTime<Utc>,
    /// Whether it published the version; otherwise it found it to be current already.
    pub published: bool,
    /// The version that holds its input.
    pub version: VersionName,
    /// The version's number.
    pub sequence: u64,
    /// The program, such as `akin-batch 0.1.0`.
    pub written_by: String,
}

impl LastRun {
    /// At most this many bytes are read of one.
    pub const MAX_BYTES: u64 = 4096;

    /// Writes it as JSON.
    ///
    /// # Errors
    /// When serde_json refuses, which no value should be able to cause.
    pub fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads it from JSON; fields that are not known are passed over.
    ///
    /// # Errors
    /// When the bytes are no such record.
    pub fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_later_fields_are_passed_over() {
        let text = br#"{"finished_at":"2026-11-30T04:16:12.5Z","published":false,
            "version":"v20261123T204500Z-x7k2","sequence":12,"written_by":"akin-batch 9","later":[1]}"#;
        let read = LastRun::decode(text).unwrap();
        assert_eq!((read.published, read.sequence), (false, 12));
        assert_eq!(read.finished_at.timestamp_millis(), 1_796_012_172_500);
        let written = read.encode().unwrap();
        assert_eq!(LastRun::decode(&written).unwrap(), read);
        assert!((written.len() as u64) < LastRun::MAX_BYTES);
        for bytes in [&b""[..], b"{}", b"null", &text[..40]] {
            assert!(LastRun::decode(bytes).is_err());
        }
    }
}
