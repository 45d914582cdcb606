//! One suite for every backend. `check_contract` gets a store that is empty.

use std::sync::Barrier;

use akin_store::{ErrorKind, Store};
use bytes::Bytes;

use crate::{key, temporary_store};

#[test]
fn a_folder_keeps_the_contract() {
    check_contract(&*temporary_store());
}

pub fn check_contract(store: &dyn Store) {
    what_was_created_reads_back(store);
    what_is_missing_is_said_to_be_missing(store);
    what_exists_is_never_created_again(store);
    overwriting_replaces(store);
    listings_are_sorted_and_start_after_a_key(store);
    ranges_are_cut_where_the_object_ends(store);
    deleting_twice_is_deleting_once(store);
    of_racing_creators_exactly_one_wins(store);
}

fn what_was_created_reads_back(store: &dyn Store) {
    for bytes in [Bytes::new(), Bytes::from_static(b"x"), Bytes::from(vec![7u8; 1 << 20])] {
        let key = key(&format!("read/{}.bin", bytes.len()));
        store.create(&key, bytes.clone()).unwrap();
        assert_eq!(store.get(&key).unwrap(), bytes);
    }
}

fn what_is_missing_is_said_to_be_missing(store: &dyn Store) {
    let error = store.get(&key("missing/a.json")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("missing/a.json"), "{error}");
    assert_eq!(store.list("missing/", None).unwrap(), []);
}

fn what_exists_is_never_created_again(store: &dyn Store) {
    let key = key("once/a.json");
    store.create(&key, Bytes::from_static(b"first")).unwrap();
    for _ in 0..2 {
        let error = store.create(&key, Bytes::from_static(b"second")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
    assert_eq!(store.get(&key).unwrap(), "first");
}

fn overwriting_replaces(store: &dyn Store) {
    let key = key("current.json");
    for text in ["one", "another"] {
        store.overwrite(&key, Bytes::from(text)).unwrap();
        assert_eq!(store.get(&key).unwrap(), text);
    }
}

fn listings_are_sorted_and_start_after_a_key(store: &dyn Store) {
    for name in ["b=2/x.p", "a.json", "b=1/y.p", "b=1/x.p", "b=10/x.p"] {
        store.create(&key(&format!("listed/{name}")), Bytes::from_static(b"123")).unwrap();
    }
    let names = |after: Option<&str>| -> Vec<String> {
        let after = after.map(|name| key(&format!("listed/{name}")));
        let listed = store.list("listed/", after.as_ref()).unwrap();
        assert!(listed.iter().all(|object| object.bytes == 3));
        listed.iter().map(|object| object.key.as_str()["listed/".len()..].to_owned()).collect()
    };
    assert_eq!(names(None), ["a.json", "b=1/x.p", "b=1/y.p", "b=10/x.p", "b=2/x.p"]);
    assert_eq!(names(Some("b=1/y.p")), ["b=10/x.p", "b=2/x.p"]);
    assert_eq!(names(Some("b=1/xx.p")), ["b=1/y.p", "b=10/x.p", "b=2/x.p"]);
    assert_eq!(names(Some("z")), [""; 0]);
}

fn ranges_are_cut_where_the_object_ends(store: &dyn Store) {
    let key = key("ranged.bin");
    store.create(&key, Bytes::from_static(b"0123456789")).unwrap();
    for (range, bytes) in
        [(0..4, "0123"), (6..10, "6789"), (8..20, "89"), (10..12, ""), (30..40, ""), (3..3, "")]
    {
        assert_eq!(store.get_range(&key, range.clone()).unwrap(), bytes, "{range:?}");
    }
    let error = store.get_range(&crate::key("missing.bin"), 0..1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn deleting_twice_is_deleting_once(store: &dyn Store) {
    let (key, other) = (key("deleted/a.json"), key("deleted/b.json"));
    for key in [&key, &other] {
        store.create(key, Bytes::from_static(b"1")).unwrap();
    }
    for _ in 0..2 {
        store.delete(&key).unwrap();
        assert_eq!(store.get(&key).unwrap_err().kind(), ErrorKind::NotFound);
    }
    store.delete(&crate::key("never/there.json")).unwrap();
    let left = store.list("deleted/", None).unwrap();
    assert_eq!(left.iter().map(|object| &object.key).collect::<Vec<_>>(), [&other]);
}

fn of_racing_creators_exactly_one_wins(store: &dyn Store) {
    for round in 0..20 {
        let key = key(&format!("race/{round}.json"));
        let barrier = Barrier::new(8);
        let winners: Vec<u8> = std::thread::scope(|scope| {
            let race = |writer: u8| {
                let (key, barrier) = (&key, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    store.create(key, Bytes::from(vec![writer; 1000])).is_ok().then_some(writer)
                })
            };
            let writers: Vec<_> = (0..8).map(race).collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(store.get(&key).unwrap(), vec![winners[0]; 1000]);
    }
}
