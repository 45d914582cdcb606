//! The lines of an entry, as the protocol of Delta Lake has them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What a writer must know to write here, and no other program does: writers that keep to the protocol refuse, those
/// that would vacuum, too. Readers need to know nothing special.
pub const WRITER_FEATURE: &str = "writtenByAkinBatchOnly";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    CommitInfo(CommitInfo),
    Protocol(Value),
    MetaData(Value),
    Remove(Remove),
    Add(Add),
}

/// One line, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub commit_info: Option<StandingInfo>,
    pub remove: Option<StandingFile>,
    pub add: Option<StandingFile>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitInfo {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub operation: &'static str,
    pub operation_parameters: Map<String, Value>,
    pub is_blind_append: bool,
    pub engine_info: String,
    pub akin: Box<RawValue>,
}

#[derive(Deserialize)]
pub struct StandingInfo {
    pub akin: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remove {
    pub path: String,
    pub deletion_timestamp: i64,
    pub data_change: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    pub path: String,
    pub partition_values: Map<String, Value>,
    pub size: u64,
    pub modification_time: i64,
    pub data_change: bool,
    /// JSON in a text.
    pub stats: String,
}

#[derive(Deserialize)]
pub struct StandingFile {
    pub path: String,
    /// Bytes; those of a file that is removed need not be stated.
    #[serde(default)]
    pub size: u64,
}

/// Who may read and write.
pub fn protocol() -> Value {
    json!({"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": [WRITER_FEATURE]})
}

/// What a table keeps for ever unless `gc` deletes it: a rollback brings files back that an entry removed.
pub const CONFIGURATION: [(&str, &str); 3] = [
    ("delta.deletedFileRetentionDuration", "interval 36500 days"),
    ("delta.enableExpiredLogCleanup", "false"),
    ("delta.logRetentionDuration", "interval 36500 days"),
];

/// The same as JSON.
pub fn configuration() -> Value {
    CONFIGURATION.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect()
}

/// What is known of a file with so many rows. Not between which ids they lie: of users nothing may stay for ever, and readers
/// skip by what the files themselves say of their row groups.
pub fn stats(rows: u64) -> String {
    json!({"numRecords": rows}).to_string()
}
