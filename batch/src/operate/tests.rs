//! Stores of a few rows, written row by row, so that they can be wrong where a run would not be.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use akin_schemas::tables::{
    EncodedPart, ItemRow, Items, NeighbourRow, Neighbours, PartWriter, ProfileRow, Profiles, Table,
};
use akin_schemas::{
    Checksum, Cut, Manifest, Measure, ObjectKey, PartEntry, Parts, RatingRange, VersionCounts,
};
use akin_store::{
    Content, FolderStore, Listed, OpenError, Publication, Store, StoreError, open_version,
    published_sequences,
};
use arrow::array::{ArrayRef, Float32Array, Int32Array, RecordBatch, StringArray};
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use parquet::arrow::ArrowWriter;

use super::check::check;
use super::gc::{CleanUp, LEAST_GRACE_HOURS, Rules, clean_up};
use super::rollback::rollback;
use crate::failure::{Exit, Failure};

/// A neighbour: item, neighbour, rank, score.
type Pair = (&'static str, &'static str, i32, f32);
/// A rating: user, item, rating.
type Rated = (&'static str, &'static str, f32);

pub(super) struct Tables {
    items: Vec<&'static str>,
    neighbours: Vec<Pair>,
    profiles: Vec<Rated>,
    counts: VersionCounts,
}

pub(super) fn whole() -> Tables {
    Tables {
        items: vec!["a", "b", "c"],
        neighbours: vec![("a", "b", 1, 0.9), ("a", "c", 2, -0.5), ("b", "a", 1, 0.9)],
        profiles: vec![("ann", "a", 5.0), ("ann", "b", 4.0), ("bob", "c", 1.0)],
        counts: VersionCounts { ratings: 3, users: 2, items: 3, pairs: 3 },
    }
}

fn encoded<T: Table>(rows: &[T::Row<'_>]) -> EncodedPart {
    let mut writer = PartWriter::<T>::new().unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    writer.finish().unwrap()
}

/// As a program wrote them that published scores as they were.
fn encoded_as_they_are(rows: &[NeighbourRow<'_>]) -> EncodedPart {
    let texts = |of: fn(&NeighbourRow<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let integers = |of: fn(&NeighbourRow<'_>) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(rows.iter().map(of)))
    };
    let columns = vec![
        texts(|row| row.item_id.to_owned()),
        texts(|row| row.neighbour_id.to_owned()),
        integers(|row| row.rank),
        Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.score))),
        integers(|row| row.co_count),
    ];
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, Neighbours::schema(), None).unwrap();
    writer.write(&RecordBatch::try_new(Neighbours::schema(), columns).unwrap()).unwrap();
    writer.close().unwrap();
    let bytes = Bytes::from(bytes);
    EncodedPart { sha256: Checksum::of(&bytes), rows: rows.len() as u64, bytes }
}

pub(super) fn publish(store: &dyn Store, tables: &Tables) -> Manifest {
    publish_by(store, tables, encoded::<Neighbours>)
}

fn publish_by(
    store: &dyn Store,
    tables: &Tables,
    encode: fn(&[NeighbourRow<'_>]) -> EncodedPart,
) -> Manifest {
    let publication = Publication::begin(store, Utc::now()).unwrap();
    let version = publication.version().clone();
    let items: Vec<ItemRow<'_>> = tables
        .items
        .iter()
        .map(|item_id| ItemRow {
            item_id,
            title: None,
            genres: vec![],
            rating_count: 1,
            rating_mean: None,
            rated_between: None,
        })
        .collect();
    let neighbours: Vec<NeighbourRow<'_>> = tables
        .neighbours
        .iter()
        .map(|&(item_id, neighbour_id, rank, score)| NeighbourRow {
            item_id,
            neighbour_id,
            rank,
            score,
            co_count: 1,
        })
        .collect();
    let profiles: Vec<ProfileRow<'_>> = tables
        .profiles
        .iter()
        .zip(1..)
        .map(|(&(user_id, item_id, rating), order_sequence)| ProfileRow {
            user_id,
            item_id,
            rating: Some(rating),
            rated_at: 0,
            order_micros: 0,
            order_origin: "files",
            order_sequence,
        })
        .collect();
    let put = |key, part| -> Vec<PartEntry> { vec![publication.put_part(key, part).unwrap()] };
    let parts = Parts {
        neighbours: put(ObjectKey::neighbours_part(&version, 0), encode(&neighbours)),
        items: put(ObjectKey::items_part(&version, 0), encoded::<Items>(&items)),
        profiles: put(ObjectKey::profiles_part(&version, 0), encoded::<Profiles>(&profiles)),
    };
    let content = Content {
        rollback_of: None,
        written_by: "test".to_owned(),
        measure: Measure {
            name: "cosine".to_owned(),
            parameters: [].into(),
            cut: Cut::Target,
            rating_weights: None,
            top_k: 10,
        },
        rating_range: RatingRange::default(),
        counts: tables.counts,
        watermark: [].into(),
        latest_order_micros: 0,
        input_digest: None,
        erasure_epoch: 0,
        titles_complete: false,
        warnings: Vec::new(),
        metrics: [].into(),
        parts,
    };
    publication.commit(content).unwrap().manifest
}

fn findings(tables: &Tables) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    publish(&store, tables);
    check(&store, false).unwrap().damage
}

#[test]
fn minus_zeros_of_older_programs_are_noted_and_no_damage() {
    let mut tables = whole();
    tables.neighbours.push(("b", "c", 2, -0.0));
    tables.counts.pairs = 4;
    let checked = |encode: fn(&[NeighbourRow<'_>]) -> EncodedPart| {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        publish_by(&store, &tables, encode);
        let report = check(&store, false).unwrap();
        assert!(report.verdict().is_ok(), "{report}");
        report.to_string()
    };
    let before = checked(encoded_as_they_are);
    assert!(before.contains(": holds 1 score of minus zero, which some readers"), "{before}");
    // What writes tables now does not write it.
    let now = checked(encoded::<Neighbours>);
    assert!(!now.contains("minus zero") && now.contains("all is as it was published"), "{now}");
}

#[test]
fn what_was_written_wrongly_is_found_though_its_checksum_is_right() {
    assert_eq!(findings(&whole()), [""; 0]);
    type Spoil = fn(&mut Tables);
    let wrong: [(Spoil, &str); 10] = [
        (|tables| tables.items.swap(0, 1), "item \"a\" is out of order"),
        (|tables| tables.neighbours.swap(0, 2), "the item is out of order"),
        (|tables| tables.neighbours[1].2 = 3, "rank 2 is due"),
        (|tables| tables.neighbours[1].3 = -0.95, "its score is greater than that before it"),
        (|tables| tables.neighbours[0].3 = f32::INFINITY, "score inf"),
        (|tables| tables.neighbours[0].1 = "d", "\"d\" is not in the items table"),
        (|tables| tables.profiles.swap(0, 1), "(\"ann\", \"a\") is out of order"),
        (|tables| tables.profiles[2].1 = "d", "the item is not in the items table"),
        (|tables| tables.profiles[0].2 = 11.0, "the rating 11 is outside the store's range"),
        (|tables| tables.counts.ratings = 4, "states 4 ratings"),
    ];
    for (spoil, expected) in wrong {
        let mut tables = whole();
        spoil(&mut tables);
        let found = findings(&tables);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{expected}: {found:?}");
    }
}

/// Deletes as if everything were older than the grace.
fn clean(store: &dyn Store, keep: u64) -> Result<CleanUp, Failure> {
    let rules = Rules { keep, grace_hours: LEAST_GRACE_HOURS, delete: true };
    clean_up(store, rules, Utc::now() + TimeDelta::days(9))
}

#[test]
fn no_reader_of_a_kept_version_fails_while_others_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    for _ in 0..40 {
        publish(&store, &whole());
    }
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let read = |sequence| {
        let mut times = 0;
        loop {
            let over = is_over.load(std::sync::atomic::Ordering::SeqCst);
            open_version(&store, sequence).unwrap();
            times += 1;
            if over {
                return times;
            }
        }
    };
    std::thread::scope(|scope| {
        let readers = [38, 39, 40].map(|sequence| scope.spawn(move || read(sequence)));
        let deleted = serde_json::to_value(clean(&store, 3).unwrap()).unwrap();
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(deleted["objects"].as_array().unwrap().len(), 37 * 3);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    assert!(matches!(open_version(&store, 37), Err(OpenError::Store(_))));
    assert_eq!(check(&store, false).unwrap().damage, [""; 0]);
}

/// Rolls back to `to` just before the call number `at` of its kind.
struct Meddler<'a> {
    store: &'a FolderStore,
    to: &'a str,
    before: Call,
    at: usize,
    calls: std::sync::atomic::AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Delete,
    ListManifests,
}

impl Meddler<'_> {
    fn meddle(&self, call: Call) {
        if call == self.before
            && self.calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == self.at
        {
            rollback(self.store, self.to, false).unwrap();
        }
    }
}

impl Store for Meddler<'_> {
    fn location(&self) -> String {
        self.store.location()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.store.create(key, bytes)
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.store.overwrite(key, bytes)
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.store.get(key)
    }

    fn get_range(&self, key: &ObjectKey, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        self.store.get_range(key, range)
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.meddle(Call::Delete);
        self.store.delete(key)
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        if prefix == ObjectKey::MANIFESTS {
            self.meddle(Call::ListManifests);
        }
        self.store.list(prefix, after)
    }
}

#[test]
fn a_rollback_that_is_published_while_its_files_are_deleted_is_whole_or_reported() {
    let meddled = |before, at| {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let first = publish(&store, &whole());
        publish(&store, &whole());
        let to = first.version.to_string();
        let meddler = Meddler { store: &store, to: &to, before, at, calls: 0.into() };
        let outcome = clean(&meddler, 1);
        (outcome, open_version(&store, 3))
    };
    // Listed first for the history, then before each of the three deletions (items, neighbours, profiles).
    let (outcome, rolled_back) = meddled(Call::ListManifests, 1);
    assert!(rolled_back.is_ok());
    // The newest profiles serve the rollback: those of the first version go.
    let objects = serde_json::to_value(outcome.unwrap()).unwrap()["objects"].clone();
    assert_eq!(objects.as_array().unwrap().len(), 1, "{objects}");
    // Here the first file goes after the rollback was found whole.
    let (outcome, rolled_back) = meddled(Call::Delete, 0);
    assert!(rolled_back.is_err());
    let error = outcome.unwrap_err();
    assert!(matches!(error, Failure::DeletedMeanwhile { .. }), "{error}");
}

#[test]
fn nothing_is_deleted_while_a_manifest_among_those_kept_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    for _ in 0..4 {
        publish(&store, &whole());
    }
    std::fs::write(folder.path().join(ObjectKey::manifest(3).as_str()), "{}").unwrap();
    let error = clean(&store, 2).unwrap_err();
    assert!(matches!(error, Failure::KeptManifest { sequence: 3, keep: 2 }), "{error}");
    assert!(open_version(&store, 1).is_ok());
    // Beyond those kept it is in nobody's way.
    clean(&store, 1).unwrap();
    assert!(open_version(&store, 4).is_ok() && open_version(&store, 1).is_err());
}

#[test]
fn a_rollback_loses_against_what_is_published_after_it_took_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let versions = [(); 3].map(|()| publish(&store, &whole()).version.to_string());
    // The first listing gives the number, the second the history.
    let (before, at, calls) = (Call::ListManifests, 1, 0.into());
    let meddler = Meddler { store: &store, to: &versions[1], before, at, calls };
    let error = rollback(&meddler, &versions[0], false).unwrap_err();
    assert_eq!(error.exit(), Exit::Superseded, "{error}");
    assert_eq!(published_sequences(&store, None).unwrap(), [1, 2, 3, 4]);
}
