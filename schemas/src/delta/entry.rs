//! One entry: from two states and a manifest to its lines, and back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, json};
use thiserror::Error;

use super::actions::{Action, Add, CommitInfo, Line, Remove, configuration, protocol, stats};
use super::columns::schema_string;
use super::state::LogState;
use super::table::LoggedTable;
use crate::framed::{self, FrameError};
use crate::key::ObjectKey;
use crate::manifest::{Manifest, PartEntry};

/// Why bytes are no entry that `akin-batch` wrote.
#[derive(Debug, Error)]
pub enum EntryError {
    /// Not lines of JSON.
    #[error("it does not parse: {0}")]
    Malformed(String),
    /// Nothing in it says what stands after it.
    #[error("another program than akin-batch wrote it")]
    Foreign,
    /// What stands after it is not as it was written.
    #[error(transparent)]
    Damaged(#[from] FrameError),
}

/// An entry as it stands in a log.
#[derive(Debug, PartialEq, Eq)]
pub struct StandingEntry {
    /// What it says that stands after it.
    pub state: LogState,
    /// The files that readers take in from it on: their paths below the table, and their sizes in bytes.
    pub added: BTreeMap<String, u64>,
    /// The paths of the files that readers leave out from it on.
    pub removed: BTreeSet<String>,
}

impl LogState {
    /// The lines of a table's entry that leads from `before` (none: there is nothing yet) to this state, which `manifest`
    /// describes (none: it cannot be read).
    ///
    /// # Errors
    /// When a text has no JSON form, which none has here.
    pub fn entry(
        &self,
        table: LoggedTable,
        before: Option<&Self>,
        manifest: Option<&Manifest>,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let mut lines = vec![Action::CommitInfo(self.commit_info(manifest)?)];
        if before.is_none_or(|before| before.metadata != self.metadata) {
            lines.push(Action::Protocol(protocol()));
            lines.push(Action::MetaData(json!({
                "id": self.table_id(table),
                "name": table.name(),
                "description": table.description(),
                "format": {"provider": "parquet", "options": {}},
                "schemaString": schema_string(&table.schema()),
                "partitionColumns": [],
                "configuration": configuration(),
                "createdTime": self.timestamp,
            })));
        }
        let named_before = before.map_or(&[][..], |before| before.files(table));
        let removed = named_before.iter().filter(|key| !self.files(table).contains(key));
        lines.extend(removed.map(|key| {
            Action::Remove(Remove {
                path: path(table, key),
                deletion_timestamp: self.timestamp,
                data_change: true,
            })
        }));
        let parts = manifest.map_or(&[][..], |manifest| table.parts(&manifest.parts));
        let added = parts.iter().filter(|part| !named_before.contains(&part.key));
        lines.extend(added.map(|part| Action::Add(self.add(table, part))));
        let mut bytes = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut bytes, &line)?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    fn commit_info(&self, manifest: Option<&Manifest>) -> Result<CommitInfo, serde_json::Error> {
        let rollback_of = manifest.and_then(|manifest| manifest.rollback_of.as_ref());
        let mut parameters = Map::new();
        match rollback_of {
            Some(version) => parameters.insert("version".to_owned(), json!(version)),
            None => parameters.insert("mode".to_owned(), json!("Overwrite")),
        };
        Ok(CommitInfo {
            timestamp: self.timestamp,
            operation: if rollback_of.is_some() { "RESTORE" } else { "WRITE" },
            operation_parameters: parameters,
            is_blind_append: false,
            engine_info: manifest.map_or("akin-batch", |manifest| &manifest.written_by).to_owned(),
            akin: framed::value(self)?,
        })
    }

    fn add(&self, table: LoggedTable, part: &PartEntry) -> Add {
        Add {
            path: path(table, &part.key),
            partition_values: Map::new(),
            size: part.bytes,
            modification_time: self.timestamp,
            data_change: true,
            stats: stats(part.rows),
        }
    }
}

impl StandingEntry {
    /// Reads an entry.
    ///
    /// # Errors
    /// When it is damaged, or another program's.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let malformed = |e: serde_json::Error| EntryError::Malformed(e.to_string());
        let (mut state, mut added, mut removed) = (None, BTreeMap::new(), BTreeSet::new());
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let Line { commit_info, remove, add } =
                serde_json::from_slice(line).map_err(malformed)?;
            if let Some(akin) = commit_info.and_then(|info| info.akin) {
                let body = framed::value_body(&akin)?.get();
                state = Some(serde_json::from_str(body).map_err(malformed)?);
            }
            removed.extend(remove.map(|file| file.path));
            added.extend(add.map(|file| (file.path, file.size)));
        }
        Ok(Self { state: state.ok_or(EntryError::Foreign)?, added, removed })
    }

    /// Whether it leads from `before` to what it says that stands after it, as one does whose manifest was lost since.
    pub fn follows(&self, table: LoggedTable, before: Option<&LogState>, sequence: u64) -> bool {
        let paths = |state: &LogState| -> BTreeSet<String> {
            state.files(table).iter().map(|key| path(table, key)).collect()
        };
        let mut files = before.map(paths).unwrap_or_default();
        let is_known = self.removed.iter().all(|path| files.remove(path));
        files.extend(self.added.keys().cloned());
        is_known && files == paths(&self.state) && self.state.sequence == sequence
    }

    /// Whether readers make of it what they would make of `expected`.
    pub fn says_the_same(&self, expected: &Self) -> bool {
        self.added == expected.added
            && self.removed == expected.removed
            && self.state.sequence == expected.state.sequence
            && self.state.files == expected.state.files
    }
}

/// A file's path below its table: no character of a key needs to be escaped in it.
pub(super) fn path(table: LoggedTable, key: &ObjectKey) -> String {
    let folder = format!("{table}/");
    key.as_str().strip_prefix(&folder).unwrap_or(key.as_str()).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::checksum::Checksum;
    use crate::version::VersionName;
    use chrono::DateTime;
    use serde_json::Value;

    const MANIFEST: &[u8] = include_bytes!(
        "../../../tests/fixtures/store-schema-1/store/manifests/00000000000000000001.json"
    );

    /// A publication with so many files of items.
    fn manifest(sequence: u64, files: usize) -> Manifest {
        let mut manifest = Manifest::decode(MANIFEST).unwrap();
        let version = VersionName::new(DateTime::UNIX_EPOCH, u32::try_from(sequence).unwrap());
        let part = |at| PartEntry {
            key: ObjectKey::items_part(&version, at),
            bytes: 9,
            rows: 3,
            sha256: Checksum::of(b"part"),
        };
        manifest.parts.items = (0..files).map(part).collect();
        Manifest { sequence, version, ..manifest }
    }

    fn lines(bytes: &[u8]) -> Vec<Value> {
        let text = str::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    const ITEMS: LoggedTable = LoggedTable::Items;

    #[test]
    fn the_first_entry_says_what_the_table_is_and_names_its_files() {
        let first = manifest(1, 2);
        let state = LogState::next(None, 1, Some(&first));
        let bytes = state.entry(ITEMS, None, Some(&first)).unwrap();
        let lines = lines(&bytes);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[1]["protocol"]["minReaderVersion"], 1);
        let metadata = &lines[2]["metaData"];
        assert_eq!(
            (&metadata["name"], &metadata["partitionColumns"]),
            (&json!("items"), &json!([]))
        );
        let id = metadata["id"].as_str().unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), id);
        assert_ne!(id, state.table_id(LoggedTable::Profiles));
        let path = format!("version={}/part-00001.parquet", first.version);
        assert_eq!(lines[4]["add"]["path"], path);
        assert_eq!(lines[4]["add"]["stats"], "{\"numRecords\":3}");
        let standing = StandingEntry::decode(&bytes).unwrap();
        assert_eq!(
            (standing.added.len(), standing.added[&path], standing.removed.len()),
            (2, 9, 0)
        );
        assert_eq!(standing.state, state);
    }

    #[test]
    fn an_entry_leads_from_one_publication_to_the_next_and_back() {
        let (first, second) = (manifest(1, 1), manifest(2, 2));
        let back = Manifest { sequence: 3, parts: first.parts.clone(), ..second.clone() };
        let one = LogState::next(None, 1, Some(&first));
        let two = LogState::next(Some(&one), 2, Some(&second));
        let three = LogState::next(Some(&two), 3, Some(&back));
        let read = |state: &LogState, before, manifest| {
            StandingEntry::decode(&state.entry(ITEMS, Some(before), Some(manifest)).unwrap())
                .unwrap()
        };
        let (to, fro) = (read(&two, &one, &second), read(&three, &two, &back));
        assert_eq!((to.added.len(), to.removed.len()), (2, 1));
        assert_eq!((fro.added.len(), fro.removed.len()), (1, 2));
        assert!(to.added.keys().eq(&fro.removed) && fro.added.keys().eq(&to.removed));
        // What stays is not named again.
        let neighbours = two.entry(LoggedTable::Neighbours, Some(&one), Some(&second)).unwrap();
        assert_eq!(lines(&neighbours).len(), 1);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let first = manifest(1, 1);
        let one = LogState::next(None, 1, Some(&first));
        let two = LogState::next(Some(&one), 2, None);
        assert_eq!((&two.files, two.timestamp), (&one.files, one.timestamp));
        assert_eq!(lines(&two.entry(ITEMS, Some(&one), None).unwrap()).len(), 1);
        // Where nothing was published before, the table is there and empty.
        let nothing = LogState::next(None, 1, None);
        assert_eq!(lines(&nothing.entry(ITEMS, None, None).unwrap()).len(), 3);
    }

    #[test]
    fn a_new_column_is_told_with_the_next_entry_and_no_later_one() {
        let (first, second) = (manifest(1, 1), manifest(2, 1));
        let one = LogState::next(None, 1, Some(&first));
        let older = LogState { metadata: Checksum::of(b"fewer columns"), ..one.clone() };
        let two = LogState::next(Some(&older), 2, Some(&second));
        let told = |before| {
            let lines = lines(&two.entry(ITEMS, Some(before), Some(&second)).unwrap());
            lines.iter().any(|line| line.get("metaData").is_some())
        };
        assert!(told(&older) && !told(&one));
        assert_eq!(two.table_id(ITEMS), one.table_id(ITEMS));
    }

    #[test]
    fn what_akin_did_not_write_or_is_damaged_is_refused() {
        let first = manifest(1, 1);
        let bytes = LogState::next(None, 1, Some(&first)).entry(ITEMS, None, Some(&first)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let refused = |text: &str| StandingEntry::decode(text.as_bytes()).unwrap_err();
        let vacuumed = r#"{"commitInfo":{"operation":"VACUUM START"}}"#;
        assert!(matches!(refused(vacuumed), EntryError::Foreign));
        assert!(matches!(
            refused(&text[..text.len() / 2]),
            EntryError::Malformed(_) | EntryError::Damaged(_)
        ));
        let other = text.replace("\"sequence\":1", "\"sequence\":2");
        assert!(matches!(refused(&other), EntryError::Damaged(_)), "{other}");
    }
}
