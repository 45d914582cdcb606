//! Taking in what servers accepted: the ledger segments in the store.

use std::collections::BTreeMap;

use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::tables::{ProfileRow, Profiles, read_part};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_store::Store;
use bytes::Bytes;
use tracing::{info, warn};

use crate::failure::Failure;
use crate::ingest::{Collector, IngestError};

/// For each ledger, how far the continued version contains it, and the runs of sequence numbers that were taken in
/// beyond. The result never lies below what it started from.
#[derive(Debug, Default)]
pub struct Watermark {
    before: BTreeMap<String, u64>,
    taken: BTreeMap<String, Vec<(u64, u64)>>,
}

impl Watermark {
    /// Continues a version that contains each ledger up to `before`.
    pub fn after(before: BTreeMap<String, u64>) -> Self {
        Self { before, taken: BTreeMap::new() }
    }

    fn contained(&self, origin: &str) -> u64 {
        self.before.get(origin).copied().unwrap_or(0)
    }

    fn add(&mut self, origin: &str, first: u64, last: u64) {
        self.taken.entry(origin.to_owned()).or_default().push((first, last));
    }

    /// For each ledger, the number up to which nothing is missing. Entries beyond a gap are in the profiles, but a
    /// server must not believe that everything before them is.
    pub fn into_map(self) -> BTreeMap<String, u64> {
        let mut map = self.before;
        for (origin, mut runs) in self.taken {
            runs.sort_unstable();
            let through = map.entry(origin).or_insert(0);
            for (first, last) in runs {
                if first <= through.saturating_add(1) {
                    *through = last.max(*through);
                }
            }
        }
        map
    }
}

/// Which segments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Every one. What a file said in the continued version may have stood against an entry of a ledger, and that file
    /// need not be given again.
    All,
    /// Those that the continued version does not contain: a ledger's segments do not overlap, so each ends before the
    /// next one begins.
    Beyond,
}

/// Hands the segments' entries to `visit`, and moves the watermark.
///
/// # Errors
/// When the store fails, a segment is damaged, two of a ledger contradict each other, or `visit` fails.
pub fn take_in(
    store: &dyn Store,
    watermark: &mut Watermark,
    read: Read,
    mut visit: impl FnMut(&ProfileRow<'_>, Origin) -> Result<(), IngestError>,
) -> Result<(), Failure> {
    let (mut entries, mut passed_over) = (0, 0_u64);
    for (origin, segments) in segments_by_ledger(store)? {
        let contained = watermark.contained(&origin);
        let mut firsts = segments.keys().skip(1);
        for (&first, keys) in &segments {
            let next = firsts.next();
            if read == Read::Beyond && next.is_some_and(|&next| next <= contained.saturating_add(1))
            {
                passed_over += keys.len() as u64;
                continue;
            }
            let (key, bytes) = the_one(store, keys)?;
            let rows = take_in_segment(key, bytes, &origin, first, &mut visit)?;
            if rows > 0 {
                watermark.add(&origin, first, first + rows - 1);
            }
            entries += rows;
        }
    }
    info!(entries, passed_over, "ledger segments taken in");
    Ok(())
}

/// A ledger's segments by their first entry. One may lie in several places, as after copying a store together.
type Segments = BTreeMap<u64, Vec<ObjectKey>>;

fn segments_by_ledger(store: &dyn Store) -> Result<BTreeMap<String, Segments>, Failure> {
    let mut by_ledger: BTreeMap<String, Segments> = BTreeMap::new();
    for object in store.list(ObjectKey::RATINGS, None)? {
        let Some((origin, first)) = object.key.segment_start() else {
            warn!(key = %object.key, "this is no ledger segment and is passed over");
            continue;
        };
        let segments = by_ledger.entry(origin.to_owned()).or_default();
        segments.entry(first).or_default().push(object.key.clone());
    }
    Ok(by_ledger)
}

/// Reads a segment, and makes sure that every copy of it is the same.
fn the_one<'a>(
    store: &dyn Store,
    keys: &'a [ObjectKey],
) -> Result<(&'a ObjectKey, Bytes), Failure> {
    let mut found: Option<(&ObjectKey, Bytes)> = None;
    for key in keys {
        let bytes = store.get(key)?;
        match &found {
            Some((first, same)) if *same != bytes => {
                let problem = format!(
                    "{first} begins with the same entry and says otherwise: two servers ran on copies of one data folder"
                );
                return Err(Failure::Segment { key: key.to_string(), problem });
            }
            Some(_) => {}
            None => found = Some((key, bytes)),
        }
    }
    found.ok_or_else(|| Failure::internal("a segment without a place"))
}

fn take_in_segment(
    key: &ObjectKey,
    bytes: Bytes,
    origin: &str,
    first: u64,
    visit: &mut impl FnMut(&ProfileRow<'_>, Origin) -> Result<(), IngestError>,
) -> Result<u64, Failure> {
    let damaged = |problem: String| Failure::Segment { key: key.to_string(), problem };
    let ledger: Origin = origin.parse().map_err(|_| damaged("its name holds no origin".into()))?;
    let mut outcome: Result<u64, Failure> = Ok(0);
    read_part::<Profiles>(bytes, |row| {
        let Ok(taken) = &mut outcome else { return };
        let sequence = first + *taken;
        let visited = match checked(&row, origin, sequence) {
            Err(problem) => Err(damaged(problem)),
            Ok(()) => visit(&row, ledger).map_err(Failure::from),
        };
        match visited {
            Err(error) => outcome = Err(error),
            Ok(()) => *taken += 1,
        }
    })
    .map_err(|error| damaged(error.to_string()))?;
    outcome
}

fn checked(row: &ProfileRow<'_>, origin: &str, sequence: u64) -> Result<(), String> {
    UserId::check(row.user_id).map_err(|error| error.to_string())?;
    ItemId::check(row.item_id).map_err(|error| error.to_string())?;
    if (row.order_origin, row.order_sequence) == (origin, sequence) {
        Ok(())
    } else {
        let found = (row.order_origin, row.order_sequence);
        Err(format!("entry {found:?} where {:?} is due", (origin, sequence)))
    }
}

/// Takes a segment's entry into the collector.
///
/// # Errors
/// When memory does not suffice.
pub fn push(
    collector: &mut Collector,
    row: &ProfileRow<'_>,
    origin: Origin,
) -> Result<(), IngestError> {
    let order = OrderKey { micros: row.order_micros, origin, sequence: row.order_sequence };
    collector.push(row.user_id, row.item_id, row.rating, row.rated_at, order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_stops_at_the_first_gap() {
        let through = |runs: &[(u64, u64)]| after(0, runs);
        assert_eq!(through(&[(1, 5), (6, 9)]), 9);
        assert_eq!(through(&[(6, 9), (1, 5)]), 9);
        assert_eq!(through(&[(1, 5), (4, 4), (7, 9)]), 5);
        assert_eq!(through(&[(2, 9)]), 0);
    }

    #[test]
    fn the_watermark_goes_on_from_the_continued_version_and_never_back() {
        assert_eq!(after(5, &[]), 5);
        assert_eq!(after(5, &[(6, 9)]), 9);
        assert_eq!(after(5, &[(1, 3), (4, 6)]), 6);
        assert_eq!(after(5, &[(1, 3)]), 5);
        assert_eq!(after(5, &[(8, 9)]), 5);
    }

    fn after(before: u64, runs: &[(u64, u64)]) -> u64 {
        let mut watermark = Watermark::after([("ledger-a".to_owned(), before)].into());
        for (first, last) in runs {
            watermark.add("ledger-a", *first, *last);
        }
        watermark.into_map()["ledger-a"]
    }
}
