#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::Path;

use akin_schemas::http::JsonText;
use tempfile::tempdir;

use super::faulty_disk::{FaultyDisk, Image};
use super::*;
use crate::ledger::{Answered, Outcome, Submission};

fn submission(item: &str) -> Submission {
    let (user, item) = (UserId::try_from("abby").unwrap(), ItemId::try_from(item).unwrap());
    Submission { user, item, rating: Some(4.0), input: "{}".to_owned() }
}

fn succeeded(id: ExecutionId) -> Finished {
    Finished { id, outcome: Outcome::Succeeded(JsonText::of(&1).unwrap().into()), stopped_at: 77 }
}

fn named(item: &str, name: &str) -> Request {
    let name = Some(RequestName::of_machine(name.to_owned()));
    Request { submissions: vec![submission(item)], name }
}

fn bytes(ledger: &RedbLedger) -> u64 {
    let read = |transaction: &ReadTransaction| {
        let counters = transaction.open_table(tables::COUNTERS)?;
        read::counter(&counters, tables::EXECUTION_BYTES_COUNTER)
    };
    ledger.read(read).unwrap()
}

#[test]
fn a_start_has_all_that_only_the_journal_had() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let accepted = ledger.accept(&[submission("1"), submission("2")], &[], 1000).unwrap();
    ledger.commit(&[named("3", "x")], &[], 2000).unwrap();
    ledger.accept(&[], &[succeeded(accepted[0].execution)], 3000).unwrap();
    // The second end does not count, nor does a request that is repeated.
    ledger.accept(&[], &[succeeded(accepted[0].execution)], 4000).unwrap();
    let repeated = ledger.commit(&[named("3", "x")], &[], 4000).unwrap();
    assert!(matches!(repeated[..], [Answered::Repeated(_)]));
    let seen = |ledger: &RedbLedger| {
        let executions = ledger.list(&Filter::default(), 9).unwrap();
        let name = ledger.named(&RequestName::of_machine("x".to_owned())).unwrap();
        let abby = UserId::try_from("abby").unwrap();
        (ledger.unflushed(9).unwrap(), ledger.entries(&abby).unwrap(), executions, name)
    };
    let (before, bytes_before) = (seen(&ledger), bytes(&ledger));
    assert_eq!((before.0.len(), before.2.executions.len()), (3, 3));
    // As a program leaves it that is killed.
    let image = disk.after_restart();
    assert!(!ledger.journal().is_empty());
    for image in [image.clone(), image] {
        let disk = FaultyDisk::holding(image);
        let ledger = disk.ledger().unwrap();
        assert_eq!((seen(&ledger), bytes(&ledger)), (before.clone(), bytes_before));
        assert!(ledger.journal().is_empty());
        // What comes next goes on after it, and a second start has both.
        let next = ledger.accept(&[submission("4")], &[], 500).unwrap();
        let next = next[0].entries.get().unwrap().entries().map(|(_, entry)| entry.order).max();
        assert!(next > before.0.last().map(|last| last.entry.order));
        let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
        assert_eq!(ledger.unflushed(9).unwrap().len(), 4);
    }
}

#[test]
fn the_journal_begins_again_when_it_is_full_and_nothing_comes_twice_from_it() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let mut began_again = 0;
    for count in 1..60 {
        let before = ledger.journal().is_empty();
        ledger.accept(&[submission("1")], &[], count).unwrap();
        began_again += u32::from(!before && ledger.journal().is_empty());
        let reopened = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
        assert_eq!(reopened.unflushed(99).unwrap().len() as i64, count);
    }
    assert!(began_again > 3, "{began_again}");
}

#[test]
fn every_other_write_takes_what_is_in_the_journal_with_it() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    ledger.accept(&[submission("1")], &[], 1).unwrap();
    ledger.mark_flushed(1).unwrap();
    assert!(ledger.journal().is_empty());
    // Even with nothing of the journal.
    let image = disk.after_restart().without_journal();
    let ledger = FaultyDisk::holding(image).ledger().unwrap();
    assert_eq!(ledger.unflushed_count(), Ok(0));
    assert_eq!(ledger.unfinished().unwrap().len(), 1);
}

/// A ledger with this many ratings, each a record of the journal, as a killed program leaves it.
fn killed(folder: &Path, ratings: usize) {
    let ledger = RedbLedger::open(folder, Opening::default()).unwrap();
    for _ in 0..ratings {
        ledger.accept(&[submission("1")], &[], 1).unwrap();
    }
    std::mem::forget(ledger);
}

fn reopened(folder: &Path) -> Result<RedbLedger, LedgerError> {
    // What was forgotten still holds the first one's locks.
    let copy = tempdir().unwrap();
    for name in ["ledger.redb", "ledger.journal"] {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    fs::remove_dir_all(folder).unwrap();
    fs::rename(copy.keep(), folder).unwrap();
    RedbLedger::open(folder, Opening::default())
}

#[test]
fn damage_to_a_record_costs_what_is_damaged_and_no_more() {
    // Of three records, each a page behind the front: in the header, in the entry, and in the execution.
    for (record, at) in (0..3).flat_map(|record| [20, 80, 150].map(|at| (record, at))) {
        let place = tempdir().unwrap();
        let folder = place.path().join("data");
        killed(&folder, 3);
        let path = folder.join("ledger.journal");
        let mut content = fs::read(&path).unwrap();
        content[(1 + record) * 4096 + at] ^= 1;
        fs::write(&path, &content).unwrap();
        let ledger = reopened(&folder).unwrap();
        let entries = if at == 80 { 2 } else { 3 };
        assert_eq!(ledger.unflushed(9).unwrap().len(), entries, "{record} {at}");
        let executions = if at == 150 { 2 } else { 3 };
        assert_eq!(ledger.unfinished().unwrap().len(), executions, "{record} {at}");
        assert!(ledger.damaged_records() > 0);
        assert_eq!(fs::read(folder.join("ledger.journal.1")).unwrap(), content);
        ledger.accept(&[submission("2")], &[], 2).unwrap();
        std::mem::forget(ledger);
        let ledger = reopened(&folder).unwrap();
        assert_eq!(
            (ledger.unflushed_count(), ledger.damaged_records()),
            (Ok(entries as u64 + 1), 0)
        );
    }
}

#[test]
fn a_record_that_was_cut_before_it_was_on_disk_is_passed_over_and_no_damage() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    ledger.accept(&[submission("1")], &[], 1).unwrap();
    ledger.accept(&[submission("2")], &[], 1).unwrap();
    let (file, mut journal) = disk.after_restart().files();
    // The power took the mark, and a part of the record.
    journal[3 * 4096..4 * 4096].fill(0);
    journal[2 * 4096 + 100..3 * 4096].fill(0);
    let ledger = FaultyDisk::holding(Image::of(file, journal)).ledger().unwrap();
    assert_eq!((ledger.unflushed_count(), ledger.damaged_records()), (Ok(1), 0));
}

#[test]
fn a_journal_of_another_state_or_ledger_is_set_aside_and_kept() {
    // Of a ledger that was restored from a backup, of another one, and of one that was moved away.
    for case in ["restored", "another", "gone"] {
        let place = tempdir().unwrap();
        let folder = place.path().join("data");
        drop(RedbLedger::open(&folder, Opening::default()).unwrap());
        let backup = fs::read(folder.join("ledger.redb")).unwrap();
        killed(&folder, 2);
        let ledger = reopened(&folder).unwrap();
        ledger.accept(&[submission("1")], &[], 1).unwrap();
        std::mem::forget(ledger);
        let journal = fs::read(folder.join("ledger.journal")).unwrap();
        match case {
            "restored" => fs::write(folder.join("ledger.redb"), backup).unwrap(),
            "another" => {
                // As many records as this one had before those that are in the journal.
                let other = place.path().join("other");
                killed(&other, 2);
                drop(reopened(&other).unwrap());
                fs::copy(other.join("ledger.redb"), folder.join("ledger.redb")).unwrap();
            }
            _ => {
                // A file that is open stays locked under its new name.
                fs::rename(folder.join("ledger.redb"), place.path().join("moved")).unwrap();
                fs::remove_file(folder.join("ledger.lock")).unwrap();
            }
        }
        let ledger = match case {
            "gone" => RedbLedger::open(&folder, Opening::default()).unwrap(),
            _ => reopened(&folder).unwrap(),
        };
        let had = if case == "another" { 2 } else { 0 };
        assert_eq!(ledger.unflushed(9).unwrap().len(), had, "{case}");
        ledger.accept(&[submission("1")], &[], 1).unwrap();
        let aside =
            folder.join(if case == "gone" { "ledger.journal.0" } else { "ledger.journal.3" });
        assert_eq!(fs::read(aside).unwrap(), journal, "{case}");
        std::mem::forget(ledger);
        assert_eq!(reopened(&folder).unwrap().unflushed(9).unwrap().len(), had + 1, "{case}");
    }
}

#[test]
fn a_ledger_that_is_closed_leaves_nothing_in_its_journal() {
    let folder = tempdir().unwrap();
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    ledger.accept(&[submission("1")], &[], 1).unwrap();
    let journal = folder.path().join("ledger.journal");
    assert!(fs::metadata(&journal).unwrap().len() > 0);
    drop(ledger);
    assert_eq!(fs::metadata(&journal).unwrap().len(), 0);
    fs::remove_file(&journal).unwrap();
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    assert_eq!(ledger.unflushed(9).unwrap().len(), 1);
    // While it is open the journal is a part of it.
    assert!(ledger.is_in_place());
    fs::remove_file(&journal).unwrap();
    assert!(!ledger.is_in_place());
}
