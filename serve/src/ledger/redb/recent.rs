//! The newest entries, which the table by user does not have yet.
//!
//! Users come in no order: written at once, nearly every rating would copy and write a page of that table, which was most
//! of what a commit wrote. So the newest entries are by user in memory alone, as rows of the log, which is on disk. When
//! there are many, each commit settles some of them: writes them to the table in the order of users, where several
//! share a page. One sweep through all users after the other: when one has ended, everything that was there when it began
//! is settled, and a start need not look at it again. A start goes on with the sweep that it finds. What it reads may be
//! settled already, if it came after the sweep began: settling twice changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use akin_recommender::profile::{Entry, Origin};
use akin_schemas::UserId;
use redb::{ReadTransaction, ReadableTable, Table, TableError, WriteTransaction};

use super::codec::LogRow;
use super::damage::Damage;
use super::tables::Records;
use super::{accept, codec, read, tables};
use crate::ledger::{LedgerEntry, LedgerError};

/// A user's entries are settled when there are so many, because each of that user's ratings reads all of them.
const MOST_OF_A_USER: usize = 64;
/// A sweep runs when entries are this many times as many as may be recent behind what a start need not read, though few of
/// them are recent.
const BEHIND: u64 = 3;
/// So many of what a start has read once more are settled beside what comes at once: a commit is waited for.
const MOST_BESIDE: usize = 2_000;

/// An entry that the table by user may not have, as its row of the log: there it is a page among many, and the newest
/// outputs push such pages out of the cache.
#[derive(Debug, Clone)]
pub(super) struct RecentRow {
    position: u64,
    bytes: Arc<[u8]>,
    /// Read at the start: then it may be settled already, and what it says may be forgotten.
    is_from_before: bool,
}

impl RecentRow {
    pub(super) fn read(&self, origins: &[Origin]) -> Result<LogRow, LedgerError> {
        codec::read_log(self.position, &self.bytes, origins)
    }
}

/// The newest entries by user, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Recent {
    by_user: BTreeMap<UserId, Vec<RecentRow>>,
    count: usize,
    /// When there are more, commits settle some.
    most: usize,
    sweep: Sweep,
}

/// How far the sweep through all users is.
#[derive(Debug, Clone, Default)]
struct Sweep {
    /// The user settled last; none before the first.
    after: Option<UserId>,
    /// The newest position when it began; means nothing before.
    through: u64,
}

impl Sweep {
    fn read(transaction: &ReadTransaction) -> Result<Self, LedgerError> {
        let table = match transaction.open_table(tables::SWEEP) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Self::default()),
            table => table?,
        };
        let Some(row) = table.get(())? else { return Ok(Self::default()) };
        let (after, through) = row.value();
        let after = UserId::try_from(after.to_owned());
        let after = after.map_err(|error| LedgerError::Record(format!("the sweep: {error}")))?;
        Ok(Self { after: Some(after), through })
    }

    fn has_settled(&self, user: &UserId, position: u64) -> bool {
        position <= self.through && self.after.as_ref().is_some_and(|after| user <= after)
    }
}

/// What a transaction changed, to be applied when it is on disk.
#[derive(Debug)]
pub(super) struct Changes {
    settled: Vec<UserId>,
    added: HashMap<UserId, Vec<RecentRow>>,
    sweep: Option<Sweep>,
}

impl Recent {
    /// What the table by user may not have.
    pub(super) fn read(
        transaction: &ReadTransaction,
        origins: &[Origin],
        most: usize,
        damage: &Damage,
    ) -> Result<Self, LedgerError> {
        let counters = transaction.open_table(tables::COUNTERS)?;
        let settled = read::counter(&counters, tables::SETTLED_COUNTER)?;
        let mut recent = Self { most, sweep: Sweep::read(transaction)?, ..Self::default() };
        for row in transaction.open_table(tables::LOG)?.range(settled.saturating_add(1)..)? {
            let (position, row) = row?;
            // One that is damaged must not keep all others from being settled.
            if let Some(LogRow { entry, .. }) =
                damage.log_row(position.value(), row.value(), origins)?
                && !recent.sweep.has_settled(&entry.user, position.value())
            {
                let (position, bytes) = (position.value(), row.value().into());
                let row = RecentRow { position, bytes, is_from_before: true };
                recent.by_user.entry(entry.user).or_default().push(row);
                recent.count += 1;
            }
        }
        Ok(recent)
    }

    /// A user's entries.
    pub(super) fn of(&self, user: &UserId) -> &[RecentRow] {
        self.by_user.get(user).map_or(&[], Vec::as_slice)
    }

    /// Whether the entry at this position is one of a user's.
    pub(super) fn has(&self, user: &UserId, position: u64) -> bool {
        self.of(user).iter().any(|row| row.position == position)
    }

    pub(super) fn apply(&mut self, changes: Changes) {
        for user in &changes.settled {
            self.count -= self.by_user.remove(user).map_or(0, |rows| rows.len());
        }
        for (user, rows) in changes.added {
            self.count += rows.len();
            self.by_user.entry(user).or_default().extend(rows);
        }
        self.sweep = changes.sweep.unwrap_or_else(|| std::mem::take(&mut self.sweep));
    }
}

/// The tables that settling reads and writes.
pub(super) struct Places<'p, 't> {
    pub(super) users: &'p mut Records<'t, tables::UserKey>,
    pub(super) executions: &'p Records<'t, tables::ExecutionKey>,
    pub(super) origins: &'p [Origin],
}

impl Places<'_, '_> {
    /// Writes an entry and its execution to the table by user, unless what is there is newer or they are forgotten.
    fn settle(&mut self, row: &RecentRow) -> Result<(), LedgerError> {
        let LogRow { entry: LedgerEntry { user, item, entry }, execution } =
            row.read(self.origins)?;
        if !(row.is_from_before && self.has_newer((&user, &item), &entry)?) {
            let number = self.origins.iter().position(|origin| *origin == entry.order.origin);
            let number = number.unwrap_or_default() as u32;
            let record = codec::write_entry((&user, &item), &entry, number);
            self.users.insert((&*user, &*tables::entry_key(&item)), &*record)?;
        }
        // Before an execution is forgotten, its user's entries are settled.
        if let Some(id) = execution
            && !(row.is_from_before && self.executions.get(id.key())?.is_none())
        {
            self.users.insert((&*user, &*tables::execution_key(id.key())), &[][..])?;
        }
        Ok(())
    }

    /// Whether the entry that stands is this one or a newer one. What cannot be read is replaced.
    fn has_newer(&self, key: (&str, &str), entry: &Entry) -> Result<bool, LedgerError> {
        let standing = self.users.get((key.0, &*tables::entry_key(key.1)))?;
        let standing =
            standing.and_then(|row| codec::read_entry(key, row.value(), self.origins).ok());
        Ok(standing.is_some_and(|standing| standing.order >= entry.order))
    }
}

/// What one transaction does to the newest entries.
pub(super) struct Settling<'r> {
    recent: &'r Recent,
    settled: HashSet<&'r UserId>,
    added: HashMap<UserId, Vec<RecentRow>>,
    sweep: Option<Sweep>,
}

impl<'r> Settling<'r> {
    pub(super) fn new(recent: &'r Recent) -> Self {
        Self { recent, settled: HashSet::new(), added: HashMap::new(), sweep: None }
    }

    /// An entry that this transaction writes to the log, in these bytes.
    pub(super) fn add(&mut self, user: &UserId, position: u64, bytes: Vec<u8>) {
        let row = RecentRow { position, bytes: bytes.into(), is_from_before: false };
        match self.added.get_mut(user) {
            Some(rows) => rows.push(row),
            None => drop(self.added.insert(user.clone(), vec![row])),
        }
    }

    /// A user's entries that are not settled.
    pub(super) fn of(&self, user: &UserId) -> Vec<RecentRow> {
        let recent = if self.settled.contains(user) { &[] } else { self.recent.of(user) };
        let added = self.added.get(user).map_or(&[][..], Vec::as_slice);
        [recent, added].concat()
    }

    /// Settles a user's entries, but for those that this transaction adds.
    pub(super) fn settle(
        &mut self,
        user: &UserId,
        places: &mut Places<'_, '_>,
    ) -> Result<(), LedgerError> {
        let Some((user, rows)) = self.recent.by_user.get_key_value(user) else {
            return Ok(());
        };
        if self.settled.insert(user) {
            rows.iter().try_for_each(|row| places.settle(row))?;
        }
        Ok(())
    }

    /// Settles everything, but for what this transaction adds.
    pub(super) fn settle_all(&mut self, places: &mut Places<'_, '_>) -> Result<(), LedgerError> {
        self.recent.by_user.keys().try_for_each(|user| self.settle(user, places))
    }

    /// Notes that everything up to the position `newest` is settled, and nothing else is there.
    pub(super) fn all_is_settled(
        &mut self,
        newest: u64,
        counters: &mut Table<'_, &'static str, u64>,
        transaction: &WriteTransaction,
    ) -> Result<(), LedgerError> {
        counters.insert(tables::SETTLED_COUNTER, newest)?;
        transaction.open_table(tables::SWEEP)?.remove(())?;
        self.sweep = Some(Sweep::default());
        Ok(())
    }

    /// After entries were added, up to the position `newest`: settles as many as it takes to stay within bounds.
    pub(super) fn keep_within_bounds(
        &mut self,
        newest: u64,
        transaction: &WriteTransaction,
        places: &mut Places<'_, '_>,
    ) -> Result<(), LedgerError> {
        let recent = self.recent;
        let long = |user: &&UserId| recent.of(user).len() >= MOST_OF_A_USER;
        let long: Vec<UserId> = self.added.keys().filter(long).cloned().collect();
        long.iter().try_for_each(|user| self.settle(user, places))?;
        let added: usize = self.added.values().map(Vec::len).sum();
        let over = (recent.count + added).saturating_sub(recent.most);
        // Of few users who rate much, all is settled in time, but only a sweep can tell.
        let mut counters = transaction.open_table(tables::COUNTERS)?;
        let settled = read::counter(&counters, tables::SETTLED_COUNTER)?;
        let is_far_behind = newest.saturating_sub(settled) > BEHIND * recent.most as u64;
        if over == 0 && !is_far_behind {
            return Ok(());
        }
        // A little more than came, so that there is room again; and a part of what a start has read once more.
        let wanted = added + added / 4 + 1 + (over / 8).min(MOST_BESIDE);
        let Sweep { after, through } = &recent.sweep;
        // One that begins meets everything but what this transaction adds.
        let (begin, through) = match after {
            Some(after) => (Bound::Excluded(after), *through),
            None => (Bound::Unbounded, newest - added as u64),
        };
        let mut settled = 0;
        for (user, rows) in recent.by_user.range::<UserId, _>((begin, Bound::Unbounded)) {
            self.settle(user, places)?;
            settled += rows.len();
            if settled >= wanted {
                let mut sweep = transaction.open_table(tables::SWEEP)?;
                sweep.insert((), (&**user, through))?;
                self.sweep = Some(Sweep { after: Some(user.clone()), through });
                return Ok(());
            }
        }
        accept::raise(&mut counters, tables::SETTLED_COUNTER, through)?;
        transaction.open_table(tables::SWEEP)?.remove(())?;
        self.sweep = Some(Sweep::default());
        Ok(())
    }

    /// What is to be applied when the transaction is on disk.
    pub(super) fn into_changes(self) -> Changes {
        let settled = self.settled.into_iter().cloned().collect();
        Changes { settled, added: self.added, sweep: self.sweep }
    }
}
