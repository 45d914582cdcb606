//! Version names: `v20261123T204500Z-x7k2`, a moment (UTC, whole seconds) and four random characters.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const MOMENT: &str = "v%Y%m%dT%H%M%SZ";
const SUFFIX_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The name of what one batch run published. Starts with a letter, so that no engine takes it for a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionName(String);

/// The text is not a version name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a version name such as v20261123T204500Z-x7k2")]
pub struct VersionNameError(String);

impl VersionName {
    /// Names a version by its moment and 20 random bits.
    pub fn new(at: DateTime<Utc>, random: u32) -> Self {
        let suffix: String = (0..4)
            .map(|i| char::from(SUFFIX_ALPHABET[(random >> (5 * i) & 31) as usize]))
            .collect();
        Self(format!("{}-{suffix}", at.format(MOMENT)))
    }

    /// The name as it stands in object keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VersionName {
    type Err = VersionNameError;

    fn from_str(text: &str) -> Result<Self, VersionNameError> {
        let refused = || VersionNameError(text.to_owned());
        let (moment, suffix) = text.split_once('-').ok_or_else(refused)?;
        let parsed = NaiveDateTime::parse_from_str(moment, MOMENT).map_err(|_| refused())?;
        let canonical = parsed.format(MOMENT).to_string() == moment;
        let suffix_is_fine =
            suffix.len() == 4 && suffix.bytes().all(|c| SUFFIX_ALPHABET.contains(&c));
        if canonical && suffix_is_fine { Ok(Self(text.to_owned())) } else { Err(refused()) }
    }
}

impl TryFrom<String> for VersionName {
    type Error = VersionNameError;
    fn try_from(text: String) -> Result<Self, VersionNameError> {
        text.parse()
    }
}

impl From<VersionName> for String {
    fn from(name: VersionName) -> String {
        name.0
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_moment_and_a_suffix() {
        let at = DateTime::parse_from_rfc3339("2026-11-23T20:45:00Z").map(|t| t.to_utc());
        let name = at.map(|at| VersionName::new(at, 0));
        assert_eq!(name.map(|n| n.to_string()), Ok("v20261123T204500Z-aaaa".to_owned()));
    }

    #[test]
    fn what_could_leave_its_folder_is_no_version_name() {
        assert!("v20261123T204500Z-x7k2".parse::<VersionName>().is_ok());
        for text in [
            "",
            "20261123",
            "v20261123T204500Z",
            "v20261123T204500Z-x7k2/..",
            "v20261323T204500Z-x7k2",
            "v20261123T204500Z-X7K2",
        ] {
            assert!(text.parse::<VersionName>().is_err(), "{text}");
        }
    }
}
