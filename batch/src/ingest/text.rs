//! Reads text of any layout: a header where the layout has one, then records of the wanted columns.

use std::io::Read;

use super::collector::Collector;
use super::error::IngestError;
use super::fields::Fields;
use super::header::{self, Column};
use super::layout::Layout;
use super::lines::{Line, Lines};
use super::reading::Reading;
use super::rejects::{Reason, excerpt};
use super::rules::{self, Rules};

const NO_HEADER: &str = "leave the option out, or state the layout with --format";

/// A text after its header.
pub(super) struct Text<'a, R, const N: usize> {
    path: &'a str,
    lines: Lines<R>,
    fields: Fields,
    width: usize,
    columns: [Option<usize>; N],
    layout: Layout,
    /// What stands in place of a column that is missing.
    absent: Vec<u8>,
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
    /// Recognises the layout, unless `reading` states it, and reads the header.
    pub(super) fn begin(
        path: &'a str,
        stream: R,
        wanted: &[Column<'_>; N],
        reading: &Reading,
    ) -> Result<Self, IngestError> {
        let mut lines = Lines::new(stream);
        let header = match lines.next().map_err(|error| IngestError::read(path, error))? {
            None => &b""[..],
            Some((_, Line::TooLong(line))) => {
                let problem =
                    format!("the first line, `{}`, is over a mebibyte long", excerpt(line));
                return Err(IngestError::bad(path, problem, "give a text of lines"));
            }
            Some((_, Line::Whole(line))) => line,
        };
        // Excel writes a byte-order mark.
        let first = header;
        let header = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
        let layout = reading.format.unwrap_or_else(|| Layout::of(header));
        let mut fields = layout.fields();
        let absent = reading.implicit_text();
        if let Some((columns, width)) = layout.positions() {
            if let Some(option) = reading.named_column() {
                let problem = format!("{option} names a column of a file without a header");
                return Err(IngestError::bad(path, problem, NO_HEADER));
            }
            let (whole, mark) = (first.len(), first.len() - header.len());
            if whole > 0 {
                lines.again(mark);
            }
            let columns = columns.map(Some);
            return Ok(Self { path, lines, fields, width, columns, layout, absent });
        }
        fields.split(header).map_err(|reason| {
            let problem = format!("the header `{}` has a fault: {reason}", excerpt(header));
            IngestError::bad(path, problem, "correct the first line")
        })?;
        let names: Vec<&[u8]> =
            (0..fields.len()).map(|at| layout.column_name(fields.get(header, at))).collect();
        let columns = header::locate(path, wanted, &names)?;
        let width = fields.len();
        Ok(Self { path, lines, fields, width, columns, layout, absent })
    }

    /// How its lines are read.
    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// The next record; none at the end. Empty lines are no records.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_, N>>, IngestError> {
        let Self { path, lines, fields, width, columns, layout, absent } = self;
        let (line, text) = match lines.next().map_err(|error| IngestError::read(path, error))? {
            None => return Ok(None),
            Some(line) => line,
        };
        let fields = match text {
            Line::TooLong(_) => Err(Reason::LineTooLong),
            Line::Whole(text) => fields.split(text).and_then(|()| {
                if fields.len() == *width {
                    Ok(columns.map(|column| match column {
                        None => &absent[..],
                        // The flags that end the line are one value.
                        Some(at) if *layout == Layout::UItem && at > 1 => fields.tail(text, at),
                        Some(at) => fields.get(text, at),
                    }))
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
    reading: &Reading,
    rules: &Rules,
    collector: &mut Collector,
) -> Result<(), IngestError> {
    let mut text = Text::begin(path, stream, &header::ratings(reading), reading)?;
    if text.layout() == Layout::UItem {
        return Err(IngestError::bad(path, "this is a catalogue (u.item)", "name it with --items"));
    }
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
