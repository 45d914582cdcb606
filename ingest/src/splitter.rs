//! Splits records of any layout into the wanted columns.

use memchr::memchr;

use super::error::IngestError;
use super::fields::{Dialect, Fields};
use super::header::{self, Column, Naming};
use super::layout::Layout;
use super::objects::Objects;
use super::reading::Reading;
use super::rejects::{Reason, excerpt};

const NO_HEADER: &str = "leave the option out, or state the layout with --format";

const NO_QUOTES: &str =
    "tab-separated text has none: write it without quotes, or with commas between fields";

pub(super) const ONE_A_LINE: &str = "write one object a line";

/// A splitter for the records of one text.
#[derive(Clone)]
pub(super) struct Splitter<'a, const N: usize> {
    pub(super) layout: Layout,
    /// Where each wanted column is, for a person to read.
    pub(super) places: [String; N],
    records: Records<'a, N>,
}

#[derive(Clone)]
enum Records<'a, const N: usize> {
    /// Fields, of which every record has as many as `width`.
    Delimited {
        fields: Fields,
        width: usize,
        wanted: [Column<'a>; N],
        at: [Option<usize>; N],
    },
    Objects(Objects<'a, N>),
}

impl<'a, const N: usize> Splitter<'a, N> {
    /// For texts of a layout and dialect that begin with the record `first`. Says also whether that is a record, or else a
    /// header.
    pub(super) fn begin(
        path: &str,
        first: &[u8],
        (layout, dialect): (Layout, Dialect),
        wanted: [Column<'a>; N],
        reading: &Reading,
    ) -> Result<(Self, bool), IngestError> {
        if layout == Layout::Jsonl {
            return Ok((Self::of_objects(path, first, wanted)?, true));
        }
        let mut fields = Fields::new(dialect);
        if let Some((at, width)) = layout.positions() {
            if let Some(option) = reading.named_column() {
                let problem = format!("{option} names a column of a file without a header");
                return Err(IngestError::bad(path, problem, NO_HEADER));
            }
            let places = at.map(|at| format!("field {}", at + 1));
            let records = Records::Delimited { fields, width, wanted, at: at.map(Some) };
            return Ok((Self { layout, places, records }, true));
        }
        fields.split(first).map_err(|reason| {
            let problem = format!("the header `{}` has a fault: {reason}", excerpt(first));
            IngestError::bad(path, problem, "correct the first line")
        })?;
        let names: Vec<&[u8]> =
            (0..fields.len()).map(|at| layout.column_name(fields.get(first, at))).collect();
        let is_quoted =
            |name: &&[u8]| name.len() > 1 && name.starts_with(b"\"") && name.ends_with(b"\"");
        if !dialect.may_quote() && names.iter().all(is_quoted) {
            let problem = format!("the header `{}` stands in quotes", excerpt(first));
            return Err(IngestError::bad(path, problem, NO_QUOTES));
        }
        let at = header::locate(path, Naming::Header, &wanted, &names)?;
        let places = places(&wanted, &at, &names);
        let width = fields.len();
        Ok((
            Self { layout, places, records: Records::Delimited { fields, width, wanted, at } },
            false,
        ))
    }

    /// The first object shows the keys that every object should have.
    fn of_objects(path: &str, first: &[u8], wanted: [Column<'a>; N]) -> Result<Self, IngestError> {
        let keys = Objects::<N>::keys(first).ok_or_else(|| {
            let problem = format!("the first line, `{}`, is no JSON object", excerpt(first));
            IngestError::bad(path, problem, ONE_A_LINE)
        })?;
        let names: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let at = header::locate(path, Naming::Object, &wanted, &names)?;
        let places = places(&wanted, &at, &names);
        let wanted = wanted.map(|column| column.among(&names));
        Ok(Self { layout: Layout::Jsonl, places, records: Records::Objects(Objects::new(wanted)) })
    }

    /// How many of the wanted columns a header names in a dialect.
    pub(super) fn columns_named(
        header: &[u8],
        (layout, dialect): (Layout, Dialect),
        wanted: &[Column<'_>; N],
    ) -> usize {
        let mut fields = Fields::new(dialect);
        if fields.split(header).is_err() {
            return 0;
        }
        let names: Vec<&[u8]> =
            (0..fields.len()).map(|at| layout.column_name(fields.get(header, at))).collect();
        let named = wanted.iter().map(|column| column.clone().among(&names));
        named.filter(|column| names.iter().any(|name| column.is(name))).count()
    }

    /// Splits a record into the wanted columns.
    pub(super) fn split<'l>(&'l mut self, line: &'l [u8]) -> Result<[&'l [u8]; N], Reason> {
        match &mut self.records {
            Records::Delimited { fields, width, wanted, at } => {
                fields.split(line)?;
                if fields.len() != *width {
                    let is_one_line = memchr(b'\n', line).is_none();
                    let over_lines = Reason::FieldCountOverLines;
                    return Err(if is_one_line { Reason::FieldCount } else { over_lines });
                }
                Ok(std::array::from_fn(|column| match at[column] {
                    None => wanted[column].implied(),
                    // The flags that end the line are one value.
                    Some(at) if self.layout == Layout::UItem && at > 1 => fields.tail(line, at),
                    Some(at) => wanted[column].or_implied(fields.get(line, at)),
                }))
            }
            Records::Objects(objects) => {
                objects.split(line)?;
                let objects = &*objects;
                Ok(std::array::from_fn(|column| objects.get(column)))
            }
        }
    }
}

/// Where columns are that were located among `names`, for a person to read.
pub(super) fn places<const N: usize>(
    wanted: &[Column<'_>; N],
    at: &[Option<usize>; N],
    names: &[&[u8]],
) -> [String; N] {
    std::array::from_fn(|column| {
        at[column].map_or_else(
            || format!("always {}", String::from_utf8_lossy(wanted[column].implied())),
            |at| excerpt(names[at]),
        )
    })
}
