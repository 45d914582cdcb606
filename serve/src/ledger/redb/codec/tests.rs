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

#[test]
fn records_come_back_as_they_went_in() {
    for rating in [None, Some(0.1), Some(f32::MAX)] {
        let entry = entry(rating);
        assert_eq!(read_entry(&write_entry(&entry, 1), &origins()), Ok(entry));
        let (user, item) = (UserId::try_from("é").unwrap(), ItemId::try_from(" 1").unwrap());
        let entry = LedgerEntry { user, item, entry };
        for execution in [None, Some(ExecutionId::fresh(7))] {
            let row = LogRow { entry: entry.clone(), execution };
            assert_eq!(read_log(&write_log(&row, 1), &origins()), Ok(row));
        }
    }
    for outcome in outcomes() {
        assert_eq!(read_outcome(&write_outcome(&outcome, 9)), Ok((outcome, 9)));
    }
}

#[test]
fn an_unknown_format_a_cut_and_a_tail_are_errors_and_no_panic() {
    let user = UserId::try_from("abby").unwrap();
    let item = ItemId::try_from("1234").unwrap();
    let input = "{}".to_owned();
    let name = Some(RequestName::of_machine("x".to_owned()));
    let rating = Some(4.5);
    let execution = ExecutionRecord { user, item, rating, input, name, started_at: 1, end: None };
    assert_eq!(read_execution(&write_execution(&execution)), Ok(execution.clone()));
    type Check = fn(&[u8]) -> Option<LedgerError>;
    let kinds: [(Vec<u8>, Check); 5] = [
        (write_entry(&entry(Some(1.0)), 0), |bytes| read_entry(bytes, &origins()).err()),
        (write_execution(&execution), |bytes| read_execution(bytes).err()),
        (write_outcome(&outcomes()[1], 9), |bytes| read_outcome(bytes).err()),
        (write_outcome(&outcomes()[4], 9), |bytes| read_outcome(bytes).err()),
        (write_outcome(&outcomes()[5], 9), |bytes| read_outcome(bytes).err()),
    ];
    for (bytes, error_of) in kinds {
        assert_eq!(error_of(&bytes), None);
        let newer = [&[3], &bytes[1..]].concat();
        let error = error_of(&newer).unwrap().to_string();
        let expected = format!("format 3 where {} was expected", bytes[0]);
        assert!(error.contains(&expected), "{error}");
        for length in 0..bytes.len() {
            assert!(error_of(&bytes[..length]).is_some(), "{length}");
        }
        assert!(error_of(&[&bytes[..], &[0]].concat()).is_some());
    }
}

#[test]
fn an_execution_of_the_first_format_is_read() {
    let mut old = Writer::new(1);
    old.i64(7);
    for text in ["abby", "1234", "{}"] {
        old.text(text);
    }
    let record = read_execution(&old.finish()).unwrap();
    assert_eq!((record.started_at, &*record.user, &*record.item), (7, "abby", "1234"));
    assert_eq!((record.input.as_str(), record.rating, record.name), ("{}", None, None));
}

#[test]
fn a_length_beyond_the_record_and_an_unknown_origin_are_errors() {
    let mut bytes = write_outcome(&outcomes()[0], 9);
    bytes[10..18].fill(0xff);
    assert!(read_outcome(&bytes).is_err());
    assert!(read_entry(&write_entry(&entry(None), 2), &origins()).is_err());
}

#[test]
fn changes_come_back_as_they_went_in_and_a_cut_between_them_is_the_only_one_that_is_read() {
    let name = RequestName::of_machine("é".to_owned());
    let (id, other) = (ExecutionId::fresh(7), ExecutionId::fresh(8));
    let (bytes, status) = (write_outcome(&outcomes()[1], 9), ExecutionStatus::Succeeded);
    let end = EndRecord { id: other, status, stopped_at: 9, bytes };
    let changes = [
        Change::Accepted { position: u64::MAX, log: b"log", id, execution: b"" },
        Change::named(&name, b"ids"),
        Change::ended(&end),
    ];
    let (mut written, mut ends) = (Vec::new(), vec![0]);
    for change in &changes {
        change.write(&mut written);
        ends.push(written.len());
    }
    for length in 0..=written.len() {
        let read = Change::read_all(&written[..length]);
        match ends.iter().position(|end| *end == length) {
            Some(count) => assert_eq!(read.as_deref(), Ok(&changes[..count])),
            None => assert!(read.is_err(), "{length}"),
        }
    }
    assert!(Change::read_all(&[3]).is_err());
}

#[test]
fn an_output_that_an_older_program_packed_is_read() {
    let text = JsonText::of(&"recommendations é".repeat(50)).unwrap();
    let packed = lz4_flex::block::compress_with_dict(text.as_str().as_bytes(), USUAL_OUTPUT);
    let mut old = Writer::new(FORMAT);
    old.i64(9);
    old.u8(4);
    old.u64(text.as_str().len() as u64);
    old.bytes(&packed);
    let old = old.finish();
    assert_eq!(read_end(&old), Ok((ExecutionStatus::Succeeded, 9)));
    assert_eq!(read_outcome(&old), Ok((Outcome::Succeeded(text.into()), 9)));
    for length in 0..old.len() {
        assert!(read_outcome(&old[..length]).is_err(), "{length}");
    }
}
