//! What earlier programs wrote is read by this one.

use ::redb::{ReadableTable, ReadableTableMetadata};

use super::*;
use crate::ledger::redb::recent_tests::settle;

#[test]
fn files_of_older_formats_are_brought_up_to_date() {
    for format in 1..tables::FORMAT {
        an_older_file_is_brought_up_to_date(format);
    }
}

fn an_older_file_is_brought_up_to_date(format: u64) {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let accepted = ledger.accept(&vec![submission("abby", "1", Some(4.0)); 2], &[], 1000).unwrap();
    let ids: Vec<_> = accepted.iter().map(|accepted| accepted.execution).collect();
    ledger.accept(&[], &[succeeded(ids[0], "{}")], 2000).unwrap();
    // As older programs did at once.
    settle(&ledger, &user("abby"));
    let seen = |ledger: &RedbLedger| {
        let abby = Filter { user: Some(user("abby")), ..Filter::default() };
        let entries = ledger.entries(&user("abby")).unwrap();
        (entries, ledger.list(&abby, 9).unwrap(), ledger.list(&Filter::default(), 9).unwrap())
    };
    let before = seen(&ledger);
    let bytes = |ledger: &RedbLedger| {
        let read = |t: &ReadTransaction| {
            read::counter(&t.open_table(tables::COUNTERS)?, tables::EXECUTION_BYTES_COUNTER)
        };
        ledger.read(read).unwrap()
    };
    let bytes_before = bytes(&ledger);
    ledger
        .write(|transaction| {
            let mut counters = transaction.open_table(tables::COUNTERS)?;
            counters.insert(tables::FORMAT_COUNTER, format)?;
            counters.remove(tables::JOURNAL_COUNTER)?;
            if format == tables::FORMAT_WITHOUT_JOURNAL {
                return Ok(());
            }
            counters.remove(tables::SETTLED_COUNTER)?;
            if format == tables::FORMAT_WITH_ALL_BY_USER {
                return Ok(());
            }
            let mut entries = transaction.open_table(migrate::ENTRIES_BY_USER)?;
            let mut executions = transaction.open_table(migrate::EXECUTIONS_BY_USER)?;
            for row in transaction.open_table(tables::USERS)?.iter()? {
                let (key, value) = row?;
                let (user, what) = key.value();
                if let Some(item) = tables::item_of(what) {
                    entries.insert((user, item), value.value())?;
                } else if let Some(id) = tables::execution_of(what) {
                    executions.insert((user, id.key()), ())?;
                }
            }
            assert_eq!((entries.len()?, executions.len()?), (1, 2));
            drop((entries, executions));
            transaction.delete_table(tables::USERS)?;
            if format == tables::FORMAT_WITHOUT_INDEXES {
                transaction.delete_table(migrate::EXECUTIONS_BY_USER)?;
                transaction.delete_table(tables::ENDED)?;
                transaction.delete_table(tables::NAMES)?;
                counters.remove(tables::EXECUTION_BYTES_COUNTER)?;
            }
            Ok(())
        })
        .unwrap();
    drop(ledger);
    for _ in 0..2 {
        let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
        assert_eq!(seen(&ledger), before);
        assert_eq!(bytes(&ledger), bytes_before);
        ledger.commit(&[named(vec![submission("bob", "1", None)], "x")], &[], 3000).unwrap();
    }
}
