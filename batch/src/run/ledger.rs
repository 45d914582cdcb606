//! Taking in what servers accepted: the ledger segments in the store.

use std::collections::BTreeMap;

use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::tables::{ProfileRow, Profiles, read_part};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_store::Store;
use tracing::{info, warn};

use crate::failure::Failure;
use crate::ingest::{Collector, IngestError};

/// For each ledger, the runs of sequence numbers that were taken in.
#[derive(Debug, Default)]
pub struct Watermark(BTreeMap<String, Vec<(u64, u64)>>);

impl Watermark {
    fn add(&mut self, origin: Origin, first: u64, last: u64) {
        self.0.entry(origin.to_string()).or_default().push((first, last));
    }

    /// For each ledger, the number up to which nothing is missing. Entries beyond a gap are in the profiles, but a
    /// server must not believe that everything before them is.
    pub fn into_map(self) -> BTreeMap<String, u64> {
        let complete_through =
            |mut runs: Vec<(u64, u64)>| {
                runs.sort_unstable();
                runs.into_iter().fold(0, |through, (first, last)| {
                    if first <= through + 1 { through.max(last) } else { through }
                })
            };
        self.0.into_iter().map(|(origin, runs)| (origin, complete_through(runs))).collect()
    }
}

/// Reads every segment into the collector.
///
/// # Errors
/// When the store fails, a segment is damaged, or memory does not suffice.
pub fn take_in(store: &dyn Store, collector: &mut Collector) -> Result<Watermark, Failure> {
    let mut watermark = Watermark::default();
    let mut entries = 0;
    for object in store.list(ObjectKey::RATINGS, None)? {
        let Some((origin, first)) = object.key.segment_start() else {
            warn!(key = %object.key, "this is no ledger segment and is passed over");
            continue;
        };
        let rows = take_in_segment(store, &object.key, origin, first, collector)?;
        if let (Ok(origin), 1..) = (origin.parse(), rows) {
            watermark.add(origin, first, first + rows - 1);
        }
        entries += rows;
    }
    info!(entries, "ledger segments taken in");
    Ok(watermark)
}

fn take_in_segment(
    store: &dyn Store,
    key: &ObjectKey,
    origin: &str,
    first: u64,
    collector: &mut Collector,
) -> Result<u64, Failure> {
    let damaged = |problem: String| Failure::Segment { key: key.to_string(), problem };
    let ledger: Origin = origin.parse().map_err(|_| damaged("its name holds no origin".into()))?;
    let mut outcome: Result<u64, Failure> = Ok(0);
    let bytes = store.get(key)?;
    read_part::<Profiles>(bytes, |row| {
        let Ok(taken) = &mut outcome else { return };
        match checked(&row, origin, first + *taken) {
            Err(problem) => outcome = Err(damaged(problem)),
            Ok(()) => match push(collector, &row, ledger) {
                Err(error) => outcome = Err(error.into()),
                Ok(()) => *taken += 1,
            },
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

fn push(
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
        let through = |runs: &[(u64, u64)]| {
            let watermark = Watermark([("ledger-a".to_owned(), runs.to_vec())].into());
            watermark.into_map()["ledger-a"]
        };
        assert_eq!(through(&[(1, 5), (6, 9)]), 9);
        assert_eq!(through(&[(6, 9), (1, 5)]), 9);
        assert_eq!(through(&[(1, 5), (4, 4), (7, 9)]), 5);
        assert_eq!(through(&[(2, 9)]), 0);
    }
}
