//! A ledger that comes back from a backup: it notices, takes another name, and nothing is taken for something else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use akin_recommender::profile::Origin;
use akin_schemas::tables::{Profiles, read_part};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_serve::flush::Flusher;
use akin_serve::ledger::{Ledger, Opening, RedbLedger, Submission};
use akin_store::{Store, open_store};
use bytes::Bytes;

use crate::harness::{Server, Workplace, get, post_rating};

const DAY: i64 = 86_400_000_000;

struct Place {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder.path().join("store"));
        Self { folder, store }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn open(&self) -> RedbLedger {
        RedbLedger::open(&self.data(), Opening::default()).unwrap()
    }

    fn backup(&self, name: &str) {
        std::fs::copy(self.data().join("ledger.redb"), self.folder.path().join(name)).unwrap();
    }

    fn restore(&self, name: &str) {
        std::fs::copy(self.folder.path().join(name), self.data().join("ledger.redb")).unwrap();
    }

    fn flush(&self, ledger: &RedbLedger) -> u64 {
        Flusher::new(self.store.clone()).flush(ledger).unwrap()
    }

    /// The items of each segment, by ledger and first entry.
    fn segments(&self) -> BTreeMap<(Origin, u64), Vec<String>> {
        let listed = self.store.list(ObjectKey::RATINGS, None).unwrap();
        let segment = |key: &ObjectKey| {
            let (origin, first) = key.segment_start().unwrap();
            let mut items = Vec::new();
            read_part::<Profiles>(self.store.get(key).unwrap(), |row| {
                items.push(row.item_id.to_owned());
            })
            .unwrap();
            ((origin.parse().unwrap(), first), items)
        };
        let segments: BTreeMap<_, _> = listed.iter().map(|object| segment(&object.key)).collect();
        assert_eq!(segments.len(), listed.len(), "two segments begin with the same entry");
        segments
    }
}

/// A store with a version, which nobody here reads.
fn store(folder: &Path) -> Arc<dyn Store> {
    let store = open_store(folder.to_str().unwrap()).unwrap();
    store.create(&ObjectKey::manifest(1), Bytes::from_static(b"{}")).unwrap();
    store
}

fn rate(ledger: &RedbLedger, items: &[&str], now: i64) {
    let submission = |item: &&str| Submission {
        user: UserId::try_from("abby").unwrap(),
        item: ItemId::try_from(*item).unwrap(),
        rating: Some(3.0),
        input: "{}".to_owned(),
    };
    ledger.accept(&items.iter().map(submission).collect::<Vec<_>>(), &[], now).unwrap();
}

#[test]
fn a_restored_ledger_takes_another_name_for_what_the_store_does_not_have() {
    // The backup's next entry is in the store or was made on another day, so that its segment has another key.
    for (waiting, day) in [(&["2"][..], 0), (&["2"], DAY), (&[], DAY), (&[], 0)] {
        let place = Place::new();
        let ledger = place.open();
        let old = ledger.origin();
        rate(&ledger, &["1"], 0);
        assert_eq!(place.flush(&ledger), 1);
        rate(&ledger, waiting, 0);
        drop(ledger);
        place.backup("backup");
        let ledger = place.open();
        rate(&ledger, &["3"], 0);
        place.flush(&ledger);
        drop(ledger);

        place.restore("backup");
        let ledger = place.open();
        rate(&ledger, &["4"], day);
        let flushed = place.flush(&ledger);
        assert_eq!(flushed, waiting.len() as u64 + 1);
        let new = ledger.origin();
        assert_ne!(new, old);
        let lost = [waiting, &["3"]].concat();
        let again = [waiting, &["4"]].concat();
        let expected = [((old, 1), vec!["1"]), ((old, 2), lost), ((new, 1), again)];
        let found = place.segments();
        assert_eq!(found.len(), 3);
        for (key, items) in expected {
            assert_eq!(found[&key], items, "{key:?}");
        }
        // From now on it is a ledger like any other.
        rate(&ledger, &["5"], day);
        assert_eq!(place.flush(&ledger), 1);
        assert_eq!((ledger.origin(), place.segments().len()), (new, 4));
    }
}

#[test]
fn where_nothing_is_published_no_rating_is_written() {
    let mut place = Place::new();
    let ledger = place.open();
    rate(&ledger, &["1"], 0);
    let empty = open_store(place.folder.path().join("mistyped").to_str().unwrap()).unwrap();
    let refused = Flusher::new(empty.clone()).flush(&ledger).unwrap_err().chain();
    assert!(refused.contains("mistyped") && refused.contains("nothing is published"), "{refused}");
    assert_eq!(ledger.unflushed_count().unwrap(), 1);
    assert_eq!(place.flush(&ledger), 1);
    rate(&ledger, &["2"], 0);
    assert!(Flusher::new(empty).flush(&ledger).is_err());

    // A store that has versions, and none of what was written before: a run would wait for that for ever.
    let (old, former) = (ledger.origin(), place.segments());
    assert_eq!(former[&(old, 1)], ["1"]);
    place.store = store(&place.folder.path().join("another"));
    assert_eq!(place.flush(&ledger), 1);
    let found = place.segments();
    assert_ne!(ledger.origin(), old);
    assert_eq!((found.len(), &found[&(ledger.origin(), 1)][..]), (1, &["2".to_owned()][..]));
}

#[test]
fn a_death_between_the_segment_and_the_mark_is_no_restoration() {
    let place = Place::new();
    let ledger = place.open();
    let origin = ledger.origin();
    rate(&ledger, &["1", "2"], 0);
    drop(ledger);
    place.backup("before");
    let ledger = place.open();
    place.flush(&ledger);
    drop(ledger);
    place.restore("before");
    let ledger = place.open();
    rate(&ledger, &["3"], 0);
    assert_eq!(place.flush(&ledger), 3);
    assert_eq!(ledger.origin(), origin);
    let found = place.segments();
    assert_eq!(found[&(origin, 1)], ["1", "2"]);
    assert_eq!(found[&(origin, 3)], ["3"]);
    assert_eq!(found.len(), 2);
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[test]
fn a_server_on_a_restored_data_folder_loses_nothing_and_is_forgotten_like_any_other() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let rate = |item: &str| {
        let server = Server::start_ready(&workplace, &[]);
        post_rating(&server, "abby", item, 6.0);
        assert!(server.stop().success());
    };
    let (ledger, backup) = (workplace.path("data/ledger.redb"), workplace.path("backup"));
    rate("1");
    copy(&ledger, &backup);
    rate("2");
    workplace.publish(&["--with-ledger"]).summary();
    copy(&backup, &ledger);
    // Its second entry would pass for the one that the version contains.
    rate("3");
    assert_eq!(workplace.publish(&["--since-last"]).summary()["ratings"], 12);
    let watermark = workplace.current()["watermark"].as_object().unwrap().clone();
    let mut numbers: Vec<_> = watermark.values().map(|number| number.as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 18], "both names of the ledger, and the files twice: {watermark:?}");

    // The version and the one before it hold all: the ledger lets go, and the ratings stay.
    workplace.publish(&["--since-last"]).summary();
    let server = Server::start_ready(&workplace, &[]);
    crate::harness::wait_for("the ledger forgets", || {
        server.log_text().contains("the ledger forgets").then_some(())
    });
    let answer = get(&server, "/users/abby/recommendations?n=5").json();
    let items = answer["recommendations"].as_array().unwrap().iter();
    let items: Vec<_> = items.map(|item| item["itemId"].as_str().unwrap()).collect();
    assert_eq!(items, ["4", "5"], "who rated 1, 2 and 3 is left these: {answer}");
}
