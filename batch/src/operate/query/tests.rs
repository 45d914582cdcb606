//! Tables of several files, which a run writes only of many rows.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use akin_schemas::tables::{ItemRow, Items, PartWriter, ProfileRow, Profiles};
use akin_schemas::{ObjectKey, PartEntry, VersionName};
use akin_store::{FolderStore, Store};
use polars::prelude::{AnyValue, PolarsResult};
use polars::sql::SQLContext;
use tempfile::TempDir;

use super::scan::{FirstFailure, Scan, Source};

struct Place {
    folder: TempDir,
    store: Arc<dyn Store>,
    failure: FirstFailure,
    context: SQLContext,
}

fn version() -> VersionName {
    VersionName::new(Default::default(), 1)
}

/// Items `a` to `e` in three files.
fn items_in_three_files() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FolderStore::open(folder.path()).unwrap());
    let files: [&[(&str, i64)]; 3] = [&[("a", 1), ("b", 5)], &[("c", 9), ("d", 2)], &[("e", 9)]];
    let part = |(at, rows): (usize, &&[(&str, i64)])| {
        let mut writer = PartWriter::<Items>::new().unwrap();
        for (item_id, rating_count) in *rows {
            let row = ItemRow {
                item_id,
                title: (*rating_count > 1).then_some("a title that is longer than twelve bytes"),
                genres: vec!["Drama"; *rating_count as usize % 3],
                rating_count: *rating_count,
                rating_mean: None,
                rated_between: (*rating_count > 1).then_some((1_000_000, 2_500_000)),
            };
            writer.push(&row).unwrap();
        }
        let part = writer.finish().unwrap();
        let key = ObjectKey::items_part(&version(), at);
        let bytes = part.bytes.len() as u64;
        store.create(&key, part.bytes).unwrap();
        PartEntry { key, rows: part.rows, bytes, sha256: part.sha256 }
    };
    let parts = files.iter().enumerate().map(part).collect();
    let failure = FirstFailure::default();
    let scan =
        Scan { store: store.clone(), source: Source::Parts(parts), failure: failure.clone() };
    let context = SQLContext::new();
    context.register("items", scan.frame::<Items>().unwrap());
    Place { folder, store, failure, context }
}

impl Place {
    /// The values, row by row.
    fn ask(&mut self, sql: &str) -> PolarsResult<Vec<String>> {
        let frame = self.context.execute(sql)?.collect()?;
        let text = |value: AnyValue<'_>| match value {
            AnyValue::String(text) => text.to_owned(),
            AnyValue::StringOwned(text) => text.to_string(),
            other => other.to_string(),
        };
        let row = |at: usize| -> String {
            let values = frame.columns().iter().map(|column| text(column.get(at).unwrap()));
            values.collect::<Vec<_>>().join(" ")
        };
        Ok((0..frame.height()).map(row).collect())
    }
}

#[test]
fn a_condition_is_asked_of_all_files_together() {
    let mut place = items_in_three_files();
    for (sql, expected) in [
        ("SELECT item_id FROM items WHERE rating_count > 4 AND item_id != 'e'", vec!["b", "c"]),
        ("SELECT rating_count FROM items WHERE item_id = 'd'", vec!["2"]),
        // What a row is asked depends on all of them.
        (
            "SELECT item_id FROM items WHERE rating_count IN (SELECT max(rating_count) FROM items)",
            vec!["c", "e"],
        ),
        (
            "SELECT item_id, rating_count FROM items QUALIFY row_number() OVER (ORDER BY rating_count, item_id) = 2",
            vec!["d 2"],
        ),
        (
            "SELECT item_id, rating_count FROM items QUALIFY count(*) OVER (PARTITION BY rating_count) > 1 ORDER BY 1",
            vec!["c 9", "e 9"],
        ),
        // Functions.
        ("SELECT item_id FROM items WHERE item_id IN ('a', 'e', 'x')", vec!["a", "e"]),
        ("SELECT item_id FROM items WHERE title IS NULL OR title LIKE '%none%'", vec!["a"]),
        ("SELECT item_id FROM items WHERE rating_mean IS NOT NULL", vec![]),
        ("SELECT item_id FROM items WHERE 1 = 0", vec![]),
        ("SELECT count(*) FROM items WHERE TRUE", vec!["5"]),
        ("SELECT count(*) FROM items", vec!["5"]),
        ("SELECT item_id, rating_count FROM items LIMIT 3", vec!["a 1", "b 5", "c 9"]),
        ("SELECT item_id FROM items WHERE rating_count > 1 LIMIT 2", vec!["b", "c"]),
        ("SELECT item_id FROM items ORDER BY item_id DESC LIMIT 2 OFFSET 1", vec!["d", "c"]),
        (
            "SELECT item_id, array_length(genres) AS n FROM items ORDER BY n, 1 LIMIT 2",
            vec!["c 0", "e 0"],
        ),
        (
            "SELECT a.item_id FROM items AS a JOIN items AS b ON a.rating_count = b.rating_count AND a.title = b.title \
          WHERE b.item_id = 'c' ORDER BY 1",
            vec!["c", "e"],
        ),
        (
            "SELECT item_id FROM items WHERE last_rated_at > '1970-01-01T00:00:02.4' ORDER BY 1 LIMIT 1",
            vec!["b"],
        ),
    ] {
        assert_eq!(
            place.ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
            expected,
            "{sql}"
        );
    }
}

#[test]
fn files_are_read_as_far_as_they_are_needed_and_missing_ones_named() {
    let mut place = items_in_three_files();
    let third = ObjectKey::items_part(&version(), 2);
    std::fs::remove_file(place.folder.path().join(third.as_str())).unwrap();
    assert_eq!(place.ask("SELECT item_id FROM items LIMIT 4").unwrap(), ["a", "b", "c", "d"]);
    assert!(place.failure.take().is_none());
    assert!(place.ask("SELECT item_id FROM items").is_err());
    let failure = place.failure.take().unwrap().chain();
    assert!(failure.contains(third.as_str()), "{failure}");
    assert!(failure.contains("akin-batch versions shows as whole"), "{failure}");
}

#[test]
fn a_segment_that_is_no_table_is_named() {
    let mut place = items_in_three_files();
    let date = "2026-11-23".parse().unwrap();
    let mut writer = PartWriter::<Profiles>::new().unwrap();
    let row = ProfileRow {
        user_id: "ann",
        item_id: "a",
        rating: None,
        rated_at: 7,
        order_micros: 7,
        order_origin: "ledger-a",
        order_sequence: 1,
    };
    writer.push(&row).unwrap();
    let good = writer.finish().unwrap().bytes;
    place.store.create(&ObjectKey::segment(date, "ledger-a", 1), good).unwrap();
    let scan = Scan {
        store: place.store.clone(),
        source: Source::Segments(ObjectKey::RATINGS),
        failure: place.failure.clone(),
    };
    place.context.register("ledger", scan.frame::<Profiles>().unwrap());
    assert_eq!(place.ask("SELECT rating, order_micros FROM ledger").unwrap(), ["null 7"]);
    let bad = ObjectKey::segment(date, "ledger-b", 1);
    place.store.create(&bad, "no table".into()).unwrap();
    assert!(place.ask("SELECT user_id FROM ledger").is_err());
    assert!(place.failure.take().unwrap().chain().contains(bad.as_str()));
}
