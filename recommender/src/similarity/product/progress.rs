//! How far a pass is.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::WIDTH;
use crate::similarity::relabelled::Relabelled;

/// Tells of work that is done in pieces as of one item after the other.
pub struct Progress<'a> {
    on_row: &'a (dyn Fn() + Sync),
    items: u64,
    /// Lines that raters have been looked up in, and all that will.
    visits: AtomicU64,
    all: u64,
    told: AtomicU64,
}

impl<'a> Progress<'a> {
    /// Of a pass in which items from rank `rare` on are computed pair by pair.
    pub fn new(ratings: &Relabelled, rare: usize, on_row: &'a (dyn Fn() + Sync)) -> Self {
        let rated = ratings.rated();
        let all = (0..rare).step_by(WIDTH).map(|first| ratings.rating_count(first..rated) as u64);
        Self {
            on_row,
            items: ratings.item_count() as u64,
            visits: AtomicU64::new(0),
            all: all.sum(),
            told: AtomicU64::new(0),
        }
    }

    /// Some rows are done with some columns.
    pub fn add(&self, ratings: &Relabelled, rows: Range<usize>) {
        let more = ratings.rating_count(rows) as u64;
        let done = self.visits.fetch_add(more, Ordering::Relaxed) + more;
        self.tell(u128::from(done) * u128::from(self.items) / u128::from(self.all.max(1)));
    }

    /// Each item is told of by whoever moves the number beyond it.
    fn tell(&self, items: u128) {
        let items = (items as u64).min(self.items);
        let before = self.told.fetch_max(items, Ordering::Relaxed);
        (before..items).for_each(|_| (self.on_row)());
    }

    /// All is done.
    pub fn finish(&self) {
        self.tell(u128::from(self.items));
    }
}
