//! Reads comma-separated text: a header, then records of the wanted columns.

use std::io::Read;

use super::collector::Collector;
use super::error::IngestError;
use super::fields::Fields;
use super::header::{self, Column, RATINGS};
use super::lines::{Line, Lines};
use super::rejects::{Reason, excerpt};
use super::rules::{self, Rules};

/// A text after its header.
pub(super) struct Text<'a, R, const N: usize> {
    path: &'a str,
    lines: Lines<R>,
    fields: Fields,
    width: usize,
    columns: [usize; N],
}

/// One record.
pub(super) struct Record<'a, const N: usize> {
    pub(super) line: u64,
    /// The line, or the beginning of one that is too long.
    pub(super) text: &'a [u8],
    /// The wanted columns, or why there are none.
    pub(super) fields: Result<[&'a [u8]; N], Reason>,
}

impl<'a, R: Read, const N: usize> Text<'a, R, N> {
    /// Reads the header.
    pub(super) fn begin(
        path: &'a str,
        stream: R,
        wanted: &[Column; N],
    ) -> Result<Self, IngestError> {
        let mut lines = Lines::new(stream);
        let mut fields = Fields::default();
        let header = match lines.next().map_err(|error| IngestError::read(path, error))? {
            None => &b""[..],
            // What begins a line that long is no header; the message shows it.
            Some((_, Line::TooLong(line) | Line::Whole(line))) => line,
        };
        // Excel writes a byte-order mark.
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        fields.split(header).map_err(|reason| {
            let problem = format!("the header `{}` has a fault: {reason}", excerpt(header));
            IngestError::bad(path, problem, "correct the first line")
        })?;
        let names: Vec<&[u8]> = (0..fields.len()).map(|at| fields.get(header, at)).collect();
        let columns = header::locate(path, wanted, &names)?;
        let width = fields.len();
        Ok(Self { path, lines, fields, width, columns })
    }

    /// The next record; none at the end. Empty lines are no records.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_, N>>, IngestError> {
        let Self { path, lines, fields, width, columns } = self;
        let (line, text) = match lines.next().map_err(|error| IngestError::read(path, error))? {
            None => return Ok(None),
            Some(line) => line,
        };
        let fields = match text {
            Line::TooLong(_) => Err(Reason::LineTooLong),
            Line::Whole(text) => fields.split(text).and_then(|()| {
                if fields.len() == *width {
                    Ok(columns.map(|column| fields.get(text, column)))
                } else {
                    Err(Reason::FieldCount)
                }
            }),
        };
        let (Line::TooLong(text) | Line::Whole(text)) = text;
        Ok(Some(Record { line, text, fields }))
    }
}

/// Reads a file of ratings.
pub(super) fn read(
    path: &str,
    stream: impl Read,
    rules: &Rules,
    collector: &mut Collector,
) -> Result<(), IngestError> {
    let mut text = Text::begin(path, stream, &RATINGS)?;
    while let Some(record) = text.next()? {
        match record.fields.and_then(|fields| checked(fields, rules)) {
            Ok((user, item, rating, micros)) => collector.accept(user, item, rating, micros)?,
            Err(reason) => collector.reject(record.line, reason, || excerpt(record.text)),
        }
    }
    Ok(())
}

fn checked<'a>(
    [user, item, rating, moment]: [&'a [u8]; 4],
    rules: &Rules,
) -> Result<(&'a str, &'a str, f32, i64), Reason> {
    Ok((
        rules::id_bytes(user)?,
        rules::id_bytes(item)?,
        rules.rating_text(rating)?,
        rules.moment_text(moment)?,
    ))
}
