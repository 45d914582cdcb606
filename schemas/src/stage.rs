//! What the stages of a run tell each other when each is a program of its own: small JSON documents, which name the
//! objects in `work/<run>/` that hold what is large.
//!
//! A document that a stage takes refuses fields that it does not know; one that it gives may gain some.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::checksum::Checksum;
use crate::key::ObjectKey;
use crate::manifest::{Measure, PartEntry, VersionCounts};
use crate::rating::RatingRange;
use crate::rating_figures::RatingFigures;
use crate::version::VersionName;

/// The longest document that a workflow carries, in bytes (Step Functions).
pub const MAX_DOCUMENT_BYTES: usize = 262_144;
/// The most shards of a run: the documents of all of them have to fit into one.
pub const MAX_SHARDS: u32 = 100;

/// The name of a run. The same name is the same run: whatever is asked for again under it was done already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunName(String);

/// The text is not the name of a run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not the name of a run: 1 to 80 letters, digits, `-` or `_`")]
pub struct RunNameError(String);

impl RunName {
    /// The name as it stands in object keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunName {
    type Error = RunNameError;

    fn try_from(text: String) -> Result<Self, RunNameError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
        if (1..=80).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(RunNameError(text))
        }
    }
}

impl FromStr for RunName {
    type Err = RunNameError;

    fn from_str(text: &str) -> Result<Self, RunNameError> {
        text.to_owned().try_into()
    }
}

impl From<RunName> for String {
    fn from(name: RunName) -> String {
        name.0
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A share of the similarities, written `2/4`: the second of four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: u32,
    of: u32,
}

/// The text is not a shard.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a shard such as 2/4: a number from 1, and of how many, at most {MAX_SHARDS}")]
pub struct ShardError(String);

impl Shard {
    /// All shards of so many, in order.
    pub fn all(of: u32) -> impl Iterator<Item = Self> {
        (1..=of).map(move |number| Self { number, of })
    }

    /// Its position among all, from 0.
    pub fn index(self) -> usize {
        self.number as usize - 1
    }

    /// Of how many it is one.
    pub fn count(self) -> usize {
        self.of as usize
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let numbers = text.split_once('/');
        numbers
            .and_then(|(number, of)| {
                Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
            })
            // One spelling each: no sign, no leading zero.
            .filter(|shard| shard.to_string() == text)
            .filter(|shard| (1..=shard.of).contains(&shard.number) && shard.of <= MAX_SHARDS)
            .ok_or_else(|| ShardError(text.to_owned()))
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// An object that one stage wrote for the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkObject {
    /// Where it is.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// The checksum of its bytes.
    pub sha256: Checksum,
}

/// What `ingest` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestRequest {
    /// The run.
    pub run: RunName,
    /// Where versions are published: a folder, or `s3://bucket/prefix`.
    pub store: String,
    /// Options of `akin-batch run` by their long names, as in a file for its `--config`.
    #[serde(default)]
    pub options: BTreeMap<String, Value>,
    /// Among how many the similarities are divided.
    #[serde(default = "one")]
    pub shards: u32,
}

fn one() -> u32 {
    1
}

/// What a run is known by from its beginning. It is fixed before any input is read, and the same for every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The number that the run goes for, and no other.
    pub sequence: u64,
    /// The version's name.
    pub version: VersionName,
    /// What the manifest will be recognised by.
    pub write_id: String,
    /// When the run began.
    pub started_at: DateTime<Utc>,
}

/// What `ingest` gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingested {
    /// The run.
    pub run: RunName,
    /// Its store.
    pub store: String,
    /// False when the current version was computed from the same input in the same way, and the run was asked to end then.
    pub changed: bool,
    /// The version that the run will publish; if nothing changed, the current one.
    pub version: VersionName,
    /// Its number.
    pub sequence: u64,
    /// The shards to compute: fewer than asked for where dividing does not pay.
    pub shards: Vec<Shard>,
    /// Records read from files, rejected ones included.
    pub ratings_read: u64,
    /// Those of them that were not taken in.
    pub ratings_rejected: u64,
    /// How many for each reason.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Ratings that stand.
    pub ratings: u64,
    /// Users with at least one.
    pub users: u64,
    /// Items, rated or not.
    pub items: u64,
    /// Those of them that have a title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub titles: Option<u64>,
    /// The same in the version before; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub titles_before: Option<u64>,
    /// What a person should look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Everything else: [`IngestDetails`]. None when nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<WorkObject>,
}

/// What `ingest` leaves in the store for the other stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IngestDetails {
    /// The options, see [`IngestRequest::options`].
    pub options: BTreeMap<String, Value>,
    /// What the run is known by.
    pub begun: Begun,
    /// The number of the version that was current: what the guard compares with.
    pub before: Option<u64>,
    /// The ratings that the store accepts.
    pub rating_range: RatingRange,
    /// Ratings, users and items; no pairs yet.
    pub counts: VersionCounts,
    /// For each origin how far its entries are contained.
    pub watermark: BTreeMap<String, u64>,
    /// The latest order clock contained.
    pub latest_order_micros: i64,
    /// What identifies the input.
    pub input_digest: Checksum,
    /// How many erasures are carried out.
    pub erasure_epoch: u64,
    /// Whether the items have every title that was known before.
    #[serde(default)]
    pub titles_complete: bool,
    /// What a person should look at.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The items table, as it will be published.
    pub items: Vec<PartEntry>,
    /// The profiles table, as it will be published.
    pub profiles: Vec<PartEntry>,
    /// How the ratings are distributed, for the report; none in what older programs left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_figures: Option<RatingFigures>,
}

/// What `similarities` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimilaritiesRequest {
    /// What `ingest` gave.
    pub ingest: Ingested,
    /// Which share to compute; the command line may say it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// What `similarities` gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Similarities {
    /// The run.
    pub run: RunName,
    /// The share.
    pub shard: Shard,
    /// Pairs in it.
    pub pairs: u64,
    /// How they were computed, as the manifest will say.
    pub measure: Measure,
    /// Rows of the neighbours table, in its order. Where a file of these ends means nothing.
    pub neighbours: Vec<PartEntry>,
}

/// What `evaluate` takes, when it takes a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest {
    /// What `ingest` gave.
    pub ingest: Ingested,
}

/// What `evaluate` gives then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// The run.
    pub run: RunName,
    /// Whether the guard lets the run publish; true without a guard.
    pub passed: bool,
    /// Why.
    pub reason: String,
    /// What was found of held-out ratings; empty when nothing was measured.
    pub metrics: BTreeMap<String, f64>,
    /// What the guard compared, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// A metric of a run beside that of the version before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The metric's name.
    pub metric: String,
    /// This run's.
    pub now: f64,
    /// That of the version before.
    pub before: f64,
    /// The version before.
    pub version: VersionName,
    /// The share by which it may fall.
    pub allowed_fall: f64,
}

/// What `publish` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishRequest {
    /// What `ingest` gave.
    pub ingest: Ingested,
    /// What `similarities` gave, for every shard.
    pub similarities: Vec<Similarities>,
    /// What `evaluate` gave. It may be left out where nothing is to be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<Evaluated>,
}

/// What `publish` gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The run.
    pub run: RunName,
    /// Its store.
    pub store: String,
    /// The version.
    pub version: VersionName,
    /// Its number.
    pub sequence: u64,
    /// How much it holds.
    pub counts: VersionCounts,
    /// Its manifest.
    pub manifest: ObjectKey,
}

/// What `report` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// What `publish` gave.
    pub publish: Published,
}

/// What `report` gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// The run.
    pub run: RunName,
    /// The version.
    pub version: VersionName,
    /// The report: one HTML page.
    pub report: WorkObject,
    /// What a person should look at.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_has_one_spelling() {
        let second: Result<Shard, _> = "2/4".parse();
        assert_eq!(second.as_ref().map(|shard| (shard.index(), shard.count())), Ok((1, 4)));
        assert_eq!(second.map(|shard| shard.to_string()).as_deref(), Ok("2/4"));
        assert_eq!(Shard::all(3).map(|s| s.to_string()).collect::<Vec<_>>(), ["1/3", "2/3", "3/3"]);
        for text in ["", "0/2", "3/2", "1/101", "+1/2", "01/2", "1", "1/2/3", "1/0", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_runs_name_cannot_leave_its_folder() {
        assert!("nightly_2026-11-24".parse::<RunName>().is_ok());
        for text in ["", ".", "a/b", "..", "a b", &"a".repeat(81)] {
            assert!(text.parse::<RunName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_request_refuses_what_it_does_not_know() {
        let parse = |text: &str| serde_json::from_str::<IngestRequest>(text);
        let request = parse(r#"{"run": "a", "store": "s"}"#);
        assert_eq!(request.ok().map(|request| request.shards), Some(1));
        assert!(parse(r#"{"run": "a", "store": "s", "shard": 3}"#).is_err());
    }
}
