//! What a query gives: for people a table, for programs JSON or CSV.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use akin_schemas::{Manifest, VersionName, printable_lines};
use chrono::{DateTime, SecondsFormat};
use polars::prelude::{AnyValue, DataFrame, TimeUnit};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::counting::counted;
use crate::failure::Failure;
use crate::operate::table::{Align, Table};
use crate::output;

/// The rows of an answer.
#[derive(Debug)]
pub struct Answer {
    version: VersionName,
    sequence: u64,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// Whether there are more rows than these.
    is_cut: bool,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Truth(bool),
    Integer(i64),
    /// Beyond `i64`.
    Large(u64),
    Single(f32),
    Double(f64),
    Text(String),
    /// RFC 3339.
    Moment(String),
    List(Vec<Self>),
}

impl Answer {
    /// The first `max_rows` rows of a frame.
    ///
    /// # Errors
    /// When polars does not give a value that it should have.
    pub fn of(manifest: &Manifest, frame: &DataFrame, max_rows: u32) -> Result<Self, Failure> {
        let shown = frame.height().min(max_rows as usize);
        let mut rows = vec![Vec::with_capacity(frame.width()); shown];
        for column in frame.columns() {
            let series = column.as_materialized_series();
            for (at, row) in rows.iter_mut().enumerate() {
                row.push(Cell::of(series.get(at).map_err(Failure::internal)?));
            }
        }
        Ok(Self {
            version: manifest.version.clone(),
            sequence: manifest.sequence,
            columns: frame.get_column_names().iter().map(ToString::to_string).collect(),
            rows,
            is_cut: frame.height() > shown,
        })
    }

    /// Prints the rows as CSV under a line of names, and says on standard error when there are more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print_csv(&self) -> Result<(), Failure> {
        let csv = self.csv()?;
        let lines = csv.trim_end_matches('\n');
        // Programs get data as they are; a terminal must not obey them.
        if io::stdout().is_terminal() {
            output::line(&printable_lines(lines))?;
        } else {
            output::line(lines)?;
        }
        if self.is_cut {
            let rows = counted(self.rows.len() as u64, "row");
            // Nobody may be there to be told.
            let _ = writeln!(io::stderr(), "akin-batch: cut after {rows}; --max-rows gives more");
        }
        Ok(())
    }

    /// A null is an empty field, and a list's texts stand with `|` between them, as in a catalogue.
    fn csv(&self) -> Result<String, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).map_err(Failure::internal)?;
        for row in &self.rows {
            let fields = row.iter().map(|cell| cell.text("", "|"));
            writer.write_record(fields).map_err(Failure::internal)?;
        }
        let bytes = writer.into_inner().map_err(|error| Failure::internal(error.into_error()))?;
        String::from_utf8(bytes).map_err(Failure::internal)
    }
}

impl Cell {
    fn of(value: AnyValue<'_>) -> Self {
        match value {
            AnyValue::Null => Self::Null,
            AnyValue::Boolean(truth) => Self::Truth(truth),
            AnyValue::Float32(number) => Self::Single(number),
            AnyValue::Float64(number) => Self::Double(number),
            AnyValue::String(text) => Self::Text(text.to_owned()),
            AnyValue::StringOwned(text) => Self::Text(text.to_string()),
            AnyValue::List(series) => {
                let values = (0..series.len()).filter_map(|at| series.get(at).ok());
                Self::List(values.map(Self::of).collect())
            }
            AnyValue::Datetime(number, unit, zone) => moment(number, unit, zone.is_some()),
            AnyValue::DatetimeOwned(number, unit, zone) => moment(number, unit, zone.is_some()),
            AnyValue::UInt64(number) if i64::try_from(number).is_err() => Self::Large(number),
            other if other.is_integer() => match other.extract::<i64>() {
                Some(number) => Self::Integer(number),
                None => Self::Text(other.to_string()),
            },
            // Dates, durations, structures.
            other => Self::Text(other.to_string()),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Large(_) | Self::Single(_) | Self::Double(_))
    }

    fn text(&self, null: &str, between: &str) -> String {
        match self {
            Self::Null => null.to_owned(),
            Self::Truth(truth) => truth.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Large(number) => number.to_string(),
            Self::Single(number) => number.to_string(),
            Self::Double(number) => number.to_string(),
            Self::Text(text) | Self::Moment(text) => text.clone(),
            Self::List(cells) => {
                let texts: Vec<String> =
                    cells.iter().map(|cell| cell.text(null, between)).collect();
                texts.join(between)
            }
        }
    }
}

fn moment(number: i64, unit: TimeUnit, is_utc: bool) -> Cell {
    let moment = match unit {
        TimeUnit::Nanoseconds => Some(DateTime::from_timestamp_nanos(number)),
        TimeUnit::Microseconds => DateTime::from_timestamp_micros(number),
        TimeUnit::Milliseconds => DateTime::from_timestamp_millis(number),
    };
    // What no calendar has is shown as it is.
    let text = moment.map_or_else(
        || number.to_string(),
        |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    );
    Cell::Moment(if is_utc { text } else { text.trim_end_matches('Z').to_owned() })
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Large(number) => serializer.serialize_u64(*number),
            Self::Single(number) => serializer.serialize_f32(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
            Self::Text(text) | Self::Moment(text) => serializer.serialize_str(text),
            Self::List(cells) => serializer.collect_seq(cells),
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("version", &self.version)?;
        map.serialize_entry("sequence", &self.sequence)?;
        map.serialize_entry("columns", &self.columns)?;
        map.serialize_entry("rows", &Rows(self))?;
        map.serialize_entry("cut", &self.is_cut)?;
        map.end()
    }
}

/// Each row by the names of its columns, in their order.
struct Rows<'a>(&'a Answer);

struct Row<'a>(&'a [String], &'a [Cell]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.rows.len()))?;
        for row in &self.0.rows {
            rows.serialize_element(&Row(&self.0.columns, row))?;
        }
        rows.end()
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_numbers = |column: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.all(|cell| cell.is_number() || *cell == Cell::Null)
        };
        let align = |column| if is_numbers(column) { Align::Right } else { Align::Left };
        let headings = self.columns.iter().enumerate();
        let headings: Vec<(&str, Align)> =
            headings.map(|(at, name)| (name.as_str(), align(at))).collect();
        let mut table = Table::new(&headings);
        for row in &self.rows {
            table.row(row.iter().map(|cell| cell.text("null", ", ")));
        }
        let rows = counted(self.rows.len() as u64, "row");
        write!(f, "{table}\n\n{rows} of version {} (number {})", self.version, self.sequence)?;
        if self.is_cut { f.write_str(", cut there: --max-rows gives more") } else { Ok(()) }
    }
}
