//! Brings an older file up to the format that this program writes.

use redb::{ReadableTable, WriteTransaction};

use super::{codec, tables};
use crate::ledger::{ExecutionId, LedgerError};

/// From format 1 to 2: the tables by which executions are listed, and the count of their bytes.
pub(super) fn add_indexes(transaction: &WriteTransaction) -> Result<(), LedgerError> {
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let outcomes = transaction.open_table(tables::OUTCOMES)?;
    let mut by_user = transaction.open_table(tables::BY_USER)?;
    let mut ended = transaction.open_table(tables::ENDED)?;
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    transaction.open_table(tables::NAMES)?;
    let mut bytes = 0;
    for row in executions.iter()? {
        let (key, record) = row?;
        let id = ExecutionId::from_key(*key.value());
        bytes += record.value().len() as u64;
        by_user.insert((&*codec::read_execution(record.value())?.user, id.key()), ())?;
        if let Some(outcome) = outcomes.get(id.key())? {
            bytes += outcome.value().len() as u64;
            let (outcome, stopped_at) = codec::read_outcome(outcome.value())?;
            ended.insert((codec::status_number(outcome.status()), stopped_at, id.key()), ())?;
        }
    }
    counters.insert(tables::EXECUTION_BYTES_COUNTER, bytes)?;
    counters.insert(tables::FORMAT_COUNTER, tables::FORMAT)?;
    Ok(())
}
