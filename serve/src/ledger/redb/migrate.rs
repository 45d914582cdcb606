//! Brings an older file up to the format that this program writes.

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{codec, read, tables};
use crate::ledger::{ExecutionId, ExecutionRecord, LedgerError};

/// Up to format 2: the newest entry of each user and item.
pub(super) const ENTRIES_BY_USER: TableDefinition<(&str, &str), &[u8]> =
    TableDefinition::new("entries_by_user");
/// In format 2: the executions of each user, which [`tables::EXECUTIONS`] tells, too.
pub(super) const EXECUTIONS_BY_USER: TableDefinition<(&str, tables::ExecutionKey), ()> =
    TableDefinition::new("executions_by_user");

/// From an older format to the present one.
pub(super) fn bring_up(transaction: &WriteTransaction, format: u64) -> Result<(), LedgerError> {
    if format == tables::FORMAT_WITHOUT_INDEXES {
        add_indexes(transaction)?;
    }
    if format < tables::FORMAT_WITH_ALL_BY_USER {
        join_by_user(transaction)?;
    }
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    if format < tables::FORMAT_WITHOUT_JOURNAL {
        let newest = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
        counters.insert(tables::SETTLED_COUNTER, newest)?;
    }
    counters.insert(tables::FORMAT_COUNTER, tables::FORMAT)?;
    Ok(())
}

/// From format 1 to 2: the tables by which executions are listed, and the count of their bytes.
fn add_indexes(transaction: &WriteTransaction) -> Result<(), LedgerError> {
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let outcomes = transaction.open_table(tables::OUTCOMES)?;
    let mut ended = transaction.open_table(tables::ENDED)?;
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    transaction.open_table(tables::NAMES)?;
    let mut bytes = 0;
    for row in executions.iter()? {
        let (key, record) = row?;
        let id = ExecutionId::from_key(*key.value());
        bytes += record.value().len() as u64;
        if let Some(outcome) = outcomes.get(id.key())? {
            bytes += outcome.value().len() as u64;
            let (status, stopped_at) = codec::read_end(&id, outcome.value())?;
            ended.insert((codec::status_number(status), stopped_at, id.key()), ())?;
        }
    }
    counters.insert(tables::EXECUTION_BYTES_COUNTER, bytes)?;
    Ok(())
}

/// From format 2 to 3: one table for what there is of each user.
fn join_by_user(transaction: &WriteTransaction) -> Result<(), LedgerError> {
    let mut users = transaction.open_table(tables::USERS)?;
    let entries = transaction.open_table(ENTRIES_BY_USER)?;
    for row in entries.iter()? {
        let (key, entry) = row?;
        let (user, item) = key.value();
        users.insert((user, &*tables::entry_key(item)), entry.value())?;
    }
    for row in transaction.open_table(tables::EXECUTIONS)?.iter()? {
        let (id, record) = row?;
        match codec::read_execution(&ExecutionId::from_key(*id.value()), record.value()) {
            Ok(ExecutionRecord { user, .. }) => {
                users.insert((&*user, &*tables::execution_key(id.value())), &[][..])?;
            }
            // It must not keep the server from starting; whoever asks for it hears what is wrong.
            Err(error) => tracing::error!(%error, "an execution cannot be read"),
        }
    }
    drop(entries);
    transaction.delete_table(ENTRIES_BY_USER)?;
    transaction.delete_table(EXECUTIONS_BY_USER)?;
    Ok(())
}
