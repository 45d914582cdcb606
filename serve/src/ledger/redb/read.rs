//! What is read from the tables, inside either kind of transaction.

use akin_recommender::profile::{Origin, Profile};
use akin_schemas::{ItemId, UserId};
use redb::{ReadTransaction, ReadableTable};

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
            profile.apply(item, codec::read_entry(value.value(), origins)?);
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
    let Some(beginning) = executions.get(id.key())? else { return Ok(None) };
    let mut record = codec::read_execution(beginning.value())?;
    if let Some(end) = transaction.open_table(tables::OUTCOMES)?.get(id.key())? {
        record.end = Some(codec::read_outcome(end.value())?);
    }
    Ok(Some(record))
}

/// The status of an execution, without what it was given and gave.
pub(super) fn status(
    transaction: &ReadTransaction,
    id: &ExecutionId,
) -> Result<Option<ExecutionStatus>, LedgerError> {
    if let Some(end) = transaction.open_table(tables::OUTCOMES)?.get(id.key())? {
        return Ok(Some(codec::read_end(end.value())?.0));
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
    Ok(codec::read_ids(row.value())?.first().copied())
}

pub(super) fn unfinished(
    transaction: &ReadTransaction,
) -> Result<Vec<(ExecutionId, ExecutionRecord)>, LedgerError> {
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut found = Vec::new();
    for row in transaction.open_table(tables::OPEN)?.iter()? {
        let id = ExecutionId::from_key(*row?.0.value());
        // One that cannot be read must not keep the server from starting; whoever asks for it hears what is wrong.
        match executions.get(id.key())?.map(|row| codec::read_execution(row.value())) {
            Some(Ok(record)) => found.push((id, record)),
            Some(Err(error)) => tracing::error!(%error, %id, "an open execution cannot be read"),
            None => tracing::error!(%id, "an open execution has no beginning"),
        }
    }
    Ok(found)
}

pub(super) fn unflushed(
    transaction: &ReadTransaction,
    limit: usize,
) -> Result<Vec<LedgerEntry>, LedgerError> {
    let origins = origins(&transaction.open_table(tables::ORIGINS)?)?;
    let counters = transaction.open_table(tables::COUNTERS)?;
    let mark = counter(&counters, tables::FLUSHED_COUNTER)?;
    let log = transaction.open_table(tables::LOG)?;
    let rows = log.range(mark.saturating_add(1)..)?.take(limit);
    rows.map(|row| Ok(codec::read_log(row?.1.value(), &origins)?.entry)).collect()
}

/// Entries are numbered without gaps, and none goes before it is flushed.
pub(super) fn unflushed_count(transaction: &ReadTransaction) -> Result<u64, LedgerError> {
    let mark = counter(&transaction.open_table(tables::COUNTERS)?, tables::FLUSHED_COUNTER)?;
    let newest = transaction.open_table(tables::LOG)?.last()?.map(|(position, _)| position.value());
    Ok(newest.unwrap_or(mark).saturating_sub(mark))
}
