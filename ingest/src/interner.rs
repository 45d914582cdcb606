//! Numbers identifiers in the order in which they are first met.

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use rayon::slice::ParallelSliceMut;

use super::error::IngestError;
use super::room::Room;

/// What an identifier costs beside its bytes: set entry, hash, index slot and the allocator's share, rounded up.
const OVERHEAD: u64 = 64;

/// Identifiers and their numbers.
#[derive(Debug)]
pub(super) struct Interner {
    what: &'static str,
    ids: IndexSet<Box<str>, RandomState>,
    /// Files are mostly sorted by user, so the next identifier is often the last one again.
    last: usize,
}

impl Interner {
    /// `what` it numbers, for messages.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, ids: IndexSet::default(), last: 0 }
    }

    /// The number of an identifier. Allocates only for new ones, as far as there is room.
    pub(super) fn intern(&mut self, id: &str, room: &Room) -> Result<u32, IngestError> {
        let last = self.ids.get_index(self.last);
        if last.is_none_or(|last| **last != *id) {
            self.last = match self.ids.get_index_of(id) {
                Some(known) => known,
                None => {
                    room.take(id.len() as u64 + OVERHEAD)?;
                    self.ids.insert_full(id.into()).0
                }
            };
        }
        u32::try_from(self.last)
            .map_err(|_| IngestError::TooMany { what: self.what, limit: 1 << 32 })
    }

    /// Whether it has a number.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// All identifiers, in the order of their numbers.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.ids.iter().map(|id| &**id)
    }

    /// All identifiers sorted bytewise, and for each number handed out the position in that order.
    pub(super) fn into_sorted(self) -> (Vec<String>, Vec<u32>) {
        let mut sorted: Vec<(Box<str>, u32)> = self.ids.into_iter().zip(0..).collect();
        sorted.par_sort_unstable();
        let mut positions = vec![0; sorted.len()];
        for (position, (_, number)) in (0..).zip(&sorted) {
            positions[*number as usize] = position;
        }
        (sorted.into_iter().map(|(id, _)| id.into_string()).collect(), positions)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_follow_the_first_meeting_and_positions_the_bytes() {
        let mut interner = Interner::new("users");
        let room = Room::new(1 << 10);
        let ids = ["b", "b", "é", "a", "10", "9", "b"];
        let numbers: Vec<_> = ids.map(|id| interner.intern(id, &room).unwrap()).to_vec();
        assert_eq!(numbers, [0, 0, 1, 2, 3, 4, 0]);
        let (ids, positions) = interner.into_sorted();
        assert_eq!(ids, ["10", "9", "a", "b", "é"]);
        assert_eq!(positions, [3, 4, 2, 0, 1]);
    }
}
