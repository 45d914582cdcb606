//! Listings, from the tables that are sorted for them.

use std::collections::BTreeSet;

use akin_schemas::http::Output;
use redb::{ReadTransaction, StorageError};

use super::damage::Damage;
use super::recent::RecentRow;
use super::{codec, read, tables};
use crate::ledger::{
    Cursor, ExecutionId, ExecutionRecord, ExecutionStatus, Filter, LedgerError, Page,
};

/// A listing looks at so many executions at most for each that is wanted: a user's few failures
/// among many successes take several pages, not one long read.
const LOOKS_EACH: usize = 20;

/// A page ends once its inputs and outputs have so many bytes: a thousand of the longest would take a gigabyte.
const PAGE_BYTES: usize = 4 << 20;

/// `recent` are the user's entries that are not written by user yet, when the filter names one.
pub(super) fn page(
    transaction: &ReadTransaction,
    filter: &Filter,
    recent: &[RecentRow],
    limit: usize,
    damage: &Damage,
) -> Result<Page, LedgerError> {
    match &filter.user {
        Some(user) => of_user(transaction, user, filter, recent, limit, damage),
        None => of_all(transaction, filter, limit, damage),
    }
}

fn of_user(
    transaction: &ReadTransaction,
    user: &str,
    filter: &Filter,
    recent: &[RecentRow],
    limit: usize,
    damage: &Damage,
) -> Result<Page, LedgerError> {
    let table = transaction.open_table(tables::USERS)?;
    let [first, last] = [[0; ExecutionId::KEY_BYTES], [u8::MAX; ExecutionId::KEY_BYTES]];
    let before = filter.after.map_or(last, |cursor| *cursor.id.key());
    let [first, before] = [first, before].map(|key| tables::execution_key(&key));
    let written = table.range((user, &*first)..(user, &*before))?.rev().map(|row| {
        let id = tables::execution_of(row?.0.value().1);
        id.ok_or_else(|| LedgerError::Record("an execution without a name".to_owned()))
    });
    let recent = executions_of(transaction, recent)?;
    let recent = recent.into_iter().filter(|id| filter.after.is_none_or(|after| *id < after.id));
    let (mut page, mut bytes) = (Page::default(), 0);
    for (looks, id) in descending(recent.rev(), written).enumerate() {
        let id = id?;
        let is_full = page.executions.len() == limit || bytes >= PAGE_BYTES;
        if is_full || looks == limit.saturating_mul(LOOKS_EACH) {
            return Ok(page);
        }
        let is_wanted = match filter.status {
            None => true,
            Some(wanted) => or_left_out(damage, read::status(transaction, &id))? == Some(wanted),
        };
        let record = is_wanted.then(|| or_left_out(damage, read::execution(transaction, &id)));
        let record = record.transpose()?.flatten();
        page.next = Some(Cursor { micros: id.millis() * 1000, id });
        bytes += record.as_ref().map_or(0, text_bytes);
        page.executions.extend(record.map(|record| (id, record)));
    }
    page.next = None;
    Ok(page)
}

/// An execution that was looked for, unless its record makes no sense: then the others are listed all the same, and whoever
/// asks for it hears what is wrong.
fn or_left_out<T>(
    damage: &Damage,
    found: Result<Option<T>, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    let consequence = "the execution is left out of listings, and its handle answers that it cannot be read; its rating stays";
    Ok(damage.or_noted(found, consequence)?.flatten())
}

/// What an execution's input and output take in JSON.
fn text_bytes(record: &ExecutionRecord) -> usize {
    record.input.len() + record.output().map_or(0, Output::json_bytes)
}

/// The executions of entries, in order.
fn executions_of(
    transaction: &ReadTransaction,
    rows: &[RecentRow],
) -> Result<BTreeSet<ExecutionId>, LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    rows.iter().filter_map(|row| row.read(&origins).map(|row| row.execution).transpose()).collect()
}

/// Two descending lists as one, in which nothing is twice.
fn descending(
    first: impl Iterator<Item = ExecutionId>,
    second: impl Iterator<Item = Result<ExecutionId, LedgerError>>,
) -> impl Iterator<Item = Result<ExecutionId, LedgerError>> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some(one), Some(Ok(other))) if one == other => {
            first.next();
            second.next()
        }
        (Some(one), Some(Ok(other))) if one < other => second.next(),
        (_, Some(Err(_))) | (None, _) => second.next(),
        (Some(_), _) => first.next().map(Ok),
    })
}

/// All as they were accepted, or those of one status.
fn of_all(
    transaction: &ReadTransaction,
    filter: &Filter,
    limit: usize,
    damage: &Damage,
) -> Result<Page, LedgerError> {
    let before = filter.after.map_or([u8::MAX; ExecutionId::KEY_BYTES], |after| *after.id.key());
    let place = |id: ExecutionId| Cursor { micros: id.millis() * 1000, id };
    match filter.status {
        None => {
            let executions = transaction.open_table(tables::EXECUTIONS)?;
            let places = executions.range::<&[u8; ExecutionId::KEY_BYTES]>(..&before)?.rev();
            let places = places.map(|row| Ok(place(ExecutionId::from_key(*row?.0.value()))));
            page_of(transaction, places, limit, damage)
        }
        Some(ExecutionStatus::Running) => {
            let open = transaction.open_table(tables::OPEN)?;
            let places = open.range::<&[u8; ExecutionId::KEY_BYTES]>(..&before)?.rev();
            let places = places.map(|row| Ok(place(ExecutionId::from_key(*row?.0.value()))));
            page_of(transaction, places, limit, damage)
        }
        Some(status) => {
            let ended = transaction.open_table(tables::ENDED)?;
            let number = codec::status_number(status);
            let micros = filter.after.map_or(i64::MAX, |after| after.micros);
            let first = (number, i64::MIN, &[0; ExecutionId::KEY_BYTES]);
            let places = ended.range(first..(number, micros, &before))?.rev().map(|row| {
                let key = row?.0;
                let (_, micros, id) = key.value();
                Ok(Cursor { micros, id: ExecutionId::from_key(*id) })
            });
            page_of(transaction, places, limit, damage)
        }
    }
}

/// Those at the first of these places.
fn page_of(
    transaction: &ReadTransaction,
    places: impl Iterator<Item = Result<Cursor, StorageError>>,
    limit: usize,
    damage: &Damage,
) -> Result<Page, LedgerError> {
    let (mut page, mut bytes) = (Page::default(), 0);
    for place in places {
        let place = place?;
        if page.executions.len() == limit || bytes >= PAGE_BYTES {
            return Ok(page);
        }
        let found = read::execution(transaction, &place.id).and_then(|found| {
            let missing = || read::missing(&place.id, "beginning");
            found.ok_or_else(missing).map(Some)
        });
        let record = or_left_out(damage, found)?;
        page.next = Some(place);
        bytes += record.as_ref().map_or(0, text_bytes);
        page.executions.extend(record.map(|record| (place.id, record)));
    }
    page.next = None;
    Ok(page)
}
