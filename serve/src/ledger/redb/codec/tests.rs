#![allow(clippy::unwrap_used)]
use akin_schemas::http::{FoldIn, RatedItem};
use akin_schemas::{ItemId, UserId};

use super::*;
use crate::ledger::EndRecord;

fn origins() -> Vec<Origin> {
    vec!["ledger-a".parse().unwrap(), "ledger-b".parse().unwrap()]
}

fn entry(rating: Option<f32>) -> Entry {
    let order = OrderKey { micros: -7, origin: origins()[1], sequence: u64::MAX };
    Entry { rating, rated_at: i64::MIN, order }
}

fn fold_in() -> PackedFoldIn {
    PackedFoldIn::pack(&FoldIn {
        version: "v20261123T204500Z-x7k2".parse().unwrap(),
        user: "abby".into(),
        rated: RatedItem { item_id: "1".into(), known: true, title: Some("One".into()) },
        unknown_genres: Vec::new(),
        recommendations: Vec::new(),
    })
    .unwrap()
}

fn outcomes() -> Vec<Outcome> {
    vec![
        Outcome::Succeeded(JsonText::parse("{\"a\":\"é\"}").unwrap().into()),
        Outcome::Succeeded(JsonText::of(&"recommendations é".repeat(50)).unwrap().into()),
        Outcome::Failed { error: "Timeout".to_owned(), cause: String::new() },
        Outcome::TimedOut,
        Outcome::Succeeded(Output::FoldIn(fold_in())),
        Outcome::Aborted { error: None, cause: Some("enough".to_owned()) },
    ]
}

fn row(execution: Option<ExecutionId>) -> LogRow {
    let (user, item) = (UserId::try_from("é").unwrap(), ItemId::try_from(" 1").unwrap());
    LogRow { entry: LedgerEntry { user, item, entry: entry(Some(0.1)) }, execution }
}

fn execution() -> ExecutionRecord {
    ExecutionRecord {
        user: UserId::try_from("abby").unwrap(),
        item: ItemId::try_from("1234").unwrap(),
        input: "{}".to_owned(),
        name: Some(RequestName::of_machine("x".to_owned())),
        rating: Some(4.5),
        started_at: 1,
        end: None,
    }
}

#[test]
fn records_come_back_as_they_went_in() {
    let id = ExecutionId::fresh(7);
    for rating in [None, Some(0.1), Some(f32::MAX)] {
        let (key, entry) = (("é", "1"), entry(rating));
        assert_eq!(read_entry(key, &write_entry(key, &entry, 1), &origins()), Ok(entry));
    }
    for execution in [None, Some(id)] {
        let row = row(execution);
        assert_eq!(read_log(5, &write_log(5, &row, 1), &origins()), Ok(row));
    }
    for outcome in outcomes() {
        let record = write_outcome(&id, &outcome, 9);
        assert_eq!(read_end(&id, &record), Ok((outcome.status(), 9)));
        assert_eq!(read_outcome(&id, &record), Ok((outcome, 9)));
    }
    assert_eq!(read_execution(&id, &write_execution(&id, &execution())), Ok(execution()));
    let (name, ids) = (RequestName::of_machine("x".to_owned()), vec![id, ExecutionId::fresh(8)]);
    assert_eq!(read_ids(&name, &write_ids(&name, &ids)), Ok(ids));
}

#[test]
fn neither_a_flipped_bit_nor_a_cut_nor_a_tail_nor_another_key_is_read() {
    let (id, other) = (ExecutionId::fresh(7), ExecutionId::fresh(7));
    let [x, y] = ["x", "y"].map(|name| RequestName::of_machine(name.to_owned()));
    type Check<'a> = Box<dyn Fn(&[u8], bool) -> Option<LedgerError> + 'a>;
    let pick = |own: bool| if own { id } else { other };
    let kinds: [(Vec<u8>, Check<'_>); 5] = [
        (
            write_entry(("a", "bc"), &entry(Some(1.0)), 0),
            Box::new(|record, own| {
                let key = if own { ("a", "bc") } else { ("ab", "c") };
                read_entry(key, record, &origins()).err()
            }),
        ),
        (
            write_log(3, &row(Some(id)), 0),
            Box::new(|record, own| read_log(if own { 3 } else { 4 }, record, &origins()).err()),
        ),
        (
            write_execution(&id, &execution()),
            Box::new(|record, own| read_execution(&pick(own), record).err()),
        ),
        (
            write_outcome(&id, &outcomes()[4], 9),
            Box::new(|record, own| {
                let end = read_end(&pick(own), record).err();
                assert_eq!(end, read_outcome(&pick(own), record).err());
                end
            }),
        ),
        (
            write_ids(&x, &[id]),
            Box::new(|record, own| read_ids(if own { &x } else { &y }, record).err()),
        ),
    ];
    for (record, error_of) in kinds {
        assert_eq!(error_of(&record, true), None);
        assert!(matches!(error_of(&record, false), Some(LedgerError::Record(_))));
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(error_of(&flipped, true), Some(LedgerError::Record(_))), "{bit}");
        }
        for length in 0..record.len() {
            assert!(error_of(&record[..length], true).is_some(), "{length}");
        }
        assert!(error_of(&[&record[..], &[0]].concat(), true).is_some());
    }
}

#[test]
fn an_unknown_origin_is_an_error_that_names_the_record() {
    let error = read_log(3, &write_log(3, &row(None), 2), &origins()).unwrap_err();
    assert!(error.to_string().contains("entry 3: it is of an origin"), "{error}");
}

#[test]
fn what_a_damaged_record_is_about_is_said_where_it_can_be_read() {
    let mut record = write_log(3, &row(None), 0);
    let last = record.len() - 1;
    record[last] ^= 1;
    assert_eq!(about_log(&record), "user \"é\" rates item \" 1\" 0.1");
    assert_eq!(about_log(&record[..9]), UNKNOWN);
    assert_eq!(about_log(&[]), UNKNOWN);
}

#[test]
fn changes_come_back_as_they_went_in_and_nothing_else_is_one() {
    let name = RequestName::of_machine("é".to_owned());
    let (id, other) = (ExecutionId::fresh(7), ExecutionId::fresh(8));
    let (bytes, status) = (write_outcome(&other, &outcomes()[1], 9), ExecutionStatus::Succeeded);
    let end = EndRecord { id: other, status, stopped_at: 9, bytes };
    let changes = [
        Change::Accepted { position: u64::MAX, log: b"log" },
        Change::Began { id, execution: b"" },
        Change::named(&name, b"ids"),
        Change::ended(&end),
    ];
    for change in &changes {
        let mut written = Vec::new();
        change.write(&mut written).unwrap();
        assert_eq!(Change::read(&written).as_ref(), Ok(change));
        for length in 0..written.len() {
            assert!(Change::read(&written[..length]).is_err(), "{length}");
        }
        assert!(Change::read(&[&written[..], &[0]].concat()).is_err());
    }
    assert!(Change::read(&[9]).is_err());
}
