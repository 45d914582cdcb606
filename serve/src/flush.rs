//! Writes accepted ratings into the store as segments, for the next batch run.
//!
//! A segment is named after its first entry, and created only. Whatever is interrupted is done again: the name is the
//! same, and a segment that is there already is believed when it holds the same entries.

use akin_schemas::ObjectKey;
use akin_schemas::tables::{EncodedPart, PartWriter, ProfileRow, Profiles, TableError, read_part};
use akin_store::{ErrorKind, Store, StoreError};
use chrono::DateTime;
use thiserror::Error;
use tracing::info;

use crate::ledger::{Ledger, LedgerEntry, LedgerError};

/// Entries of a segment at most.
const SEGMENT_ENTRIES: usize = 100_000;

/// Why accepted ratings stay in the ledger for now. They are not lost.
#[derive(Debug, Error)]
pub enum FlushError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A segment could not be written or read.
    #[error("segment {key}: {source}")]
    Segment {
        /// The segment's key.
        key: ObjectKey,
        /// What is wrong.
        source: TableError,
    },
    /// The segment is there, with other entries.
    #[error(
        "segment {0} holds other entries than this ledger: was the ledger restored from an older \
         backup, or copied? Move its file aside, and start with a new one"
    )]
    Conflict(ObjectKey),
}

/// Writes everything that is not yet in the store. Says how many entries went.
///
/// # Errors
/// When the ledger or the store fails; what was written before stays written.
pub fn flush(ledger: &dyn Ledger, store: &dyn Store) -> Result<u64, FlushError> {
    let mut flushed = 0;
    loop {
        let entries = ledger.unflushed(SEGMENT_ENTRIES)?;
        let Some(first) = entries.first() else { return Ok(flushed) };
        let origin = first.entry.order.origin;
        let same_origin = entries.partition_point(|entry| entry.entry.order.origin == origin);
        let through = write_segment(store, &entries[..same_origin])?;
        ledger.mark_flushed(through)?;
        flushed += through + 1 - first.entry.order.sequence;
    }
}

/// Writes one segment and returns the last sequence number that it holds.
fn write_segment(store: &dyn Store, entries: &[LedgerEntry]) -> Result<u64, FlushError> {
    let (first, last) = (entries[0].entry.order, entries[entries.len() - 1].entry.order);
    let date = DateTime::from_timestamp_micros(first.micros).unwrap_or_default().date_naive();
    let key = ObjectKey::segment(date, first.origin.as_str(), first.sequence);
    let part =
        encode(entries).map_err(|source| FlushError::Segment { key: key.clone(), source })?;
    match store.create(&key, part.bytes) {
        Ok(()) => {
            info!(%key, entries = entries.len(), "segment written");
            Ok(last.sequence)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            last_of_same(store, &key, entries)
        }
        Err(error) => Err(error.into()),
    }
}

fn encode(entries: &[LedgerEntry]) -> Result<EncodedPart, TableError> {
    let mut writer = PartWriter::<Profiles>::new()?;
    for entry in entries {
        writer.push(&row(entry))?;
    }
    writer.finish()
}

fn row(entry: &LedgerEntry) -> ProfileRow<'_> {
    ProfileRow {
        user_id: &entry.user,
        item_id: &entry.item,
        rating: entry.entry.rating,
        rated_at: entry.entry.rated_at,
        order_micros: entry.entry.order.micros,
        order_origin: entry.entry.order.origin.as_str(),
        order_sequence: entry.entry.order.sequence,
    }
}

/// The last sequence number of a segment that an earlier, interrupted flush wrote: the beginning of `entries`.
fn last_of_same(
    store: &dyn Store,
    key: &ObjectKey,
    entries: &[LedgerEntry],
) -> Result<u64, FlushError> {
    let (mut matching, mut all_match) = (0, true);
    let rows = read_part::<Profiles>(store.get(key)?, |found| {
        all_match &= entries.get(matching).is_some_and(|entry| row(entry) == found);
        matching += 1;
    });
    let rows = rows.map_err(|source| FlushError::Segment { key: key.clone(), source })?;
    if all_match && rows > 0 {
        Ok(entries[rows as usize - 1].entry.order.sequence)
    } else {
        Err(FlushError::Conflict(key.clone()))
    }
}
