//! What is let go: the flush mark, entries that published versions contain, and executions nobody will ask for.

use std::collections::BTreeMap;

use akin_recommender::profile::{OrderKey, Origin};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::damage::{self, Damage};
use super::recent::{Places, Settling};
use super::{accept, codec, read, tables};
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
    damage: &Damage,
) -> Result<bool, LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mark = read::counter(&transaction.open_table(tables::COUNTERS)?, tables::FLUSHED_COUNTER)?;
    for row in transaction.open_table(tables::LOG)?.range(..=mark)? {
        let (position, row) = row?;
        if let Some(oldest) = damage.log_row(position.value(), row.value(), &origins)? {
            return Ok(is_contained(&oldest.entry, through));
        }
    }
    Ok(false)
}

/// Forgets the oldest entries, up to the first one that is not in the store or not contained. A user's newest entry for
/// an item goes with its own place in the log only.
pub(super) fn forget_contained(
    transaction: &WriteTransaction,
    settling: &mut Settling<'_>,
    through: &BTreeMap<Origin, u64>,
    limit: usize,
    damage: &Damage,
) -> Result<u64, LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mark = read::counter(&transaction.open_table(tables::COUNTERS)?, tables::FLUSHED_COUNTER)?;
    let mut log = transaction.open_table(tables::LOG)?;
    let mut users = transaction.open_table(tables::USERS)?;
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let (mut positions, mut gone) = (Vec::new(), Vec::new());
    // Those that cannot be read, up to the next that can.
    let mut damaged = Vec::new();
    for row in log.range(..=mark)? {
        let (position, row) = row?;
        let position = position.value();
        match damage.log_row(position, row.value(), &origins)? {
            None => damaged.push(position),
            Some(row) if is_contained(&row.entry, through) => {
                positions.append(&mut damaged);
                positions.push(position);
                gone.push(row.entry);
            }
            Some(_) => break,
        }
        if positions.len() >= limit {
            break;
        }
    }
    let mut places = Places { users: &mut users, executions: &executions, origins: &origins };
    gone.iter().try_for_each(|entry| settling.settle(&entry.user, &mut places))?;
    for position in &positions {
        log.remove(position)?;
    }
    for LedgerEntry { user, item, entry } in &gone {
        let stands = stands(&users, (user, item), entry.order, &origins);
        if damage.or_noted(stands, damage::REFUSED)? == Some(true) {
            users.remove((&**user, &*tables::entry_key(item)))?;
        }
    }
    Ok(positions.len() as u64)
}

/// Whether this is the newest entry of its user and item.
pub(super) fn stands(
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    (user, item): (&str, &str),
    order: OrderKey,
    origins: &[Origin],
) -> Result<bool, LedgerError> {
    let Some(standing) = users.get((user, &*tables::entry_key(item)))? else { return Ok(false) };
    Ok(codec::read_entry((user, item), standing.value(), origins)?.order == order)
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
    damage: &Damage,
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
            codec::read_end(&id, bytes).map(|end| (end, bytes.len()))
        });
        let (bytes, record) = (record.value().len(), codec::read_execution(&id, record.value()));
        let (record, outcome) = match (record, outcome.transpose()) {
            (Ok(record), Ok(outcome)) => (record, outcome),
            // It stays, and those after it go: whoever asks for it hears what is wrong.
            (Err(error), _) | (_, Err(error)) => {
                damage.or_noted(Err::<(), _>(error), "it is not forgotten; its rating stays")?;
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
            let ids = names.get(name.key())?.map(|ids| codec::read_ids(name, ids.value()));
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
