//! Taking in what servers accepted: the ledger segments in the store.

use std::collections::BTreeMap;

use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::tables::{ProfileRow, Profiles, read_part};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_store::Store;
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

/// Hands every segment's entries beyond the watermark to `visit`, and moves the watermark. Segments that the continued
/// version contains are not read: a ledger's segments do not overlap, so each ends before the next one begins.
///
/// # Errors
/// When the store fails, a segment is damaged, or `visit` fails.
pub fn take_in(
    store: &dyn Store,
    watermark: &mut Watermark,
    mut visit: impl FnMut(&ProfileRow<'_>, Origin) -> Result<(), IngestError>,
) -> Result<(), Failure> {
    let (mut entries, mut passed_over) = (0, 0_u64);
    for (origin, segments) in segments_by_ledger(store)? {
        let contained = watermark.contained(&origin);
        for (first, (key, next)) in &segments {
            if next.is_some_and(|next| next <= contained.saturating_add(1)) {
                passed_over += 1;
                continue;
            }
            let rows = take_in_segment(store, key, &origin, *first, contained, &mut visit)?;
            if rows > 0 {
                watermark.add(&origin, *first, first + rows - 1);
            }
            entries += (first + rows).saturating_sub(contained.saturating_add(1).max(*first));
        }
    }
    info!(entries, passed_over, "ledger segments taken in");
    Ok(())
}

/// A ledger's segments by their first entry, each with its key and the first entry of the one after it.
type Segments = BTreeMap<u64, (ObjectKey, Option<u64>)>;

fn segments_by_ledger(store: &dyn Store) -> Result<BTreeMap<String, Segments>, Failure> {
    let mut by_ledger: BTreeMap<String, Segments> = BTreeMap::new();
    for object in store.list(ObjectKey::RATINGS, None)? {
        let Some((origin, first)) = object.key.segment_start() else {
            warn!(key = %object.key, "this is no ledger segment and is passed over");
            continue;
        };
        let segments = by_ledger.entry(origin.to_owned()).or_default();
        if let Some((other, _)) = segments.insert(first, (object.key.clone(), None)) {
            let problem = format!("{other} begins with the same entry");
            return Err(Failure::Segment { key: object.key.to_string(), problem });
        }
    }
    for segments in by_ledger.values_mut() {
        let mut next = None;
        for (first, (_, after)) in segments.iter_mut().rev() {
            *after = next;
            next = Some(*first);
        }
    }
    Ok(by_ledger)
}

fn take_in_segment(
    store: &dyn Store,
    key: &ObjectKey,
    origin: &str,
    first: u64,
    contained: u64,
    visit: &mut impl FnMut(&ProfileRow<'_>, Origin) -> Result<(), IngestError>,
) -> Result<u64, Failure> {
    let damaged = |problem: String| Failure::Segment { key: key.to_string(), problem };
    let ledger: Origin = origin.parse().map_err(|_| damaged("its name holds no origin".into()))?;
    let mut outcome: Result<u64, Failure> = Ok(0);
    let bytes = store.get(key)?;
    read_part::<Profiles>(bytes, |row| {
        let Ok(taken) = &mut outcome else { return };
        let sequence = first + *taken;
        let visited = match checked(&row, origin, sequence) {
            Err(problem) => Err(damaged(problem)),
            // The continued version has weighed this entry already.
            Ok(()) if sequence <= contained => Ok(()),
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
