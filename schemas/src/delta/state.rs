//! What stands after an entry: carried from entry to entry, so that the next one needs to know no more of the past.

use serde::{Deserialize, Serialize};

use super::actions::{configuration, protocol};
use super::columns::schema_string;
use super::table::LoggedTable;
use crate::checksum::{Checksum, Checksumming};
use crate::key::ObjectKey;
use crate::manifest::Manifest;
use crate::version::VersionName;

/// What the logs say after their entries of one publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogState {
    /// The publication's number: that of the entry, and one more.
    pub sequence: u64,
    /// Its version; none where its manifest could not be read: then the entry changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionName>,
    /// When it was, in milliseconds since 1970.
    pub timestamp: i64,
    /// What the tables' identities follow from.
    pub origin: String,
    /// Of the columns and properties in force.
    pub metadata: Checksum,
    /// The files of each table, in the order of [`LoggedTable::ALL`].
    pub files: [Vec<ObjectKey>; 3],
}

impl LogState {
    /// The number of the entries.
    pub fn number(&self) -> u64 {
        self.sequence.saturating_sub(1)
    }

    /// What stands after the entries of publication `sequence`, which is the one after `before`. Without a manifest, which
    /// nobody can read, it names what was named before.
    pub fn next(before: Option<&Self>, sequence: u64, manifest: Option<&Manifest>) -> Self {
        let at = manifest.map_or(0, |manifest| manifest.started_at.timestamp_millis());
        let files = |table: LoggedTable| match (manifest, before) {
            (Some(manifest), _) => {
                table.parts(&manifest.parts).iter().map(|part| part.key.clone()).collect()
            }
            (None, Some(before)) => before.files(table).to_vec(),
            (None, None) => Vec::new(),
        };
        let origin = match before {
            Some(before) => before.origin.clone(),
            None => manifest.map(|manifest| manifest.write_id.clone()).unwrap_or_default(),
        };
        Self {
            sequence,
            version: manifest.map(|manifest| manifest.version.clone()),
            // Time goes forward, whatever clocks do.
            timestamp: at.max(before.map_or(0, |before| before.timestamp)),
            origin,
            metadata: metadata_digest(),
            files: LoggedTable::ALL.map(files),
        }
    }

    /// The files of a table.
    pub fn files(&self, table: LoggedTable) -> &[ObjectKey] {
        &self.files[table as usize]
    }

    /// The identity of a table: a UUID of version 8, the same for whoever writes.
    pub(super) fn table_id(&self, table: LoggedTable) -> String {
        let mut sum = Checksumming::default();
        sum.text(&self.origin);
        sum.text(table.name());
        let hex = sum.finish().to_string();
        format!(
            "{}-{}-8{}-8{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..15],
            &hex[15..18],
            &hex[18..30]
        )
    }
}

/// Columns and properties, of all tables.
fn metadata_digest() -> Checksum {
    let mut sum = Checksumming::default();
    for table in LoggedTable::ALL {
        sum.text(&schema_string(&table.schema()));
        sum.text(table.description());
    }
    sum.text(&protocol().to_string());
    sum.text(&configuration().to_string());
    sum.finish()
}
