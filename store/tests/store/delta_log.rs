//! The Delta Lake logs: whoever writes them, when, and through whatever faults, they name what the manifests name.

use std::collections::BTreeSet;

use akin_schemas::delta::LoggedTable;
use akin_schemas::{Manifest, ObjectKey};
use akin_store::{
    DeltaLogError, FolderStore, Publication, Store, ensure_delta_logs, extend_delta_logs,
    read_manifest, standing_entry,
};
use bytes::Bytes;

use crate::faults::{Fault, FaultyStore};
use crate::{TemporaryStore, begin, content, now, publish, temporary_store};

/// Publishes without any entry, as older programs do, and those that crash after the commit.
fn published(store: &dyn Store, title: &str) -> Manifest {
    publish(begin(store), title).unwrap().manifest
}

/// Reads the logs as any reader of Delta Lake does, and compares each entry with its manifest: none is missing.
fn assert_that_the_logs_name_what_the_manifests_name(store: &dyn Store, last: u64) {
    for table in LoggedTable::ALL {
        let mut files: BTreeSet<String> = BTreeSet::new();
        for number in 0..last {
            let entry = standing_entry(store, table, number).unwrap();
            let entry = entry.unwrap_or_else(|| panic!("{table}: entry {number} is missing"));
            for path in &entry.removed {
                assert!(files.remove(path), "{table}, entry {number}: {path} was not there");
            }
            for path in entry.added.into_keys() {
                assert!(files.insert(path.clone()), "{table}, entry {number}: {path} was there");
            }
            let Ok(manifest) = read_manifest(store, number + 1) else { continue };
            let named = table.parts(&manifest.parts).iter();
            let named: BTreeSet<String> = named
                .map(|part| {
                    part.key.as_str().strip_prefix(&format!("{table}/")).unwrap().to_owned()
                })
                .collect();
            assert_eq!(files, named, "{table}, entry {number}");
        }
        assert!(standing_entry(store, table, last).unwrap().is_none());
    }
}

fn entries(store: &FolderStore) -> usize {
    let listed =
        LoggedTable::ALL.map(|table| store.list(&ObjectKey::delta_log(table), None).unwrap());
    listed.iter().map(Vec::len).sum()
}

#[test]
fn a_commit_costs_one_look_and_an_entry_a_table() {
    let store = temporary_store();
    for sequence in 1..=3_u64 {
        let manifest = published(&*store, "title");
        let counting = FaultyStore::new(&*store, usize::MAX, Fault::CrashBefore);
        extend_delta_logs(&counting, &manifest).unwrap();
        assert_eq!(counting.calls(), if sequence == 1 { 3 } else { 4 });
        assert_that_the_logs_name_what_the_manifests_name(&*store, sequence);
        let counting = FaultyStore::new(&*store, usize::MAX, Fault::CrashBefore);
        ensure_delta_logs(&counting, &manifest).unwrap();
        assert_eq!(counting.calls(), 1);
    }
}

#[test]
fn a_store_that_never_had_logs_gets_all_entries_at_once() {
    let store = temporary_store();
    for title in ["one", "two", "three"] {
        published(&*store, title);
    }
    let newest = published(&*store, "four");
    extend_delta_logs(&*store, &newest).unwrap();
    assert_that_the_logs_name_what_the_manifests_name(&*store, 4);
}

#[test]
fn at_every_fault_of_every_call_the_next_run_completes_the_logs() {
    for missing in 0..3 {
        let run = |fault: Fault, at: usize| -> bool {
            let store = temporary_store();
            extend_delta_logs(&*store, &published(&*store, "with its entries")).unwrap();
            for _ in 0..missing {
                published(&*store, "without");
            }
            let newest = published(&*store, "through faults");
            let faulty = FaultyStore::new(&*store, at, fault);
            let outcome = extend_delta_logs(&faulty, &newest);
            if outcome.is_ok() {
                assert_that_the_logs_name_what_the_manifests_name(&*store, newest.sequence);
            }
            let next = published(&*store, "next");
            extend_delta_logs(&*store, &next).unwrap();
            assert_that_the_logs_name_what_the_manifests_name(&*store, next.sequence);
            faulty.calls() > at
        };
        for fault in Fault::ALL {
            let calls = (0..).take_while(|&at| run(fault, at)).count();
            assert!(calls >= 4 + missing, "{fault:?} was only met in {calls} calls");
        }
    }
}

/// A store in which another writer comes between: before each of the calls of one, all of the other's happen.
struct Interrupted<'a> {
    inner: FaultyStore<'a>,
    other: &'a Manifest,
    at: usize,
}

impl Interrupted<'_> {
    fn call(&self) {
        if self.inner.calls() == self.at {
            extend_delta_logs(self.inner.inner, self.other).unwrap();
        }
    }
}

impl Store for Interrupted<'_> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), akin_store::StoreError> {
        self.call();
        self.inner.create(key, bytes)
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), akin_store::StoreError> {
        self.inner.overwrite(key, bytes)
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, akin_store::StoreError> {
        self.call();
        self.inner.get(key)
    }

    fn get_range(
        &self,
        key: &ObjectKey,
        range: std::ops::Range<u64>,
    ) -> Result<Bytes, akin_store::StoreError> {
        self.inner.get_range(key, range)
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), akin_store::StoreError> {
        self.inner.delete(key)
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&ObjectKey>,
    ) -> Result<Vec<akin_store::Listed>, akin_store::StoreError> {
        self.call();
        self.inner.list(prefix, after)
    }
}

#[test]
fn writers_that_overlap_never_disagree() {
    // A run that was slow after its commit, and the one after it, each interrupted by the other at every call.
    for slow_is_interrupted in [true, false] {
        for at in 0.. {
            let store = temporary_store();
            extend_delta_logs(&*store, &published(&*store, "one")).unwrap();
            let (slow, quick) = (published(&*store, "two"), published(&*store, "three"));
            let (own, other) = if slow_is_interrupted { (&slow, &quick) } else { (&quick, &slow) };
            let inner = FaultyStore::new(&*store, usize::MAX, Fault::CrashBefore);
            let interrupted = Interrupted { inner, other, at };
            extend_delta_logs(&interrupted, own).unwrap();
            if interrupted.inner.calls() <= at {
                break;
            }
            assert_that_the_logs_name_what_the_manifests_name(&*store, 3);
        }
    }
}

#[test]
fn of_many_writers_at_once_all_write_the_same() {
    let store = temporary_store();
    let manifests: Vec<Manifest> = (0..6).map(|_| published(&*store, "title")).collect();
    std::thread::scope(|scope| {
        for manifest in &manifests {
            scope.spawn(|| extend_delta_logs(&*store, manifest).unwrap());
        }
    });
    assert_that_the_logs_name_what_the_manifests_name(&*store, 6);
}

fn path(store: &TemporaryStore, key: &ObjectKey) -> std::path::PathBuf {
    store.folder.path().join(key.as_str())
}

#[test]
fn a_manifest_that_nobody_can_read_has_an_entry_that_changes_nothing() {
    let store = temporary_store();
    for title in ["one", "two", "three"] {
        published(&*store, title);
    }
    std::fs::write(path(&store, &ObjectKey::manifest(1)), "damaged").unwrap();
    std::fs::remove_file(path(&store, &ObjectKey::manifest(3))).unwrap();
    let version = akin_schemas::VersionName::new(now(), 77);
    let begun = akin_schemas::stage::Begun {
        sequence: 4,
        version,
        write_id: "four".to_owned(),
        started_at: now(),
    };
    let four = Publication::resume(&*store, begun).with_age_limit(std::time::Duration::MAX);
    let four = publish(four, "four").unwrap().manifest;
    extend_delta_logs(&*store, &four).unwrap();
    assert_that_the_logs_name_what_the_manifests_name(&*store, 4);
    for (number, changes) in [(0, 0), (1, 1), (2, 0), (3, 2)] {
        let entry = standing_entry(&*store, LoggedTable::Items, number).unwrap().unwrap();
        assert_eq!(entry.added.len() + entry.removed.len(), changes, "entry {number}");
    }
}

#[test]
fn an_entry_of_another_program_is_named_with_the_remedy_and_stays() {
    let store = temporary_store();
    extend_delta_logs(&*store, &published(&*store, "one")).unwrap();
    let foreign = ObjectKey::delta_entry(LoggedTable::Items, 1);
    let vacuumed = Bytes::from_static(b"{\"commitInfo\":{\"operation\":\"VACUUM START\"}}\n");
    store.create(&foreign, vacuumed.clone()).unwrap();
    let two = published(&*store, "two");
    let refused = extend_delta_logs(&*store, &two).unwrap_err();
    assert!(matches!(&refused, DeltaLogError::Entry { key, .. } if *key == foreign), "{refused:?}");
    assert!(refused.to_string().contains("akin-batch check --repair"), "{refused}");
    assert_eq!((store.get(&foreign).unwrap(), entries(&store)), (vacuumed, 5));
    // Ours, but for another publication.
    let elsewhere = store.get(&ObjectKey::delta_entry(LoggedTable::Items, 0)).unwrap();
    store.overwrite(&foreign, elsewhere).unwrap();
    let refused = extend_delta_logs(&*store, &two);
    assert!(
        matches!(refused, Err(DeltaLogError::Contradiction { sequence: 2, .. })),
        "{refused:?}"
    );
}

#[test]
fn an_empty_publication_is_an_empty_table() {
    let store = temporary_store();
    let nothing = begin(&*store).with_age_limit(std::time::Duration::MAX);
    let nothing = nothing.commit(content(akin_schemas::Parts::default())).unwrap().manifest;
    extend_delta_logs(&*store, &nothing).unwrap();
    assert_that_the_logs_name_what_the_manifests_name(&*store, 1);
}

#[test]
fn every_hundredth_entry_has_a_checkpoint_which_only_the_newest_of_many_gets() {
    let store = temporary_store();
    let parts = published(&*store, "one").parts;
    let again = || begin(&*store).commit(content(parts.clone())).unwrap().manifest;
    let mut newest = published(&*store, "two");
    while newest.sequence < 202 {
        newest = again();
    }
    let checkpoints = || -> Vec<String> {
        let listed = store.list(&ObjectKey::delta_log(LoggedTable::Items), None).unwrap();
        let keys = listed.into_iter().map(|object| object.key.to_string());
        keys.filter(|key| key.ends_with(".checkpoint.parquet")).collect()
    };
    extend_delta_logs(&*store, &newest).unwrap();
    assert_eq!(checkpoints(), [ObjectKey::delta_checkpoint(LoggedTable::Items, 200).to_string()]);
    let hint = || store.get(&ObjectKey::delta_last_checkpoint(LoggedTable::Items)).unwrap();
    let read = || serde_json::from_slice::<serde_json::Value>(&hint()).unwrap();
    assert_eq!((&read()["version"], &read()["numOfAddFiles"]), (&200.into(), &1.into()));
    // The protocol, the metadata, what stands and what stood.
    assert_eq!(read()["size"], 4);
    while newest.sequence < 301 {
        newest = again();
        extend_delta_logs(&*store, &newest).unwrap();
    }
    assert_eq!((checkpoints().len(), &read()["version"]), (2, &300.into()));
}
