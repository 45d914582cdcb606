//! The candidates of regressions, from weights that are rounded: quick sums say within what a similarity lies, and exact ones
//! are computed only where that leaves open who is among the best.

use std::sync::atomic::{AtomicBool, Ordering};

use super::fit::Cut;
use super::formula::Items;
use super::measure::Measure;
use super::product::{Entry, Scores, UserWeights, squares};
use super::relabelled::Relabelled;
use super::scored::{OfProducts, Scored};

/// Judges pairs by an interval: the sum of rounded weights is off by half a unit a user at most.
pub struct Intervals<'a> {
    ratings: &'a Relabelled,
    scored: Scored<'a, OfProducts>,
    /// What each user's exact weight is.
    weights: Vec<u64>,
    /// Of a weight that is rounded.
    unit: f64,
    gave_up: AtomicBool,
}

impl<'a> Intervals<'a> {
    /// For the best of these items alone, of what each user's ratings are worth. Gives the kernel, too.
    pub fn new(
        measure: &'a Measure,
        items: &'a Items,
        ratings: &'a Relabelled,
        wanted: &std::ops::Range<usize>,
        fixed: &[i32],
    ) -> (Self, UserWeights) {
        let shift = UserWeights::least_shift(fixed);
        let unit = 2f64.powi(shift as i32);
        let how = (measure, Cut::Target);
        let scored = Scored::new(how, Some(items), ratings, wanted, OfProducts, unit);
        let (weights, gave_up) = (squares(fixed).collect(), AtomicBool::new(false));
        (Self { ratings, scored, weights, unit, gave_up }, UserWeights::rounded(fixed, shift))
    }

    /// Whether so many similarities were too near to each other that the best are not known.
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// The exact sum of two items, in the unit of rounded weights.
    fn exact_sum(&self, one: usize, other: usize) -> f64 {
        let (mut one, mut other) = (self.ratings.raters(one), self.ratings.raters(other));
        let mut sum = 0u64;
        while let ([x, rest_of_one @ ..], [y, rest_of_other @ ..]) = (one, other) {
            if x == y {
                sum += self.weights[*x as usize];
            }
            one = if x <= y { rest_of_one } else { one };
            other = if y <= x { rest_of_other } else { other };
        }
        sum as f64 / self.unit
    }
}

impl Scores for Intervals<'_> {
    const INTERVALS: bool = true;

    fn factors(&self, rank: usize) -> [f32; 2] {
        self.scored.factors(rank)
    }

    fn is_directed(&self) -> bool {
        self.scored.is_directed()
    }

    #[inline(always)]
    fn bound(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        self.scored.bound(sum, count, own, other)
    }

    /// Sums come with half a unit a user added. What single precision lost of them may be much of what is left.
    #[inline(always)]
    fn least(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        const LOST: f32 = 1.0 / (1 << 20) as f32;
        self.scored.bound((sum * (1.0 - LOST) - count).max(0.0), count, own, other)
    }

    #[inline(always)]
    fn least_count(&self) -> f32 {
        self.scored.least_count()
    }

    #[inline(always)]
    fn exact(&self, sum: f64, count: u32, own: usize, other: usize) -> Option<f32> {
        self.scored.exact(sum, count, own, other)
    }

    fn is_wanted(&self, rank: usize) -> bool {
        self.scored.is_wanted(rank)
    }

    /// What was dropped was below the `top_k`-th for certain. Of the rest those are among the best whose least similarity is
    /// above what comes after the `top_k` with the greatest; of the others it is computed.
    fn decide(&self, own: usize, entries: &mut Vec<Entry>, top_k: usize, item_of: &[u32]) {
        let scored = |entry: &Entry, score: Option<f32>| {
            score.map(|score| entry.scored(score, item_of[entry.other as usize]))
        };
        if entries.len() <= top_k {
            let all = entries.iter().filter_map(|entry| scored(entry, Some(entry.interval().1)));
            *entries = all.collect();
            return;
        }
        entries.sort_unstable_by(|a, b| b.interval().1.total_cmp(&a.interval().1));
        let bar = entries[top_k].interval().1;
        let (sure, open): (Vec<Entry>, Vec<Entry>) =
            entries.iter().partition(|entry| entry.interval().0 > bar);
        let mut open: Vec<Entry> = open
            .iter()
            .filter_map(|entry| {
                let sum = self.exact_sum(own, entry.other as usize);
                scored(entry, self.exact(sum, entry.count, own, entry.other as usize))
            })
            .collect();
        open.sort_unstable_by_key(|entry| entry.order());
        open.truncate(top_k - sure.len());
        entries.clear();
        entries.extend(sure.iter().filter_map(|entry| scored(entry, Some(entry.interval().1))));
        entries.extend(open);
    }

    fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
    }
}
