//! The model: every entry in a plain list, and who wrote last.

use std::collections::BTreeMap;

use akin_recommender::profile::{Entry, OrderKey, Origin};

use super::operations::FileRow;
use super::{BASE, ITEMS, USERS};

/// An entry as the model keeps it.
pub type Logged = (&'static str, &'static str, Entry);
pub type Map = BTreeMap<(&'static str, &'static str), Entry>;

/// The oracle: of all entries for a user and an item, the one with the greatest key.
pub fn last_writers<'a>(entries: impl IntoIterator<Item = &'a Logged>) -> Map {
    let key = |entry: &Entry| {
        (entry.order.micros, entry.order.origin.as_str().to_owned(), entry.order.sequence)
    };
    let mut map = Map::new();
    for (user, item, entry) in entries {
        let standing = map.entry((user, item)).or_insert(*entry);
        if key(entry) > key(standing) {
            *standing = *entry;
        }
    }
    map
}

/// What the model knows of a ledger.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub entries: Vec<Logged>,
    pub flushed: usize,
    /// The oldest entries are not in the ledger any more.
    pub forgotten: usize,
}

impl Log {
    pub fn kept(&self) -> &[Logged] {
        &self.entries[self.forgotten..]
    }
}

pub fn in_file((row, sequence): (&FileRow, u64)) -> Logged {
    let micros = (BASE + row.second) * 1_000_000;
    let order = OrderKey { micros, origin: Origin::FILES, sequence };
    let entry = Entry { rating: Some(half_stars(row.rating)), rated_at: micros, order };
    (USERS[row.user], ITEMS[row.item], entry)
}

pub fn half_stars(halves: u8) -> f32 {
    f32::from(halves) / 2.0
}
