//! What one accepting transaction does.

use std::collections::HashMap;
use std::sync::Arc;

use akin_recommender::profile::{Entry, OrderKey, Origin, Profile};
use akin_schemas::{ItemId, UserId};
use redb::{ReadableTable, Table, WriteTransaction};

use super::{codec, read, tables};
use crate::ledger::{Accepted, ExecutionId, ExecutionRecord, Finished, LedgerError, Submission};

/// Writes the outcomes of executions that are still open. The first outcome stands.
pub(super) fn finish(
    transaction: &WriteTransaction,
    finished: &[Finished],
) -> Result<(), LedgerError> {
    if finished.is_empty() {
        return Ok(());
    }
    let mut open = transaction.open_table(tables::OPEN)?;
    let mut outcomes = transaction.open_table(tables::OUTCOMES)?;
    for Finished { id, outcome, stopped_at } in finished {
        if open.remove(id.key())?.is_some() {
            outcomes.insert(id.key(), &*codec::write_outcome(outcome, *stopped_at))?;
        }
    }
    Ok(())
}

/// Writes entries and executions for a batch. `observed` is what the hybrid clock has seen
/// elsewhere.
pub(super) fn submit(
    transaction: &WriteTransaction,
    batch: &[Submission],
    now: i64,
    observed: i64,
) -> Result<Vec<Accepted>, LedgerError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mut numbering = Numbering::resume(transaction, &origins, now, observed)?;
    let mut log = transaction.open_table(tables::LOG)?;
    let mut profiles = transaction.open_table(tables::PROFILES)?;
    let mut executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut open = transaction.open_table(tables::OPEN)?;
    let mut ids = Vec::with_capacity(batch.len());
    for submission in batch {
        let Submission { user, item, rating, .. } = submission;
        let (position, order) = numbering.next()?;
        let entry = Entry { rating: *rating, rated_at: now, order };
        let origin = numbering.origin_number;
        log.insert(position, &*codec::write_log(user, item, &entry, origin))?;
        // The clock only grows, so this entry is later than the one it replaces.
        profiles.insert((&**user, &**item), &*codec::write_entry(&entry, origin))?;
        let id = ExecutionId::fresh(now);
        let record = ExecutionRecord::running(submission, now);
        executions.insert(id.key(), &*codec::write_execution(&record))?;
        open.insert(id.key(), ())?;
        ids.push(id);
    }
    numbering.save()?;
    // Read before the commit: an unreadable record then refuses the batch instead of leaving it
    // half answered.
    let mut entries_of: HashMap<&UserId, Arc<Profile<ItemId>>> = HashMap::new();
    let mut accepted = Vec::with_capacity(batch.len());
    for (Submission { user, item, .. }, execution) in batch.iter().zip(ids) {
        let entries = match entries_of.get(user) {
            Some(entries) => entries.clone(),
            None => {
                let entries = Arc::new(read::profile(&profiles, user, &origins)?);
                entries_of.entry(user).or_insert(entries).clone()
            }
        };
        let (user, item) = (user.clone(), item.clone());
        accepted.push(Accepted { execution, started_at: now, user, item, entries });
    }
    Ok(accepted)
}

/// Hands out order keys. Both counters live in the file and move with the transaction: nothing to
/// take back when it fails.
struct Numbering<'t> {
    counters: Table<'t, &'static str, u64>,
    origin: Origin,
    origin_number: u32,
    now: i64,
    clock: i64,
    /// Of the newest entry.
    position: u64,
    /// Before the origin's first entry.
    start: u64,
}

impl<'t> Numbering<'t> {
    fn resume(
        transaction: &'t WriteTransaction,
        origins: &[Origin],
        now: i64,
        observed: i64,
    ) -> Result<Self, LedgerError> {
        let counters = transaction.open_table(tables::COUNTERS)?;
        let clock = read::counter(&counters, tables::CLOCK_COUNTER)?.cast_signed().max(observed);
        let position = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
        let start = read::start(&counters)?;
        let (Some(&origin), Ok(count)) = (origins.last(), u32::try_from(origins.len())) else {
            return Err(LedgerError::Storage("the ledger has no origin".to_owned()));
        };
        let origin_number = count - 1;
        Ok(Self { counters, origin, origin_number, now, clock, position, start })
    }

    /// The next entry's position in the log, and its order key.
    fn next(&mut self) -> Result<(u64, OrderKey), LedgerError> {
        // At the end of time the clock stands still, and the sequence alone decides.
        self.clock = self.now.max(self.clock.saturating_add(1));
        let exhausted = || LedgerError::Storage("sequence numbers are exhausted".to_owned());
        self.position = self.position.checked_add(1).ok_or_else(exhausted)?;
        let sequence = self.position - self.start;
        Ok((self.position, OrderKey { micros: self.clock, origin: self.origin, sequence }))
    }

    fn save(mut self) -> Result<(), LedgerError> {
        self.counters.insert(tables::CLOCK_COUNTER, self.clock.cast_unsigned())?;
        self.counters.insert(tables::SEQUENCE_COUNTER, self.position)?;
        Ok(())
    }
}

/// Raises a counter, never lowers it.
pub(super) fn raise(
    counters: &mut Table<'_, &'static str, u64>,
    name: &'static str,
    value: u64,
) -> Result<(), LedgerError> {
    let standing = counters.get(name)?.map_or(0, |guard| guard.value());
    if value > standing {
        counters.insert(name, value)?;
    }
    Ok(())
}
