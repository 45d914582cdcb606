//! A fresh origin for what is not in the store yet.

use std::collections::{BTreeMap, HashSet};

use akin_recommender::profile::{Entry, OrderKey, Origin};
use redb::{ReadableTable, WriteTransaction};

use super::codec::LogRow;
use super::damage::Damage;
use super::recent::{Places, Settling};
use super::retention::stands;
use super::{codec, open, read, tables};
use crate::ledger::{LedgerEntry, LedgerError};

/// Takes a fresh origin, and moves what is not in the store yet under it. Clocks stay, so the order of entries does too.
/// Everything is settled first: what is in memory says the origin that it came with. Entries that are damaged or missing are
/// taken from the table by user where it has them; the others are left out, and those after them move up: their numbers have
/// no gap, behind which no version would count as containing them.
pub(super) fn renew_origin(
    transaction: &WriteTransaction,
    settling: &mut Settling<'_>,
    damage: &Damage,
) -> Result<Origin, LedgerError> {
    let (number, fresh) = open::add_origin(transaction)?;
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mut counters = transaction.open_table(tables::COUNTERS)?;
    let mark = read::counter(&counters, tables::FLUSHED_COUNTER)?;
    let newest = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
    let start = read::start(&counters)?;
    let mut log = transaction.open_table(tables::LOG)?;
    let mut users = transaction.open_table(tables::USERS)?;
    let executions = transaction.open_table(tables::EXECUTIONS)?;
    let mut places = Places { users: &mut users, executions: &executions, origins: &origins };
    settling.settle_all(&mut places)?;

    let (mut rows, mut damaged) = (BTreeMap::new(), BTreeMap::new());
    for position in mark + 1..=newest {
        let row = log.get(position)?;
        let about = row.as_ref().map(|row| codec::about_log(row.value()));
        let about = about.unwrap_or_else(|| "it is missing".to_owned());
        let row = row.map(|row| codec::read_log(position, row.value(), &origins)).transpose();
        match row {
            Ok(Some(row)) => drop(rows.insert(position, row)),
            Ok(None) | Err(LedgerError::Record(_)) => {
                damage.note_entry(position, &about);
                damaged.insert(position, about);
            }
            Err(error) => return Err(error),
        }
    }
    if !damaged.is_empty() {
        for (position, row) in by_user(&users, &origins, number, start)? {
            if damaged.remove(&position).is_some() {
                let LedgerEntry { user, item, .. } = &row.entry;
                tracing::info!(position, %user, %item, "a damaged entry was found by user: nothing is lost");
                rows.insert(position, row);
            }
        }
    }
    for (position, about) in &damaged {
        tracing::error!(
            position,
            about,
            "a damaged entry is lost: no other copy was in the ledger"
        );
    }
    damage.forget_entries_after(mark);

    for position in mark + 1..=newest {
        log.remove(position)?;
    }
    let mut replaced = HashSet::new();
    let mut position = mark;
    for (_, mut row) in rows {
        position += 1;
        let entry = row.entry.entry;
        let order = OrderKey { origin: fresh, sequence: position - mark, ..entry.order };
        row.entry.entry = Entry { order, ..entry };
        log.insert(position, &*codec::write_log(position, &row, number))?;
        let LedgerEntry { user, item, entry: moved } = &row.entry;
        // One that is damaged gives way to the newest that the log has.
        let stands = match stands(&users, (user, item), entry.order, &origins) {
            Err(LedgerError::Record(_)) => replaced.insert((user.clone(), item.clone())),
            stands => stands? || replaced.contains(&(user.clone(), item.clone())),
        };
        if stands {
            let record = codec::write_entry((user, item), moved, number);
            users.insert((&**user, &*tables::entry_key(item)), &*record)?;
        }
    }
    counters.insert(tables::START_COUNTER, mark)?;
    counters.insert(tables::SEQUENCE_COUNTER, position)?;
    settling.all_is_settled(position, &mut counters, transaction)?;
    Ok(fresh)
}

/// The entries by user that the origin before this number has, by position.
pub(super) fn by_user(
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    origins: &[Origin],
    number: u32,
    start: u64,
) -> Result<Vec<(u64, LogRow)>, LedgerError> {
    let former = number.checked_sub(1).and_then(|number| origins.get(number as usize));
    let mut found = Vec::new();
    for row in users.iter()? {
        let (key, value) = row?;
        let (user, what) = key.value();
        let Some(item) = tables::item_of(what) else { continue };
        if let (Ok(entry), Ok(user), Ok(item)) = (
            codec::read_entry((user, item), value.value(), origins),
            user.try_into(),
            item.try_into(),
        ) && Some(&entry.order.origin) == former
        {
            let position = start.saturating_add(entry.order.sequence);
            let entry = LedgerEntry { user, item, entry };
            found.push((position, LogRow { entry, execution: None }));
        }
    }
    Ok(found)
}
