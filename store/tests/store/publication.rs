//! The commit: at every fault readers see exactly one whole version.

use std::sync::Barrier;
use std::time::Duration;

use akin_schemas::tables::{Items, Neighbours};
use akin_schemas::{ObjectKey, Parts};
use akin_store::{
    CommitError, OpenError, Publication, Store, StoreError, open_newest, open_version,
    write_pointers,
};
use bytes::Bytes;
use chrono::TimeDelta;

use crate::faults::{Fault, FaultyStore};
use crate::{begin, content, now, publish, temporary_store};

/// What a reader sees: the number and the title in the newest version that opens, and how many were refused.
pub type Seen = (Option<(u64, String)>, usize);

/// Reads the newest version that opens, whole.
pub fn look(store: &dyn Store) -> Result<Seen, StoreError> {
    let newest = open_newest(store, None, |sequence| {
        let opened = open_version(store, sequence)?;
        let (mut titles, mut pairs) = (Vec::new(), 0);
        for part in &opened.items {
            part.read::<Items>(|row| titles.extend(row.title.map(str::to_owned)))?;
        }
        for part in &opened.neighbours {
            part.read::<Neighbours>(|_| pairs += 1)?;
        }
        assert_eq!(pairs, 1, "a version has both tables");
        Ok(titles.concat())
    })?;
    Ok((newest.version, newest.refused.len()))
}

fn seen(store: &dyn Store) -> Seen {
    look(store).unwrap()
}

/// Publishes "new" through a store that fails, where "old" is published, and checks what readers of the store itself
/// see then. `heal` ends the faults; what it returns is handed on.
pub fn publish_through<T>(
    faulty: &dyn Store,
    store: &dyn Store,
    what: &str,
    heal: impl FnOnce() -> T,
) -> T {
    let outcome = Publication::begin(faulty, now())
        .map_err(CommitError::Store)
        .and_then(|publication| publish(publication, "new"));
    let healed = heal();
    let (version, refused) = seen(store);
    assert_eq!(refused, 0, "{what}");
    let (sequence, title) = version.unwrap();
    match &outcome {
        // What is reported as published is there.
        Ok(commit) => {
            assert_eq!((commit.manifest.sequence, sequence, &*title), (2, 2, "new"), "{what}");
        }
        Err(CommitError::Unknown { .. }) => assert!(["old", "new"].contains(&&*title), "{what}"),
        // What is reported as not published is not there.
        Err(CommitError::Store(_)) => assert_eq!((sequence, &*title), (1, "old"), "{what}"),
        Err(other) => panic!("{what}: {other:?}"),
    }
    // The next run is not hindered by what the broken one left.
    publish(begin(store), "next").unwrap();
    assert_eq!(seen(store).0.unwrap().1, "next", "{what}");
    healed
}

#[test]
fn a_version_is_seen_once_it_is_committed_and_not_before() {
    let store = temporary_store();
    let first = begin(&*store);
    assert_eq!(seen(&*store), (None, 0));
    publish(first, "one").unwrap();
    assert_eq!(seen(&*store), (Some((1, "one".to_owned())), 0));
    publish(begin(&*store), "two").unwrap();
    assert_eq!(seen(&*store), (Some((2, "two".to_owned())), 0));
}

#[test]
fn at_every_fault_of_every_call_readers_see_exactly_one_whole_version() {
    let run = |fault: Fault, at: usize| -> bool {
        let store = temporary_store();
        publish(begin(&*store), "old").unwrap();
        let faulty = FaultyStore::new(&*store, at, fault);
        publish_through(&faulty, &*store, &format!("{fault:?} at call {at}"), || faulty.calls())
            > at
    };
    for fault in Fault::ALL {
        let calls = (0..).take_while(|&at| run(fault, at)).count();
        assert!(calls >= 4, "{fault:?} was only met in {calls} calls");
    }
}

#[test]
fn a_lost_answer_to_the_commit_is_recognised_as_a_success() {
    for fault in [Fault::AnswerLost, Fault::OwnWriteFound] {
        let store = temporary_store();
        // Calls: list, two parts, the manifest.
        let faulty = FaultyStore::new(&*store, 3, fault);
        let commit = publish(begin(&faulty), "new").unwrap();
        assert_eq!(seen(&*store), (Some((1, "new".to_owned())), 0));
        assert_eq!(commit.manifest.sequence, 1);
    }
}

#[test]
fn a_store_that_stays_silent_after_the_commit_gives_an_unknown_outcome() {
    let store = temporary_store();
    let faulty = FaultyStore::new(&*store, 3, Fault::CrashAfter);
    let outcome = publish(begin(&faulty), "new");
    assert!(matches!(outcome, Err(CommitError::Unknown { sequence: 1, .. })), "{outcome:?}");
    assert!(outcome.unwrap_err().to_string().contains("delete nothing"));
}

#[test]
fn of_two_runs_that_began_together_the_second_is_superseded() {
    let store = temporary_store();
    let (slow, quick) = (begin(&*store), begin(&*store));
    let published = publish(quick, "quick").unwrap();
    let outcome = publish(slow, "slow");
    match &outcome {
        Err(CommitError::Superseded { sequence: 1, by }) => {
            assert_eq!(*by, published.manifest.version);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(seen(&*store), (Some((1, "quick".to_owned())), 0));
}

#[test]
fn of_eight_runs_in_a_folder_exactly_one_gets_each_number() {
    of_racing_runs_exactly_one_publishes(&*temporary_store());
}

/// Eight runs go for the same number, twenty times over.
pub fn of_racing_runs_exactly_one_publishes(store: &dyn Store) {
    for sequence in 1..=20 {
        let barrier = Barrier::new(8);
        let winners: Vec<String> = std::thread::scope(|scope| {
            let race = |writer: usize| {
                let barrier = &barrier;
                scope.spawn(move || {
                    // Of 160 names of one moment two would be equal in one of a hundred tests.
                    let moment = TimeDelta::seconds(sequence as i64 * 8 + writer as i64);
                    let publication = Publication::begin(store, now() + moment).unwrap();
                    assert_eq!(publication.sequence(), sequence);
                    barrier.wait();
                    let title = format!("run {sequence} of {writer}");
                    match publish(publication, &title) {
                        Ok(_) => Some(title),
                        Err(CommitError::Superseded { sequence: lost, .. }) => {
                            assert_eq!(lost, sequence);
                            None
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                })
            };
            let writers: Vec<_> = (0..8).map(race).collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1, "number {sequence}: {winners:?}");
        assert_eq!(seen(store), (Some((sequence, winners[0].clone())), 0));
    }
}

#[test]
fn a_run_over_its_age_limit_does_not_commit() {
    let store = temporary_store();
    let zombie = begin(&*store).with_age_limit(Duration::ZERO);
    assert!(matches!(publish(zombie, "zombie"), Err(CommitError::TooOld { .. })));
    assert_eq!(seen(&*store), (None, 0));
}

#[test]
fn a_flip_of_any_byte_of_a_version_is_refused_and_the_older_one_stands() {
    let store = temporary_store();
    publish(begin(&*store), "old").unwrap();
    let parts = publish(begin(&*store), "new").unwrap().manifest.parts;
    let mut keys = vec![ObjectKey::manifest(2)];
    keys.extend(parts.items.into_iter().chain(parts.neighbours).map(|part| part.key));
    for key in keys {
        let path = store.folder.path().join(key.as_str());
        let bytes = store.get(&key).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x20;
            std::fs::write(&path, damaged).unwrap();
            assert!(open_version(&*store, 2).is_err(), "{key}, byte {at}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(seen(&*store), (Some((1, "old".to_owned())), 1), "{key}, one byte short");
        std::fs::remove_file(&path).unwrap();
        if key != ObjectKey::manifest(2) {
            assert_eq!(seen(&*store), (Some((1, "old".to_owned())), 1), "{key} missing");
        }
        std::fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(seen(&*store), (Some((2, "new".to_owned())), 0));
}

#[test]
fn a_manifest_under_another_number_is_refused() {
    let store = temporary_store();
    publish(begin(&*store), "one").unwrap();
    let bytes = store.get(&ObjectKey::manifest(1)).unwrap();
    store.create(&ObjectKey::manifest(7), bytes).unwrap();
    assert!(matches!(open_version(&*store, 7), Err(OpenError::Misplaced { stated: 1, .. })));
}

#[test]
fn other_bytes_under_a_parts_key_fail_the_run() {
    let store = temporary_store();
    let publication = begin(&*store);
    let key = ObjectKey::items_part(publication.version(), 0);
    store.create(&key, Bytes::from_static(b"other")).unwrap();
    assert!(publication.put_part(key, crate::items_part("x")).is_err());
}

#[test]
fn the_pointers_follow_the_newest_publication() {
    let store = temporary_store();
    write_pointers(&*store).unwrap();
    assert!(store.get(&ObjectKey::current()).is_err());
    publish(begin(&*store), "one").unwrap();
    let two = begin(&*store).commit(content(Parts::default())).unwrap().manifest;
    write_pointers(&*store).unwrap();
    let current = store.get(&ObjectKey::current()).unwrap();
    let current: serde_json::Value = serde_json::from_slice(&current).unwrap();
    assert_eq!(current["version"], two.version.as_str());
    let views = String::from_utf8(store.get(&ObjectKey::views()).unwrap().to_vec()).unwrap();
    assert!(views.contains(two.version.as_str()), "{views}");
}
