//! What commits change in the tables: when they are made, and at a start that finds them in the journal.

use akin_recommender::profile::Origin;
use redb::{Table, WriteTransaction};

use super::codec::Change;
use super::journal::{Found, Record};
use super::{accept, codec, read, tables};
use crate::ledger::LedgerError;

/// The tables that changes go into.
pub(super) struct Changing<'t> {
    transaction: &'t WriteTransaction,
    log: tables::Records<'t, u64>,
    pub(super) executions: tables::Records<'t, tables::ExecutionKey>,
    open: Table<'t, tables::ExecutionKey, ()>,
    outcomes: tables::Records<'t, tables::ExecutionKey>,
    ended: Table<'t, (u8, i64, tables::ExecutionKey), ()>,
    pub(super) names: tables::Records<'t, (&'static str, &'static str)>,
    /// Bytes of executions and outcomes.
    written: u64,
}

impl<'t> Changing<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, LedgerError> {
        Ok(Self {
            transaction,
            log: transaction.open_table(tables::LOG)?,
            executions: transaction.open_table(tables::EXECUTIONS)?,
            open: transaction.open_table(tables::OPEN)?,
            outcomes: transaction.open_table(tables::OUTCOMES)?,
            ended: transaction.open_table(tables::ENDED)?,
            names: transaction.open_table(tables::NAMES)?,
            written: 0,
        })
    }

    /// Makes a change, and says so in the journal's record.
    pub(super) fn make(
        &mut self,
        change: &Change<'_>,
        record: &mut Record,
    ) -> Result<(), LedgerError> {
        if self.apply(change)? {
            record.push(change)?;
        }
        Ok(())
    }

    /// Says whether anything changed: the first end of an execution stands.
    fn apply(&mut self, change: &Change<'_>) -> Result<bool, LedgerError> {
        match *change {
            Change::Accepted { position, log } => {
                self.log.insert(position, log)?;
            }
            Change::Began { id, execution } => {
                self.executions.insert(id.key(), execution)?;
                self.open.insert(id.key(), ())?;
                self.written += execution.len() as u64;
            }
            Change::Named { scope, name, ids } => {
                self.names.insert((scope, name), ids)?;
            }
            Change::Ended { id, status, stopped_at, outcome } => {
                if self.open.remove(id.key())?.is_none() {
                    return Ok(false);
                }
                self.outcomes.insert(id.key(), outcome)?;
                self.ended.insert((status, stopped_at, id.key()), ())?;
                self.written += outcome.len() as u64;
            }
        }
        Ok(true)
    }

    /// Counts what was written.
    pub(super) fn finish(self) -> Result<(), LedgerError> {
        let Self { transaction, written, .. } = self;
        if written > 0 {
            let mut counters = transaction.open_table(tables::COUNTERS)?;
            let bytes = read::counter(&counters, tables::EXECUTION_BYTES_COUNTER)?;
            counters.insert(tables::EXECUTION_BYTES_COUNTER, bytes.saturating_add(written))?;
        }
        Ok(())
    }
}

/// Notes that the file contains the record of this number, and all before it.
pub(super) fn note_record(transaction: &WriteTransaction, number: u64) -> Result<(), LedgerError> {
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    counters.insert(tables::JOURNAL_COUNTER, number)?;
    Ok(())
}

/// Notes whether there must be a journal at the next start.
pub(super) fn note_journal(
    transaction: &WriteTransaction,
    exists: bool,
) -> Result<(), LedgerError> {
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    counters.insert(tables::JOURNAL_EXISTS_COUNTER, u64::from(exists))?;
    Ok(())
}

/// Makes the changes again that were found in the journal. Says how many they are.
///
/// # Errors
/// When one of them is unreadable.
pub(super) fn make_again(
    transaction: &WriteTransaction,
    found: &Found,
    origins: &[Origin],
) -> Result<usize, LedgerError> {
    let mut changing = Changing::open(transaction)?;
    let mut count = 0;
    {
        let mut counters = transaction.open_table(tables::COUNTERS)?;
        for record in &found.records {
            for change in found.changes(record)? {
                if let Change::Accepted { position, log } = change {
                    let clock = codec::read_log(position, log, origins)?.entry.entry.order.micros;
                    counters.insert(tables::CLOCK_COUNTER, clock.cast_unsigned())?;
                    accept::raise(&mut counters, tables::SEQUENCE_COUNTER, position)?;
                }
                changing.apply(&change)?;
                count += 1;
            }
        }
    }
    changing.finish()?;
    note_record(transaction, found.newest)?;
    if !found.is_usable {
        // Until another is on disk.
        note_journal(transaction, false)?;
    }
    Ok(count)
}
