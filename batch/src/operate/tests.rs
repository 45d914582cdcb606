//! Stores of a few rows, written row by row, so that they can be wrong where a run would not be.

#![allow(clippy::unwrap_used)]
use akin_schemas::tables::{
    ItemRow, Items, NeighbourRow, Neighbours, PartWriter, ProfileRow, Profiles, Table,
};
use akin_schemas::{Cut, Measure, ObjectKey, PartEntry, Parts, RatingRange, VersionCounts};
use akin_store::{Content, FolderStore, Publication, Store};
use chrono::Utc;

use super::check::check;

/// A neighbour: item, neighbour, rank, score.
type Pair = (&'static str, &'static str, i32, f32);
/// A rating: user, item, rating.
type Rated = (&'static str, &'static str, f32);

struct Tables {
    items: Vec<&'static str>,
    neighbours: Vec<Pair>,
    profiles: Vec<Rated>,
    counts: VersionCounts,
}

fn whole() -> Tables {
    Tables {
        items: vec!["a", "b", "c"],
        neighbours: vec![("a", "b", 1, 0.9), ("a", "c", 2, -0.5), ("b", "a", 1, 0.9)],
        profiles: vec![("ann", "a", 5.0), ("ann", "b", 4.0), ("bob", "c", 1.0)],
        counts: VersionCounts { ratings: 3, users: 2, items: 3, pairs: 3 },
    }
}

fn put<T: Table>(publication: &Publication<'_>, key: ObjectKey, rows: &[T::Row<'_>]) -> PartEntry {
    let mut writer = PartWriter::<T>::new().unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    publication.put_part(key, writer.finish().unwrap()).unwrap()
}

fn publish(store: &dyn Store, tables: &Tables) {
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
    let parts = Parts {
        neighbours: vec![put::<Neighbours>(
            &publication,
            ObjectKey::neighbours_part(&version, 0),
            &neighbours,
        )],
        items: vec![put::<Items>(&publication, ObjectKey::items_part(&version, 0), &items)],
        profiles: vec![put::<Profiles>(
            &publication,
            ObjectKey::profiles_part(&version, 0),
            &profiles,
        )],
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
        erasure_epoch: 0,
        metrics: [].into(),
        parts,
    };
    publication.commit(content).unwrap();
}

fn findings(tables: &Tables) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    publish(&store, tables);
    check(&store).unwrap().damage
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
