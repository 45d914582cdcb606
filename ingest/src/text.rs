//! Reads text of any layout: a header where the layout has one, then records of the wanted columns.

use std::io::Read;

use tracing::debug;

use super::collector::Collector;
use super::error::IngestError;
use super::header::{self, Column};
use super::layout::Layout;
use super::lines::{Line, Lines};
use super::reading::Reading;
use super::rejects::{Reason, excerpt};
use super::rules::{self, Rules};
use super::splitter::Splitter;

/// A text after its header.
pub(super) struct Text<'a, R, const N: usize> {
    path: &'a str,
    lines: Lines<R>,
    splitter: Splitter<'a, N>,
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
        wanted: [Column<'a>; N],
        reading: &Reading,
    ) -> Result<Self, IngestError> {
        let mut lines = Lines::new(stream);
        let whole = match lines.next().map_err(|error| IngestError::read(path, error))? {
            None => &b""[..],
            Some((_, Line::TooLong(line))) => {
                let problem =
                    format!("the first line, `{}`, is over a mebibyte long", excerpt(line));
                return Err(IngestError::bad(path, problem, "give a text of lines"));
            }
            Some((_, Line::Whole(line))) => line,
        };
        // Excel writes a byte-order mark.
        let first = whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(whole);
        let (length, mark) = (whole.len(), whole.len() - first.len());
        let (splitter, is_record) = Splitter::begin(path, first, wanted, reading)?;
        if is_record && length > 0 {
            lines.again(mark);
        }
        Ok(Self { path, lines, splitter })
    }

    /// How its lines are read.
    pub(super) fn layout(&self) -> Layout {
        self.splitter.layout
    }

    /// Where each wanted column is, for a person to read.
    pub(super) fn places(&self) -> &[String; N] {
        &self.splitter.places
    }

    /// The next record; none at the end. Empty lines are no records.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_, N>>, IngestError> {
        let Self { path, lines, splitter } = self;
        let (line, text) = match lines.next().map_err(|error| IngestError::read(path, error))? {
            None => return Ok(None),
            Some(line) => line,
        };
        let fields = match text {
            Line::TooLong(_) => Err(Reason::LineTooLong),
            Line::Whole(text) => splitter.split(text),
        };
        let (Line::TooLong(text) | Line::Whole(text)) = text;
        Ok(Some(Record { line, text, fields }))
    }
}

/// A text of ratings.
pub(super) fn ratings<'a, R: Read>(
    path: &'a str,
    stream: R,
    reading: &'a Reading,
) -> Result<Text<'a, R, 4>, IngestError> {
    let text = Text::begin(path, stream, header::ratings(reading), reading)?;
    if text.layout() == Layout::UItem {
        return Err(IngestError::bad(path, "this is a catalogue (u.item)", "name it with --items"));
    }
    Ok(text)
}

/// Reads a file of ratings.
pub(super) fn read(
    path: &str,
    stream: impl Read,
    reading: &Reading,
    rules: &Rules,
    collector: &mut Collector,
) -> Result<(), IngestError> {
    let mut text = ratings(path, stream, reading)?;
    let layout = text.layout();
    debug!(file = path, ?layout, columns = text.places().join(", "), "recognised");
    while let Some(record) = text.next()? {
        match record.fields.and_then(|fields| checked(layout, fields, rules)) {
            Ok((user, item, rating, micros)) => collector.accept(user, item, rating, micros)?,
            Err(reason) => collector.reject(record.line, reason, || excerpt(record.text)),
        }
    }
    Ok(())
}

/// A record as it is taken in: user, item, rating, microseconds.
pub(super) fn checked<'a>(
    layout: Layout,
    [user, item, rating, moment]: [&'a [u8]; 4],
    rules: &Rules,
) -> Result<(&'a str, &'a str, f32, i64), Reason> {
    Ok((
        rules::id_bytes(user)?,
        rules::id_bytes(item)?,
        rules.rating_text(rating)?,
        if layout.has_float_times() {
            rules.float_moment_text(moment)?
        } else {
            rules.moment_text(moment)?
        },
    ))
}
