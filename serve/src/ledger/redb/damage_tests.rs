#![allow(clippy::unwrap_used)]
use std::fs;

use akin_schemas::http::JsonText;
use redb::ReadableTableMetadata;
use tempfile::tempdir;

use super::faulty_disk::{FaultyDisk, spoil_log};
use super::*;
use crate::ledger::{Outcome, Submission};

fn submission(user: &str, item: &str) -> Submission {
    let (user, item) = (UserId::try_from(user).unwrap(), ItemId::try_from(item).unwrap());
    Submission { user, item, rating: Some(4.0), input: "{}".to_owned() }
}

fn accept(ledger: &RedbLedger, items: &[&str]) -> Vec<ExecutionId> {
    let batch: Vec<_> = items.iter().map(|item| submission("abby", item)).collect();
    let accepted = ledger.accept(&batch, &[], 1000).unwrap();
    accepted.iter().map(|accepted| accepted.execution).collect()
}

/// Sequence numbers and items of what is not in the store.
fn unflushed(ledger: &RedbLedger) -> Vec<(u64, String)> {
    let entries = ledger.unflushed(99).unwrap();
    assert!(entries.iter().all(|entry| entry.entry.order.origin == ledger.origin()));
    let of = |entry: LedgerEntry| (entry.entry.order.sequence, entry.item.to_string());
    entries.into_iter().map(of).collect()
}

fn expected<const N: usize>(entries: [(u64, &str); N]) -> Vec<(u64, String)> {
    entries.map(|(sequence, item)| (sequence, item.to_owned())).into()
}

fn items(ledger: &RedbLedger) -> Vec<String> {
    let entries = ledger.entries(&UserId::try_from("abby").unwrap()).unwrap();
    entries.entries().map(|(item, _)| item.to_string()).collect()
}

#[test]
fn damage_to_an_entry_that_is_not_in_the_store_stops_nothing_and_leaves_no_gap() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger_with(100).unwrap();
    accept(&ledger, &["1", "2", "3", "4"]);
    ledger.mark_flushed(1).unwrap();
    spoil_log(&ledger, 3);
    drop(ledger);
    // Nobody has a copy: nothing was settled.
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger_with(100).unwrap();
    assert_eq!(ledger.damaged_records(), 1);
    let origin = ledger.origin();
    assert_eq!(unflushed(&ledger), expected([(1, "2"), (2, "4")]));
    assert_ne!(ledger.origin(), origin);
    assert_eq!((ledger.damaged_records(), ledger.unflushed_count()), (1, Ok(2)));
    accept(&ledger, &["5", "2"]);
    let all = expected([(1, "2"), (2, "4"), (3, "5"), (4, "2")]);
    assert_eq!(unflushed(&ledger), all);
    assert_eq!(items(&ledger), ["1", "2", "4", "5"]);
    ledger.mark_flushed(2).unwrap();
    assert_eq!(unflushed(&ledger), all[2..]);
    let through = BTreeMap::from([(origin, 1), (ledger.origin(), 2)]);
    assert_eq!(ledger.forget_contained(&through, 99), Ok(3));
    assert_eq!(items(&ledger), ["2", "5"]);
}

#[test]
fn a_start_after_entries_moved_up_knows_all_of_them() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger_with(2).unwrap();
    for item in ["1", "2", "3", "4", "5", "6"] {
        accept(&ledger, &[item]);
    }
    spoil_log(&ledger, 1);
    spoil_log(&ledger, 4);
    drop(ledger);
    let disk = FaultyDisk::holding(disk.after_restart());
    let ledger = disk.ledger_with(2).unwrap();
    let found = unflushed(&ledger);
    accept(&ledger, &["7"]);
    let (before, origin) = (items(&ledger), ledger.origin());
    // The one that was settled was found by user.
    assert_eq!(found[0], (1, "1".to_owned()));
    assert_eq!(before.first().map(String::as_str), Some("1"));
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger_with(2).unwrap();
    assert_eq!((items(&ledger), ledger.origin(), ledger.damaged_records()), (before, origin, 0));
    let numbers: Vec<_> = unflushed(&ledger).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=found.len() as u64 + 1).collect::<Vec<_>>());
}

#[test]
fn a_missing_entry_is_noticed_wherever_it_was() {
    for position in [1, 2, 3] {
        let ledger = FaultyDisk::default().ledger_with(100).unwrap();
        accept(&ledger, &["1", "2", "3"]);
        let remove = |transaction: &WriteTransaction| {
            transaction.open_table(tables::LOG)?.remove(position)?;
            Ok(())
        };
        ledger.write(remove).unwrap();
        // Memory has it, by user.
        assert_eq!(unflushed(&ledger), expected([(1, "1"), (2, "2"), (3, "3")]));
        assert_eq!(ledger.damaged_records(), 1);
    }
}

#[test]
fn damage_to_an_entry_that_is_in_the_store_does_not_stop_forgetting() {
    for position in [1, 2, 4] {
        let disk = FaultyDisk::default();
        let ledger = disk.ledger_with(100).unwrap();
        accept(&ledger, &["1", "2", "3", "4"]);
        ledger.mark_flushed(4).unwrap();
        spoil_log(&ledger, position);
        let through = BTreeMap::from([(ledger.origin(), 3)]);
        let gone = ledger.forget_contained(&through, 99).unwrap();
        assert_eq!((gone, ledger.damaged_records()), (3, 1), "{position}");
        assert_eq!(items(&ledger).last().map(String::as_str), Some("4"));
        accept(&ledger, &["5"]);
        ledger.mark_flushed(5).unwrap();
        let through = BTreeMap::from([(ledger.origin(), 5)]);
        assert_eq!(ledger.forget_contained(&through, 99), Ok(2));
        let left = ledger.read(|transaction| Ok(transaction.open_table(tables::LOG)?.len()?));
        assert_eq!(left, Ok(0));
    }
}

#[test]
fn a_file_that_is_mostly_free_is_given_back_at_a_start() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let length = || fs::metadata(&path).unwrap().len();
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    let mut kept = None;
    for _ in 0..30 {
        let long = |n: usize| Submission {
            input: "x".repeat(10_000),
            ..submission("abby", &n.to_string())
        };
        let accepted = ledger.accept(&(0..100).map(long).collect::<Vec<_>>(), &[], 1).unwrap();
        let end = |accepted: &crate::ledger::Accepted| Finished {
            id: accepted.execution,
            outcome: Outcome::Succeeded(JsonText::of(&1).unwrap().into()),
            stopped_at: 2,
        };
        ledger.accept(&[], &accepted.iter().map(end).collect::<Vec<_>>(), 2).unwrap();
        kept = kept.max(accepted.iter().map(|accepted| accepted.execution).max());
    }
    let retention = Retention { since: 0, count: 1, bytes: u64::MAX };
    while ledger.forget_executions(retention, 1000).unwrap() > 0 {}
    let entries = items(&ledger);
    drop(ledger);
    let full = length();
    assert!(full > 30_000_000, "{full}");
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    assert!(length() < full / 4, "{full} {}", length());
    assert!(ledger.file_bytes().unwrap() >= length());
    assert_eq!(items(&ledger), entries);
    assert!(ledger.execution(&kept.unwrap()).unwrap().is_some());
    drop(ledger);
    let compacted = length();
    drop(RedbLedger::open(folder.path(), Opening::default()).unwrap());
    assert!(length() <= compacted);
}
