//! Obviously right and slow: what the kernel is checked against.

use super::fit::{Cut, Selection};
use super::formula::{Items, kept};
use super::matrix::RatingMatrix;
use super::measure::{Formula, Measure};
use super::neighbours::{Neighbour, Neighbours};
use super::product::{Dot, Five, RareSums};
use super::relabelled::Relabelled;
use super::weighting::{Weighed, Worth, weighted};

/// Dense columns, one pair at a time, full stable sorts.
pub fn fit(matrix: &RatingMatrix, measure: &Measure, selection: Selection) -> Neighbours {
    let weighed = Weighed { pairs: weighted(matrix, measure), worth: Worth::Each };
    let matrix = weighed.pairs.as_ref();
    match measure.formula {
        Formula::OfProducts(formula) => {
            let ratings = Relabelled::new(&weighed);
            let (items, ranks) = (Items::of(&weighed, &ratings, formula), ratings.rank_of());
            let rank = |item: usize| ranks[item] as usize;
            with_sums::<Dot>(matrix, measure, selection, |sum, count, target, source| {
                items.similarity(sum, count, rank(target), rank(source))
            })
        }
        Formula::PearsonCoRaters => {
            with_sums::<Five>(matrix, measure, selection, |correlation, _, _, _| correlation)
        }
        Formula::Ease(_) | Formula::SparseEase(_) => panic!("EASE has an oracle of its own"),
    }
}

fn with_sums<S: RareSums>(
    matrix: &RatingMatrix,
    measure: &Measure,
    selection: Selection,
    similarity: impl Fn(f64, u32, usize, usize) -> f64,
) -> Neighbours {
    let count = matrix.item_count();
    let mut columns = vec![vec![None; matrix.user_count()]; count];
    for (item, column) in columns.iter_mut().enumerate() {
        for cell in matrix.item_row(item) {
            column[cell.index as usize] = Some(i64::from(cell.fixed));
        }
    }
    let pair = |target: usize, source: usize| -> Option<(f32, u32)> {
        let (mut sums, mut co_count) = (S::default(), 0);
        for (x, y) in columns[target].iter().zip(&columns[source]) {
            if let (Some(x), Some(y)) = (*x, *y) {
                sums.add(x, y);
                co_count += 1;
            }
        }
        // No user, no pair; nor with itself.
        if co_count == 0 || target == source {
            return None;
        }
        let similarity = similarity(sums.total(co_count), co_count, target, source);
        kept(measure, similarity, co_count).map(|score| (score, co_count))
    };
    let mut pairs = Vec::new();
    for own in 0..count {
        let mut best: Vec<(usize, usize, (f32, u32))> = (0..count)
            .map(|other| match selection.cut {
                Cut::Target => (own, other),
                Cut::Source => (other, own),
            })
            .filter_map(|(target, source)| Some((target, source, pair(target, source)?)))
            .collect();
        best.sort_by(|a, b| b.2.0.abs().total_cmp(&a.2.0.abs()));
        best.truncate(selection.top_k);
        pairs.extend(best);
    }
    Neighbours::from_rows((0..count).map(|target| {
        let mut row: Vec<Neighbour> = pairs
            .iter()
            .filter(|pair| pair.0 == target)
            .map(|&(_, source, (score, co_count))| Neighbour {
                item: source as u32,
                score,
                co_count,
            })
            .collect();
        row.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
        row
    }))
}
