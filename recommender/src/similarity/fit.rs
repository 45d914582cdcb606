//! The sparse kernel behind every measure: exact sums over the users who rated both items, for every pair that has such users.

use std::ops::Range;

use rayon::prelude::*;

use super::ease::{self, EaseError};
use super::formula::{Dot, Five, Items, Sums, kept};
use super::matrix::RatingMatrix;
use super::measure::{Formula, Measure};
use super::neighbours::{Neighbour, Neighbours};
use super::regressed::{best_of_sources, regressed_rows};
use super::top_k::keep_best;
use super::weighting::weighted;

/// Which side keeps its best `top_k`. The two rank differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Each target keeps its best sources.
    Target,
    /// Each source keeps its best targets.
    Source,
}

/// Which similarities are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Which side is cut.
    pub cut: Cut,
    /// How many an item of that side keeps at most.
    pub top_k: usize,
}

/// Computes the similarities of all items: positive ones, or for signed measures those of the greatest magnitude. A
/// [`super::Preset::SparseEase`] that is cut by source keeps the best that each source has among the `top_k` of each target.
///
/// Runs on the current rayon pool. What it takes is said by [`super::fit_cost`]. `on_row` is called once an item, from any
/// thread, to show progress.
///
/// Sums are integers: the same matrix gives the same bits with any number of threads. Powers and logarithms come from
/// the platform's mathematical library and may differ in the last bit from one platform to another; plain cosine and
/// the counting measures, which use neither (log-likelihood does), are the same everywhere. EASE is not exact, but
/// the same with any number of threads; so is sparse EASE, whose exact sums are rounded to single and solved in double
/// precision.
///
/// # Errors
/// When a regression comes out too inexact to be used.
pub fn fit(
    matrix: &RatingMatrix,
    measure: &Measure,
    selection: Selection,
    on_row: &(dyn Fn() + Sync),
) -> Result<Neighbours, EaseError> {
    fit_targets(matrix, measure, selection, 0..matrix.item_count(), on_row)
}

/// What [`fit`] gives for these targets, bit by bit, as targets 0, 1, 2, ... of the result.
///
/// Only the rows of these targets are computed where [`has_independent_rows`]; otherwise everything is, and the rest
/// left out.
///
/// # Errors
/// As for [`fit`].
pub fn fit_targets(
    matrix: &RatingMatrix,
    measure: &Measure,
    selection: Selection,
    targets: Range<usize>,
    on_row: &(dyn Fn() + Sync),
) -> Result<Neighbours, EaseError> {
    let is_whole = targets == (0..matrix.item_count());
    let computed = match selection.cut {
        Cut::Target => targets.clone(),
        Cut::Source => 0..matrix.item_count(),
    };
    let rows = match measure.formula {
        Formula::OfProducts(formula) => {
            let matrix = weighted(matrix, measure);
            let items = Items::of(&matrix, formula);
            rows::<Dot>(&matrix, measure, &items, selection, computed, on_row)
        }
        Formula::PearsonCoRaters => {
            let matrix = weighted(matrix, measure);
            rows::<Five>(&matrix, measure, &(), selection, computed, on_row)
        }
        Formula::SparseEase(ridge) => {
            let top_k = selection.top_k;
            let rows = regressed_rows(matrix, (measure, ridge), top_k, computed, on_row)?;
            match selection.cut {
                Cut::Target => rows,
                Cut::Source => best_of_sources(rows, top_k),
            }
        }
        Formula::Ease(ridge) => {
            let all = ease::fit(&weighted(matrix, measure), ridge, selection, on_row)?;
            return Ok(if is_whole { all } else { all.of_targets(targets) });
        }
    };
    let found = Neighbours::from_cut_rows(rows, selection.cut);
    let is_done = is_whole || selection.cut == Cut::Target;
    Ok(if is_done { found } else { found.of_targets(targets) })
}

/// Whether a target's neighbours are found without looking for those of others. Not where each source keeps its best
/// targets, and not by one regression on all items.
pub fn has_independent_rows(measure: &Measure, selection: Selection) -> bool {
    selection.cut == Cut::Target && !measure.is_dense()
}

/// The targets of block `index` (from 0) of `count`: blocks follow each other without a gap, and take about equally many
/// multiply-adds. They are as many whatever the number of threads, and a block may be empty.
pub fn block(matrix: &RatingMatrix, index: usize, count: usize) -> Range<usize> {
    if count == 1 {
        // The usual case needs no look at the ratings.
        return 0..matrix.item_count();
    }
    // One more for each row, so that items without ratings are spread as well.
    let work = |item| {
        let raters = matrix.item_row(item).iter();
        1 + raters.map(|rater| matrix.user_row(rater.index as usize).len() as u128).sum::<u128>()
    };
    let mut before: Vec<u128> = vec![0];
    for item in 0..matrix.item_count() {
        before.push(before[item] + work(item));
    }
    let total = before[matrix.item_count()];
    let begin = |index: usize| {
        before.partition_point(|&work| work * (count as u128) < total * index as u128)
    };
    begin(index)..begin(index + 1)
}

/// Each row's best, by a formula of its sums.
pub(super) fn rows<S: Sums>(
    matrix: &RatingMatrix,
    measure: &Measure,
    items: &S::Items,
    selection: Selection,
    computed: Range<usize>,
    on_row: &(dyn Fn() + Sync),
) -> Vec<Vec<Neighbour>> {
    computed
        .into_par_iter()
        .map_init(
            || Scratch::<S>::new(matrix.item_count()),
            |scratch, own| {
                let row = scratch.row(matrix, own, selection.top_k, |sums, co_count, other| {
                    let (target, source) = match selection.cut {
                        Cut::Target => (own, other),
                        Cut::Source => (other, own),
                    };
                    kept(measure, sums, co_count, target, source, items)
                });
                on_row();
                row
            },
        )
        .collect()
}

#[derive(Clone, Copy, Default)]
struct Slot<S> {
    sums: S,
    co_count: u32,
}

/// One thread's accumulators: a slot an item, cleared only where touched.
struct Scratch<S> {
    slots: Vec<Slot<S>>,
    touched: Vec<u32>,
    candidates: Vec<Neighbour>,
}

impl<S: Sums> Scratch<S> {
    fn new(item_count: usize) -> Self {
        let slots = vec![Slot::default(); item_count];
        Self { slots, touched: Vec::new(), candidates: Vec::new() }
    }

    fn row(
        &mut self,
        matrix: &RatingMatrix,
        own: usize,
        top_k: usize,
        score: impl Fn(&S, u32, usize) -> Option<f32>,
    ) -> Vec<Neighbour> {
        for rater in matrix.item_row(own) {
            let value = i64::from(rater.fixed);
            for rated in matrix.user_row(rater.index as usize) {
                let slot = &mut self.slots[rated.index as usize];
                if slot.co_count == 0 {
                    self.touched.push(rated.index);
                }
                slot.sums.add(value, i64::from(rated.fixed));
                slot.co_count += 1;
            }
        }
        self.candidates.clear();
        for item in self.touched.drain(..) {
            let Slot { sums, co_count } = std::mem::take(&mut self.slots[item as usize]);
            if let Some(score) = score(&sums, co_count, item as usize) {
                self.candidates.push(Neighbour { item, score, co_count });
            }
        }
        keep_best(&mut self.candidates, top_k);
        self.candidates.clone()
    }
}

#[cfg(test)]
mod fading_tests;
#[cfg(test)]
mod tests;
