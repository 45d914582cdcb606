//! Where everything lives in a store. Every object key is made here and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::delta::LoggedTable;
use crate::stage::RunName;
use crate::version::VersionName;

/// The path of one object below the store's root, with `/` between its steps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

/// The text is not an object key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an object key: steps of letters, digits and `._=-`, none empty or starting with a dot"
)]
pub struct ObjectKeyError(String);

impl ObjectKey {
    /// The folder of the manifests: one object a publication.
    pub const MANIFESTS: &str = "manifests/";
    /// The folder of the ledger segments.
    pub const RATINGS: &str = "ratings/";
    /// The folder of what clean-ups leave as a record: one object for each number up to which they went.
    pub const CLEANUPS: &str = "cleanups/";
    /// The folder of intermediate results: nothing in it outlives the run that wrote it.
    pub const WORK: &str = "work/";
    /// The tables' folders: `<table>/version=<v>/<part>`.
    pub const TABLES: [&str; 3] = ["neighbours/", "items/", "profiles/"];
    /// Folders of what a run writes beside the tables: `<folder>/version=<v>/<file>`.
    pub const BESIDE: [&str; 2] = ["rejects/", "reports/"];

    /// A part of the neighbours table.
    pub fn neighbours_part(version: &VersionName, part: usize) -> Self {
        Self::part("neighbours", version, part)
    }

    /// A part of the items table.
    pub fn items_part(version: &VersionName, part: usize) -> Self {
        Self::part("items", version, part)
    }

    /// A part of the profiles table.
    pub fn profiles_part(version: &VersionName, part: usize) -> Self {
        Self::part("profiles", version, part)
    }

    fn part(table: &str, version: &VersionName, part: usize) -> Self {
        Self(format!("{table}/version={version}/part-{part:05}.parquet"))
    }

    /// The manifest with this sequence number. Creating it is the commit.
    pub fn manifest(sequence: u64) -> Self {
        Self::numbered(Self::MANIFESTS, sequence)
    }

    /// The sequence number, if this is a manifest's key.
    pub fn manifest_sequence(&self) -> Option<u64> {
        self.number(Self::MANIFESTS)
    }

    /// The record of a clean-up: publications before `oldest_kept` may have lost their files since.
    pub fn cleanup(oldest_kept: u64) -> Self {
        Self::numbered(Self::CLEANUPS, oldest_kept)
    }

    /// The oldest number kept, if this is the key of a clean-up's record.
    pub fn cleanup_sequence(&self) -> Option<u64> {
        self.number(Self::CLEANUPS)
    }

    fn numbered(folder: &str, number: u64) -> Self {
        Self(format!("{folder}{number:020}.json"))
    }

    fn number(&self, folder: &str) -> Option<u64> {
        let digits = self.0.strip_prefix(folder)?.strip_suffix(".json")?;
        (digits.len() == 20).then(|| digits.parse().ok()).flatten()
    }

    /// The name of the version that this belongs to, if it lies in a version's folder.
    pub fn version(&self) -> Option<&str> {
        let (_, below) = self.0.split_once('/')?;
        Some(below.strip_prefix("version=")?.split_once('/')?.0)
    }

    /// A ledger segment: `date` is `YYYY-MM-DD`, `origin` the ledger, `first` the sequence number of its first entry.
    pub fn segment(date: chrono::NaiveDate, origin: &str, first: u64) -> Self {
        Self(format!("{}date={date}/{origin}-{first:020}.parquet", Self::RATINGS))
    }

    /// The ledger and the first sequence number, if this is a segment's key.
    pub fn segment_start(&self) -> Option<(&str, u64)> {
        let name =
            self.0.strip_prefix(Self::RATINGS)?.split_once('/')?.1.strip_suffix(".parquet")?;
        let (origin, digits) = name.rsplit_once('-')?;
        (digits.len() == 20).then_some(())?;
        Some((origin, digits.parse().ok()?))
    }

    /// The input lines that a run set aside.
    pub fn rejects(version: &VersionName) -> Self {
        Self(format!("rejects/version={version}/rejects.csv"))
    }

    /// What a person looks at of a version.
    pub fn report(version: &VersionName) -> Self {
        Self(format!("reports/version={version}/report.html"))
    }

    /// An intermediate result of a run.
    ///
    /// # Errors
    /// When the name is none that a key's last step can have.
    pub fn work(run: &RunName, name: &str) -> Result<Self, ObjectKeyError> {
        Self::try_from(format!("{}{run}/{name}", Self::WORK))
    }

    /// What is current, for people and scripts; no program trusts it.
    pub fn current() -> Self {
        Self("current.json".to_owned())
    }

    /// DuckDB views over the current version's parts; no program trusts them.
    pub fn views() -> Self {
        Self("views.sql".to_owned())
    }

    /// What the last run that ended well left, for people and monitoring; no program trusts it.
    pub fn last_run() -> Self {
        Self("last-run.json".to_owned())
    }

    /// The folder of a table's Delta Lake log.
    pub fn delta_log(table: LoggedTable) -> String {
        format!("{table}/_delta_log/")
    }

    /// An entry of a table's Delta Lake log; entry 0 is the first.
    pub fn delta_entry(table: LoggedTable, number: u64) -> Self {
        Self::numbered(&Self::delta_log(table), number)
    }

    /// A checkpoint of a table's Delta Lake log: what stands after the entry with this number.
    pub fn delta_checkpoint(table: LoggedTable, number: u64) -> Self {
        Self(format!("{}{number:020}.checkpoint.parquet", Self::delta_log(table)))
    }

    /// What says which checkpoint of a table's Delta Lake log is the newest.
    pub fn delta_last_checkpoint(table: LoggedTable) -> Self {
        Self(format!("{}_last_checkpoint", Self::delta_log(table)))
    }

    /// The number, if this is the key of an entry of this table's Delta Lake log.
    pub fn delta_entry_number(&self, table: LoggedTable) -> Option<u64> {
        self.number(&Self::delta_log(table))
    }

    /// Whether this belongs to a table's Delta Lake log.
    pub fn is_of_delta_log(&self) -> bool {
        LoggedTable::ALL.iter().any(|&table| self.0.starts_with(&Self::delta_log(table)))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = ObjectKeyError;

    fn try_from(text: String) -> Result<Self, ObjectKeyError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._=-".contains(&c);
        let fine =
            |step: &str| !step.is_empty() && !step.starts_with('.') && step.bytes().all(allowed);
        if text.split('/').all(fine) { Ok(Self(text)) } else { Err(ObjectKeyError(text)) }
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> String {
        key.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_sort_by_their_number() {
        assert_eq!(ObjectKey::manifest(7).as_str(), "manifests/00000000000000000007.json");
        assert!(ObjectKey::manifest(9) < ObjectKey::manifest(10));
        assert_eq!(ObjectKey::manifest(u64::MAX).manifest_sequence(), Some(u64::MAX));
        for text in [
            "manifests/7.json",
            "manifests/00000000000000000007.txt",
            "items/00000000000000000007.json",
        ] {
            assert_eq!(ObjectKey(text.to_owned()).manifest_sequence(), None);
        }
    }

    #[test]
    fn what_lies_in_a_versions_folder_names_it() {
        let version = |text: &str| ObjectKey(text.to_owned()).version().map(str::to_owned);
        assert_eq!(version("items/version=v1/part-00000.parquet").as_deref(), Some("v1"));
        assert_eq!(version("rejects/version=v1/rejects.csv").as_deref(), Some("v1"));
        for text in ["current.json", "items/version=v1", "ratings/date=2026-01-01/a.parquet"] {
            assert_eq!(version(text), None);
        }
    }

    #[test]
    fn a_cleanups_record_names_the_oldest_number_kept() {
        let key = ObjectKey::cleanup(12);
        assert_eq!(key.as_str(), "cleanups/00000000000000000012.json");
        assert_eq!((key.cleanup_sequence(), key.manifest_sequence()), (Some(12), None));
    }

    #[test]
    fn an_entry_of_a_delta_log_names_its_table_and_number() {
        let key = ObjectKey::delta_entry(LoggedTable::Items, 12);
        assert_eq!(key.as_str(), "items/_delta_log/00000000000000000012.json");
        assert_eq!(key.delta_entry_number(LoggedTable::Items), Some(12));
        assert_eq!(key.delta_entry_number(LoggedTable::Profiles), None);
        assert!(key.is_of_delta_log() && !ObjectKey::manifest(1).is_of_delta_log());
        // A program that looks for files of versions passes it by.
        assert_eq!(key.version(), None);
    }

    #[test]
    fn a_segment_names_its_ledger_and_its_first_entry() {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).unwrap_or_default();
        let key = ObjectKey::segment(date, "ledger-abc", 42);
        assert_eq!(key.as_str(), "ratings/date=2026-11-23/ledger-abc-00000000000000000042.parquet");
        assert_eq!(key.segment_start(), Some(("ledger-abc", 42)));
        assert_eq!(ObjectKey::manifest(1).segment_start(), None);
    }

    #[test]
    fn no_key_leaves_the_store() {
        assert!(ObjectKey::try_from("a/b=c/d-0.parquet".to_owned()).is_ok());
        for text in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.tmp", "a\\b", "a b", "a\0"] {
            assert!(ObjectKey::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
