//! A JSON file that tells whether it is what was written: `{"sha256": <of the body's bytes>, "body": {...}}`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::checksum::Checksum;

/// Why bytes are not such a file.
#[derive(Debug, Error)]
pub enum FrameError {
    /// Not JSON, or not of this form.
    #[error("it does not parse: {0}")]
    Malformed(String),
    /// The body does not have the checksum that the file states.
    #[error("it is damaged: its body has sha256 {found}, it states {stated}")]
    Damaged {
        /// What the file says.
        stated: Checksum,
        /// What the body has.
        found: Checksum,
    },
}

#[derive(Serialize)]
struct Outgoing<'a> {
    sha256: Checksum,
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    sha256: Checksum,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The bytes of a file around `body`.
///
/// # Errors
/// When the body has no JSON form.
pub fn encode(body: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let body = RawValue::from_string(serde_json::to_string_pretty(body)?)?;
    around(Checksum::of(body.get().as_bytes()), &body)
}

/// The same as a value within another line of JSON: in one line itself.
///
/// # Errors
/// When the body has no JSON form.
pub fn value(body: &impl Serialize) -> Result<Box<RawValue>, serde_json::Error> {
    let body = RawValue::from_string(serde_json::to_string(body)?)?;
    let sha256 = Checksum::of(body.get().as_bytes());
    RawValue::from_string(serde_json::to_string(&Outgoing { sha256, body: &body })?)
}

/// The body of a [`value`].
///
/// # Errors
/// When it is none, or its body is not the one that was written.
pub fn value_body(value: &RawValue) -> Result<&RawValue, FrameError> {
    let malformed = |e: serde_json::Error| FrameError::Malformed(e.to_string());
    let Incoming { sha256: stated, body } = serde_json::from_str(value.get()).map_err(malformed)?;
    let found = Checksum::of(body.get().as_bytes());
    if found == stated { Ok(body) } else { Err(FrameError::Damaged { stated, found }) }
}

fn around(sha256: Checksum, body: &RawValue) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(&Outgoing { sha256, body })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The body of a file, exactly as it stands there, so that a reader that does not know every field can verify it.
///
/// # Errors
/// When the bytes are no such file, or differ anywhere from what was written.
pub fn body(bytes: &[u8]) -> Result<&RawValue, FrameError> {
    let malformed = |e: serde_json::Error| FrameError::Malformed(e.to_string());
    let Incoming { sha256: stated, body } = serde_json::from_slice(bytes).map_err(malformed)?;
    let found = Checksum::of(body.get().as_bytes());
    if found != stated {
        return Err(FrameError::Damaged { stated, found });
    }
    // Bytes outside the body are covered by having only one spelling.
    if around(found, body).map_err(malformed)? != bytes {
        return Err(FrameError::Malformed("unexpected bytes around the body".to_owned()));
    }
    Ok(body)
}
