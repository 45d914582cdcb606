//! Sparse EASE: the kernel finds each target's candidates, and a regression weighs them.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ease::{self, EaseError, Ridge};
use super::fit::{Cut, Selection, rows};
use super::formula::{Dot, Items};
use super::matrix::RatingMatrix;
use super::measure::{Formula, Measure};
use super::neighbours::{Neighbour, turned};
use super::top_k::keep_best;
use super::weighting::weighted;

/// Each target regressed on the `top_k` sources that are most similar to it by another measure.
pub fn regressed_rows(
    matrix: &RatingMatrix,
    (measure, ridge): (&Measure, Ridge),
    top_k: usize,
    computed: Range<usize>,
    on_row: &(dyn Fn() + Sync),
) -> Result<Vec<Vec<Neighbour>>, EaseError> {
    let progress = Progress::new(on_row, computed.len());
    let step = || progress.step();
    let first = computed.start;
    let mut rows = {
        let similar = measure.of_candidates();
        let Formula::OfProducts(formula) = similar.formula else {
            unreachable!("candidates are chosen by a sum of products")
        };
        // Of the ratings as they are: what they count is decided anew.
        let matrix = weighted(matrix, &similar);
        let items = Items::of(&matrix, formula);
        let selection = Selection { cut: Cut::Target, top_k };
        rows::<Dot>(&matrix, &similar, &items, selection, computed, &step)
    };
    ease::regress(&weighted(matrix, measure), ridge, first, &mut rows, &step)?;
    for row in &mut rows {
        row.retain(|neighbour| neighbour.score.is_finite() && neighbour.score != 0.0);
        keep_best(row, top_k);
    }
    progress.finish();
    Ok(rows)
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

/// Rows of targets as rows of sources, the best of each.
pub fn best_of_sources(by_target: Vec<Vec<Neighbour>>, top_k: usize) -> Vec<Vec<Neighbour>> {
    let mut rows = turned(by_target);
    for row in &mut rows {
        row.truncate(top_k);
    }
    rows
}
