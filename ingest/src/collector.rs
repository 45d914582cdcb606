//! Collects entries from files and ledgers, and keeps the last one of each user and item.

use std::sync::Mutex;

use akin_recommender::profile::{OrderKey, Origin};
use indexmap::IndexSet;

use super::catalogue::{CatalogueFile, Overlap};
use super::error::IngestError;
use super::interner::Interner;
use super::ratings::Ratings;
use super::rejects::{Reason, Rejects};
use super::room::Room;
use super::rows::{BLOCK_ROWS, Block, Renumbering, Row, sorted};
use super::source::InputFile;

/// Takes entries in, in any order.
#[derive(Debug)]
pub struct Collector {
    pub(super) users: Interner,
    pub(super) items: Interner,
    pub(super) room: Room,
    pub(super) intake: Intake,
    pub(super) origins: IndexSet<Origin>,
}

/// A collector while several threads read files.
pub(super) struct Sharing<'a> {
    pub(super) users: Mutex<&'a mut Interner>,
    pub(super) items: Mutex<&'a mut Interner>,
    pub(super) room: &'a Room,
    /// The number of the origin of what files hold.
    pub(super) files: u16,
}

/// What was taken in, in the order of reading.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// Numbered as ids and origins were met.
    blocks: Vec<Block>,
    /// Rows that make no whole block yet.
    open: Vec<Row>,
    read: u64,
    /// The number of the last record of earlier runs' files that are still held.
    files_before: u64,
    rejects: Rejects,
    files: Vec<InputFile>,
}

/// Some records of a file that follow each other, as one reader of several leaves them.
#[derive(Debug, Default)]
pub(super) struct Portion {
    /// Those that are taken in. Their sequences are their places among these records, from 1.
    pub(super) blocks: Vec<Block>,
    /// Those that are not.
    pub(super) rejects: Rejects,
    /// How many there are, rejected ones included.
    pub(super) count: u64,
}

const ROW_BYTES: u64 = size_of::<Row>() as u64;
/// Rows that the first allocation has room for.
const FIRST_ROWS: usize = 1 << 8;

impl Collector {
    /// Starts empty. Rows and ids together take at most `max_memory` bytes.
    pub fn new(max_memory: u64) -> Self {
        Self {
            users: Interner::new("users"),
            items: Interner::new("items"),
            room: Room::new(max_memory),
            intake: Intake::default(),
            origins: IndexSet::new(),
        }
    }

    /// Takes an entry in: a rating, or none for a tombstone. The ids must have been checked.
    ///
    /// # Errors
    /// When the rating is not finite, when memory does not suffice, or when there are too many distinct ids or origins.
    pub fn push(
        &mut self,
        user: &str,
        item: &str,
        rating: Option<f32>,
        rated_at: i64,
        order: OrderKey,
    ) -> Result<(), IngestError> {
        if rating.is_some_and(|rating| !rating.is_finite()) {
            return Err(IngestError::NotFinite { user: user.to_owned(), item: item.to_owned() });
        }
        let ids = [self.users.intern(user, &self.room)?, self.items.intern(item, &self.room)?];
        let origin = self.origin(order.origin)?;
        self.intake.push(Row::new(ids, origin, rating, rated_at, order), &self.room)
    }

    /// Lets several threads read files: `read` is given what they share, and where what they give is taken in.
    pub(super) fn reading(
        &mut self,
        read: impl FnOnce(&Sharing<'_>, &mut Intake) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        // An origin of which nothing is taken in has no number.
        let (is_known, before) = (self.origins.contains(&Origin::FILES), self.intake.blocks.len());
        let files = self.origin(Origin::FILES)?;
        let sharing = Sharing {
            users: Mutex::new(&mut self.users),
            items: Mutex::new(&mut self.items),
            room: &self.room,
            files,
        };
        let outcome = read(&sharing, &mut self.intake);
        if !is_known && self.intake.blocks.len() == before {
            self.origins.pop();
        }
        outcome
    }

    fn origin(&mut self, origin: Origin) -> Result<u16, IngestError> {
        Self::number_of(&mut self.origins, origin)
    }

    /// The number of an origin, which may be a new one.
    pub(super) fn number_of(
        origins: &mut IndexSet<Origin>,
        origin: Origin,
    ) -> Result<u16, IngestError> {
        let (number, _) = origins.insert_full(origin);
        let too_many = |_| IngestError::TooMany { what: "origins", limit: 1 << 16 };
        u16::try_from(number).map_err(too_many)
    }

    /// Numbers the records of files after `sequence`, so that of two records with the same time the one in a later
    /// run's files wins.
    pub fn continue_files_after(&mut self, sequence: u64) {
        self.intake.files_before = sequence;
    }

    /// The number of the last record read from files, earlier runs' included.
    pub fn files_through(&self) -> u64 {
        self.intake.files_through()
    }

    /// Takes in a record of the current file. Its place in the order is its time, then its place among all records.
    pub(super) fn accept(
        &mut self,
        user: &str,
        item: &str,
        rating: f32,
        micros: i64,
    ) -> Result<(), IngestError> {
        self.intake.count_records(1);
        let order = OrderKey { micros, origin: Origin::FILES, sequence: self.files_through() };
        self.push(user, item, Some(rating), micros, order)
    }

    /// Counts a record of the current file that is not taken in. It keeps its number, so that correcting one record
    /// does not move the others.
    pub(super) fn reject(&mut self, line: u64, reason: Reason, text: impl FnOnce() -> String) {
        self.intake.count_records(1);
        if let Some(file) = self.intake.files.last_mut() {
            file.rejected += 1;
            self.intake.rejects.add(&file.path, line, reason, text);
        }
    }

    /// Records read from files so far, rejected ones included.
    pub fn read(&self) -> u64 {
        self.intake.read
    }

    /// Those of them that were not taken in.
    pub fn rejects(&self) -> &Rejects {
        &self.intake.rejects
    }

    /// How far a catalogue speaks of the items that were taken in.
    pub fn overlap(&self, catalogue: &CatalogueFile) -> Overlap {
        Overlap::of(catalogue, self.items.ids(), |id| self.items.contains(id))
    }

    /// Numbers users and items in the bytewise order of their ids, sorts, and keeps the last entry of each pair. Works on
    /// the current rayon pool.
    ///
    /// The result does not depend on the order of the calls to [`push`](Self::push).
    ///
    /// # Errors
    /// When the catalogue's items make too many.
    pub fn finish(mut self, catalogue: CatalogueFile) -> Result<Ratings, IngestError> {
        // The catalogue has been counted as it was read.
        let unbounded = Room::new(u64::MAX);
        for id in catalogue.ids() {
            self.items.intern(id, &unbounded)?;
        }
        let Intake { blocks, read, rejects, files, .. } = self.intake.closed(&unbounded)?;
        let (users, user_at) = self.users.into_sorted();
        let (items, item_at) = self.items.into_sorted();
        let mut origins: Vec<Origin> = self.origins.iter().copied().collect();
        origins.sort_unstable();
        let origin_at: Vec<u16> = self
            .origins
            .iter()
            // Every origin is found; there are no more of them than u16 can number.
            .map(|origin| origins.partition_point(|other| other < origin) as u16)
            .collect();
        let numbers = Renumbering { users: user_at, items: item_at, origins: origin_at };
        Ok(Ratings {
            catalogue: catalogue.aligned_with(&items),
            users,
            items,
            rows: sorted(blocks, &numbers),
            origins,
            read,
            rejects,
            files,
        })
    }
}

impl Intake {
    /// Begins a file of ratings.
    pub(super) fn begin_file(&mut self, file: InputFile) {
        self.files.push(file);
    }

    /// The records of the current file so far, rejected ones included.
    pub(super) fn rows_of_file(&self) -> u64 {
        self.files.last().map_or(0, |file| file.rows)
    }

    fn files_through(&self) -> u64 {
        self.files_before + self.read
    }

    fn count_records(&mut self, count: u64) {
        self.read += count;
        if let Some(file) = self.files.last_mut() {
            file.rows += count;
        }
    }

    /// Takes in the next records of the current file.
    pub(super) fn take(&mut self, portion: Portion, room: &Room) -> Result<(), IngestError> {
        let through = self.files_through();
        for mut block in portion.blocks {
            block.number_from(through);
            self.add(block, room)?;
        }
        self.count_records(portion.count);
        if let Some(file) = self.files.last_mut() {
            file.rejected += portion.rejects.total();
        }
        self.rejects.append(portion.rejects);
        Ok(())
    }

    /// Takes in packed rows.
    pub(super) fn add(&mut self, block: Block, room: &Room) -> Result<(), IngestError> {
        room.take(block.bytes())?;
        self.blocks.push(block);
        Ok(())
    }

    fn push(&mut self, row: Row, room: &Room) -> Result<(), IngestError> {
        if self.open.len() == self.open.capacity() {
            self.make_room(room)?;
        }
        self.open.push(row);
        Ok(())
    }

    /// Makes room for another row that is not packed yet: never more than is allowed, which doubling would.
    fn make_room(&mut self, room: &Room) -> Result<(), IngestError> {
        let rows = self.open.len();
        if rows >= BLOCK_ROWS {
            return self.pack(room);
        }
        room.check(ROW_BYTES)?;
        let allowed = usize::try_from(room.left() / ROW_BYTES).unwrap_or(usize::MAX);
        let more = rows.clamp(FIRST_ROWS, BLOCK_ROWS).min(BLOCK_ROWS - rows).min(allowed);
        room.take(more as u64 * ROW_BYTES)?;
        self.open.reserve_exact(more);
        Ok(())
    }

    fn pack(&mut self, room: &Room) -> Result<(), IngestError> {
        self.add(Block::pack(&self.open), room)?;
        self.open.clear();
        Ok(())
    }

    fn closed(mut self, room: &Room) -> Result<Self, IngestError> {
        if !self.open.is_empty() {
            self.pack(room)?;
        }
        self.open = Vec::new();
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Pushed = (String, String, Option<f32>, i64, OrderKey);

    fn collect(entries: &[Pushed]) -> Ratings {
        let mut collector = Collector::new(1 << 20);
        for (user, item, rating, rated_at, order) in entries {
            collector.push(user, item, *rating, *rated_at, *order).unwrap();
        }
        collector.finish(CatalogueFile::default()).unwrap()
    }

    fn key(micros: i64, origin: &str, sequence: u64) -> OrderKey {
        OrderKey { micros, origin: origin.parse().unwrap(), sequence }
    }

    fn any_entries() -> impl Strategy<Value = Vec<Pushed>> {
        let one = ("[a-c9é]{1,2}", "[a-c9é]{1,2}", any::<Option<bool>>(), 0..3i64, 0..3usize);
        proptest::collection::vec(one, 0..60).prop_map(|rows| {
            let origins = ["ledger-b", "files", "ledger-a"];
            let numbered = rows.into_iter().zip(0..);
            numbered
                .map(|((user, item, rating, micros, origin), n)| {
                    let rating = rating.map(|high| if high { 5.0 } else { 1.0 });
                    (user, item, rating, 100 - micros, key(micros, origins[origin], n))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_entry_with_the_greatest_key_stands_for_each_user_and_item(entries in any_entries()) {
            let mut oracle = BTreeMap::new();
            for (user, item, rating, rated_at, order) in &entries {
                let standing = oracle.entry((user, item)).or_insert((*order, *rating, *rated_at));
                if *order > standing.0 {
                    *standing = (*order, *rating, *rated_at);
                }
            }
            let ratings = collect(&entries);
            let found: Vec<_> = ratings.rows.iter().map(|row| {
                let entry = row.entry(&ratings.origins);
                let pair = (&ratings.users[row.user as usize], &ratings.items[row.item as usize]);
                (pair, (entry.order, entry.rating, entry.rated_at))
            }).collect();
            prop_assert_eq!(found, oracle.into_iter().collect::<Vec<_>>());
            for sorted in [&ratings.users, &ratings.items] {
                prop_assert!(sorted.windows(2).all(|pair| pair[0].as_bytes() < pair[1].as_bytes()));
            }
            prop_assert!(ratings.origins.is_sorted());
        }

        #[test]
        fn any_order_and_repetition_of_pushing_gives_the_same_ratings(
            (entries, shuffled) in any_entries().prop_flat_map(|entries| {
                let twice = [entries.clone(), entries.clone()].concat();
                (Just(entries), Just(twice).prop_shuffle())
            }),
        ) {
            prop_assert_eq!(collect(&entries), collect(&shuffled));
        }
    }

    #[test]
    fn a_ledger_wins_a_tie_of_clocks_against_files_and_tombstones_stay() {
        let entry = |rating, order| ("u".to_owned(), "i".to_owned(), rating, 7, order);
        let ratings =
            collect(&[entry(None, key(7, "ledger-a", 1)), entry(Some(3.0), key(7, "files", 900))]);
        assert_eq!(ratings.rows.len(), 1);
        assert_eq!(ratings.rows.iter().next().unwrap().rating(), None);
        assert!(matches!(ratings.check_not_empty(), Err(IngestError::NoRatings)));
        assert!(collect(&[entry(Some(1.0), key(7, "files", 1))]).check_not_empty().is_ok());
    }

    #[test]
    fn the_memory_that_is_allowed_is_never_exceeded() {
        let limit = 100_000;
        let mut collector = Collector::new(limit);
        let mut pushed = 0;
        let error = loop {
            let item = pushed.to_string();
            let order = OrderKey { micros: 0, origin: Origin::FILES, sequence: pushed };
            match collector.push("u", &item, Some(1.0), 0, order) {
                Ok(()) => pushed += 1,
                Err(error) => break error,
            }
            assert!(collector.intake.open.capacity() as u64 * ROW_BYTES <= limit);
        };
        // An item here takes 40 bytes as a row that is not packed yet and about 67 as an id; of rows some are made room for.
        assert!((850..960).contains(&pushed), "{pushed}");
        assert!(error.is_too_large());
        let message = error.to_string();
        assert!(message.contains("100000 are allowed; raise --max-memory"), "{message}");
    }

    #[test]
    fn a_rating_that_is_no_number_is_no_tombstone() {
        let mut collector = Collector::new(1 << 20);
        for rating in [f32::NAN, f32::INFINITY] {
            let error = collector.push("u", "i", Some(rating), 0, key(0, "files", 1)).unwrap_err();
            assert!(matches!(error, IngestError::NotFinite { .. }) && !error.is_too_large());
        }
    }

    #[test]
    fn there_are_at_most_65536_origins() {
        let mut collector = Collector::new(1 << 30);
        for number in 0..1 << 16 {
            let order = key(0, &format!("ledger-{number}"), 1);
            collector.push("u", "i", Some(1.0), 0, order).unwrap();
        }
        let error = collector.push("u", "i", Some(1.0), 0, key(0, "one-more", 1)).unwrap_err();
        assert!(error.is_too_large());
    }
}
