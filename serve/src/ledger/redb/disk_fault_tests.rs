#![allow(clippy::unwrap_used)]
use super::faulty_disk::{FaultyDisk, seeded, spoil};
use super::*;
use crate::ledger::{Outcome, Submission};

fn submission(item: &str) -> Submission {
    let (user, item) = (UserId::try_from("abby").unwrap(), ItemId::try_from(item).unwrap());
    Submission { user, item, rating: Some(4.0), input: "{}".to_owned() }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_though_later_syncs_succeed() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    ledger.accept(&[submission("1")], &[], 10).unwrap();
    assert!(!ledger.is_poisoned());
    disk.fail_next_sync();
    let failure = ledger.accept(&[submission("2"), submission("3")], &[], 20);
    assert!(matches!(failure, Err(LedgerError::Disk(_))), "{failure:?}");
    assert!(ledger.is_poisoned());
    for _ in 0..3 {
        let refused = ledger.accept(&[submission("4")], &[], 30);
        assert!(matches!(refused, Err(LedgerError::Poisoned { .. })), "{refused:?}");
    }
    assert!(matches!(ledger.mark_flushed(1), Err(LedgerError::Poisoned { .. })));
    let all_go = Retention { since: 0, count: 0, bytes: 0 };
    assert!(matches!(ledger.forget_executions(all_go, 1), Err(LedgerError::Poisoned { .. })));
    assert!(matches!(ledger.renew_origin(), Err(LedgerError::Poisoned { .. })));
    drop(ledger);

    // The machine went on (its page cache shows what it never wrote) or it did not: a whole ledger
    // either way.
    let mut random = seeded();
    for image in [disk.after_restart(), disk.after_power_cut(&mut random)] {
        let ledger = FaultyDisk::holding(image).ledger().unwrap();
        let count = ledger.unflushed(9).unwrap().len();
        assert!(count == 1 || count == 3, "{count}");
        assert_eq!(ledger.unfinished().unwrap().len(), count);
        ledger.accept(&[submission("5")], &[], 40).unwrap();
    }
}

#[test]
fn a_failure_at_any_operation_poisons_and_leaves_a_whole_ledger() {
    let mut failures = 0;
    for (operation, for_good) in (1..60).flat_map(|n| [(n, true), (n, false)]) {
        let disk = FaultyDisk::default();
        let ledger = disk.ledger().unwrap();
        if for_good {
            disk.die_in(operation);
        } else {
            disk.fail_once_in(operation);
        }
        let mut acknowledged = 0;
        for round in 0..10 {
            let accepted = ledger.accept(&[submission("1"), submission("2")], &[], round);
            match accepted {
                Ok(_) => {
                    assert!(!ledger.is_poisoned());
                    acknowledged += 2;
                }
                Err(_) => {
                    failures += 1;
                    assert!(ledger.is_poisoned());
                }
            }
        }
        drop(ledger);
        let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
        let count = ledger.unflushed(99).unwrap().len();
        assert!(count == acknowledged || count == acknowledged + 2, "{count} {acknowledged}");
    }
    assert!(failures > 120);
}

#[test]
fn a_panic_in_a_write_poisons_and_does_not_spread() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let result = ledger.write(|_| -> Result<(), LedgerError> { panic!("of this test") });
    let text = "the file makes no sense to redb: of this test".to_owned();
    assert_eq!(result, Err(LedgerError::Storage(text)));
    assert!(ledger.is_poisoned());
    assert_eq!(ledger.unflushed(1), Ok(Vec::new()));
}

#[test]
fn an_unreadable_record_refuses_its_batch_and_no_other() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    ledger.accept(&[submission("1")], &[], 10).unwrap();
    spoil(&ledger, "abby");
    let refused = ledger.accept(&[submission("3")], &[], 20);
    assert!(matches!(refused, Err(LedgerError::Record(_))), "{refused:?}");
    assert!(!ledger.is_poisoned());
    let other = Submission { user: UserId::try_from("bob").unwrap(), ..submission("3") };
    ledger.accept(&[other], &[], 30).unwrap();
    assert_eq!(ledger.unflushed(9).unwrap().len(), 2);
}

#[test]
fn a_failed_read_poisons_because_nothing_can_be_read_any_more() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    // More than redb's cache here holds.
    let long = |item: String| Submission { input: "x".repeat(9_000), ..submission(&item) };
    let many: Vec<_> = (0..300).map(|n| long(n.to_string())).collect();
    let accepted = ledger.accept(&many, &[], 10).unwrap();
    // Open ones are read at a start.
    let ended = accepted.iter().map(|accepted| Finished {
        id: accepted.execution,
        outcome: Outcome::TimedOut,
        stopped_at: 20,
    });
    ledger.accept(&[], &ended.collect::<Vec<_>>(), 20).unwrap();
    drop(ledger);
    let disk = FaultyDisk::holding(disk.after_restart());
    let ledger = disk.ledger().unwrap();
    disk.fail_reads(true);
    let read = |id: &ExecutionId| ledger.execution(id).map(|record| record.is_some());
    let failed = accepted.iter().find(|accepted| read(&accepted.execution) != Ok(true));
    let id = failed.unwrap().execution;
    disk.fail_reads(false);
    assert!(matches!(read(&id), Err(LedgerError::Disk(_))));
    assert!(ledger.is_poisoned());
    drop(ledger);
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
    assert!(ledger.execution(&id).unwrap().is_some() && !ledger.is_poisoned());
}

#[test]
fn an_execution_that_cannot_be_read_is_left_out_of_listings_alone() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let ids: Vec<_> = ["1", "2", "3"]
        .map(|item| ledger.accept(&[submission(item)], &[], 10).unwrap()[0].execution)
        .into();
    ledger
        .write(|transaction| {
            let mut executions = transaction.open_table(tables::EXECUTIONS)?;
            executions.insert(ids[1].key(), &[9u8, 1, 2][..])?;
            Ok(())
        })
        .unwrap();
    let abby = UserId::try_from("abby").unwrap();
    for filter in [Filter::default(), Filter { user: Some(abby), ..Filter::default() }] {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = ledger.list(&Filter { after, ..filter.clone() }, 1).unwrap();
            listed.extend(page.executions.into_iter().map(|(id, _)| id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        listed.sort_unstable();
        let mut expected = vec![ids[0], ids[2]];
        expected.sort_unstable();
        assert_eq!(listed, expected);
    }
    assert!(matches!(ledger.execution(&ids[1]), Err(LedgerError::Record(_))));
    assert!(!ledger.is_poisoned());
}
