//! One pass over all pairs of items that anybody rated both of.
//!
//! For 512 columns at a time, a *kernel* lays out what users rated of them and computes the sums of each less popular item,
//! a row, with all 512; a *sink* takes them. Each pair is computed once, and offered to the lists of both of its items. What
//! remains when hardly anybody rated anything is computed pair by pair ([`rare`]).

mod bits;
mod cells;
mod codes;
mod counts;
pub mod instructions;
mod kernel;
mod lists;
mod offering;
mod products;
mod progress;
mod rare;
mod scatter;
mod user_weights;

#[cfg(test)]
mod tests;

pub use codes::Codes;
pub use counts::Counts;
pub use kernel::{Kernel, Numbers};
pub use lists::{Entry, Scores, room};
pub use products::{Products, row_bytes};
#[cfg(test)]
pub use rare::Dot;
pub use rare::Five;
#[cfg(test)]
pub use rare::RareSums;
pub use scatter::Scatter;
pub use user_weights::{UserWeights, squares};

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::half::{Columns, Half};
use super::relabelled::Relabelled;
use instructions::InstructionSet;
use lists::{Keep, List};
use offering::{RowSink, Side};
use progress::Progress;
use rare::{RareItems, Slots};

/// Columns at a time: a cache line of bits.
pub const WIDTH: usize = 512;

/// Rows that a thread takes at a time.
const ROWS: usize = 32;

/// What a pass is about.
pub struct Pass<'a, S> {
    /// The ratings.
    pub ratings: &'a Relabelled,
    /// What pairs are worth.
    pub scores: &'a S,
    /// How many an item keeps.
    pub top_k: usize,
    /// How it is computed.
    pub how: How,
    /// Called with how many of the items' work is done, once an item.
    pub on_row: &'a (dyn Fn() + Sync),
}

/// How a pass is computed: the result is the same.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// With which of the processor's instructions.
    pub instructions: InstructionSet,
    /// From which rank on items are rare; by what it is thought to take where it is not given.
    pub rare: Option<usize>,
}

impl How {
    /// As it is usually done.
    pub fn usual() -> Self {
        Self { instructions: InstructionSet::chosen(), rare: None }
    }
}

/// A lock that no panic can have left half-written anything under: what panics ends the whole computation.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Scores> Pass<'_, S> {
    /// The best of each item, by rank, best first. With `half`, all co-counts go there.
    ///
    /// Work: a line of 64 bytes for each rating and each 512 columns that are more popular than its item; and what the
    /// kernel adds to that. On the current rayon pool.
    pub fn run<K: Kernel>(&self, mut kernel: K, mut half: Option<&mut Half>) -> Vec<Vec<Entry>> {
        let ratings = self.ratings;
        let threshold = |rank: usize| match self.top_k > 0 && self.scores.is_wanted(rank) {
            true => 0.0,
            false => List::UNWANTED,
        };
        let mut lists: Vec<List> =
            (0..ratings.rated()).map(|rank| List::new(threshold(rank))).collect();
        let rare =
            self.how.rare.unwrap_or_else(|| rare::first_rare(ratings, WIDTH)).min(ratings.rated());
        let progress = Progress::new(ratings, rare, self.on_row);
        let pools: Vec<Mutex<Vec<List>>> =
            (0..rayon::current_num_threads()).map(|_| Mutex::default()).collect();
        for first in (0..rare).step_by(WIDTH) {
            let columns = first..rare.min(first + WIDTH);
            kernel.set_columns(ratings, columns.clone());
            self.run_columns(&kernel, columns, &mut lists, half.as_deref_mut(), &pools, &progress);
        }
        drop(pools);
        let lists = self.run_rare(&kernel, rare, lists, half);
        drop(kernel);
        let keep = self.keep();
        let mut best: Vec<Vec<Entry>> =
            lists.into_par_iter().enumerate().map(|(rank, list)| list.finish(rank, keep)).collect();
        best.resize_with(ratings.item_count(), Vec::new);
        progress.finish();
        best
    }

    fn keep(&self) -> Keep<'_, S> {
        Keep { top_k: self.top_k, item_of: self.ratings.item_of(), scores: self.scores }
    }

    /// All rows with some columns.
    fn run_columns<K: Kernel>(
        &self,
        kernel: &K,
        columns: std::ops::Range<usize>,
        lists: &mut [List],
        half: Option<&mut Half>,
        pools: &[Mutex<Vec<List>>],
        progress: &Progress<'_>,
    ) {
        let first = columns.start;
        let mut side = Side::new();
        for (at, rank) in columns.clone().enumerate() {
            let [own, other] = self.scores.factors(rank);
            (side.own[at], side.other[at]) = (own, other);
            side.thresholds[at] = lists[rank].threshold;
        }
        let mut stores = half.map(|half| half.columns(first, WIDTH).into_iter());
        let blocks: Vec<Mutex<Block<'_>>> = lists[first..]
            .chunks_mut(ROWS)
            .map(|rows| {
                let stores =
                    stores.as_mut().map(|stores| stores.by_ref().take(rows.len()).collect());
                Mutex::new(Block { rows, stores })
            })
            .collect();
        let next = AtomicUsize::new(0);
        rayon::broadcast(|context| {
            let mut pool = lock(&pools[context.index()]);
            let rows = Rows {
                pass: self,
                kernel,
                columns: columns.clone(),
                side: &side,
                blocks: &blocks,
                next: &next,
                lists: &mut pool,
                progress,
            };
            rows.run();
        });
        drop(blocks);
        // What threads found for the columns.
        let keep = self.keep();
        let mut found: Vec<MutexGuard<'_, Vec<List>>> = pools.iter().map(lock).collect();
        let mut of_columns: Vec<Vec<&mut List>> = columns.clone().map(|_| Vec::new()).collect();
        for lists in &mut found {
            of_columns.iter_mut().zip(lists.iter_mut()).for_each(|(of, list)| of.push(list));
        }
        let columns = lists[columns].par_iter_mut().zip(of_columns).enumerate();
        columns.with_min_len(16).for_each(|(at, (list, found))| {
            for more in found {
                list.join(first + at, more, keep);
            }
        });
    }

    /// The pairs of rare items.
    fn run_rare<K: Kernel>(
        &self,
        kernel: &K,
        first: usize,
        lists: Vec<List>,
        half: Option<&mut Half>,
    ) -> Vec<List> {
        let (ratings, scores, keep) = (self.ratings, self.scores, self.keep());
        if first == lists.len() {
            return lists;
        }
        let items = RareItems::new(ratings, kernel, first);
        let thresholds: Vec<AtomicU32> =
            lists.iter().map(|list| AtomicU32::new(list.threshold.to_bits())).collect();
        let factors: Vec<[f32; 2]> =
            (first..lists.len()).map(|rank| scores.factors(rank)).collect();
        let lists: Vec<Mutex<List>> = lists.into_iter().map(Mutex::new).collect();
        let offer = |own: usize, other: usize, sum: f64, count: u32| {
            let [own_factor, other_factor] = [factors[own - first][0], factors[other - first][1]];
            let [bound, by] = scores.bound(sum as f32, count as f32, own_factor, other_factor);
            // Relaxed: a threshold that is out of date is lower, and lets more through.
            if bound >= by * f32::from_bits(thresholds[own].load(Ordering::Relaxed)) {
                let mut list = lock(&lists[own]);
                list.offer(own, Entry::new(sum, other, count), keep);
                thresholds[own].store(list.threshold.to_bits(), Ordering::Relaxed);
            }
        };
        let mut stores = half.map(|half| half.columns(first, usize::MAX));
        let rows = |slots: &mut Slots<K::Rare>, row: usize, mut store: Option<&mut Columns<'_>>| {
            slots.row(ratings, kernel, &items, row, |column, sum, count| {
                if let Some(store) = &mut store {
                    store.set_one(column - first, count);
                }
                if count as f32 >= scores.least_count() {
                    offer(row, column, sum, count);
                    offer(column, row, sum, count);
                }
            });
        };
        let slots = || Slots::new(&items, ratings);
        match &mut stores {
            Some(stores) => {
                stores.par_iter_mut().enumerate().for_each_init(slots, |slots, (at, store)| {
                    rows(slots, first + at, Some(store));
                })
            }
            None => (first..lists.len())
                .into_par_iter()
                .for_each_init(slots, |slots, row| rows(slots, row, None)),
        }
        lists
            .into_iter()
            .map(|list| list.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }
}

/// Some rows, and where their co-counts go.
struct Block<'a> {
    rows: &'a mut [List],
    stores: Option<Vec<Columns<'a>>>,
}

/// One thread's share of the rows.
struct Rows<'a, 'b, S, K> {
    pass: &'a Pass<'a, S>,
    kernel: &'a K,
    columns: std::ops::Range<usize>,
    side: &'a Side,
    blocks: &'a [Mutex<Block<'b>>],
    next: &'a AtomicUsize,
    /// What this thread finds for the columns.
    lists: &'a mut Vec<List>,
    progress: &'a Progress<'a>,
}

impl<S: Scores, K: Kernel> Rows<'_, '_, S, K> {
    fn run(self) {
        let Self { pass, kernel, columns, side, blocks, next, lists, progress } = self;
        let first = columns.start;
        lists.resize_with(WIDTH, List::default);
        for (list, &threshold) in lists.iter_mut().zip(&side.thresholds) {
            list.reset(threshold);
        }
        let (mut side, mut flags) = (side.clone(), [0u8; WIDTH]);
        let mut scratch = kernel.scratch();
        let (keep, is_directed) = (pass.keep(), pass.scores.is_directed());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = blocks.get(number) else { break };
            let mut block = lock(block);
            let Block { rows, stores } = &mut *block;
            let begin = first + number * ROWS;
            for (at, list) in rows.iter_mut().enumerate() {
                let row = begin + at;
                let width = (row - first).min(columns.len());
                if width == 0 {
                    continue;
                }
                let mut sink = RowSink {
                    row,
                    first,
                    keep,
                    instructions: pass.how.instructions,
                    is_directed,
                    factors: pass.scores.factors(row),
                    side: &mut side,
                    list,
                    of_columns: lists,
                    flags: &mut flags,
                    store: stores.as_mut().map(|stores| &mut stores[at]),
                };
                kernel.row(
                    pass.how.instructions,
                    pass.ratings,
                    (row, width),
                    &mut scratch,
                    &mut sink,
                );
            }
            progress.add(pass.ratings, begin..begin + rows.len());
        }
    }
}
