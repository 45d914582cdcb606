//! The records of files that were begun before records had checksums, which stay in them until they are forgotten: a format
//! byte, then fields in order. Numbers are little-endian, texts are preceded by their length. A record of another format is an
//! error, not a guess.

use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::http::{JsonText, Output, PackedFoldIn};

use super::{Change, LogRow, status_number};
use crate::ledger::{
    ExecutionId, ExecutionRecord, ExecutionStatus, LedgerEntry, LedgerError, Outcome, RequestName,
};

mod reader;
#[cfg(test)]
mod tests;
use reader::Reader;

/// The format of every kind of record but executions and log entries.
const FORMAT: u8 = 1;
/// Executions with their rating and name.
const EXECUTION_FORMAT: u8 = 2;
/// Log entries with their execution.
const LOG_FORMAT: u8 = 2;

/// What the outputs of older programs have in common, which they packed without repeating it. It is a part of the format.
const USUAL_OUTPUT: &[u8] = include_bytes!("legacy/usual_output.json");
/// No output is longer, in bytes: a thousand recommendations take about 400 KB.
const LONGEST_OUTPUT: usize = 64 << 20;

pub(super) fn read_entry(bytes: &[u8], origins: &[Origin]) -> Result<Entry, LedgerError> {
    let mut from = Reader::new("entry", FORMAT, bytes)?;
    let entry = take_entry(&mut from, origins)?;
    from.finish()?;
    Ok(entry)
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

pub(super) fn read_ids(bytes: &[u8]) -> Result<Vec<ExecutionId>, LedgerError> {
    let mut from = Reader::new("name", FORMAT, bytes)?;
    let count = from.u64()?;
    let ids = (0..count).map(|_| Ok(ExecutionId::from_key(from.array()?)));
    let ids = ids.collect::<Result<_, LedgerError>>()?;
    from.finish()?;
    Ok(ids)
}

/// The changes of a journal's record, in their order.
///
/// # Errors
/// When the bytes are no such record.
pub(in crate::ledger::redb) fn read_changes(bytes: &[u8]) -> Result<Vec<Change<'_>>, LedgerError> {
    let mut from = Reader::of("journal record", bytes);
    let mut changes = Vec::new();
    while !from.is_at_end() {
        match from.u8()? {
            0 => {
                let position = from.u64()?;
                let id = ExecutionId::from_key(from.array()?);
                changes.push(Change::Accepted { position, log: from.counted()? });
                changes.push(Change::Began { id, execution: from.counted()? });
            }
            1 => {
                let (scope, name) = (from.text()?, from.text()?);
                changes.push(Change::Named { scope, name, ids: from.counted()? });
            }
            2 => {
                let id = ExecutionId::from_key(from.array()?);
                let outcome = from.counted()?;
                let (status, stopped_at) = read_end(outcome)?;
                let status = status_number(status);
                changes.push(Change::Ended { id, status, stopped_at, outcome });
            }
            other => return Err(from.error(&format!("the change {other}"))),
        }
    }
    Ok(changes)
}
