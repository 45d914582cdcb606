//! The checksum of what tells where the ledger stands: its counters, and its names.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::tables;
use crate::ledger::LedgerError;

/// Notes the checksum, when a transaction has changed what it wants to.
pub(super) fn seal(transaction: &WriteTransaction) -> Result<(), LedgerError> {
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    let checksum = checksum(&counters, &transaction.open_table(tables::ORIGINS)?)?;
    counters.insert(tables::CHECKSUM_COUNTER, u64::from(checksum))?;
    Ok(())
}

/// # Errors
/// When the checksum does not fit. Files of older formats have none.
pub(super) fn check(transaction: &ReadTransaction) -> Result<(), LedgerError> {
    let counters = transaction.open_table(tables::COUNTERS)?;
    let Some(noted) = counters.get(tables::CHECKSUM_COUNTER)?.map(|noted| noted.value()) else {
        return Ok(());
    };
    if u64::from(checksum(&counters, &transaction.open_table(tables::ORIGINS)?)?) == noted {
        return Ok(());
    }
    let detail = "the checksum of its counters and names does not fit";
    Err(LedgerError::Record(detail.to_owned()))
}

fn checksum(
    counters: &impl ReadableTable<&'static str, u64>,
    origins: &impl ReadableTable<u32, &'static str>,
) -> Result<u32, LedgerError> {
    let mut hasher = crc32fast::Hasher::new();
    for row in counters.iter()? {
        let (name, value) = row?;
        if name.value() != tables::CHECKSUM_COUNTER {
            hasher.update(name.value().as_bytes());
            hasher.update(&value.value().to_le_bytes());
        }
    }
    for row in origins.iter()? {
        let (number, name) = row?;
        hasher.update(&number.value().to_le_bytes());
        hasher.update(name.value().as_bytes());
    }
    Ok(hasher.finalize())
}
