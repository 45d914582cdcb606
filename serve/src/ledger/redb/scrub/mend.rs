//! Writes what is damaged again, from other copies: the log's entries and the newest ones by user are copies of each other, and
//! the store's segments have what was flushed.

use std::collections::BTreeMap;

use akin_recommender::profile::{Entry, Origin};
use akin_schemas::{ItemId, UserId};
use redb::{ReadableTable, WriteTransaction};

use super::{BY_USER, Suspects};
use crate::ledger::redb::codec::LogRow;
use crate::ledger::redb::renewal::by_user;
use crate::ledger::redb::{RedbLedger, codec, read, tables};
use crate::ledger::{Ledger, LedgerEntry, LedgerError};

impl RedbLedger {
    /// Writes entries again: those by user from the log, and those of the log by user.
    pub(super) fn mend(&self, suspects: &Suspects) -> Result<(), LedgerError> {
        let mut missing: Vec<(&UserId, &ItemId)> = Vec::new();
        for (user, item, order) in suspects {
            let is_there = match (self.entries(user), order) {
                (Ok(profile), Some(order)) => {
                    let newest = profile.entries().find(|(of, _)| *of == item);
                    newest.is_some_and(|(_, entry)| entry.order >= *order)
                }
                // Those without an order are known to be damaged.
                (Ok(_), None) | (Err(LedgerError::Record(_)), _) => false,
                (Err(error), _) => return Err(error),
            };
            if is_there {
                continue;
            }
            if order.is_some() {
                let name = format!("the newest entry of user {user:?} for item {item:?}");
                self.damage.note(&format!("{name}: it is missing or damaged"), BY_USER);
            }
            missing.push((user, item));
        }
        let damaged = self.damage.entries();
        if missing.is_empty() && damaged.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            write_by_user_again(transaction, &missing)?;
            for (position, row) in by_user_of_current(transaction)? {
                if damaged.contains(&position) {
                    put_back(transaction, position, &row)?;
                }
            }
            Ok(())
        })
    }

    /// The entries that are in the store and damaged here, by origin and number.
    pub(in crate::ledger::redb) fn find_damaged_entries(
        &self,
    ) -> Result<Vec<(Origin, u64)>, LedgerError> {
        let damaged = self.damage.entries();
        self.read(|transaction| {
            let counters = transaction.open_table(tables::COUNTERS)?;
            let start = read::start(&counters)?;
            let mark = read::counter(&counters, tables::FLUSHED_COUNTER)?;
            let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
            let Some(&origin) = origins.last() else { return Ok(Vec::new()) };
            let log = transaction.open_table(tables::LOG)?;
            let oldest = log.first()?.map_or(u64::MAX, |(position, _)| position.value());
            let mut found = Vec::new();
            for position in damaged {
                let is_kept = position > start && (oldest..=mark).contains(&position);
                if is_kept && !is_whole(&log, position, &origins)? {
                    found.push((origin, position - start));
                }
            }
            Ok(found)
        })
    }

    /// Puts entries back that another copy has.
    pub(in crate::ledger::redb) fn put_entries_back(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<(), LedgerError> {
        self.write(|transaction| {
            let start = read::start(&transaction.open_table(tables::COUNTERS)?)?;
            for entry in entries {
                let position = start.saturating_add(entry.entry.order.sequence);
                let row = LogRow { entry: entry.clone(), execution: None };
                put_back(transaction, position, &row)?;
            }
            Ok(())
        })
    }
}

fn is_whole(
    log: &impl ReadableTable<u64, &'static [u8]>,
    position: u64,
    origins: &[Origin],
) -> Result<bool, LedgerError> {
    let row = log.get(position)?;
    Ok(row.is_some_and(|row| codec::read_log(position, row.value(), origins).is_ok()))
}

/// Writes an entry of the current origin to the log and by user, where something older or nothing that makes sense stands.
fn put_back(
    transaction: &WriteTransaction,
    position: u64,
    row: &LogRow,
) -> Result<(), LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let LedgerEntry { user, item, entry } = &row.entry;
    let Some(number) = origins.iter().position(|origin| *origin == entry.order.origin) else {
        return Ok(());
    };
    let number = number as u32;
    let mut log = transaction.open_table(tables::LOG)?;
    if is_whole(&log, position, &origins)? {
        return Ok(());
    }
    log.insert(position, &*codec::write_log(position, row, number))?;
    let mut users = transaction.open_table(tables::USERS)?;
    let key = tables::entry_key(item);
    let standing = users.get((&**user, &*key))?;
    let standing = standing.map(|row| codec::read_entry((user, item), row.value(), &origins));
    let stands = standing.is_some_and(|s| s.is_ok_and(|s| s.order >= entry.order));
    if !stands {
        users.insert((&**user, &*key), &*codec::write_entry((user, item), entry, number))?;
    }
    tracing::info!(position, %user, %item, "an entry of the ledger that was damaged is whole again");
    Ok(())
}

/// Writes the newest entries of users and items again, as the log has them.
fn write_by_user_again(
    transaction: &WriteTransaction,
    missing: &[(&UserId, &ItemId)],
) -> Result<(), LedgerError> {
    if missing.is_empty() {
        return Ok(());
    }
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let log = transaction.open_table(tables::LOG)?;
    let mut newest: BTreeMap<&UserId, BTreeMap<&ItemId, Option<Entry>>> = BTreeMap::new();
    for &(user, item) in missing {
        newest.entry(user).or_default().insert(item, None);
    }
    for row in log.iter()? {
        let (position, row) = row?;
        let Ok(row) = codec::read_log(position.value(), row.value(), &origins) else { continue };
        let LedgerEntry { user, item, entry } = &row.entry;
        if let Some(place) = newest.get_mut(user).and_then(|of| of.get_mut(item)) {
            *place = Some(*entry);
        }
    }
    let mut users = transaction.open_table(tables::USERS)?;
    let newest = newest
        .into_iter()
        .flat_map(|(user, of)| of.into_iter().map(move |(item, entry)| (user, item, entry)));
    for (user, item, entry) in newest {
        let key = tables::entry_key(item);
        let Some(entry) = entry else {
            users.remove((&**user, &*key))?;
            continue;
        };
        let number = origins.iter().position(|origin| *origin == entry.order.origin);
        let record = codec::write_entry((user, item), &entry, number.unwrap_or_default() as u32);
        users.insert((&**user, &*key), &*record)?;
    }
    Ok(())
}

/// The entries by user that the current origin has, by position.
fn by_user_of_current(transaction: &WriteTransaction) -> Result<Vec<(u64, LogRow)>, LedgerError> {
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let start = read::start(&transaction.open_table(tables::COUNTERS)?)?;
    by_user(&transaction.open_table(tables::USERS)?, &origins, origins.len() as u32, start)
}
