//! What is read from the tables, inside either kind of transaction.

use akin_recommender::profile::{Origin, Profile};
use akin_schemas::{ItemId, UserId};
use redb::{ReadTransaction, ReadableTable};

use super::damage::Damage;
use super::recent::RecentRow;
use super::{codec, tables};
use crate::ledger::{
    ExecutionId, ExecutionRecord, ExecutionStatus, LedgerEntry, LedgerError, RequestName,
};

/// A counter that every ledger has.
pub(super) fn counter(
    counters: &impl ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<u64, LedgerError> {
    match counters.get(name)? {
        Some(value) => Ok(value.value()),
        None => Err(LedgerError::Storage(format!("the counter `{name}` is missing"))),
    }
}

/// The position before the current origin's first entry.
pub(super) fn start(counters: &impl ReadableTable<&'static str, u64>) -> Result<u64, LedgerError> {
    Ok(counters.get(tables::START_COUNTER)?.map_or(0, |start| start.value()))
}

/// The origins that the ledger has had, by number; at least one.
pub(super) fn origins(
    origins: &impl ReadableTable<u32, &'static str>,
) -> Result<Vec<Origin>, LedgerError> {
    let origins = origins.iter()?.map(|row| origin(row?.1.value()));
    let origins = origins.collect::<Result<Vec<_>, LedgerError>>()?;
    if origins.is_empty() {
        return Err(LedgerError::Record("no origin at all".to_owned()));
    }
    Ok(origins)
}

pub(super) fn origin(name: &str) -> Result<Origin, LedgerError> {
    name.parse().map_err(|error| LedgerError::Record(format!("the origin `{name}`: {error}")))
}

/// One user's entries: those by user, and the newest ones.
pub(super) fn profile(
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    user: &UserId,
    recent: &[RecentRow],
    origins: &[Origin],
) -> Result<Profile<ItemId>, LedgerError> {
    let (_, profile) = profile_up_to(usize::MAX, usize::MAX, users, user, recent, origins)?;
    Ok(profile.unwrap_or_default())
}

/// The same of no more than `held` entries, and how many there are: of the newest ones each counts. Counts to `enough`.
pub(super) fn profile_up_to(
    held: usize,
    enough: usize,
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    user: &UserId,
    recent: &[RecentRow],
    origins: &[Origin],
) -> Result<(usize, Option<Profile<ItemId>>), LedgerError> {
    let mut count = recent.len();
    let mut profile = (count <= held).then(Profile::default);
    let [first, last] = tables::ENTRIES;
    for row in users.range((&**user, first)..(&**user, last))? {
        let (key, value) = row?;
        count += 1;
        profile = profile.filter(|_| count <= held);
        if let Some(profile) = &mut profile {
            let item = tables::item_of(key.value().1).map(ItemId::try_from).and_then(Result::ok);
            let item = item.ok_or_else(|| LedgerError::Record("an entry of no item".to_owned()))?;
            let entry = codec::read_entry((user, &item), value.value(), origins)?;
            profile.apply(item, entry);
        }
        if count >= enough {
            break;
        }
    }
    if let Some(profile) = &mut profile {
        for row in recent {
            let LedgerEntry { item, entry, .. } = row.read(origins)?.entry;
            profile.apply(item, entry);
        }
    }
    Ok((count, profile))
}

pub(super) fn execution(
    transaction: &ReadTransaction,
    id: &ExecutionId,
) -> Result<Option<ExecutionRecord>, LedgerError> {
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let Some(beginning) = executions.get(id.key())? else {
        let is_known = transaction.open_table(tables::OUTCOMES)?.get(id.key())?.is_some()
            || transaction.open_table(tables::OPEN)?.get(id.key())?.is_some();
        return if is_known { Err(missing(id, "beginning")) } else { Ok(None) };
    };
    let mut record = codec::read_execution(id, beginning.value())?;
    if let Some(end) = transaction.open_table(tables::OUTCOMES)?.get(id.key())? {
        record.end = Some(codec::read_outcome(id, end.value())?);
    } else if transaction.open_table(tables::OPEN)?.get(id.key())?.is_none() {
        return Err(missing(id, "end"));
    }
    Ok(Some(record))
}

pub(super) fn missing(id: &ExecutionId, what: &str) -> LedgerError {
    LedgerError::Record(format!("execution {id}: its {what} is missing"))
}

/// The status of an execution, without what it was given and gave.
pub(super) fn status(
    transaction: &ReadTransaction,
    id: &ExecutionId,
) -> Result<Option<ExecutionStatus>, LedgerError> {
    if let Some(end) = transaction.open_table(tables::OUTCOMES)?.get(id.key())? {
        return Ok(Some(codec::read_end(id, end.value())?.0));
    }
    let is_known = transaction.open_table(tables::EXECUTIONS)?.get(id.key())?.is_some();
    Ok(is_known.then_some(ExecutionStatus::Running))
}

pub(super) fn named(
    transaction: &ReadTransaction,
    name: &RequestName,
) -> Result<Option<ExecutionId>, LedgerError> {
    let names = transaction.open_table(tables::NAMES)?;
    let Some(row) = names.get(name.key())? else { return Ok(None) };
    Ok(codec::read_ids(name, row.value())?.first().copied())
}

pub(super) fn unfinished(
    transaction: &ReadTransaction,
    damage: &Damage,
) -> Result<Vec<(ExecutionId, ExecutionRecord)>, LedgerError> {
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut found = Vec::new();
    for row in transaction.open_table(tables::OPEN)?.iter()? {
        let id = ExecutionId::from_key(*row?.0.value());
        // One that cannot be read must not keep the server from starting; whoever asks for it hears what is wrong.
        let read = match executions.get(id.key())? {
            Some(row) => codec::read_execution(&id, row.value()),
            None => Err(missing(&id, "beginning")),
        };
        let record = damage.or_noted(read, "it does not end; its rating stays")?;
        found.extend(record.map(|record| (id, record)));
    }
    Ok(found)
}

/// The first entries after the flush mark; none when one of them is damaged or missing.
pub(super) fn unflushed(
    transaction: &ReadTransaction,
    limit: usize,
) -> Result<Option<Vec<LedgerEntry>>, LedgerError> {
    let origins = origins(&transaction.open_table(tables::ORIGINS)?)?;
    let counters = transaction.open_table(tables::COUNTERS)?;
    let mark = counter(&counters, tables::FLUSHED_COUNTER)?;
    let log = transaction.open_table(tables::LOG)?;
    let newest = counter(&counters, tables::SEQUENCE_COUNTER)?;
    let wanted = newest.saturating_sub(mark).min(limit as u64);
    let mut entries = Vec::new();
    for (row, expected) in log.range(mark.saturating_add(1)..)?.take(limit).zip(mark + 1..) {
        let (position, row) = row?;
        match codec::read_log(position.value(), row.value(), &origins) {
            Ok(row) if position.value() == expected => entries.push(row.entry),
            Ok(_) | Err(LedgerError::Record(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok((entries.len() as u64 >= wanted).then_some(entries))
}

/// Entries are numbered without gaps, and none goes before it is flushed.
pub(super) fn unflushed_count(transaction: &ReadTransaction) -> Result<u64, LedgerError> {
    let mark = counter(&transaction.open_table(tables::COUNTERS)?, tables::FLUSHED_COUNTER)?;
    let newest = transaction.open_table(tables::LOG)?.last()?.map(|(position, _)| position.value());
    Ok(newest.unwrap_or(mark).saturating_sub(mark))
}
