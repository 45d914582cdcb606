//! Reads text of any layout: a header where the layout has one, then records of the wanted columns.

use std::io::Read;
use std::sync::Arc;

use tracing::debug;

use super::error::IngestError;
use super::fields::Dialect;
use super::header::{self, Column};
use super::known::Id;
use super::layout::Layout;
use super::reading::Reading;
use super::records::{Framed, Records};
use super::rejects::{Reason, excerpt};
use super::rules::{self, Rules};
use super::splitter::{ONE_A_LINE, Splitter};
use super::taking::{RecordOutlet, Taking};

/// A text after its header.
pub(super) struct Text<'a, R, const N: usize> {
    path: &'a str,
    records: Records<R>,
    splitter: Splitter<'a, N>,
    dialect: Dialect,
}

/// One record.
pub(super) struct Record<'a, const N: usize> {
    /// Its first line.
    pub(super) line: u64,
    /// The record, or the beginning of a line that is too long.
    pub(super) text: &'a [u8],
    /// The wanted columns, or why there are none.
    pub(super) fields: Result<[&'a [u8]; N], Reason>,
}

/// Excel writes it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'a, R: Read, const N: usize> Text<'a, R, N> {
    /// Recognises the layout, unless `reading` states it, and reads the header.
    pub(super) fn begin(
        path: &'a str,
        stream: R,
        wanted: [Column<'a>; N],
        reading: &Reading,
    ) -> Result<Self, IngestError> {
        let mut records = Records::new(stream);
        let first = first(path, &mut records)?;
        let is_empty = first.is_empty();
        let marked = if first.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let first = &first[marked..];
        if matches!(first.trim_ascii(), [b'['] | [b'[', b'{', ..]) {
            return Err(IngestError::bad(path, "this is a JSON array", ONE_A_LINE));
        }
        check_line_ends(path, first)?;
        let layout = reading.format.unwrap_or_else(|| Layout::of(first));
        if !is_empty {
            records.again(marked);
        }
        let (mut dialect, others) = layout.dialects();
        if !others.is_empty() {
            let mut most = 0;
            for tried in [&[dialect][..], others].concat() {
                let header = header_in(path, &mut records, tried)?;
                let is_empty = header.is_empty();
                let named = Splitter::columns_named(header, (layout, tried), &wanted);
                if named > most {
                    (most, dialect) = (named, tried);
                }
                if !is_empty {
                    records.again(0);
                }
            }
        }
        let header = header_in(path, &mut records, dialect)?;
        let is_empty = header.is_empty();
        let begun = Splitter::begin(path, header, (layout, dialect), wanted, reading)?;
        let (splitter, is_record) = begun;
        if is_record && !is_empty {
            records.again(0);
        }
        Ok(Self { path, records, splitter, dialect })
    }

    /// How its records are read.
    pub(super) fn layout(&self) -> Layout {
        self.splitter.layout
    }

    /// What stands between fields, where that is not what the layout's name says.
    pub(super) fn unusual_separator(&self) -> Option<&'static str> {
        let (usual, _) = self.layout().dialects();
        (self.dialect != usual).then(|| self.dialect.separator())
    }

    /// Where each wanted column is, for a person to read.
    pub(super) fn places(&self) -> &[String; N] {
        &self.splitter.places
    }

    /// The next record; none at the end. Empty lines are no records.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_, N>>, IngestError> {
        let Self { path, records, splitter, .. } = self;
        let (line, text) = match records.next().map_err(|error| IngestError::read(path, error))? {
            None => return Ok(None),
            Some(record) => record,
        };
        let fields = match text {
            Framed::TooLong(_) => Err(Reason::LineTooLong),
            Framed::Whole(text) => splitter.split(text),
        };
        let (Framed::TooLong(text) | Framed::Whole(text)) = text;
        Ok(Some(Record { line, text, fields }))
    }
}

/// Refuses a text of which the first line holds several, as some programs once wrote them.
fn check_line_ends(path: &str, first: &[u8]) -> Result<(), IngestError> {
    let lines = first.split(|&byte| byte == b'\r').filter(|line| !line.is_empty());
    if lines.count() < 3 {
        return Ok(());
    }
    let problem = "its lines end with carriage returns alone";
    Err(IngestError::bad(path, problem, "write it with line feeds"))
}

/// The first record of a text that is read anew in a dialect.
fn header_in<'r, R: Read>(
    path: &str,
    records: &'r mut Records<R>,
    dialect: Dialect,
) -> Result<&'r [u8], IngestError> {
    records.speak(dialect);
    first(path, records)
}

/// The first record; an empty one where there is none.
fn first<'r, R: Read>(path: &str, records: &'r mut Records<R>) -> Result<&'r [u8], IngestError> {
    match records.next().map_err(|error| IngestError::read(path, error))? {
        None => Ok(b""),
        Some((_, Framed::Whole(record))) => Ok(record),
        Some((_, Framed::TooLong(line))) => {
            check_line_ends(path, line)?;
            let problem = format!("the first line, `{}`, is over a mebibyte long", excerpt(line));
            Err(IngestError::bad(path, problem, "give a text of lines"))
        }
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

/// Bytes of records that one thread splits at a time.
const SPLIT_BYTES: usize = 1 << 20;

/// A text of ratings, of which records are handed out many at a time: a stream is framed into records by one reader, because
/// what a quote means depends on what came before, and several split and check them.
pub(super) struct Lots<'a> {
    text: Text<'a, Box<dyn Read + Send + 'a>, 4>,
    splitter: Arc<Splitter<'a, 4>>,
    path: Arc<str>,
}

/// Records that follow each other.
pub(super) struct Lot<'a> {
    path: Arc<str>,
    splitter: Arc<Splitter<'a, 4>>,
    bytes: Vec<u8>,
    /// For each record its first line, where its text ends, and whether the line is too long and so cut.
    records: Vec<(u64, u32, bool)>,
}

impl<'a> Lots<'a> {
    /// Reads the header.
    pub(super) fn begin(
        path: &'a str,
        stream: Box<dyn Read + Send + 'a>,
        reading: &'a Reading,
    ) -> Result<Self, IngestError> {
        let text = ratings(path, stream, reading)?;
        let (layout, separator) = (text.layout(), text.unusual_separator());
        debug!(file = path, ?layout, separator, columns = text.places().join(", "), "recognised");
        let splitter = Arc::new(text.splitter.clone());
        Ok(Self { text, splitter, path: path.into() })
    }

    /// The next records; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Lot<'a>>, IngestError> {
        let (path, splitter) = (self.path.clone(), self.splitter.clone());
        let bytes = Vec::with_capacity(SPLIT_BYTES + SPLIT_BYTES / 4);
        let mut lot = Lot { path, splitter, bytes, records: Vec::new() };
        let Text { path, records, .. } = &mut self.text;
        while lot.bytes.len() < SPLIT_BYTES
            && let Some((line, record)) =
                records.next().map_err(|error| IngestError::read(path, error))?
        {
            let is_cut = matches!(record, Framed::TooLong(_));
            let (Framed::TooLong(text) | Framed::Whole(text)) = record;
            lot.bytes.extend_from_slice(text);
            // A lot and a record are a mebibyte each.
            lot.records.push((line, lot.bytes.len() as u32, is_cut));
        }
        Ok((!lot.records.is_empty()).then_some(lot))
    }
}

impl Lot<'_> {
    /// Splits and checks the records.
    pub(super) fn read(
        &self,
        rules: &Rules,
        taking: &mut Taking<'_, '_>,
        outlet: &mut RecordOutlet<'_>,
    ) -> Result<(), IngestError> {
        let mut splitter = Splitter::clone(&self.splitter);
        let mut begin = 0;
        for &(line, end, is_cut) in &self.records {
            let text = &self.bytes[begin..end as usize];
            begin = end as usize;
            let fields = if is_cut { Err(Reason::LineTooLong) } else { splitter.split(text) };
            let checked = fields.and_then(|[user, item, rating, moment]| {
                Ok((
                    taking.users.check(Id::Text(user))?,
                    taking.items.check(Id::Text(item))?,
                    rules.rating_text(rating)?,
                    rules.moment_text(moment)?,
                ))
            });
            match checked {
                Ok(record) => taking.accept(record)?,
                Err(reason) => taking.reject((&self.path, line), reason, || excerpt(text)),
            }
        }
        // Nothing follows that could be broken off.
        let _ = taking.give(outlet);
        Ok(())
    }
}

/// A record as it is taken in: user, item, rating, microseconds.
pub(super) fn checked<'a>(
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
