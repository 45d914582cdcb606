//! Sparse EASE: the kernel finds each target's candidates, and a regression weighs them.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::ease::{self, EaseError, Ridge};
use super::fit::{Cut, Fit, Selection};
use super::formula::Items;
use super::half::Half;
use super::matrix::RatingMatrix;
use super::measure::Formula;
use super::neighbours::{Neighbour, Neighbours};
use super::relabelled::{Relabelled, Values};
use super::top_k::keep_best;
use super::weighting::{weigh, weighted};

/// What co-counts of all pairs may take, in bytes: those of some 80,000 items. Of larger catalogues, as of ratings that do
/// not count the same, sums are computed anew for the candidates.
pub const MOST_HALF_BYTES: u64 = 4 << 30;

/// Each target regressed on the `top_k` sources that are most similar to it by another measure. By target, or where each
/// source is to keep its best, by source.
pub fn regressed(
    fit: &Fit<'_>,
    matrix: &RatingMatrix,
    ridge: Ridge,
) -> Result<Neighbours, EaseError> {
    let top_k = fit.selection.top_k;
    let progress = Progress::new(fit.on_row, fit.wanted.len());
    let step = || progress.step();
    let similar = fit.measure.of_candidates();
    let Formula::OfProducts(formula) = similar.formula else {
        unreachable!("candidates are chosen by a sum of products")
    };
    let candidates = Fit {
        measure: &similar,
        selection: Selection { cut: Cut::Target, top_k },
        wanted: fit.wanted.clone(),
        on_row: &step,
        ..*fit
    };
    // Of the ratings as they are: what they count is decided anew.
    let weighed = weigh(matrix, &similar);
    let ratings = Relabelled::new(&weighed);
    let items = Items::of(&weighed, &ratings, formula);
    drop(weighed);
    let mut rows = if let Values::OfUsers(fixed) = ratings.values()
        && Half::bytes(&ratings) <= MOST_HALF_BYTES
    {
        let mut half = Half::new(&ratings);
        let best = candidates.candidates(&ratings, &items, formula, fixed, &mut half);
        ease::regress_counts(&ratings, &half, ridge, best, fit.how.instructions, &step)?
    } else {
        let best = candidates.best_of_products(&ratings, &items, formula, None);
        let found = Neighbours::of_ranks(&ratings, best.iter().map(Vec::as_slice));
        drop((best, ratings, items));
        let mut rows: Vec<Vec<Neighbour>> =
            (0..found.item_count()).map(|item| found.row(item).iter().collect()).collect();
        let (first, wanted) = (fit.wanted.start, fit.wanted.clone());
        let weighted = weighted(matrix, fit.measure);
        let how = (ridge, fit.how.instructions);
        ease::regress(&weighted, how, first, &mut rows[wanted], &step)?;
        rows
    };
    for row in &mut rows {
        row.retain(|neighbour| neighbour.score.is_finite() && neighbour.score != 0.0);
        keep_best(row, top_k);
    }
    progress.finish();
    let found = Neighbours::from_rows(rows);
    Ok(match fit.selection.cut {
        Cut::Target => found,
        Cut::Source => found.turned().truncated(top_k),
    })
}

/// Tells of one computation in two parts as of one row after the other.
struct Progress<'a> {
    on_row: &'a (dyn Fn() + Sync),
    rows: usize,
    steps: AtomicUsize,
}

impl<'a> Progress<'a> {
    fn new(on_row: &'a (dyn Fn() + Sync), rows: usize) -> Self {
        Self { on_row, rows, steps: AtomicUsize::new(0) }
    }

    /// About two steps make a row.
    fn step(&self) {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if step % 2 == 1 && step < 2 * self.rows {
            (self.on_row)();
        }
    }

    fn finish(&self) {
        let told = (self.steps.load(Ordering::Relaxed) / 2).min(self.rows);
        (told..self.rows).for_each(|_| (self.on_row)());
    }
}
