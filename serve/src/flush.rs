//! Writes accepted ratings into the store as segments, for the next batch run.
//!
//! A segment is named after its first entry, and created only. Whatever is interrupted is done again: the name is the
//! same, and a segment that is there already is believed when it holds the same entries.

use std::sync::Arc;

use akin_schemas::ObjectKey;
use akin_schemas::tables::{EncodedPart, PartWriter, ProfileRow, Profiles, TableError, read_part};
use akin_store::{ErrorKind, OpenError, Store, StoreError, published_sequences, read_manifest};
use chrono::DateTime;
use thiserror::Error;
use tracing::{info, warn};

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
    /// The store knows entries of this ledger that it does not hold itself.
    #[error(
        "{0} tells of other entries than this ledger: was the ledger's folder copied, and do two servers run on the \
         copies? Give each server a data folder of its own"
    )]
    Conflict(ObjectKey),
    /// Ratings were accepted beside a version, so this is not the store that it was in.
    #[error(
        "nothing is published in the store {0}: the accepted ratings belong into another one; correct --store, or bring \
         back what was in it"
    )]
    NothingPublished(String),
    /// What the ledger wrote before is in another store.
    #[error("the store {0} knows nothing of what this ledger has written to a store before")]
    AnotherStore(String),
}

impl FlushError {
    /// What is wrong, with what caused it.
    pub fn chain(&self) -> String {
        match self {
            Self::Store(error) => error.chain(),
            other => other.to_string(),
        }
    }
}

/// Writes a ledger's entries into a store.
///
/// Before its first segment it looks whether the store knows more of the ledger than the ledger itself does. Then the
/// ledger was restored from a backup, or copied, and would hand out sequence numbers a second time: entries would be taken
/// for others that a version contains. It goes on under a fresh origin.
pub struct Flusher {
    store: Arc<dyn Store>,
    is_checked: bool,
}

impl Flusher {
    /// A flusher that has not looked yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, is_checked: false }
    }

    /// Writes everything that is not yet in the store, but not what is accepted meanwhile: under load that would never
    /// end, in segments ever smaller. Says how many entries went.
    ///
    /// # Errors
    /// When the ledger or the store fails; what was written before stays written.
    pub fn flush(&mut self, ledger: &dyn Ledger) -> Result<u64, FlushError> {
        let store = self.store.as_ref();
        let (mut flushed, mut renewed) = (0, false);
        loop {
            let entries = ledger.unflushed(SEGMENT_ENTRIES)?;
            let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
                return Ok(flushed);
            };
            let were_all = entries.len() < SEGMENT_ENTRIES;
            let written = if self.is_checked {
                write_segment(store, &entries)
            } else {
                find_own_place(store, &entries).and_then(|found| match found {
                    Some(through) => Ok(through),
                    None => write_segment(store, &entries),
                })
            };
            match written {
                Ok(through) => {
                    self.is_checked = true;
                    ledger.mark_flushed(through)?;
                    flushed += through + 1 - first.entry.order.sequence;
                    if were_all && through == last.entry.order.sequence {
                        return Ok(flushed);
                    }
                }
                Err(FlushError::Conflict(key)) if !renewed => {
                    let (former, origin) = (first.entry.order.origin, ledger.renew_origin()?);
                    warn!(
                        %key, %former, %origin,
                        "the store knows entries of this ledger that it does not know itself: it was restored from a \
                         backup, or copied, and goes on under a new name"
                    );
                    renewed = true;
                }
                Err(FlushError::AnotherStore(store)) if !renewed => {
                    let (former, origin) = (first.entry.order.origin, ledger.renew_origin()?);
                    warn!(
                        store, %former, %origin,
                        "this is another store than the one that the ledger wrote to before, and it goes on under a new \
                         name; what it wrote there is not here"
                    );
                    renewed = true;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Looks for a segment that holds the first of `entries`, which an earlier, interrupted flush left. Says how far it goes.
///
/// # Errors
/// [`FlushError::Conflict`] when the store holds entries that this ledger does not, [`FlushError::AnotherStore`] when it
/// lacks all that came before these: batch runs would wait for that for ever.
fn find_own_place(store: &dyn Store, entries: &[LedgerEntry]) -> Result<Option<u64>, FlushError> {
    let first = entries[0].entry.order;
    let origin = first.origin.as_str();
    let published = published_sequences(store, None)?;
    if published.is_empty() {
        return Err(FlushError::NothingPublished(store.location()));
    }
    let (mut through, mut is_known) = (None, first.sequence == 1);
    for object in store.list(ObjectKey::RATINGS, None)? {
        match object.key.segment_start() {
            Some((of, start)) if of == origin && start > first.sequence => {
                return Err(FlushError::Conflict(object.key));
            }
            Some((of, start)) if of == origin && start == first.sequence => {
                through = Some(last_of_same(store, &object.key, entries)?);
                is_known = true;
            }
            Some((of, _)) if of == origin => is_known = true,
            _ => {}
        }
    }
    // Segments may have been cleaned away; the newest version tells too.
    for sequence in published.into_iter().rev() {
        let manifest = match read_manifest(store, sequence) {
            Ok(manifest) => manifest,
            Err(OpenError::Store(error)) => return Err(error.into()),
            // Damaged or newer than this program: an older one tells less.
            Err(_) => continue,
        };
        let contained = manifest.watermark.get(origin).copied().unwrap_or(0);
        if contained > through.unwrap_or(first.sequence - 1) {
            return Err(FlushError::Conflict(ObjectKey::manifest(sequence)));
        }
        is_known |= contained > 0;
        // One before tells less; but the newest may be a return to one that was made before there was this ledger.
        if is_known {
            break;
        }
    }
    if is_known { Ok(through) } else { Err(FlushError::AnotherStore(store.location())) }
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

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::ops::Range;

    use akin_schemas::{ItemId, UserId};
    use akin_store::{FolderStore, Listed};
    use bytes::Bytes;

    use super::*;
    use crate::ledger::{Opening, RedbLedger, Submission};

    /// A store during whose writes a ledger accepts more.
    struct UnderLoad {
        store: FolderStore,
        ledger: Arc<RedbLedger>,
    }

    fn accept(ledger: &RedbLedger) -> Result<(), Box<dyn Error>> {
        let (user, item) = (UserId::try_from("abby")?, ItemId::try_from("1")?);
        let input = String::new();
        ledger.accept(&[Submission { user, item, rating: Some(6.0), input }], &[], 0)?;
        Ok(())
    }

    impl Store for UnderLoad {
        fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
            let accepted = accept(&self.ledger);
            assert!(accepted.is_ok(), "{accepted:?}");
            self.store.create(key, bytes)
        }

        fn location(&self) -> String {
            self.store.location()
        }

        fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
            self.store.overwrite(key, bytes)
        }

        fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
            self.store.get(key)
        }

        fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.store.get_range(key, range)
        }

        fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
            self.store.delete(key)
        }

        fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
            self.store.list(prefix, after)
        }
    }

    #[test]
    fn what_is_accepted_during_a_flush_is_left_to_the_next() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let ledger = Arc::new(RedbLedger::open(folder.path(), Opening::default())?);
        let store = FolderStore::open(folder.path())?;
        store.create(&ObjectKey::manifest(1), Bytes::from_static(b"{}"))?;
        let mut flusher = Flusher::new(Arc::new(UnderLoad { store, ledger: ledger.clone() }));
        accept(&ledger)?;
        accept(&ledger)?;
        assert_eq!((flusher.flush(ledger.as_ref())?, ledger.unflushed_count()?), (2, 1));
        assert_eq!((flusher.flush(ledger.as_ref())?, ledger.unflushed_count()?), (1, 1));
        Ok(())
    }
}
