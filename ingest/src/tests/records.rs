//! Records of any text, however it comes in.

use std::io::{self, Read};

use proptest::prelude::*;

use crate::fields::{Dialect, Fields};
use crate::records::{Framed, MAX_RECORD, Records};
use crate::rejects::Reason;

/// Reads at most so many bytes at once, as pipes do.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len()).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Number, text, and whether that is all of it.
type Found = Vec<(u64, Vec<u8>, bool)>;

fn all<R: Read>(mut records: Records<R>) -> Found {
    let mut found = Vec::new();
    while let Some((number, record)) = records.next().unwrap() {
        found.push(match record {
            Framed::Whole(text) => (number, text.to_vec(), true),
            Framed::TooLong(text) => (number, text.to_vec(), false),
        });
    }
    found
}

fn lines(bytes: &[u8], at_once: usize) -> Found {
    all(Records::new(Dribble(bytes, at_once)))
}

/// As comma-separated text, of records of at most `max` bytes.
fn csv_of(max: usize, bytes: &[u8], at_once: usize) -> Found {
    let mut records = Records::of_at_most(max, Dribble(bytes, at_once));
    records.speak(Dialect::COMMA);
    all(records)
}

fn csv(text: &str) -> Found {
    csv_of(MAX_RECORD, text.as_bytes(), 3)
}

/// The first lines of the records of comma-separated text, and these: told without a stream, by splitting longer and
/// longer ones.
pub(super) fn expected(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let record = |first: usize, last: usize| {
        let record = lines[first..=last].join(&b"\n"[..]);
        record.strip_suffix(b"\r").unwrap_or(&record).to_vec()
    };
    // At the end of a text an empty line is none.
    let end = lines.len() - usize::from(lines.last() == Some(&&b""[..]));
    let (mut found, mut at, mut single_until) = (Vec::new(), 0, 0);
    while at < end {
        let number = at as u64 + 1;
        let mut last = at;
        if at >= single_until {
            let mut fields = Fields::new(Dialect::COMMA);
            while last < end && fields.split(&record(at, last)) == Err(Reason::UnterminatedQuote) {
                last += 1;
            }
            if last == end || fields.split(&record(at, last)).is_err() {
                (single_until, last) = (last, at);
            }
        }
        let record = record(at, last);
        if !record.is_empty() {
            found.push((number, record));
        }
        at = last + 1;
    }
    found
}

fn whole(number: u64, text: &str) -> (u64, Vec<u8>, bool) {
    (number, text.as_bytes().to_vec(), true)
}

#[test]
fn lines_end_with_either_break_and_empty_ones_only_count() {
    assert_eq!(
        lines(b"a\r\n\n\r\nb\rc\nd", 3),
        vec![whole(1, "a"), whole(4, "b\rc"), whole(5, "d")]
    );
    assert_eq!(lines(b"", 1), vec![]);
    assert_eq!(lines(b"\n", 1), vec![]);
}

#[test]
fn a_line_over_the_limit_costs_only_itself() {
    for (length, fits) in [(MAX_RECORD, true), (MAX_RECORD + 1, false), (5 * MAX_RECORD, false)] {
        for line_break in ["\n", "\r\n"] {
            let long = "x".repeat(length);
            let text = format!("a{line_break}{long}{line_break}b");
            for at_once in [4_096, usize::MAX] {
                let found = lines(text.as_bytes(), at_once);
                assert_eq!(found.len(), 3, "{length}");
                assert_eq!((found[1].1.len() == length, found[1].2), (fits, fits), "{length}");
                assert_eq!(found[2], (3, b"b".to_vec(), true), "{length}");
            }
        }
        let found = lines("x".repeat(length).as_bytes(), usize::MAX);
        assert_eq!((found.len(), found[0].2), (1, fits), "{length}");
    }
}

#[test]
fn a_quoted_field_may_hold_line_breaks() {
    let found = csv("a,\"b\n\r\nc\",d\r\n\n\"\"\"\n,\n\"\nx,y\"z\ne,\"f\n\"");
    let expected = [
        whole(1, "a,\"b\n\r\nc\",d"),
        whole(5, "\"\"\"\n,\n\""),
        whole(8, "x,y\"z"),
        whole(9, "e,\"f\n\""),
    ];
    assert_eq!(found, expected);
    // Without quoting the same is lines.
    assert_eq!(lines(b"a,\"b\nc\",d", 3), [whole(1, "a,\"b"), whole(2, "c\",d")]);
}

#[test]
fn a_quote_that_is_not_closed_costs_its_line_and_no_other() {
    // Nothing closes it.
    let found = csv("a\nb,\"c\nd\ne,f\n");
    assert_eq!(found, [whole(1, "a"), whole(2, "b,\"c"), whole(3, "d"), whole(4, "e,f")]);
    // What might close it opens another one: a record of two lines follows.
    let found = csv("b,\"c\nd\ne,\"f\ng\",h\n");
    assert_eq!(found, [whole(1, "b,\"c"), whole(2, "d"), whole(3, "e,\"f\ng\",h")]);
    // It is closed too far away.
    let text = format!("\"a\n{}\"\nb\n", "x\n".repeat(9));
    assert_eq!(csv_of(22, text.as_bytes(), 4), csv(&text));
    assert_eq!(csv(&text).len(), 2);
    let found = csv_of(21, text.as_bytes(), 4);
    let shown: Vec<_> = found.iter().map(|(_, text, _)| text[0]).collect();
    assert_eq!(shown, b"\"xxxxxxxxx\"b");
}

#[test]
fn text_of_nothing_but_open_quotes_is_read_once() {
    // Alone each line leaves a quote open, and behind any other one, too. To search a mebibyte from each would take hours.
    let text = "a\",b,\"\n".repeat(MAX_RECORD);
    let found = csv_of(MAX_RECORD, text.as_bytes(), usize::MAX);
    assert_eq!(found.len(), MAX_RECORD);
}

/// Texts that quotes, separators and line breaks make up.
fn confusing() -> impl Strategy<Value = String> {
    "[ab,\"\r\n]{0,60}"
}

proptest! {
    #[test]
    fn however_the_stream_dribbles_the_lines_are_those_of_the_text(
        text in "[ab\r\n]{0,60}",
        at_once in 1..9usize,
    ) {
        let numbered = (1..).zip(text.split('\n'));
        let expected: Vec<_> = numbered
            .map(|(number, line)| (number, line.strip_suffix('\r').unwrap_or(line)))
            .filter(|(_, line)| !line.is_empty())
            .map(|(number, line)| (number, line.as_bytes().to_vec(), true))
            .collect();
        prop_assert_eq!(lines(text.as_bytes(), at_once), expected);
    }

    #[test]
    fn what_a_csv_writer_writes_is_read_as_a_csv_reader_reads_it_whatever_comes_at_once(
        rows in proptest::collection::vec(
            proptest::collection::vec("[ab,\"\r\n\u{e9}]{0,8}", 2..4), 0..9),
        ends_with_cr in any::<bool>(),
        room in 0..40usize,
        at_once in 1..70usize,
    ) {
        let ends = if ends_with_cr { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer =
            csv::WriterBuilder::new().flexible(true).terminator(ends).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(&text[..]);
        let expected: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        prop_assert_eq!(&expected, &rows);
        // As little room as the longest record needs, or some more.
        let longest = csv_of(MAX_RECORD, &text, at_once).iter().map(|r| r.1.len()).max();
        let mut fields = Fields::new(Dialect::COMMA);
        let found: Vec<_> = csv_of(longest.unwrap_or(0) + room, &text, at_once)
            .into_iter()
            .map(|(_, line, _)| {
                fields.split(&line).unwrap();
                let field = |at| String::from_utf8(fields.get(&line, at).to_vec()).unwrap();
                (0..fields.len()).map(field).collect::<Vec<_>>()
            })
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_line_of_any_text_is_in_one_record_whatever_comes_at_once(
        text in confusing(),
        max in 4..100usize,
        at_once in 1..100usize,
    ) {
        let found = csv_of(max, text.as_bytes(), at_once);
        prop_assert_eq!(&found, &csv_of(max, text.as_bytes(), 1));
        if max >= text.len() {
            let found: Vec<_> = found.iter().map(|(number, text, _)| (*number, text.clone())).collect();
            prop_assert_eq!(found, expected(text.as_bytes()));
        }
        let physical: Vec<&str> = text.split('\n').collect();
        let mut next = 1;
        for (number, record, is_whole) in &found {
            let (number, record) = (*number as usize, std::str::from_utf8(record).unwrap());
            // What lies between two records is empty lines.
            for line in &physical[next - 1..number - 1] {
                prop_assert!(matches!(*line, "" | "\r"), "{:?}", found);
            }
            let count = record.split('\n').count();
            let expected = physical[number - 1..number - 1 + count].join("\n");
            let expected = expected.strip_suffix('\r').unwrap_or(&expected);
            let is_shown = expected == record || !*is_whole && expected.starts_with(record);
            prop_assert!(is_shown, "{:?}", found);
            next = number + count;
            // Who has several lines is sound in its quotes; who is not has one.
            let split = Fields::new(Dialect::COMMA).split(record.as_bytes());
            prop_assert!(count == 1 || split == Ok(()), "{:?}", record);
            prop_assert!(!*is_whole || split != Err(Reason::UnterminatedQuote) || count == 1);
        }
        for line in physical.iter().skip(next - 1) {
            prop_assert!(matches!(*line, "" | "\r"), "{:?}", found);
        }
    }
}
