//! The ratings as the kernels read them: by item, both sides under new numbers.
//!
//! Items are numbered by how many users rated them, the most rated first: their *rank*. Users are numbered by how many
//! items they rated, so that those who share many items lie together. A pair of items is then computed where the less
//! popular one, which has fewer raters, meets the more popular one.

use std::ops::Range;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering};

use rayon::prelude::*;

use super::matrix::{Cell, RatingMatrix};
use super::weighting::{Weighed, Worth};

/// The largest number of four binary digits.
pub const LARGEST_CODE: u32 = 15;

/// What the ratings are worth.
pub enum Values {
    /// All of them 1.
    Same,
    /// What each user's are worth, by the user's new number.
    OfUsers(Vec<i32>),
    /// Small numbers times `2^shift`, by item and then rater.
    Codes {
        /// 0 to 15.
        codes: Vec<u8>,
        /// To what power of two.
        shift: u32,
    },
    /// Any, by item and then rater.
    Each(Vec<i32>),
}

/// Ratings by item rank and then user.
pub struct Relabelled {
    user_count: usize,
    /// The item of each rank.
    item_of: Vec<u32>,
    /// Where the raters of each rank begin, and where the last ones end.
    begins: Vec<usize>,
    raters: Vec<u32>,
    values: Values,
    /// How many items there are that anybody rated: the first ranks.
    rated: usize,
}

/// Users whose ratings are laid out by one thread.
struct Segment {
    /// Their new numbers.
    users: Range<usize>,
    /// How many of their ratings each item has.
    counts: Vec<u32>,
    /// What is found of their values: all bits that occur in any, the least and the greatest.
    seen: Seen,
}

#[derive(Clone, Copy)]
struct Seen {
    bits: u32,
    least: i32,
    most: i32,
}

impl Seen {
    const NOTHING: Self = Self { bits: 0, least: 0, most: 0 };

    fn with(self, value: i32) -> Self {
        Self {
            bits: self.bits | value as u32,
            least: self.least.min(value),
            most: self.most.max(value),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            bits: self.bits | other.bits,
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// By how many bits the values can be shifted so that each has a place of 4 bits; `None` where they cannot.
    fn code_shift(self) -> Option<u32> {
        let shift = if self.bits == 0 { 0 } else { self.bits.trailing_zeros() };
        (self.least >= 0 && self.most.cast_unsigned() >> shift <= LARGEST_CODE).then_some(shift)
    }
}

impl Relabelled {
    /// Work: two passes over the ratings, on the current rayon pool.
    pub fn new(weighed: &Weighed<'_>) -> Self {
        let matrix = weighed.pairs.as_ref();
        let (user_count, item_count) = (matrix.user_count(), matrix.item_count());
        let user_of = by_activity(user_count, |user| matrix.user_row(user).len());
        let is_each = matches!(weighed.worth, Worth::Each);
        let segments: Vec<Segment> = cut(&user_of, |user| matrix.user_row(user).len())
            .into_par_iter()
            .map(|users| {
                let mut counts = vec![0u32; item_count];
                let mut seen = Seen::NOTHING;
                for &user in &user_of[users.clone()] {
                    for cell in matrix.user_row(user as usize) {
                        counts[cell.index as usize] += 1;
                        if is_each {
                            seen = seen.with(cell.fixed);
                        }
                    }
                }
                Segment { users, counts, seen }
            })
            .collect();
        let mut totals = vec![0u32; item_count];
        for segment in &segments {
            totals.iter_mut().zip(&segment.counts).for_each(|(total, count)| *total += count);
        }
        let mut item_of: Vec<u32> = (0..item_count as u32).collect();
        item_of.sort_unstable_by_key(|&item| (std::cmp::Reverse(totals[item as usize]), item));
        let rated = item_of.partition_point(|&item| totals[item as usize] > 0);
        let mut begins = Vec::with_capacity(item_count + 1);
        let mut end = 0;
        for &item in &item_of {
            begins.push(end);
            end += totals[item as usize] as usize;
        }
        begins.push(end);

        // Where each segment puts its ratings of each item.
        let mut next: Vec<usize> = vec![0; item_count];
        for (&item, &begin) in item_of.iter().zip(&begins) {
            next[item as usize] = begin;
        }
        let places: Vec<Vec<usize>> = segments
            .iter()
            .map(|segment| {
                let own = next.clone();
                next.iter_mut().zip(&segment.counts).for_each(|(next, &n)| *next += n as usize);
                own
            })
            .collect();
        let seen = segments.iter().fold(Seen::NOTHING, |seen, segment| seen.and(segment.seen));
        // Threads write to places that no other one writes to, which atomic numbers let them do without a copy.
        let raters: Vec<AtomicU32> = zeros(end);
        let segments: Vec<(&Segment, Vec<usize>)> = segments.iter().zip(places).collect();
        let laying = Laying { matrix, user_of: &user_of, segments: &segments, raters: &raters };
        let values = match (&weighed.worth, seen.code_shift()) {
            (Worth::Same, _) => {
                laying.out(|_, _| ());
                Values::Same
            }
            (Worth::OfUsers { fixed, .. }, _) => {
                laying.out(|_, _| ());
                Values::OfUsers(user_of.iter().map(|&user| fixed[user as usize]).collect())
            }
            (Worth::Each, Some(shift)) => {
                let codes: Vec<AtomicU8> = zeros(end);
                laying.out(|place, cell| {
                    codes[place].store((cell.fixed >> shift) as u8, Ordering::Relaxed);
                });
                let codes = codes.into_iter().map(AtomicU8::into_inner).collect();
                Values::Codes { codes, shift }
            }
            (Worth::Each, None) => {
                let values: Vec<AtomicI32> = zeros(end);
                laying.out(|place, cell| values[place].store(cell.fixed, Ordering::Relaxed));
                Values::Each(values.into_iter().map(AtomicI32::into_inner).collect())
            }
        };
        drop(segments);
        let raters = raters.into_iter().map(AtomicU32::into_inner).collect();
        Self { user_count, item_of, begins, raters, values, rated }
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.user_count
    }

    /// How many items there are, rated or not.
    pub fn item_count(&self) -> usize {
        self.item_of.len()
    }

    /// How many of them anybody rated: they are the first ranks.
    pub fn rated(&self) -> usize {
        self.rated
    }

    /// The item of each rank.
    pub fn item_of(&self) -> &[u32] {
        &self.item_of
    }

    /// The rank of each item.
    #[cfg(test)]
    pub fn rank_of(&self) -> Vec<u32> {
        let mut ranks = vec![0; self.item_of.len()];
        for (&item, rank) in self.item_of.iter().zip(0..) {
            ranks[item as usize] = rank;
        }
        ranks
    }

    /// Who rated an item, ascending.
    #[inline(always)]
    pub fn raters(&self, rank: usize) -> &[u32] {
        &self.raters[self.positions(rank)]
    }

    /// Where an item's raters are among all.
    #[inline(always)]
    pub fn positions(&self, rank: usize) -> Range<usize> {
        self.begins[rank]..self.begins[rank + 1]
    }

    /// Gives the ratings that these users, by new number, have of these ranks: which of the ranks and of the users it is, from
    /// 0, and the position.
    #[inline(always)]
    pub fn each_within(
        &self,
        ranks: Range<usize>,
        users: Range<usize>,
        mut give: impl FnMut(usize, usize, usize),
    ) {
        for (at, rank) in ranks.enumerate() {
            let (positions, raters) = (self.positions(rank), self.raters(rank));
            let from = raters.partition_point(|&user| (user as usize) < users.start);
            for (&user, position) in raters[from..].iter().zip(positions.start + from..) {
                if user as usize >= users.end {
                    break;
                }
                give(at, user as usize - users.start, position);
            }
        }
    }

    /// How many ratings the items of these ranks have.
    pub fn rating_count(&self, ranks: Range<usize>) -> usize {
        self.begins[ranks.end] - self.begins[ranks.start]
    }

    /// What the ratings are worth.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The value of each position, whatever they are kept as.
    pub fn whole_values(&self) -> Vec<i32> {
        match &self.values {
            Values::Same => vec![1; self.raters.len()],
            Values::OfUsers(fixed) => {
                self.raters.iter().map(|&user| fixed[user as usize]).collect()
            }
            Values::Codes { codes, shift } => {
                codes.iter().map(|&code| i32::from(code) << shift).collect()
            }
            Values::Each(values) => values.clone(),
        }
    }

    /// The sum of an item's squared values, in its unit of fixed point squared. Exact.
    pub fn squared_norm(&self, rank: usize) -> i64 {
        let positions = self.positions(rank);
        match &self.values {
            Values::Same => positions.len() as i64,
            Values::OfUsers(fixed) => {
                self.raters(rank).iter().map(|&user| i64::from(fixed[user as usize]).pow(2)).sum()
            }
            Values::Codes { codes, shift } => {
                let sum: i64 = codes[positions].iter().map(|&code| i64::from(code).pow(2)).sum();
                sum << (2 * shift)
            }
            Values::Each(values) => {
                values[positions].iter().map(|&value| i64::from(value).pow(2)).sum()
            }
        }
    }
}

/// Writes all ratings by item.
struct Laying<'a> {
    matrix: &'a RatingMatrix,
    user_of: &'a [u32],
    segments: &'a [(&'a Segment, Vec<usize>)],
    raters: &'a [AtomicU32],
}

impl Laying<'_> {
    /// `write` is told the place of each rating.
    fn out(&self, write: impl Fn(usize, Cell) + Sync) {
        self.segments.par_iter().for_each(|(segment, places)| {
            let mut places = places.clone();
            for new in segment.users.clone() {
                for &cell in self.matrix.user_row(self.user_of[new] as usize) {
                    let place = &mut places[cell.index as usize];
                    self.raters[*place].store(new as u32, Ordering::Relaxed);
                    write(*place, cell);
                    *place += 1;
                }
            }
        });
    }
}

/// Users by how many items they rated, the most active first.
fn by_activity(count: usize, length: impl Fn(usize) -> usize) -> Vec<u32> {
    let most = (0..count).map(&length).max().unwrap_or(0);
    let mut next = vec![0usize; most + 2];
    for user in 0..count {
        next[most - length(user) + 1] += 1;
    }
    for at in 1..next.len() {
        next[at] += next[at - 1];
    }
    let mut users = vec![0; count];
    for user in 0..count {
        let place = &mut next[most - length(user)];
        users[*place] = user as u32;
        *place += 1;
    }
    users
}

/// Users in as many parts as there are threads, of about equally many ratings.
fn cut(users: &[u32], length: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
    let parts = rayon::current_num_threads();
    let total: usize = users.iter().map(|&user| length(user as usize)).sum();
    let (mut bounds, mut sum) = (vec![0], 0);
    for (at, &user) in users.iter().enumerate() {
        sum += length(user as usize);
        if bounds.len() < parts && sum * parts >= total * bounds.len() {
            bounds.push(at + 1);
        }
    }
    bounds.push(users.len());
    bounds.windows(2).map(|bounds| bounds[0]..bounds[1]).collect()
}

fn zeros<T: Default>(count: usize) -> Vec<T> {
    std::iter::repeat_with(T::default).take(count).collect()
}
