//! What the server says about itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::manifest::{Measure, VersionCounts};
use crate::rating::RatingRange;
use crate::version::VersionName;

/// A published version that the server would not load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedVersion {
    /// The publication's number.
    pub sequence: u64,
    /// Why.
    pub reason: String,
}

/// The body of `GET /versions/current`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentVersion {
    /// The version's name.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The publication's number.
    pub sequence: u64,
    /// When the batch run started.
    pub started_at: DateTime<Utc>,
    /// When this server loaded it.
    pub loaded_at: DateTime<Utc>,
    /// How the similarities were computed.
    pub measure: Measure,
    /// The ratings that the store accepts.
    pub rating_range: RatingRange,
    /// How much it holds.
    pub counts: VersionCounts,
    /// A newer version that would not load, if there is one: this one serves on in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedVersion>,
}

/// The body of `GET /health/live` and `GET /health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ok`, `degraded` (serves, but not the newest version), or `unavailable`.
    pub status: String,
    /// What is wrong; empty when nothing is.
    pub reasons: Vec<String>,
}
