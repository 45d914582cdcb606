//! The store's promises, kept by every backend and under every fault.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod contract;
mod delta_log;
mod faults;
mod folder;
#[path = "../../../tests/ministack/mod.rs"]
mod ministack;
mod proxy;
mod publication;
mod s3;

use akin_schemas::tables::{EncodedPart, ItemRow, Items, NeighbourRow, Neighbours, PartWriter};
use akin_schemas::{Cut, Measure, ObjectKey, Parts, RatingRange, VersionCounts};
use akin_store::{Commit, CommitError, Content, FolderStore, Publication, Store};
use chrono::{DateTime, Utc};
use std::ops::Deref;

/// A folder store that is removed with its folder.
struct TemporaryStore {
    store: FolderStore,
    folder: tempfile::TempDir,
}

impl Deref for TemporaryStore {
    type Target = FolderStore;
    fn deref(&self) -> &FolderStore {
        &self.store
    }
}

fn temporary_store() -> TemporaryStore {
    let folder = tempfile::tempdir().unwrap();
    TemporaryStore { store: FolderStore::open(folder.path()).unwrap(), folder }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::try_from(text.to_owned()).unwrap()
}

fn items_part(title: &str) -> EncodedPart {
    let mut writer = PartWriter::<Items>::new().unwrap();
    let row = ItemRow {
        item_id: "1",
        title: Some(title),
        genres: vec!["Drama"],
        rating_count: 1,
        rating_mean: Some(4.0),
        rated_between: Some((0, 0)),
    };
    writer.push(&row).unwrap();
    writer.finish().unwrap()
}

fn neighbours_part() -> EncodedPart {
    let mut writer = PartWriter::<Neighbours>::new().unwrap();
    let row = NeighbourRow { item_id: "1", neighbour_id: "2", rank: 1, score: 0.5, co_count: 3 };
    writer.push(&row).unwrap();
    writer.finish().unwrap()
}

fn content(parts: Parts) -> Content {
    Content {
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
        counts: VersionCounts::default(),
        watermark: [].into(),
        latest_order_micros: 0,
        input_digest: None,
        erasure_epoch: 0,
        titles_complete: false,
        warnings: Vec::new(),
        metrics: [].into(),
        parts,
    }
}

/// Stores the parts of a small version and commits it.
fn publish(publication: Publication<'_>, title: &str) -> Result<Commit, CommitError> {
    let version = publication.version().clone();
    let put = |key, part| publication.put_part(key, part).map_err(CommitError::Store);
    let parts = Parts {
        items: vec![put(ObjectKey::items_part(&version, 0), items_part(title))?],
        neighbours: vec![put(ObjectKey::neighbours_part(&version, 0), neighbours_part())?],
        profiles: vec![],
    };
    publication.with_retry_delay(std::time::Duration::ZERO).commit(content(parts))
}

fn begin(store: &dyn Store) -> Publication<'_> {
    Publication::begin(store, now()).unwrap()
}
