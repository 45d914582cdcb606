//! The Parquet tables of a store, and ledger segments.

use akin_schemas::tables::{
    ItemRow, Items, NeighbourRow, Neighbours, PartWriter, ProfileRow, Profiles, Table, read_part,
};
use bytes::Bytes;

/// What a row says, comparable even where a number is none.
type Said = String;

fn rows<T: Table>(bytes: &Bytes, said: impl Fn(T::Row<'_>) -> Said) -> Option<Vec<Said>> {
    let mut rows = Vec::new();
    let count = read_part::<T>(bytes.clone(), |row| rows.push(said(row))).ok()?;
    assert_eq!(count, rows.len() as u64);
    Some(rows)
}

/// Writes what was read, and reads it again: the same rows, whose bytes have no end that could be cut off.
fn comes_back<T: Table>(bytes: &Bytes, said: impl Fn(T::Row<'_>) -> Said) -> bool {
    let Some(first) = rows::<T>(bytes, &said) else { return false };
    let mut writer = PartWriter::<T>::new().unwrap_or_else(|error| panic!("{error}"));
    let read = read_part::<T>(bytes.clone(), |row| {
        writer.push(&row).unwrap_or_else(|error| panic!("{error}"));
    });
    assert_eq!(read.ok(), Some(first.len() as u64));
    let written = writer.finish().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(written.rows, first.len() as u64);
    assert_eq!(rows::<T>(&written.bytes, &said), Some(first));
    assert!(read_part::<T>(written.bytes.slice(..written.bytes.len() - 1), |_| ()).is_err());
    true
}

/// A file, read as each of the tables.
pub(crate) fn table(bytes: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(bytes);
    let read = [
        comes_back::<Neighbours>(&bytes, |row| format!("{row:?}")),
        comes_back::<Items>(&bytes, |row| format!("{row:?}")),
        comes_back::<Profiles>(&bytes, |row| format!("{row:?}")),
    ];
    read.contains(&true)
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let neighbours = |rank| NeighbourRow {
        item_id: "a",
        neighbour_id: "b",
        rank,
        score: 0.5 / rank as f32,
        co_count: 3,
    };
    let items = |item_id| ItemRow {
        item_id,
        title: Some("title"),
        genres: vec!["Drama", "War"],
        rating_count: 3,
        rating_mean: Some(3.5),
        rated_between: Some((1, 2)),
    };
    let profiles = |order_sequence, rating| ProfileRow {
        user_id: "u",
        item_id: "a",
        rating,
        rated_at: 7,
        order_micros: 8,
        order_origin: "ledger-first0001",
        order_sequence,
    };
    let written = [
        part::<Neighbours>(&[neighbours(1), neighbours(2)]),
        part::<Items>(&[
            items("a"),
            ItemRow {
                title: None,
                genres: vec![],
                rating_mean: None,
                rated_between: None,
                ..items("b")
            },
        ]),
        part::<Profiles>(&[profiles(1, Some(4.5)), profiles(2, None)]),
        part::<Profiles>(&[]),
    ];
    let stored = [
        &include_bytes!(
            "../../tests/fixtures/store-schema-1/store/items/version=v20261124T124307Z-k4nm/part-00000.parquet"
        )[..],
        include_bytes!(
            "../../tests/fixtures/store-schema-1/store/neighbours/version=v20261124T124307Z-k4nm/part-00000.parquet"
        ),
        include_bytes!(
            "../../tests/fixtures/store-schema-1/store/profiles/version=v20261124T124308Z-wni3/part-00000.parquet"
        ),
        include_bytes!(
            "../../tests/fixtures/store-schema-1/store/ratings/date=2026-01-02/ledger-first0001-00000000000000000001.parquet"
        ),
    ];
    written.into_iter().chain(stored.map(<[u8]>::to_vec)).collect()
}

fn part<T: Table>(rows: &[T::Row<'_>]) -> Vec<u8> {
    let mut writer = PartWriter::<T>::new().unwrap_or_else(|error| panic!("{error}"));
    for row in rows {
        writer.push(row).unwrap_or_else(|error| panic!("{error}"));
    }
    writer.finish().unwrap_or_else(|error| panic!("{error}")).bytes.to_vec()
}
