//! The manifest: what one publication consists of, and the only thing that makes a version exist.
//!
//! The file is one JSON object, `{"sha256": <of the body's bytes>, "body": {...}}`. The checksum covers the body exactly
//! as it stands in the file, so that a reader of another age, which does not know every field, can still verify it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::checksum::Checksum;
use crate::framed::{self, FrameError};
use crate::key::ObjectKey;
use crate::rating::RatingRange;
use crate::version::VersionName;

/// The version of the tables' and the manifest's meaning. It rises when an old reader would misunderstand a new file;
/// a new column or field does not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// Why bytes are not a manifest that this program can believe.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Not JSON, or not the JSON of a manifest.
    #[error("the manifest does not parse: {0}")]
    Malformed(String),
    /// The body does not have the checksum that the file states.
    #[error("the manifest is damaged: its body has sha256 {found}, it states {stated}")]
    Damaged {
        /// What the file says.
        stated: Checksum,
        /// What the body has.
        found: Checksum,
    },
    /// Written by a newer program.
    #[error(
        "the manifest has schema version {found}, this program reads up to {SCHEMA_VERSION}: upgrade it"
    )]
    FromTheFuture {
        /// The schema version in the file.
        found: u32,
    },
}

/// Which side of the similarity matrix was cut to its best entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// For each target item, its best sources: the neighbours of the item that may be recommended.
    Target,
    /// For each source item, its best targets.
    Source,
}

/// How the similarities were computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measure {
    /// The measure's name, such as `cosine`.
    pub name: String,
    /// Its parameters, by name.
    pub parameters: BTreeMap<String, f64>,
    /// Which side was cut.
    pub cut: Cut,
    /// How many neighbours an item keeps at most.
    pub top_k: u32,
    /// What ratings count; none in manifests of programs that knew nothing but their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_weights: Option<RatingWeights>,
}

/// What ratings count. The rules are names such as `value` or `relative:1.5`, as on the command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RatingWeights {
    /// The rule by which similarities were computed.
    pub similarities: String,
    /// The rule by which a profile is to be folded in.
    pub profiles: String,
    /// The mean of all ratings.
    pub mean: f64,
    /// The root of the mean squared difference between a rating and its user's damped mean.
    pub deviation: f64,
}

/// One Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Where it is.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The checksum of its bytes.
    pub sha256: Checksum,
}

/// The files of a version, by table, in row order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Files of [`crate::tables::Neighbours`].
    pub neighbours: Vec<PartEntry>,
    /// Files of [`crate::tables::Items`].
    pub items: Vec<PartEntry>,
    /// Files of [`crate::tables::Profiles`].
    pub profiles: Vec<PartEntry>,
}

/// How much a version holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionCounts {
    /// Ratings, one a user and item; tombstones not counted.
    pub ratings: u64,
    /// Users with at least one rating.
    pub users: u64,
    /// Items in the items table, rated or not.
    pub items: u64,
    /// Rows of the neighbours table.
    pub pairs: u64,
}

/// What one publication consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The publication's number; the highest is current.
    pub sequence: u64,
    /// The version's name.
    pub version: VersionName,
    /// For a rollback, the older version whose neighbours and items this publication names again; its profiles,
    /// watermark and erasure epoch are those of the publication before it. Profiles may then hold items that the older
    /// version does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<VersionName>,
    /// Random, so that a writer that lost the answer to its write can tell its own manifest from another's.
    pub write_id: String,
    /// When the run started.
    pub started_at: DateTime<Utc>,
    /// Program and version that wrote it.
    pub written_by: String,
    /// How the similarities were computed.
    pub measure: Measure,
    /// The ratings that this store accepts.
    pub rating_range: RatingRange,
    /// How much the version holds.
    pub counts: VersionCounts,
    /// For each origin (a ledger, or the input files) the highest sequence number up to which every entry is contained.
    pub watermark: BTreeMap<String, u64>,
    /// The latest order clock contained, in microseconds since 1970: servers' clocks move past it.
    pub latest_order_micros: i64,
    /// What the version was computed from, and how: two runs with equal digests would publish the same. None in
    /// manifests older than the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_digest: Option<Checksum>,
    /// How many erasures of users this version has carried out.
    pub erasure_epoch: u64,
    /// Whether the items table has every title and genre that versions before this one knew, but for those that an
    /// operator dropped: then nobody has to look for them there. False in manifests older than the field, and in those of
    /// rollbacks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub titles_complete: bool,
    /// What a person should look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Held-out quality, by metric; empty when none was measured.
    pub metrics: BTreeMap<String, f64>,
    /// The files.
    pub parts: Parts,
}

impl From<FrameError> for ManifestError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Malformed(problem) => Self::Malformed(problem),
            FrameError::Damaged { stated, found } => Self::Damaged { stated, found },
        }
    }
}

#[derive(Deserialize)]
struct SchemaVersionOnly {
    schema_version: u32,
}

impl Manifest {
    /// Writes the manifest as a file's bytes.
    ///
    /// # Errors
    /// When a metric or parameter is not a finite number.
    pub fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        let malformed = |e: serde_json::Error| ManifestError::Malformed(e.to_string());
        let bytes = framed::encode(self).map_err(malformed)?;
        // What cannot be read back (JSON has no NaN) must never be committed.
        Self::decode(&bytes)?;
        Ok(bytes)
    }

    /// Reads a manifest and verifies its checksum and schema version.
    ///
    /// # Errors
    /// When the bytes are no manifest, are damaged anywhere, or come from a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let malformed = |e: serde_json::Error| ManifestError::Malformed(e.to_string());
        let body = framed::body(bytes)?;
        let SchemaVersionOnly { schema_version } =
            serde_json::from_str(body.get()).map_err(malformed)?;
        if schema_version > SCHEMA_VERSION {
            return Err(ManifestError::FromTheFuture { found: schema_version });
        }
        serde_json::from_str(body.get()).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Manifest {
        let version = VersionName::new(DateTime::UNIX_EPOCH, 5);
        Manifest {
            schema_version: SCHEMA_VERSION,
            sequence: 3,
            rollback_of: None,
            write_id: "00ff".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            written_by: "akin-batch 0.1.0".to_owned(),
            measure: Measure {
                name: "cosine".to_owned(),
                parameters: BTreeMap::new(),
                cut: Cut::Target,
                top_k: 100,
                rating_weights: None,
            },
            rating_range: RatingRange::default(),
            counts: VersionCounts { ratings: 4, users: 2, items: 3, pairs: 6 },
            watermark: BTreeMap::from([("files".to_owned(), 4)]),
            latest_order_micros: 17,
            input_digest: Some(Checksum::of(b"input")),
            erasure_epoch: 0,
            titles_complete: true,
            warnings: vec!["look".to_owned()],
            metrics: BTreeMap::new(),
            parts: Parts {
                items: vec![PartEntry {
                    key: ObjectKey::items_part(&version, 0),
                    bytes: 9,
                    rows: 3,
                    sha256: Checksum::of(b"part"),
                }],
                ..Parts::default()
            },
            version,
        }
    }

    #[test]
    fn a_manifest_reads_back_as_it_was_written() -> Result<(), ManifestError> {
        assert_eq!(Manifest::decode(&example().encode()?)?, example());
        Ok(())
    }

    #[test]
    fn a_flip_of_any_bit_is_refused() -> Result<(), ManifestError> {
        let bytes = example().encode()?;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(Manifest::decode(&damaged).is_err(), "byte {at}, bit {bit}");
            }
        }
        Ok(())
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let metrics = BTreeMap::from([("ndcg@10".to_owned(), f64::NAN)]);
        assert!(Manifest { metrics, ..example() }.encode().is_err());
    }

    #[test]
    fn a_newer_schema_is_refused_with_the_remedy() -> Result<(), ManifestError> {
        let newer = Manifest { schema_version: SCHEMA_VERSION + 1, ..example() };
        let message = newer.encode().map_err(|e| e.to_string());
        assert!(matches!(&message, Err(text) if text.ends_with("upgrade it")), "{message:?}");
        Ok(())
    }

    #[test]
    fn a_manifest_from_before_the_input_digest_still_decodes()
    -> Result<(), Box<dyn std::error::Error>> {
        let without = Manifest { input_digest: None, ..example() };
        let bytes = without.encode()?;
        assert!(!String::from_utf8_lossy(&bytes).contains("input_digest"));
        assert_eq!(Manifest::decode(&bytes)?, without);
        Ok(())
    }

    #[test]
    fn a_field_of_a_later_minor_is_ignored() -> Result<(), Box<dyn std::error::Error>> {
        let body = serde_json::to_string(&example())?.replacen('{', "{\"new_field\":1,", 1);
        let sum = Checksum::of(body.as_bytes());
        let file = format!("{{\"sha256\":\"{sum}\",\"body\":{body}}}\n");
        assert_eq!(Manifest::decode(file.as_bytes())?, example());
        Ok(())
    }
}
