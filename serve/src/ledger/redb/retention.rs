//! What is let go: the flush mark, and executions nobody will ask for.

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::{accept, read, tables};
use crate::ledger::{ExecutionId, LedgerError};

pub(super) fn mark_flushed(
    transaction: &WriteTransaction,
    through: u64,
) -> Result<(), LedgerError> {
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    // A mark past the newest entry would hide entries that are still to come.
    let newest = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
    accept::raise(&mut counters, tables::FLUSHED_COUNTER, through.min(newest))
}

pub(super) fn forget(
    transaction: &WriteTransaction,
    before: i64,
    keep_at_most: u64,
    limit: usize,
) -> Result<u64, LedgerError> {
    let mut executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut outcomes = transaction.open_table(tables::OUTCOMES)?;
    let open = transaction.open_table(tables::OPEN)?;
    let excess =
        usize::try_from(executions.len()?.saturating_sub(keep_at_most)).unwrap_or(usize::MAX);
    let oldest_kept = ExecutionId::first_since(before);
    let mut gone = Vec::new();
    for row in executions.iter()? {
        let id = ExecutionId::from_key(*row?.0.value());
        if gone.len() == limit || (id >= oldest_kept && gone.len() >= excess) {
            break;
        }
        // Its outcome is still to come, and somebody may be waiting for it.
        if open.get(id.key())?.is_none() {
            gone.push(id);
        }
    }
    for id in &gone {
        executions.remove(id.key())?;
        outcomes.remove(id.key())?;
    }
    Ok(gone.len() as u64)
}
