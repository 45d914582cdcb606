//! What earlier programs wrote is read by this one: `format_5/` has what one of format 5 left when it was killed.

use ::redb::{ReadableTable, ReadableTableMetadata};

use super::*;
use crate::ledger::redb::faulty_disk::Image;
use crate::ledger::redb::recent_tests::settle;

const USERS: [&str; 6] = ["abby", "bob", "carol", "dave", "erin", "zoe"];

fn fixture() -> Image {
    let [file, journal] = [
        &include_bytes!("format_5/ledger.redb.lz4")[..],
        &include_bytes!("format_5/ledger.journal.lz4")[..],
    ]
    .map(|packed| lz4_flex::block::decompress_size_prepended(packed).unwrap());
    Image::of(file, journal)
}

/// Sees that all is there that the fixture had, and `more` ratings since.
fn check(ledger: &RedbLedger, more: usize) {
    let ratings = |of: &str| -> Vec<(String, Option<f32>)> {
        let entries = ledger.entries(&user(of)).unwrap();
        entries.entries().map(|(item, entry)| (item.to_string(), entry.rating)).collect()
    };
    // What each user rated.
    type Rated<'a> = (&'a str, &'a [(&'a str, Option<f32>)]);
    let expected: [Rated; 6] = [
        ("abby", &[("1", Some(2.0))]),
        ("bob", &[("1", Some(1.0))]),
        ("carol", &[("0", Some(0.5)), ("2", Some(3.5)), ("3", Some(2.0))]),
        ("dave", &[("0", Some(2.5)), ("1", Some(1.0)), ("3", Some(4.0))]),
        ("erin", &[("0", Some(4.5)), ("1", Some(3.0)), ("2", Some(1.5))]),
        ("zoe", &[("8", None), ("9", Some(5.0))]),
    ];
    for (of, expected) in expected {
        let expected = expected.iter().map(|(item, rating)| ((*item).to_owned(), *rating));
        assert_eq!(ratings(of), expected.collect::<Vec<_>>(), "{of}");
    }
    let numbers: Vec<_> =
        ledger.unflushed(99).unwrap().iter().map(|entry| entry.entry.order.sequence).collect();
    assert_eq!(numbers, (5..=15 + more as u64).collect::<Vec<_>>());

    let all = ledger.list(&Filter::default(), 99).unwrap().executions;
    assert_eq!(all.len(), 15 + more);
    let ended = |status| all.iter().filter(|(_, record)| record.status() == status).count();
    use ExecutionStatus::{Aborted, Failed, Running, Succeeded, TimedOut};
    let counts = [Succeeded, Failed, TimedOut, Aborted, Running].map(ended);
    assert_eq!(counts, [2, 1, 2, 1, 9 + more]);
    let by_user: usize = USERS
        .map(|of| {
            let filter = Filter { user: Some(user(of)), ..Filter::default() };
            ledger.list(&filter, 99).unwrap().executions.len()
        })
        .iter()
        .sum();
    assert_eq!(by_user, 15 + more);
    let named = |name: &str| {
        let id = ledger.named(&machine_name(name)).unwrap().unwrap();
        ledger.execution(&id).unwrap().unwrap()
    };
    let (both, one, late) = (named("both"), named("one"), named("late"));
    assert_eq!((&*both.user, &*both.item, both.rating), ("abby", "1", Some(4.5)));
    let output = both.output().unwrap().json().unwrap();
    assert!(output.as_str().contains("\"title\":\"One\""), "{output:?}");
    assert_eq!(both.stopped_at(), Some(3_000));
    assert_eq!(one.failure(), (Some("Defect"), Some("why")));
    assert_eq!((&*late.user, late.started_at, late.is_running()), ("abby", 4_000, true));
    assert_eq!(late.input, "{\"movieID\":\"1\"}");
    let repeated = vec![submission("abby", "1", Some(2.0)), submission("zoe", "9", Some(5.0))];
    let answers = ledger.commit(&[named_request(repeated, "late")], &[], 9_000).unwrap();
    assert!(matches!(answers[0], Answered::Repeated(_)));
    ledger.scrub(&|| true).unwrap();
    assert_eq!(ledger.damaged_records(), 0);
}

fn named_request(submissions: Vec<Submission>, name: &str) -> Request {
    super::named(submissions, name)
}

#[test]
fn a_ledger_of_format_5_opens_with_its_journal_and_goes_on() {
    let disk = FaultyDisk::holding(fixture());
    check(&disk.ledger().unwrap(), 0);
    for more in 0..3 {
        // Killed each time.
        let ledger = disk.ledger().unwrap();
        check(&ledger, more);
        let next = submission("bob", "1", Some(1.0));
        ledger.accept(&[next], &[], 10_000).unwrap();
        std::mem::forget(ledger);
    }
}

#[test]
fn files_of_older_formats_are_brought_up_to_date() {
    for format in 1..tables::FORMAT_WITHOUT_CHECKSUMS {
        an_older_file_is_brought_up_to_date(format);
    }
}

fn an_older_file_is_brought_up_to_date(format: u64) {
    let disk = FaultyDisk::holding(fixture());
    let ledger = disk.ledger().unwrap();
    // As older programs did at once.
    USERS.iter().for_each(|of| settle(&ledger, &user(of)));
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
            counters.remove(tables::JOURNAL_EXISTS_COUNTER)?;
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
            assert_eq!((entries.len()?, executions.len()?), (13, 15));
            drop((entries, executions));
            transaction.delete_table(tables::USERS)?;
            if format == tables::FORMAT_WITHOUT_INDEXES {
                transaction.delete_table(migrate::EXECUTIONS_BY_USER)?;
                transaction.delete_table(tables::ENDED)?;
                counters.remove(tables::EXECUTION_BYTES_COUNTER)?;
            }
            Ok(())
        })
        .unwrap();
    let image = disk.after_restart().without_journal();
    std::mem::forget(ledger);
    let disk = FaultyDisk::holding(image);
    for more in 0..2 {
        let ledger = disk.ledger().unwrap();
        check(&ledger, more);
        if more == 0 {
            assert_eq!(bytes(&ledger), bytes_before);
        }
        ledger.accept(&[submission("bob", "1", Some(1.0))], &[], 3000).unwrap();
        std::mem::forget(ledger);
    }
}
