//! Gives back what a file holds free: a file grows with what is in it, and does not shrink when that is forgotten.

use std::fs;
use std::path::Path;
use std::time::Instant;

use redb::{ReadTransaction, ReadableTableMetadata};

use super::{RedbLedger, catch, read, tables};
use crate::ledger::LedgerError;

/// Below this a file is left as it is, in bytes.
const SMALL: u64 = 16 << 20;
/// With more than this in use a file is left as it is, in bytes: a start would take too long.
const MOST_USED: u64 = 1 << 30;
/// What an entry takes in the log, and again by user, about.
const ENTRY: u64 = 200;

impl RedbLedger {
    /// Compacts the file when more than half of it is free. Takes some seconds for each gigabyte that is in use.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn give_back_free_space(&mut self, path: &Path) -> Result<(), LedgerError> {
        let length = |path| fs::metadata(path).map_or(0, |found| found.len());
        let before = length(path);
        if before < SMALL || self.read(records_bytes)? > before / 2 {
            return Ok(());
        }
        // This looks at every page in use.
        let used = self.used_bytes()?;
        if used > before / 2 {
            return Ok(());
        }
        if used > MOST_USED {
            tracing::info!(
                bytes = before,
                used,
                "more than half of the ledger's file is free, and stays so: it would take long to compact it"
            );
            return Ok(());
        }
        let began = Instant::now();
        catch(|| {
            let compacted = self.database.as_mut().map(|database| database.compact());
            compacted.transpose().map_err(|error| LedgerError::Storage(error.to_string()))
        })?;
        // So that the file opens without a scan after a crash.
        self.write(|_| Ok(()))?;
        let took = began.elapsed().as_secs_f32();
        let after = length(path);
        tracing::info!(before, after, seconds = took, "the ledger's file was compacted");
        Ok(())
    }

    /// What is not free in the file.
    fn used_bytes(&self) -> Result<u64, LedgerError> {
        catch(|| {
            let transaction = self.database()?.begin_write()?;
            let stats = transaction.stats()?;
            transaction.abort()?;
            Ok(stats.allocated_pages() * stats.page_size() as u64)
        })
    }
}

/// What the records take, about and rather less.
fn records_bytes(transaction: &ReadTransaction) -> Result<u64, LedgerError> {
    let counters = transaction.open_table(tables::COUNTERS)?;
    let executions = read::counter(&counters, tables::EXECUTION_BYTES_COUNTER)?;
    let entries = transaction.open_table(tables::LOG)?.len()?;
    Ok(executions.saturating_add(entries.saturating_mul(ENTRY)))
}
