//! Looks through everything that a ledger keeps, for damage that nobody has met yet: so it is known while there still is
//! another copy. What is kept twice is written again from what is whole, see [`mend`].

mod mend;

use std::ops::Bound;
use std::sync::PoisonError;

use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::{ItemId, UserId};
use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value};

use super::damage::{self, Damage};
use super::{RedbLedger, codec, counters, read, tables};
use crate::ledger::{ExecutionId, LedgerError, RequestName};

/// Rows that are looked at in one transaction: as long as one lasts, what others free in the file cannot be used again.
const AT_ONCE: usize = 500;

/// What follows for an execution that cannot be read.
const UNREADABLE: &str = "its handle answers that it cannot be read; its rating stays";
/// What follows where a table does not name something that is there.
const UNLISTED: &str = "some lists lack it; whoever knows its handle finds it";
/// What follows where the newest entry of a user and item is damaged or missing.
const BY_USER: &str = "it is written again from the log, or taken out when no entry is left there";

/// What one transaction sees.
struct Sight<'t> {
    transaction: &'t ReadTransaction,
    origins: Vec<Origin>,
    damage: &'t Damage,
}

/// Entries that may be missing by user.
type Suspects = Vec<(UserId, ItemId, Option<OrderKey>)>;

impl RedbLedger {
    /// Looks at every row, and calls `goes_on` now and then.
    pub(super) fn look_through(&self, goes_on: &dyn Fn() -> bool) -> Result<(), LedgerError> {
        self.damage.or_noted(self.read(counters::check), "the next start is refused")?;
        let mut suspects = Suspects::new();
        let mut before = None::<u64>;
        self.each(tables::LOG, goes_on, |sight, position: u64, row| {
            if self.log_row(sight, position, row, &mut suspects)?
                && let Some(before) = before.replace(position)
            {
                sight.damage.note_missing(before + 1..position);
            }
            Ok(())
        })?;
        self.newest_entries()?;
        self.each(tables::EXECUTIONS, goes_on, |sight, key, row| sight.execution(key, row))?;
        self.each(tables::OUTCOMES, goes_on, |sight, key, row| sight.outcome(key, row))?;
        self.each(tables::OPEN, goes_on, |sight, key, ()| sight.open(key))?;
        self.each(tables::ENDED, goes_on, |sight, (_, _, key), ()| sight.ended(key))?;
        self.each(tables::NAMES, goes_on, |sight, (scope, name), row| {
            let ids = codec::read_ids(&RequestName::from_key((scope, name)), row);
            sight.damage.or_noted(ids, damage::REFUSED).map(drop)
        })?;
        self.each(tables::USERS, goes_on, |sight, (user, what), row| {
            sight.of_user(user, what, row, &mut suspects)
        })?;
        self.mend(&suspects)
    }

    /// Calls `look` for each row of a table.
    fn each<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
        goes_on: &dyn Fn() -> bool,
        mut look: impl FnMut(&Sight<'_>, K::SelfType<'_>, V::SelfType<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut cursor: Option<Vec<u8>> = None;
        while goes_on() {
            let looked = self.read(|transaction| {
                let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
                let sight = Sight { transaction, origins, damage: &self.damage };
                let rows = transaction.open_table(table)?;
                let begin = cursor.clone();
                let begin = begin.as_deref().map(K::from_bytes);
                let begin = begin.map_or(Bound::Unbounded, Bound::Excluded);
                let mut count = 0;
                for row in rows.range::<K::SelfType<'_>>((begin, Bound::Unbounded))?.take(AT_ONCE) {
                    let (key, value) = row?;
                    count += 1;
                    let bytes = K::as_bytes(&key.value()).as_ref().to_vec();
                    if cursor.as_ref().is_some_and(|before| K::compare(before, &bytes).is_ge()) {
                        let row = format!("a row of {table}, which is out of order");
                        sight.damage.note(&row, damage::REFUSED);
                        return Ok(0);
                    }
                    if rows.get(K::from_bytes(&bytes))?.is_none() {
                        let row = format!("a row of {table}, which is not found by its key");
                        sight.damage.note(&row, damage::REFUSED);
                    }
                    look(&sight, key.value(), value.value())?;
                    cursor = Some(bytes);
                }
                Ok(count)
            });
            match looked {
                Ok(AT_ONCE) => {}
                Ok(_) => return Ok(()),
                // The rows after it cannot be reached.
                Err(LedgerError::Storage(_)) if self.poison.get().is_none() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Looks whether the newest entries are there.
    fn newest_entries(&self) -> Result<(), LedgerError> {
        self.read(|transaction| {
            let counters = transaction.open_table(tables::COUNTERS)?;
            let newest = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
            let mark = read::counter(&counters, tables::FLUSHED_COUNTER)?;
            let log = transaction.open_table(tables::LOG)?;
            let last = log.last()?;
            // What is in the store may have been forgotten, oldest first.
            let last = last.map_or(mark, |(position, _)| position.value());
            self.damage.note_missing(last.saturating_add(1)..newest.saturating_add(1));
            Ok(())
        })
    }

    /// Says whether the row is whole.
    fn log_row(
        &self,
        sight: &Sight<'_>,
        position: u64,
        row: &[u8],
        suspects: &mut Suspects,
    ) -> Result<bool, LedgerError> {
        let Some(row) = sight.damage.log_row(position, row, &sight.origins)? else {
            return Ok(false);
        };
        let entry = row.entry;
        let (user, item, order) = (&entry.user, &entry.item, entry.entry.order);
        let users = sight.transaction.open_table(tables::USERS)?;
        let standing = users.get((&**user, &*tables::entry_key(item)))?;
        let standing =
            standing.map(|row| codec::read_entry((user, item), row.value(), &sight.origins));
        let stands = standing.is_some_and(|standing| standing.is_ok_and(|s| s.order >= order));
        if !stands
            && !self.recent.read().unwrap_or_else(PoisonError::into_inner).has(user, position)
        {
            suspects.push((entry.user, entry.item, Some(order)));
        }
        Ok(true)
    }
}

impl Sight<'_> {
    fn note(&self, read: Result<(), LedgerError>, consequence: &str) -> Result<(), LedgerError> {
        self.damage.or_noted(read, consequence).map(drop)
    }

    fn has<V: Value + 'static>(
        &self,
        table: TableDefinition<'static, tables::ExecutionKey, V>,
        id: &ExecutionId,
    ) -> Result<bool, LedgerError> {
        Ok(self.transaction.open_table(table)?.get(id.key())?.is_some())
    }

    fn execution(&self, key: &ExecutionKey, row: &[u8]) -> Result<(), LedgerError> {
        let id = ExecutionId::from_key(*key);
        if let Err(LedgerError::Record(record)) = codec::read_execution(&id, row) {
            let about = codec::about_execution(row);
            self.damage.note(&record, &format!("{about}: {UNREADABLE}"));
            return Ok(());
        }
        self.note(read::execution(self.transaction, &id).map(drop), UNREADABLE)
    }

    fn outcome(&self, key: &ExecutionKey, row: &[u8]) -> Result<(), LedgerError> {
        let id = ExecutionId::from_key(*key);
        let (status, stopped_at) = match codec::read_outcome(&id, row) {
            Ok((outcome, stopped_at)) => (outcome.status(), stopped_at),
            Err(error) => return self.note(Err(error), UNREADABLE),
        };
        if !self.has(tables::EXECUTIONS, &id)? {
            let missing = format!("execution {id}: its beginning is missing");
            self.damage.note(&missing, UNREADABLE);
        }
        let ended = self.transaction.open_table(tables::ENDED)?;
        if ended.get((codec::status_number(status), stopped_at, id.key()))?.is_none() {
            let unlisted = format!("the place of execution {id} among those that ended");
            self.damage.note(&unlisted, UNLISTED);
        }
        Ok(())
    }

    fn open(&self, key: &ExecutionKey) -> Result<(), LedgerError> {
        let id = ExecutionId::from_key(*key);
        if !self.has(tables::EXECUTIONS, &id)? {
            let missing = format!("execution {id}: its beginning is missing");
            self.damage.note(&missing, "it does not end; its rating stays");
        }
        if self.has(tables::OUTCOMES, &id)? {
            let twice = format!("execution {id}: it has ended, and is open");
            self.damage.note(&twice, UNLISTED);
        }
        Ok(())
    }

    fn ended(&self, key: &ExecutionKey) -> Result<(), LedgerError> {
        let id = ExecutionId::from_key(*key);
        if !self.has(tables::OUTCOMES, &id)? {
            let missing = format!("the end of execution {id}: it is missing");
            self.damage.note(&missing, UNREADABLE);
        }
        Ok(())
    }

    fn of_user(
        &self,
        user: &str,
        what: &[u8],
        row: &[u8],
        suspects: &mut Suspects,
    ) -> Result<(), LedgerError> {
        if let Some(item) = tables::item_of(what) {
            let read = codec::read_entry((user, item), row, &self.origins);
            if self.damage.or_noted(read, BY_USER)?.is_none()
                && let (Ok(user), Ok(item)) = (user.try_into(), item.try_into())
            {
                suspects.push((user, item, None));
            }
            return Ok(());
        }
        let is_there = match tables::execution_of(what) {
            Some(id) => self.has(tables::EXECUTIONS, &id)?,
            None => false,
        };
        if !is_there {
            let name = format!(
                "what is by user {user:?} under {what:02x?}: nothing is there of this name"
            );
            self.damage.note(
                &name,
                "the user's lists may lack an execution; whoever knows its handle finds it",
            );
        }
        Ok(())
    }
}

/// An execution's key.
type ExecutionKey = [u8; ExecutionId::KEY_BYTES];
