//! From ratings to each item's best neighbours: which kernel computes a measure, and which bound spares most of the work.

use std::ops::Range;

use super::candidates::Intervals;
use super::ease::{self, EaseError};
use super::formula::Items;
use super::half::Half;
use super::matrix::RatingMatrix;
use super::measure::{Formula, Measure, ProductFormula};
use super::neighbours::Neighbours;
use super::product::{
    Codes, Counts, Entry, Five, How, Kernel, Pass, Products, Scatter, UserWeights,
};
use super::regressed::regressed;
use super::relabelled::{Relabelled, Values};
use super::scored::{Bound, BoundKind, OfChance, OfEach, OfEither, OfProducts, Scored};
use super::weighting::{weigh, weighted};

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
    fit_with(How::usual(), matrix, measure, selection, targets, on_row)
}

/// The same, computed in a given way.
pub(super) fn fit_with(
    how: How,
    matrix: &RatingMatrix,
    measure: &Measure,
    selection: Selection,
    targets: Range<usize>,
    on_row: &(dyn Fn() + Sync),
) -> Result<Neighbours, EaseError> {
    let is_whole = targets == (0..matrix.item_count());
    let wanted = match selection.cut {
        Cut::Target => targets.clone(),
        Cut::Source => 0..matrix.item_count(),
    };
    let fit = Fit { how, measure, selection, wanted, on_row };
    let found = match measure.formula {
        Formula::OfProducts(formula) => fit.of_products(matrix, formula),
        Formula::PearsonCoRaters => fit.of_correlations(matrix),
        Formula::SparseEase(ridge) => regressed(&fit, matrix, ridge)?,
        Formula::Ease(ridge) => {
            let all = ease::fit(&weighted(matrix, measure), ridge, selection, on_row)?;
            return Ok(if is_whole { all } else { all.of_targets(targets) });
        }
    };
    let found = match selection.cut {
        // Nobody asked for what stands before and after.
        Cut::Target => return Ok(found.of_targets(targets)),
        Cut::Source => found.turned(),
    };
    Ok(if is_whole { found } else { found.of_targets(targets) })
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

/// What is to be computed.
pub(super) struct Fit<'a> {
    pub how: How,
    pub measure: &'a Measure,
    pub selection: Selection,
    /// The items, on the side that is cut, whose best are kept.
    pub wanted: Range<usize>,
    pub on_row: &'a (dyn Fn() + Sync),
}

impl Fit<'_> {
    /// The best of each item by a formula of products.
    fn of_products(&self, matrix: &RatingMatrix, formula: ProductFormula) -> Neighbours {
        let weighed = weigh(matrix, self.measure);
        let ratings = Relabelled::new(&weighed);
        let items = Items::of(&weighed, &ratings, formula);
        drop(weighed);
        let best = self.best_of_products(&ratings, &items, formula, None);
        Neighbours::of_ranks(&ratings, best.iter().map(Vec::as_slice))
    }

    /// The best of each item by rank, in no order, of what each user's ratings are worth. Co-counts go to `half`.
    pub fn candidates(
        &self,
        ratings: &Relabelled,
        items: &Items,
        formula: ProductFormula,
        fixed: &[i32],
        half: &mut Half,
    ) -> Vec<Vec<Entry>> {
        let Self { how, on_row, .. } = *self;
        let top_k = self.selection.top_k;
        let (scores, kernel) = Intervals::new(self.measure, items, ratings, &self.wanted, fixed);
        let pass = Pass { ratings, scores: &scores, top_k, how, on_row };
        let best = pass.run(kernel, Some(half));
        if !scores.gave_up() {
            return best;
        }
        drop(best);
        self.best_of_products(ratings, items, formula, Some(half))
    }

    /// The same by rank. With `half`, co-counts go there.
    pub fn best_of_products(
        &self,
        ratings: &Relabelled,
        items: &Items,
        formula: ProductFormula,
        half: Option<&mut Half>,
    ) -> Vec<Vec<Entry>> {
        let items = Some(items);
        match BoundKind::of(formula) {
            BoundKind::Products => self.best(ratings, items, half),
            BoundKind::Either => self.counted(ratings, items, OfEither),
            BoundKind::Each => self.counted(ratings, items, OfEach),
            BoundKind::Chance => {
                let users = items.map_or(0.0, Items::raters) as f32;
                self.counted(ratings, items, OfChance { users })
            }
        }
    }

    /// By whichever kernel is made for what the ratings are worth.
    fn best(
        &self,
        ratings: &Relabelled,
        items: Option<&Items>,
        half: Option<&mut Half>,
    ) -> Vec<Vec<Entry>> {
        match ratings.values() {
            Values::Same => self.pass(ratings, items, half, OfProducts, Counts::default()),
            Values::OfUsers(fixed) => {
                self.pass(ratings, items, half, OfProducts, UserWeights::new(fixed))
            }
            Values::Codes { codes, .. } => {
                self.pass(ratings, items, half, OfProducts, Codes::new(codes))
            }
            Values::Each(values) => {
                self.pass(ratings, items, half, OfProducts, Products::new(values))
            }
        }
    }

    /// By counting alone.
    fn counted<B: Bound>(
        &self,
        ratings: &Relabelled,
        items: Option<&Items>,
        bound: B,
    ) -> Vec<Vec<Entry>> {
        self.pass(ratings, items, None, bound, Counts::default())
    }

    /// The best of each item by Pearson's correlation over the raters of both.
    fn of_correlations(&self, matrix: &RatingMatrix) -> Neighbours {
        let weighed = weigh(matrix, self.measure);
        let ratings = Relabelled::new(&weighed);
        drop(weighed);
        let values = ratings.whole_values();
        // What is summed comes as a similarity, so that it is its own bound.
        let best = self.pass(&ratings, None, None, OfProducts, Scatter::<Five>::new(&values));
        Neighbours::of_ranks(&ratings, best.iter().map(Vec::as_slice))
    }

    fn pass<B: Bound, K: Kernel>(
        &self,
        ratings: &Relabelled,
        items: Option<&Items>,
        half: Option<&mut Half>,
        bound: B,
        kernel: K,
    ) -> Vec<Vec<Entry>> {
        let Self { how, on_row, .. } = *self;
        let cut = (self.measure, self.selection.cut);
        let scale = match ratings.values() {
            Values::Codes { shift, .. } => 4f64.powi(*shift as i32),
            Values::Same | Values::OfUsers(_) | Values::Each(_) => 1.0,
        };
        let scores = &Scored::new(cut, items, ratings, &self.wanted, bound, scale);
        let top_k = self.selection.top_k;
        Pass { ratings, scores, top_k, how, on_row }.run(kernel, half)
    }
}

#[cfg(test)]
mod fading_tests;
#[cfg(test)]
mod tests;
