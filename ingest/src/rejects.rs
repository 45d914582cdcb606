//! Records that were not taken in: counted by reason, the first ones kept to look at.

use std::collections::BTreeMap;
use std::fmt;

use super::error::IngestError;

/// Why a record was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Another number of fields than the header has.
    FieldCount,
    /// The same in a record of several lines: most likely a quote was never closed, and another one of a later line was
    /// taken for its end.
    FieldCountOverLines,
    /// A line of more than a mebibyte.
    LineTooLong,
    /// A quote that is not closed, or not within a mebibyte, or that is followed on a later line by a quote that closes no
    /// field. The line on which the record begins is rejected alone.
    UnterminatedQuote,
    /// Text between a closing quote and the next separator.
    TextAfterQuote,
    /// A line of JSON that is no object.
    NotAnObject,
    /// An object without one of the wanted keys.
    MissingKey,
    /// An object with two keys that name the same column.
    GivenTwice,
    /// A null in a column of a Parquet file, or in an object, for which nothing is implied.
    Null,
    /// An identifier that is neither text nor an integer.
    NotAnId,
    /// A title that is no text, or genres that are no list of texts.
    NotText,
    /// An identifier, title or genre that is not UTF-8.
    NotUtf8,
    /// An empty identifier.
    EmptyId,
    /// An identifier longer than the contract allows.
    IdTooLong,
    /// A control character in an identifier.
    ControlCharacter,
    /// A rating that does not read as a number. Spaces around a number are not a number either.
    NotANumber,
    /// A rating that is infinite or NaN.
    NotFinite,
    /// A rating that the store's range excludes.
    OutsideRange,
    /// A timestamp that does not read as seconds.
    NotSeconds,
    /// A negative timestamp.
    Before1970,
    /// A timestamp with a year of five digits: most likely milliseconds where seconds are due.
    After9999,
    /// A timestamp more than a day later than the run.
    DatedAhead,
    /// A genre's flag that is neither 0 nor 1.
    NotAFlag,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FieldCount => "wrong number of fields",
            Self::FieldCountOverLines => {
                "wrong number of fields in a record of several lines (is a quote closed?)"
            }
            Self::LineTooLong => "line too long",
            Self::UnterminatedQuote => "unterminated quote",
            Self::TextAfterQuote => "text after a closing quote",
            Self::NotAnObject => "not a JSON object",
            Self::MissingKey => "a key is missing",
            Self::GivenTwice => "two keys name the same column",
            Self::Null => "null",
            Self::NotAnId => "an id is neither text nor an integer",
            Self::NotText => "a title or genre is not text",
            Self::NotUtf8 => "not UTF-8",
            Self::EmptyId => "empty id",
            Self::IdTooLong => "id too long",
            Self::ControlCharacter => "control character in id",
            Self::NotANumber => "not a number",
            Self::NotFinite => "not finite",
            Self::OutsideRange => "outside the rating range",
            Self::NotSeconds => "timestamp is not a number of seconds",
            Self::Before1970 => "dated before 1970",
            Self::After9999 => "dated after the year 9999 (timestamps are seconds)",
            Self::DatedAhead => "dated more than a day ahead",
            Self::NotAFlag => "a genre's flag is neither 0 nor 1",
        })
    }
}

/// One rejected record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The file.
    pub file: String,
    /// The first line of the record in a text file, or the row of a Parquet file, from 1.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// The record's beginning.
    pub text: String,
}

/// All rejects of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejects {
    counts: BTreeMap<Reason, u64>,
    kept: Vec<Reject>,
}

/// Rejects kept to look at.
const KEPT: usize = 1_000;
/// Characters of a record kept to look at.
const TEXT_CHARS: usize = 200;

impl Rejects {
    /// Counts a record, and keeps it when it is among the first. `text` is asked for only then.
    pub(super) fn add(
        &mut self,
        file: &str,
        line: u64,
        reason: Reason,
        text: impl FnOnce() -> String,
    ) {
        *self.counts.entry(reason).or_default() += 1;
        if self.kept.len() < KEPT {
            self.kept.push(Reject { file: file.to_owned(), line, reason, text: text() });
        }
    }

    /// Adds those of later records.
    pub(super) fn append(&mut self, later: Self) {
        for (reason, count) in later.counts {
            *self.counts.entry(reason).or_default() += count;
        }
        let missing = KEPT - self.kept.len();
        self.kept.extend(later.kept.into_iter().take(missing));
    }

    /// How many records were rejected.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many for each reason.
    pub fn counts(&self) -> &BTreeMap<Reason, u64> {
        &self.counts
    }

    /// The first 1,000, in reading order.
    pub fn kept(&self) -> &[Reject] {
        &self.kept
    }

    /// The kept rejects as CSV: file, line, reason, text.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut csv = b"file,line,reason,text\n".to_vec();
        for reject in &self.kept {
            let fields =
                [&reject.file, &reject.line.to_string(), &reject.reason.to_string(), &reject.text];
            for (at, field) in fields.into_iter().enumerate() {
                if at > 0 {
                    csv.push(b',');
                }
                csv.push(b'"');
                csv.extend_from_slice(field.replace('"', "\"\"").as_bytes());
                csv.push(b'"');
            }
            csv.push(b'\n');
        }
        csv
    }

    /// Compares the share of rejects among all records `read` with what is allowed.
    ///
    /// # Errors
    /// When the share is greater; the message names figures, reasons and the first example.
    pub fn check(&self, read: u64, limit: f64) -> Result<(), IngestError> {
        let rejected = self.total();
        let share = rejected as f64 / read.max(1) as f64;
        let Some(first) = self.kept.first().filter(|_| share > limit) else {
            return Ok(());
        };
        let mut by_count: Vec<_> = self.counts.iter().collect();
        by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons: Vec<String> =
            by_count.iter().take(3).map(|(reason, count)| format!("{reason}: {count}")).collect();
        let is_range_narrow = self.counts.contains_key(&Reason::OutsideRange);
        Err(IngestError::TooManyRejects {
            wider: if is_range_narrow { " name a wider range with --rating-range," } else { "" },
            rejected,
            read,
            share,
            limit,
            reasons: reasons.join(", "),
            first: format!("{}:{}: {}: {:?}", first.file, first.line, first.reason, first.text),
        })
    }
}

/// The beginning of a record for a person to look at.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    // A character takes 4 bytes at most, so a cut in the middle of one lies beyond what is shown.
    let head = &bytes[..bytes.len().min(4 * TEXT_CHARS)];
    String::from_utf8_lossy(head).chars().take(TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn some() -> Rejects {
        let mut rejects = Rejects::default();
        rejects.add("a.csv", 3, Reason::NotANumber, || "1,2,x\"y,\r\n".to_owned());
        for line in 4..2_004 {
            rejects.add("b.csv", line, Reason::Null, || "t".to_owned());
        }
        rejects
    }

    #[test]
    fn all_are_counted_and_the_first_thousand_are_kept() {
        let rejects = some();
        assert_eq!(rejects.total(), 2_001);
        assert_eq!(rejects.counts()[&Reason::Null], 2_000);
        assert_eq!(rejects.kept().len(), 1_000);
    }

    #[test]
    fn the_csv_gives_back_what_was_kept() {
        let rejects = some();
        let csv = rejects.to_csv();
        let mut reader = csv::Reader::from_reader(&csv[..]);
        assert_eq!(reader.headers().unwrap(), vec!["file", "line", "reason", "text"]);
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1_000);
        assert_eq!(rows[0], vec!["a.csv", "3", "not a number", "1,2,x\"y,\r\n"]);
    }

    #[test]
    fn a_share_over_the_limit_is_an_error_that_says_what_to_look_at() {
        let rejects = some();
        assert!(rejects.check(4_002, 0.5).is_ok());
        let message = rejects.check(4_001, 0.5).unwrap_err().to_string();
        assert_eq!(
            message,
            "2001 of 4001 records were rejected, a share of 0.5001 where 0.5 is allowed (null: 2000, \
             not a number: 1); the first is a.csv:3: not a number: \"1,2,x\\\"y,\\r\\n\"; correct the input, \
             or allow more with --max-reject-share"
        );
        assert!(Rejects::default().check(0, 0.0).is_ok());

        let mut outside = Rejects::default();
        outside.add("a.csv", 2, Reason::OutsideRange, || "1,2,85,7".to_owned());
        let message = outside.check(1, 0.5).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "correct the input, name a wider range with --rating-range, or allow more with --max-reject-share"
            ),
            "{message}"
        );
    }

    #[test]
    fn an_excerpt_is_short_whatever_the_record_holds() {
        assert_eq!(excerpt(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(excerpt("é".repeat(1_000).as_bytes()), "é".repeat(200));
        assert_eq!(excerpt("\u{1f600}".repeat(1_000).as_bytes()), "\u{1f600}".repeat(200));
    }
}
