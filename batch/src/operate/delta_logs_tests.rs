//! What operators' commands do with the Delta Lake logs beside the tables.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use akin_schemas::delta::LoggedTable;
use akin_schemas::{Manifest, ObjectKey};
use akin_store::{FolderStore, Store, standing_entry};
use chrono::{TimeDelta, Utc};

use super::check::check;
use super::gc::{LEAST_GRACE_HOURS, Rules, clean_up};
use super::rollback::rollback;
use super::tests::{publish, whole};
use crate::run::follow;

/// The logs' entries that a reader of Delta Lake would take files from at each number: the paths of all that it reads.
fn read_by_the_log(store: &dyn Store, table: LoggedTable, upto: u64) -> Vec<String> {
    let mut files = BTreeSet::new();
    for number in 0..=upto {
        let entry = standing_entry(store, table, number).unwrap().unwrap();
        files.retain(|path| !entry.removed.contains(path));
        files.extend(entry.added.into_keys());
    }
    files.into_iter().collect()
}

fn keys_of(table: LoggedTable, manifest: &Manifest) -> Vec<String> {
    let parts = table.parts(&manifest.parts).iter();
    parts.map(|part| part.key.as_str().split_once('/').unwrap().1.to_owned()).collect()
}

/// Publishes with its entries.
fn publish_and_follow(store: &dyn Store) -> Manifest {
    let manifest = publish(store, &whole());
    follow(store, &manifest);
    manifest
}

#[test]
fn whatever_is_wrong_with_a_log_is_named_by_check_and_mended_by_repair() {
    type Spoil = fn(&FolderStore);
    const ITEMS: LoggedTable = LoggedTable::Items;
    let entry = |number| ObjectKey::delta_entry(ITEMS, number);
    let wrong: [(Spoil, &str, usize); 7] = [
        (|_| (), "", 0),
        (
            |store| store.overwrite(&ObjectKey::delta_entry(ITEMS, 1), "{\"add\"".into()).unwrap(),
            "it does not parse",
            1,
        ),
        (
            |store| {
                let vacuum = "{\"commitInfo\":{\"operation\":\"VACUUM START\"}}\n";
                store.overwrite(&ObjectKey::delta_entry(ITEMS, 1), vacuum.into()).unwrap();
            },
            "another program than akin-batch wrote it",
            1,
        ),
        (
            |store| {
                let first = store.get(&ObjectKey::delta_entry(ITEMS, 0)).unwrap();
                store.overwrite(&ObjectKey::delta_entry(ITEMS, 2), first).unwrap();
            },
            "it does not name the files of v",
            1,
        ),
        (|store| store.delete(&ObjectKey::delta_entry(ITEMS, 1)).unwrap(), "it was missing", 1),
        (
            |store| {
                let key = ObjectKey::delta_entry(ITEMS, 3);
                store.create(&key, "{\"commitInfo\":{}}\n".into()).unwrap();
            },
            "it belongs to no publication",
            1,
        ),
        (
            |store| {
                for table in LoggedTable::ALL {
                    store.delete(&ObjectKey::delta_entry(table, 2)).unwrap();
                }
            },
            "1 of the newest entries of its Delta Lake log are missing",
            0,
        ),
    ];
    for (spoil, expected, damaged) in wrong {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let manifests: Vec<Manifest> = (0..3).map(|_| publish_and_follow(&store)).collect();
        spoil(&store);
        let report = check(&store, false).unwrap();
        assert_eq!(report.damage.len(), damaged, "{expected}: {report}");
        assert!(report.to_string().contains(expected), "{expected}: {report}");
        let repaired = check(&store, true).unwrap();
        assert!(repaired.damage.is_empty(), "{expected}: {repaired}");
        assert_eq!(repaired.to_string().contains("repaired: "), !expected.is_empty(), "{repaired}");
        let after = check(&store, true).unwrap().to_string();
        assert!(!after.contains("repaired: ") && !after.contains("note: "), "{expected}: {after}");
        assert!(after.contains("9 entries of the logs"), "{after}");
        for (number, manifest) in (0..).zip(&manifests) {
            for table in LoggedTable::ALL {
                let read = read_by_the_log(&store, table, number);
                assert_eq!(read, keys_of(table, manifest), "{expected}: {table}, entry {number}");
            }
        }
        assert!(store.get(&entry(3)).is_err(), "{expected}");
    }
}

#[test]
fn a_manifest_that_is_restored_gets_the_entry_that_it_could_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let manifests: Vec<Manifest> = (0..3).map(|_| publish(&store, &whole())).collect();
    let second = folder.path().join(ObjectKey::manifest(2).as_str());
    let sound = std::fs::read(&second).unwrap();
    std::fs::write(&second, "damaged").unwrap();
    follow(&store, &manifests[2]);
    let report = check(&store, false).unwrap();
    assert_eq!(report.damage.len(), 1, "the manifest alone: {report}");
    std::fs::write(&second, &sound).unwrap();
    // The entry of the second names nothing, and the third does not take back what the second would have named.
    assert_eq!(check(&store, false).unwrap().damage.len(), 6);
    check(&store, true).unwrap().verdict().unwrap();
    for (number, manifest) in (0..).zip(&manifests) {
        for table in LoggedTable::ALL {
            assert_eq!(read_by_the_log(&store, table, number), keys_of(table, manifest), "{table}");
        }
    }
    // One that was written while the manifest was sound stays as it is when that is damaged later.
    std::fs::write(&second, "damaged").unwrap();
    let report = check(&store, true).unwrap();
    assert_eq!(report.damage.len(), 1, "{report}");
    assert!(!report.to_string().contains("repaired"), "{report}");
}

#[test]
fn a_rollback_is_an_entry_and_what_gc_deletes_stays_in_the_history_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let (first, second) = (publish_and_follow(&store), publish_and_follow(&store));
    rollback(&store, "1", false).unwrap();
    let read = |table, number| read_by_the_log(&store, table, number);
    assert_eq!(read(LoggedTable::Neighbours, 2), keys_of(LoggedTable::Neighbours, &first));
    assert_eq!(read(LoggedTable::Items, 2), keys_of(LoggedTable::Items, &first));
    assert_eq!(read(LoggedTable::Profiles, 2), keys_of(LoggedTable::Profiles, &second));
    let later = Utc::now() + TimeDelta::hours(LEAST_GRACE_HOURS as i64 + 1);
    let rules = Rules { keep: 1, grace_hours: LEAST_GRACE_HOURS, delete: true };
    let cleaned = clean_up(&store, rules, later).unwrap().to_string();
    assert!(cleaned.contains("deleted 3 files"), "{cleaned}");
    // What is current is whole, and the entries are all there.
    for table in LoggedTable::ALL {
        for path in read(table, 2) {
            assert!(folder.path().join(table.name()).join(&path).exists(), "{table}: {path}");
        }
    }
    let report = check(&store, false).unwrap();
    assert!(report.verdict().is_ok() && report.to_string().contains("9 entries"), "{report}");
}
