//! What is let go: the flush mark, entries that published versions contain, and executions nobody will ask for.

use std::collections::BTreeMap;

use akin_recommender::profile::{Entry, OrderKey, Origin};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::recent::{Places, Settling};
use super::{accept, codec, open, read, tables};
use crate::ledger::{ExecutionId, LedgerEntry, LedgerError, Retention};

pub(super) fn mark_flushed(
    transaction: &WriteTransaction,
    through: u64,
) -> Result<(), LedgerError> {
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    // A mark past the newest entry would hide entries that are still to come.
    let newest = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
    let position = read::start(&counters)?.saturating_add(through);
    accept::raise(&mut counters, tables::FLUSHED_COUNTER, position.min(newest))
}

/// Whether an entry may be forgotten once it is in the store: a version contains it.
fn is_contained(entry: &LedgerEntry, through: &BTreeMap<Origin, u64>) -> bool {
    let order = entry.entry.order;
    through.get(&order.origin).is_some_and(|&through| order.sequence <= through)
}

/// Whether there is something to forget. Asked first, because a write costs a sync.
pub(super) fn any_contained(
    transaction: &ReadTransaction,
    through: &BTreeMap<Origin, u64>,
) -> Result<bool, LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mark = read::counter(&transaction.open_table(tables::COUNTERS)?, tables::FLUSHED_COUNTER)?;
    match transaction.open_table(tables::LOG)?.range(..=mark)?.next() {
        None => Ok(false),
        Some(oldest) => {
            Ok(is_contained(&codec::read_log(oldest?.1.value(), &origins)?.entry, through))
        }
    }
}

/// Forgets the oldest entries, up to the first one that is not in the store or not contained. A user's newest entry for
/// an item goes with its own place in the log only.
pub(super) fn forget_contained(
    transaction: &WriteTransaction,
    settling: &mut Settling<'_>,
    through: &BTreeMap<Origin, u64>,
    limit: usize,
) -> Result<u64, LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mark = read::counter(&transaction.open_table(tables::COUNTERS)?, tables::FLUSHED_COUNTER)?;
    let mut log = transaction.open_table(tables::LOG)?;
    let mut users = transaction.open_table(tables::USERS)?;
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut gone = Vec::new();
    for row in log.range(..=mark)?.take(limit) {
        let (position, record) = row?;
        let entry = codec::read_log(record.value(), &origins)?.entry;
        if !is_contained(&entry, through) {
            break;
        }
        gone.push((position.value(), entry));
    }
    let mut places = Places { users: &mut users, executions: &executions, origins: &origins };
    gone.iter().try_for_each(|(_, entry)| settling.settle(&entry.user, &mut places))?;
    for (position, LedgerEntry { user, item, entry }) in &gone {
        log.remove(position)?;
        let item = tables::entry_key(item);
        let key = (&**user, &*item);
        if stands(&users, key, entry.order, &origins)? {
            users.remove(key)?;
        }
    }
    Ok(gone.len() as u64)
}

/// Whether this is the newest entry of its user and item.
fn stands(
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    key: (&str, &[u8]),
    order: OrderKey,
    origins: &[Origin],
) -> Result<bool, LedgerError> {
    let Some(standing) = users.get(key)? else { return Ok(false) };
    Ok(codec::read_entry(standing.value(), origins)?.order == order)
}

/// Takes a fresh origin, and moves what is not in the store yet under it. Clocks stay, so the order of entries does too.
/// Everything is settled first: what is in memory says the origin that it came with.
pub(super) fn renew_origin(
    transaction: &WriteTransaction,
    settling: &mut Settling<'_>,
) -> Result<Origin, LedgerError> {
    let (number, fresh) = open::add_origin(transaction)?;
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    let mark = read::counter(&counters, tables::FLUSHED_COUNTER)?;
    counters.insert(tables::START_COUNTER, mark)?;
    let mut log = transaction.open_table(tables::LOG)?;
    let mut users = transaction.open_table(tables::USERS)?;
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut places = Places { users: &mut users, executions: &executions, origins: &origins };
    settling.settle_all(&mut places)?;
    let mut unflushed = Vec::new();
    for row in log.range(mark.saturating_add(1)..)? {
        let (position, record) = row?;
        unflushed.push((position.value(), codec::read_log(record.value(), &origins)?));
    }
    for (position, mut row) in unflushed {
        let entry = row.entry.entry;
        let order = OrderKey { origin: fresh, sequence: position - mark, ..entry.order };
        row.entry.entry = Entry { order, ..entry };
        log.insert(position, &*codec::write_log(&row, number))?;
        let LedgerEntry { user, item, entry: moved } = &row.entry;
        let item = tables::entry_key(item);
        let key = (&**user, &*item);
        if stands(&users, key, entry.order, &origins)? {
            users.insert(key, &*codec::write_entry(moved, number))?;
        }
    }
    Ok(fresh)
}

/// Whether there may be executions to forget. Asked first, because a write costs a sync.
pub(super) fn any_beyond(
    transaction: &ReadTransaction,
    retention: Retention,
) -> Result<bool, LedgerError> {
    let Retention { since, count, bytes } = retention;
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let counters = transaction.open_table(tables::COUNTERS)?;
    let oldest = executions.first()?.map(|(key, _)| ExecutionId::from_key(*key.value()));
    Ok(oldest.is_some_and(|oldest| oldest < ExecutionId::first_since(since))
        || executions.len()? > count
        || read::counter(&counters, tables::EXECUTION_BYTES_COUNTER)? > bytes)
}

pub(super) fn forget(
    transaction: &WriteTransaction,
    settling: &mut Settling<'_>,
    retention: Retention,
    limit: usize,
) -> Result<u64, LedgerError> {
    let Retention { since, count, bytes } = retention;
    let mut executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut outcomes = transaction.open_table(tables::OUTCOMES)?;
    let mut users = transaction.open_table(tables::USERS)?;
    let mut ended = transaction.open_table(tables::ENDED)?;
    let mut names = transaction.open_table(tables::NAMES)?;
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    let open = transaction.open_table(tables::OPEN)?;
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mut left = executions.len()?;
    let mut bytes_left = read::counter(&counters, tables::EXECUTION_BYTES_COUNTER)?;
    let oldest_kept = ExecutionId::first_since(since);
    let mut gone = Vec::new();
    let mut places = Places { users: &mut users, executions: &executions, origins: &origins };
    for row in executions.iter()? {
        let (key, record) = row?;
        let id = ExecutionId::from_key(*key.value());
        if gone.len() == limit || (id >= oldest_kept && left <= count && bytes_left <= bytes) {
            break;
        }
        // Its outcome is still to come, and somebody may be waiting for it.
        if open.get(id.key())?.is_some() {
            continue;
        }
        let outcome = outcomes.get(id.key())?.map(|outcome| {
            let bytes = outcome.value();
            codec::read_end(bytes).map(|end| (end, bytes.len()))
        });
        let (bytes, record) = (record.value().len(), codec::read_execution(record.value()));
        let (record, outcome) = match (record, outcome.transpose()) {
            (Ok(record), Ok(outcome)) => (record, outcome),
            // It stays, and those after it go. Whoever asks for it hears what is wrong; this is met again and again.
            (Err(error), _) | (_, Err(error)) => {
                tracing::debug!(%error, %id, "an execution cannot be read, and stays");
                continue;
            }
        };
        left -= 1;
        bytes_left = bytes_left.saturating_sub(bytes as u64);
        if let Some(((status, stopped_at), bytes)) = outcome {
            bytes_left = bytes_left.saturating_sub(bytes as u64);
            outcomes.remove(id.key())?;
            ended.remove((codec::status_number(status), stopped_at, id.key()))?;
        }
        settling.settle(&record.user, &mut places)?;
        places.users.remove((&*record.user, &*tables::execution_key(id.key())))?;
        if let Some(name) = &record.name {
            // The first of a request's executions that goes takes the name with it. Another request may have it by now.
            let ids = names.get(name.key())?.map(|ids| codec::read_ids(ids.value()));
            if ids.is_some_and(|ids| ids.is_ok_and(|ids| ids.contains(&id))) {
                names.remove(name.key())?;
            }
        }
        gone.push(id);
    }
    for id in &gone {
        executions.remove(id.key())?;
    }
    counters.insert(tables::EXECUTION_BYTES_COUNTER, bytes_left)?;
    Ok(gone.len() as u64)
}
