//! Records as bytes: a format byte, then fields in order. Numbers are little-endian, texts are
//! preceded by their length. A record of another format is an error, not a guess.

use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::http::{JsonText, Output, PackedFoldIn};

use crate::ledger::{
    ExecutionId, ExecutionRecord, ExecutionStatus, LedgerEntry, LedgerError, Outcome, RequestName,
};

mod bytes;
mod change;
use bytes::{Reader, Writer};
pub(super) use change::Change;

/// The format of every kind of record but executions and log entries.
const FORMAT: u8 = 1;
/// Executions with their rating and name.
const EXECUTION_FORMAT: u8 = 2;
/// Log entries with their execution.
const LOG_FORMAT: u8 = 2;

/// What the outputs of older programs have in common, which they packed without repeating it. It is a part of the format.
const USUAL_OUTPUT: &[u8] = include_bytes!("codec/usual_output.json");
/// No output is longer, in bytes: a thousand recommendations take about 400 KB.
const LONGEST_OUTPUT: usize = 64 << 20;

/// An entry of the profiles table. `origin` is its origin's number.
pub(super) fn write_entry(entry: &Entry, origin: u32) -> Vec<u8> {
    let mut out = Writer::new(FORMAT);
    put_entry(&mut out, entry, origin);
    out.finish()
}

pub(super) fn read_entry(bytes: &[u8], origins: &[Origin]) -> Result<Entry, LedgerError> {
    let mut from = Reader::new("entry", FORMAT, bytes)?;
    let entry = take_entry(&mut from, origins)?;
    from.finish()?;
    Ok(entry)
}

/// A row of the log: an entry with whom and what it is about, and the execution that answers it, which older files do not
/// say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogRow {
    pub(super) entry: LedgerEntry,
    pub(super) execution: Option<ExecutionId>,
}

pub(super) fn write_log(row: &LogRow, origin: u32) -> Vec<u8> {
    let LogRow { entry: LedgerEntry { user, item, entry }, execution } = row;
    let mut out = Writer::new(LOG_FORMAT);
    put_entry(&mut out, entry, origin);
    out.text(user);
    out.text(item);
    out.option(execution.as_ref(), |out, id| out.bytes(id.key()));
    out.finish()
}

pub(super) fn read_log(bytes: &[u8], origins: &[Origin]) -> Result<LogRow, LedgerError> {
    let is_old = bytes.first() == Some(&FORMAT);
    let mut from = Reader::new("log entry", if is_old { FORMAT } else { LOG_FORMAT }, bytes)?;
    let entry = take_entry(&mut from, origins)?;
    let user = from.id()?;
    let item = from.id()?;
    let mut execution = None;
    if !is_old {
        execution = from.option(|from| Ok(ExecutionId::from_key(from.array()?)))?;
    }
    from.finish()?;
    Ok(LogRow { entry: LedgerEntry { user, item, entry }, execution })
}

fn put_entry(out: &mut Writer, entry: &Entry, origin: u32) {
    out.option(entry.rating, Writer::f32);
    out.i64(entry.rated_at);
    out.i64(entry.order.micros);
    out.u32(origin);
    out.u64(entry.order.sequence);
}

fn take_entry(from: &mut Reader, origins: &[Origin]) -> Result<Entry, LedgerError> {
    let rating = from.option(Reader::f32)?;
    let rated_at = from.i64()?;
    let micros = from.i64()?;
    let number = from.u32()?;
    let sequence = from.u64()?;
    let origin = usize::try_from(number).ok().and_then(|n| origins.get(n)).copied();
    let origin = origin.ok_or_else(|| from.error("an origin that the ledger never had"))?;
    Ok(Entry { rating, rated_at, order: OrderKey { micros, origin, sequence } })
}

/// How an execution began.
pub(super) fn write_execution(record: &ExecutionRecord) -> Vec<u8> {
    let mut out = Writer::new(EXECUTION_FORMAT);
    out.i64(record.started_at);
    out.text(&record.user);
    out.text(&record.item);
    out.text(&record.input);
    out.option(record.rating, Writer::f32);
    out.option(record.name.as_ref(), |out, name| {
        let (scope, name) = name.key();
        out.text(scope);
        out.text(name);
    });
    out.finish()
}

pub(super) fn read_execution(bytes: &[u8]) -> Result<ExecutionRecord, LedgerError> {
    let is_old = bytes.first() == Some(&FORMAT);
    let format = if is_old { FORMAT } else { EXECUTION_FORMAT };
    let mut from = Reader::new("execution", format, bytes)?;
    let started_at = from.i64()?;
    let user = from.id()?;
    let item = from.id()?;
    let input = from.text()?.to_owned();
    let (mut rating, mut name) = (None, None);
    if !is_old {
        rating = from.option(Reader::f32)?;
        name = from.option(|from| Ok(RequestName::from_key((from.text()?, from.text()?))))?;
    }
    from.finish()?;
    Ok(ExecutionRecord { user, item, rating, input, name, started_at, end: None })
}

/// How an execution ended.
pub(super) fn write_outcome(outcome: &Outcome, stopped_at: i64) -> Vec<u8> {
    let mut out = Writer::new(FORMAT);
    out.i64(stopped_at);
    match outcome {
        Outcome::Succeeded(Output::FoldIn(packed)) => {
            out.u8(5);
            out.bytes(packed.as_bytes());
        }
        Outcome::Succeeded(Output::Text(text)) => {
            out.u8(0);
            out.text(text.as_str());
        }
        Outcome::Failed { error, cause } => {
            out.u8(1);
            out.text(error);
            out.text(cause);
        }
        Outcome::TimedOut => out.u8(2),
        Outcome::Aborted { error, cause } => {
            out.u8(3);
            out.option(error.as_deref(), Writer::text);
            out.option(cause.as_deref(), Writer::text);
        }
    }
    out.finish()
}

/// The status that an outcome leaves, and when that was, in microseconds since 1970.
pub(super) fn read_end(bytes: &[u8]) -> Result<(ExecutionStatus, i64), LedgerError> {
    let mut from = Reader::new("outcome", FORMAT, bytes)?;
    let stopped_at = from.i64()?;
    let status = match from.u8()? {
        0 | 4 | 5 => ExecutionStatus::Succeeded,
        1 => ExecutionStatus::Failed,
        2 => ExecutionStatus::TimedOut,
        3 => ExecutionStatus::Aborted,
        other => return Err(from.error(&format!("status {other}"))),
    };
    Ok((status, stopped_at))
}

pub(super) fn read_outcome(bytes: &[u8]) -> Result<(Outcome, i64), LedgerError> {
    let mut from = Reader::new("outcome", FORMAT, bytes)?;
    let stopped_at = from.i64()?;
    let outcome = match from.u8()? {
        0 => {
            let text = from.text()?;
            Outcome::Succeeded(json(&from, text)?.into())
        }
        4 => {
            let text = unpacked(&mut from)?;
            Outcome::Succeeded(json(&from, &text)?.into())
        }
        5 => {
            let packed = PackedFoldIn::parse(from.rest());
            Outcome::Succeeded(Output::FoldIn(
                packed.map_err(|error| from.error(&error.to_string()))?,
            ))
        }
        1 => Outcome::Failed { error: from.text()?.to_owned(), cause: from.text()?.to_owned() },
        2 => Outcome::TimedOut,
        3 => Outcome::Aborted {
            error: from.option(Reader::text)?.map(str::to_owned),
            cause: from.option(Reader::text)?.map(str::to_owned),
        },
        other => return Err(from.error(&format!("status {other}"))),
    };
    from.finish()?;
    Ok((outcome, stopped_at))
}

fn json(from: &Reader, text: &str) -> Result<JsonText, LedgerError> {
    JsonText::parse(text).map_err(|_| from.error("an output that is not JSON"))
}

/// A text that was packed: its length, and the rest of the record.
fn unpacked(from: &mut Reader) -> Result<String, LedgerError> {
    let length = usize::try_from(from.u64()?).ok().filter(|&length| length <= LONGEST_OUTPUT);
    let length = length.ok_or_else(|| from.error("an output of an impossible length"))?;
    let unpacked = lz4_flex::block::decompress_with_dict(from.rest(), length, USUAL_OUTPUT);
    let text = unpacked.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.filter(|text| text.len() == length)
        .ok_or_else(|| from.error("an output that does not unpack"))
}

/// A status in keys. Never changes.
pub(super) fn status_number(status: ExecutionStatus) -> u8 {
    match status {
        ExecutionStatus::Running => 0,
        ExecutionStatus::Succeeded => 1,
        ExecutionStatus::Failed => 2,
        ExecutionStatus::TimedOut => 3,
        ExecutionStatus::Aborted => 4,
    }
}

/// The executions that a name stands for.
pub(super) fn write_ids(ids: &[ExecutionId]) -> Vec<u8> {
    let mut out = Writer::new(FORMAT);
    out.u64(ids.len() as u64);
    for id in ids {
        out.bytes(id.key());
    }
    out.finish()
}

pub(super) fn read_ids(bytes: &[u8]) -> Result<Vec<ExecutionId>, LedgerError> {
    let mut from = Reader::new("name", FORMAT, bytes)?;
    let count = from.u64()?;
    let ids = (0..count).map(|_| Ok(ExecutionId::from_key(from.array()?)));
    let ids = ids.collect::<Result<_, LedgerError>>()?;
    from.finish()?;
    Ok(ids)
}

#[cfg(test)]
mod tests;
