//! When ratings were given.

use std::cmp::Reverse;

use crate::chance::IdHashes;

const MICROS_A_DAY: f64 = 86_400e6;

/// Which of a user's equally old ratings count as the newest. Neither an option nor different from run to run: the same
/// ratings give the same similarities.
const SEED: u64 = 1;

/// The time of each rating of a matrix, by user and then item.
#[derive(Debug, Clone)]
pub struct Dates {
    /// Microseconds since 1970.
    times: Vec<i64>,
    now: i64,
    ids: IdHashes,
}

impl Dates {
    /// "Now" is the newest.
    pub fn new(times: Vec<i64>, ids: IdHashes) -> Self {
        let now = times.iter().copied().max().unwrap_or(0);
        Self { times, now, ids }
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// In days.
    pub fn age(&self, position: usize) -> f64 {
        self.now.abs_diff(self.times[position]) as f64 / MICROS_A_DAY
    }

    /// Sorts a user's ratings, the newest first and equally old ones by chance.
    pub fn newest_first(&self, position: usize, user: u32, item: u32) -> (Reverse<i64>, u64, u32) {
        (Reverse(self.times[position]), self.ids.draw(SEED, user, item), item)
    }

    /// Of the ratings at these positions; "now" stays.
    pub fn of(&self, positions: &[usize]) -> Self {
        let times = positions.iter().map(|&position| self.times[position]).collect();
        Self { times, now: self.now, ids: self.ids.clone() }
    }
}
