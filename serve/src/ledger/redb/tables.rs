//! The tables of the file. Names and types are part of the format.

use redb::{Table, TableDefinition};

use crate::ledger::ExecutionId;

/// The format this program writes. An older file is brought up to it, a newer one refused.
pub(super) const FORMAT: u64 = 6;
/// The format whose records have no checksums, and whose journal has another form. Its records are read as they are.
pub(super) const FORMAT_WITHOUT_CHECKSUMS: u64 = 5;
/// The format without a journal beside the file.
pub(super) const FORMAT_WITHOUT_JOURNAL: u64 = 4;
/// The format whose table by user has everything that the log has. The one before has two tables by user.
pub(super) const FORMAT_WITH_ALL_BY_USER: u64 = 3;
/// The format without names, listings and a count of bytes.
pub(super) const FORMAT_WITHOUT_INDEXES: u64 = 1;

/// A table of records.
pub(super) type Records<'t, K> = Table<'t, K, &'static [u8]>;

/// Single numbers, by the names below.
pub(super) const COUNTERS: TableDefinition<&str, u64> = TableDefinition::new("counters");
/// The file's format.
pub(super) const FORMAT_COUNTER: &str = "format";
/// The position of the newest entry; 0 before the first.
pub(super) const SEQUENCE_COUNTER: &str = "sequence";
/// The hybrid clock of the newest entry: the bits of an `i64`.
pub(super) const CLOCK_COUNTER: &str = "clock";
/// The position of the newest entry that is in the store.
pub(super) const FLUSHED_COUNTER: &str = "flushed";
/// The position up to which everything in the log is in [`USERS`], too. What comes after it may be.
pub(super) const SETTLED_COUNTER: &str = "settled_by_user";
/// How far the sweep is that settles entries: everything of the users up to this one, up to this position, is in [`USERS`],
/// too, and stays so. Not there before anything was settled, or between two sweeps.
pub(super) const SWEEP: TableDefinition<(), (&str, u64)> = TableDefinition::new("settling_sweep");
/// The number of the newest record of the [`journal`](super::journal) that the file contains; missing before the first.
pub(super) const JOURNAL_COUNTER: &str = "journal_record";
/// The checksum of all other counters, and of [`ORIGINS`]; missing in files of older formats.
pub(super) const CHECKSUM_COUNTER: &str = "checksum";
/// 1 when there must be a journal beside the file; missing or 0 when there need be none.
pub(super) const JOURNAL_EXISTS_COUNTER: &str = "journal_exists";
/// When the file was first opened by a program that notes it: the bits of an `i64`, in microseconds since 1970.
pub(super) const CREATED_COUNTER: &str = "created_at";
/// The bytes of all records in [`EXECUTIONS`] and [`OUTCOMES`].
pub(super) const EXECUTION_BYTES_COUNTER: &str = "execution_bytes";

/// Where the current origin begins: the position in the log before its first entry. An entry's position is this plus its
/// sequence number. Missing, so 0, in a ledger that never renewed its origin.
pub(super) const START_COUNTER: &str = "origin_start";

/// The ledger's names, from 0 on; the last one is current. Entries refer to them by number.
pub(super) const ORIGINS: TableDefinition<u32, &str> = TableDefinition::new("origins");

/// Every entry that is not forgotten, by its position: entries are numbered from 1 on, whatever their origin.
pub(super) const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("entries_by_sequence");

/// What there is of each user, told apart by the second half of the key: the newest entry of each item, see
/// [`entry_key`], and executions, see [`execution_key`]. In one table, because users come in no order: what is written of a
/// user copies and writes that user's page, and with one table that is one page. The newest entries are not in it yet: see
/// [`recent`](super::recent).
pub(super) const USERS: TableDefinition<UserKey, &[u8]> = TableDefinition::new("by_user");

/// A user, and what of it.
pub(super) type UserKey = (&'static str, &'static [u8]);

/// Before all entries of a user, and after them.
pub(super) const ENTRIES: [&[u8]; 2] = [&[0], &[1]];

/// The newest entry of an item.
pub(super) fn entry_key(item: &str) -> Vec<u8> {
    [ENTRIES[0], item.as_bytes()].concat()
}

/// The item that an entry is of; none for what is no entry.
pub(super) fn item_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(ENTRIES[0])?).ok()
}

/// An execution. They sort by time, after the entries.
pub(super) fn execution_key(id: &[u8; ExecutionId::KEY_BYTES]) -> Vec<u8> {
    [ENTRIES[1], id].concat()
}

/// The execution that a key of [`execution_key`] names.
pub(super) fn execution_of(key: &[u8]) -> Option<ExecutionId> {
    key.strip_prefix(ENTRIES[1])?.try_into().ok().map(ExecutionId::from_key)
}

/// An execution's name.
pub(super) type ExecutionKey = &'static [u8; ExecutionId::KEY_BYTES];

/// How each execution began.
pub(super) const EXECUTIONS: TableDefinition<ExecutionKey, &[u8]> =
    TableDefinition::new("executions");

/// How each finished execution ended. Apart from [`EXECUTIONS`], so that ending one does not write
/// its input again.
pub(super) const OUTCOMES: TableDefinition<ExecutionKey, &[u8]> = TableDefinition::new("outcomes");

/// The executions that have not ended.
pub(super) const OPEN: TableDefinition<ExecutionKey, ()> = TableDefinition::new("open_executions");

/// The ended executions, by [`codec::status_number`](super::codec::status_number) and by when they ended.
pub(super) const ENDED: TableDefinition<(u8, i64, ExecutionKey), ()> =
    TableDefinition::new("ended_executions");

/// What each name stands for: scope and name, and the executions of its request in order.
pub(super) const NAMES: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("names");
