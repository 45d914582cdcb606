//! Takes entries that are damaged in the ledger from the store's segments, which have what was flushed.

use std::collections::{BTreeMap, BTreeSet};

use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::tables::{Profiles, read_part};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_store::Store;

use crate::flush::FlushError;
use crate::ledger::{Ledger, LedgerEntry};

/// Puts back what the store has of the ledger's damaged entries. Says how many.
///
/// # Errors
/// When the ledger or the store fails, or a segment cannot be read.
pub fn put_back_from_store(ledger: &dyn Ledger, store: &dyn Store) -> Result<usize, FlushError> {
    let mut wanted: BTreeMap<Origin, BTreeSet<u64>> = BTreeMap::new();
    for (origin, sequence) in ledger.damaged_entries()? {
        wanted.entry(origin).or_default().insert(sequence);
    }
    if wanted.is_empty() {
        return Ok(0);
    }
    let mut segments: BTreeMap<(String, u64), ObjectKey> = BTreeMap::new();
    for object in store.list(ObjectKey::RATINGS, None)? {
        if let Some((origin, start)) = object.key.segment_start() {
            segments.insert((origin.to_owned(), start), object.key.clone());
        }
    }
    let mut put_back = 0;
    for (origin, sequences) in wanted {
        let mut read = BTreeSet::new();
        for &sequence in &sequences {
            let name = origin.as_str().to_owned();
            let before = segments.range((name.clone(), 0)..=(name, sequence)).next_back();
            let Some((_, key)) = before else { continue };
            if read.insert(key.clone()) {
                let entries = entries_of(store, key, origin, &sequences)?;
                put_back += entries.len();
                ledger.put_back(&entries)?;
            }
        }
    }
    Ok(put_back)
}

/// Those of a segment's entries that are wanted.
fn entries_of(
    store: &dyn Store,
    key: &ObjectKey,
    origin: Origin,
    sequences: &BTreeSet<u64>,
) -> Result<Vec<LedgerEntry>, FlushError> {
    let mut entries = Vec::new();
    let read = read_part::<Profiles>(store.get(key)?, |row| {
        let is_wanted =
            row.order_origin == origin.as_str() && sequences.contains(&row.order_sequence);
        if let (true, Ok(user), Ok(item)) =
            (is_wanted, UserId::try_from(row.user_id), ItemId::try_from(row.item_id))
        {
            let order = OrderKey { micros: row.order_micros, origin, sequence: row.order_sequence };
            let entry = Entry { rating: row.rating, rated_at: row.rated_at, order };
            entries.push(LedgerEntry { user, item, entry });
        }
    });
    read.map_err(|source| FlushError::Segment { key: key.clone(), source })?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::Arc;

    use akin_store::FolderStore;
    use bytes::Bytes;

    use super::*;
    use crate::flush::Flusher;
    use crate::ledger::faulty_disk::{FaultyDisk, spoil_log};
    use crate::ledger::{RedbLedger, Submission};

    fn accept(ledger: &RedbLedger, items: &[&str]) -> Result<(), Box<dyn Error>> {
        for item in items {
            let (user, item) = (UserId::try_from("abby")?, ItemId::try_from(*item)?);
            let submission = Submission { user, item, rating: Some(6.0), input: String::new() };
            ledger.accept(&[submission], &[], 0)?;
        }
        Ok(())
    }

    #[test]
    fn what_was_flushed_and_is_damaged_comes_back_from_the_store() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let store = Arc::new(FolderStore::open(folder.path())?);
        store.create(&ObjectKey::manifest(1), Bytes::from_static(b"{}"))?;
        let disk = FaultyDisk::default();
        let ledger = disk.ledger_with(100)?;
        let mut flusher = Flusher::new(store.clone());
        accept(&ledger, &["1", "2"])?;
        flusher.flush(&ledger)?;
        accept(&ledger, &["3", "1", "4"])?;
        flusher.flush(&ledger)?;
        accept(&ledger, &["5"])?;
        let abby = UserId::try_from("abby")?;
        let whole = ledger.entries(&abby)?;
        assert_eq!(put_back_from_store(&ledger, &*store)?, 0);
        for position in [2, 4, 5] {
            spoil_log(&ledger, position);
        }
        drop(ledger);
        let disk = FaultyDisk::holding(disk.after_restart());
        let ledger = disk.ledger_with(100)?;
        assert_ne!(ledger.entries(&abby)?, whole);
        assert_eq!(put_back_from_store(&ledger, &*store)?, 3);
        assert_eq!((ledger.entries(&abby)?, ledger.damaged_records()), (whole.clone(), 3));
        assert_eq!(put_back_from_store(&ledger, &*store)?, 0);
        drop(ledger);
        let ledger = FaultyDisk::holding(disk.after_restart()).ledger_with(100)?;
        assert_eq!((ledger.entries(&abby)?, ledger.damaged_records()), (whole, 0));
        Ok(())
    }
}
