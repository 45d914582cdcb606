#![allow(clippy::unwrap_used)]
use super::faulty_disk::{FaultyDisk, seeded, spoil};
use super::*;
use crate::ledger::Submission;

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
    assert!(matches!(failure, Err(LedgerError::Storage(_))), "{failure:?}");
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
    assert_eq!(result, Err(LedgerError::Storage("panic: of this test".to_owned())));
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
