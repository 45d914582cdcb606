//! Records as bytes. Their fields are postcard's, in the order of the types here, which is part of the format; see
//! [`sealed`] for what is around them, and [`legacy`] for the records of files that were begun before.

use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::http::{JsonText, Output, PackedFoldIn};
use serde::{Deserialize, Serialize};

use crate::ledger::{
    ExecutionId, ExecutionRecord, ExecutionStatus, LedgerEntry, LedgerError, Outcome, RequestName,
};

mod change;
mod legacy;
mod sealed;

pub(super) use change::Change;
pub(super) use legacy::read_changes as read_legacy_changes;
use sealed::{Place, guess, is_sealed, seal, unseal};

/// An execution's key.
type Key = [u8; ExecutionId::KEY_BYTES];

#[derive(Serialize, Deserialize)]
struct StoredEntry {
    rating: Option<f32>,
    rated_at: i64,
    micros: i64,
    /// The origin's number.
    origin: u32,
    sequence: u64,
}

impl StoredEntry {
    fn of(Entry { rating, rated_at, order }: &Entry, origin: u32) -> Self {
        let OrderKey { micros, sequence, .. } = *order;
        Self { rating: *rating, rated_at: *rated_at, micros, origin, sequence }
    }

    fn entry(&self, place: Place<'_>, origins: &[Origin]) -> Result<Entry, LedgerError> {
        let Self { rating, rated_at, micros, origin, sequence } = *self;
        let origin = usize::try_from(origin).ok().and_then(|n| origins.get(n)).copied();
        let origin =
            origin.ok_or_else(|| place.error("it is of an origin that the ledger never had"))?;
        Ok(Entry { rating, rated_at, order: OrderKey { micros, origin, sequence } })
    }
}

/// An entry of the profiles table. `origin` is its origin's number.
pub(super) fn write_entry((user, item): (&str, &str), entry: &Entry, origin: u32) -> Vec<u8> {
    seal(Place::Entry(user, item), &StoredEntry::of(entry, origin))
}

pub(super) fn read_entry(
    (user, item): (&str, &str),
    record: &[u8],
    origins: &[Origin],
) -> Result<Entry, LedgerError> {
    let place = Place::Entry(user, item);
    if !is_sealed(record) {
        return legacy::read_entry(record, origins).map_err(|error| place.name_it(error));
    }
    unseal::<StoredEntry>(place, record)?.entry(place, origins)
}

/// A row of the log: an entry with whom and what it is about, and the execution that answers it, which older files do not
/// say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogRow {
    pub(super) entry: LedgerEntry,
    pub(super) execution: Option<ExecutionId>,
}

#[derive(Serialize, Deserialize)]
struct StoredRow<'a> {
    entry: StoredEntry,
    user: &'a str,
    item: &'a str,
    execution: Option<Key>,
}

pub(super) fn write_log(position: u64, row: &LogRow, origin: u32) -> Vec<u8> {
    let LogRow { entry: LedgerEntry { user, item, entry }, execution } = row;
    let execution = execution.map(|id| *id.key());
    let stored = StoredRow { entry: StoredEntry::of(entry, origin), user, item, execution };
    seal(Place::Log(position), &stored)
}

pub(super) fn read_log(
    position: u64,
    record: &[u8],
    origins: &[Origin],
) -> Result<LogRow, LedgerError> {
    let place = Place::Log(position);
    if !is_sealed(record) {
        return legacy::read_log(record, origins).map_err(|error| place.name_it(error));
    }
    let StoredRow { entry, user, item, execution } = unseal(place, record)?;
    let entry = entry.entry(place, origins)?;
    let (user, item) = (id(place, user)?, id(place, item)?);
    let execution = execution.map(ExecutionId::from_key);
    Ok(LogRow { entry: LedgerEntry { user, item, entry }, execution })
}

/// What a row of the log is about, for people. It may be damaged.
pub(super) fn about_log(record: &[u8]) -> String {
    match guess::<StoredRow<'_>>(record) {
        None => UNKNOWN.to_owned(),
        Some(StoredRow { user, item, entry, .. }) => about(user, item, entry.rating),
    }
}

const UNKNOWN: &str = "what it is about cannot be read";

fn about(user: &str, item: &str, rating: Option<f32>) -> String {
    match rating {
        Some(rating) => format!("user {user:?} rates item {item:?} {rating}"),
        None => format!("user {user:?} deletes the rating of item {item:?}"),
    }
}

fn id<'a, T: TryFrom<&'a str>>(place: Place<'_>, text: &'a str) -> Result<T, LedgerError> {
    T::try_from(text).map_err(|_| place.error("a text that is not an id"))
}

#[derive(Serialize, Deserialize)]
struct StoredExecution<'a> {
    started_at: i64,
    user: &'a str,
    item: &'a str,
    input: &'a str,
    rating: Option<f32>,
    /// Scope and name.
    #[serde(borrow)]
    name: Option<(&'a str, &'a str)>,
}

/// How an execution began.
pub(super) fn write_execution(id: &ExecutionId, record: &ExecutionRecord) -> Vec<u8> {
    let ExecutionRecord { user, item, rating, input, name, started_at, .. } = record;
    let name = name.as_ref().map(RequestName::key);
    let (started_at, rating) = (*started_at, *rating);
    seal(Place::Execution(id), &StoredExecution { started_at, user, item, input, rating, name })
}

pub(super) fn read_execution(
    key: &ExecutionId,
    record: &[u8],
) -> Result<ExecutionRecord, LedgerError> {
    let place = Place::Execution(key);
    if !is_sealed(record) {
        return legacy::read_execution(record).map_err(|error| place.name_it(error));
    }
    let StoredExecution { started_at, user, item, input, rating, name } = unseal(place, record)?;
    let (user, item, input) = (id(place, user)?, id(place, item)?, input.to_owned());
    let name = name.map(RequestName::from_key);
    Ok(ExecutionRecord { user, item, rating, input, name, started_at, end: None })
}

/// What an execution is about, for people. Its record may be damaged.
pub(super) fn about_execution(record: &[u8]) -> String {
    match guess::<StoredExecution<'_>>(record) {
        None => UNKNOWN.to_owned(),
        Some(StoredExecution { user, item, rating, .. }) => about(user, item, rating),
    }
}

#[derive(Serialize, Deserialize)]
struct StoredEnd<'a> {
    stopped_at: i64,
    #[serde(borrow)]
    outcome: StoredOutcome<'a>,
}

#[derive(Serialize, Deserialize)]
enum StoredOutcome<'a> {
    /// JSON.
    Text(&'a str),
    FoldIn(#[serde(borrow, with = "change::bytes")] &'a [u8]),
    Failed {
        error: &'a str,
        cause: &'a str,
    },
    TimedOut,
    Aborted {
        error: Option<&'a str>,
        cause: Option<&'a str>,
    },
}

impl StoredOutcome<'_> {
    fn status(&self) -> ExecutionStatus {
        match self {
            Self::Text(_) | Self::FoldIn(_) => ExecutionStatus::Succeeded,
            Self::Failed { .. } => ExecutionStatus::Failed,
            Self::TimedOut => ExecutionStatus::TimedOut,
            Self::Aborted { .. } => ExecutionStatus::Aborted,
        }
    }
}

/// How an execution ended.
pub(super) fn write_outcome(id: &ExecutionId, outcome: &Outcome, stopped_at: i64) -> Vec<u8> {
    let outcome = match outcome {
        Outcome::Succeeded(Output::FoldIn(packed)) => StoredOutcome::FoldIn(packed.as_bytes()),
        Outcome::Succeeded(Output::Text(text)) => StoredOutcome::Text(text.as_str()),
        Outcome::Failed { error, cause } => StoredOutcome::Failed { error, cause },
        Outcome::TimedOut => StoredOutcome::TimedOut,
        Outcome::Aborted { error, cause } => {
            StoredOutcome::Aborted { error: error.as_deref(), cause: cause.as_deref() }
        }
    };
    seal(Place::Outcome(id), &StoredEnd { stopped_at, outcome })
}

/// The status that an outcome leaves, and when that was, in microseconds since 1970.
pub(super) fn read_end(
    id: &ExecutionId,
    record: &[u8],
) -> Result<(ExecutionStatus, i64), LedgerError> {
    let place = Place::Outcome(id);
    if !is_sealed(record) {
        return legacy::read_end(record).map_err(|error| place.name_it(error));
    }
    let StoredEnd { stopped_at, outcome } = unseal(place, record)?;
    Ok((outcome.status(), stopped_at))
}

pub(super) fn read_outcome(id: &ExecutionId, record: &[u8]) -> Result<(Outcome, i64), LedgerError> {
    let place = Place::Outcome(id);
    if !is_sealed(record) {
        return legacy::read_outcome(record).map_err(|error| place.name_it(error));
    }
    let StoredEnd { stopped_at, outcome } = unseal(place, record)?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let outcome = match outcome {
        StoredOutcome::Text(text) => {
            let text = JsonText::parse(text);
            let text = text.map_err(|_| place.error("an output that is not JSON"))?;
            Outcome::Succeeded(text.into())
        }
        StoredOutcome::FoldIn(bytes) => {
            let packed = PackedFoldIn::parse(bytes).map_err(|error| place.error(error))?;
            Outcome::Succeeded(Output::FoldIn(packed))
        }
        StoredOutcome::Failed { error, cause } => {
            Outcome::Failed { error: error.to_owned(), cause: cause.to_owned() }
        }
        StoredOutcome::TimedOut => Outcome::TimedOut,
        StoredOutcome::Aborted { error, cause } => {
            Outcome::Aborted { error: owned(error), cause: owned(cause) }
        }
    };
    Ok((outcome, stopped_at))
}

/// How an execution ended, for people. The record may be damaged.
pub(super) fn about_end(record: &[u8]) -> String {
    let end = guess::<StoredEnd<'_>>(record);
    end.map_or_else(|| UNKNOWN.to_owned(), |end| end.outcome.status().to_string())
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
pub(super) fn write_ids(name: &RequestName, ids: &[ExecutionId]) -> Vec<u8> {
    let (scope, name) = name.key();
    let keys: Vec<Key> = ids.iter().map(|id| *id.key()).collect();
    seal(Place::Name(scope, name), &keys)
}

pub(super) fn read_ids(name: &RequestName, record: &[u8]) -> Result<Vec<ExecutionId>, LedgerError> {
    let (scope, name) = name.key();
    let place = Place::Name(scope, name);
    if !is_sealed(record) {
        return legacy::read_ids(record).map_err(|error| place.name_it(error));
    }
    let keys: Vec<Key> = unseal(place, record)?;
    Ok(keys.into_iter().map(ExecutionId::from_key).collect())
}

#[cfg(test)]
mod tests;
