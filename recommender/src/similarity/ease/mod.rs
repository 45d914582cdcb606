//! EASE: every item regressed on all others, in closed form (Steck 2019, "Embarrassingly shallow autoencoders for sparse
//! data"). With a dropout it is EDLAE (Steck 2020, "Autoencoders that don't overfit towards the identity").
//!
//! `G = X'X + lambda I + p / (1 - p) diag(X'X)`, `P = inverse(G)`, and source i weighs `-P_ij / P_jj` for target j. G is
//! dense: memory grows with the square of the items, work with the cube. See [`super::fit_cost`]. [`neighbourhood`] does
//! without.

mod batch;
mod gram;
mod neighbourhood;
mod of_counts;
mod residual;
mod tiles;

#[cfg(test)]
mod tests;

use rayon::prelude::*;
use thiserror::Error;

use super::fit::{Cut, Selection};
use super::matrix::RatingMatrix;
use super::neighbours::{Neighbour, Neighbours};
use super::top_k::keep_best;

use gram::Gram;
use tiles::SymmetricTiles;

pub use batch::Batch;
pub use neighbourhood::{block_bytes, regress};
pub use of_counts::regress_counts;
pub use tiles::SIDE;

/// What holds the weights of the regression back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge {
    /// Added to every item's squared norm.
    pub lambda: f64,
    /// `p`: the share of a profile that the regression has to do without, 0 for EASE.
    pub dropout: f64,
}

/// Why a regression has no result.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum EaseError {
    /// Single precision does not suffice.
    #[error(
        "the regression came out too inexact (residual {residual:.1e}, allowed is {MAX_RESIDUAL:.0e}): \
         raise --lambda, or choose another measure"
    )]
    Inexact {
        /// The largest root mean square of `G P v - v` over a few vectors v of ones and minus ones.
        residual: f64,
    },
}

/// Above it an inverse is refused: its weights would be off by about as much.
const MAX_RESIDUAL: f64 = 1e-2;

/// The weights of the greatest magnitude. Of a weighted matrix.
///
/// The inverse is computed in tiles of a fixed size, each by one thread and in a fixed order, so that the number of
/// threads changes no bit. Another processor may: single precision is not exact, and the matrix product suits itself to
/// the instructions that it finds.
pub fn fit(
    matrix: &RatingMatrix,
    ridge: Ridge,
    selection: Selection,
    on_row: &(dyn Fn() + Sync),
) -> Result<Neighbours, EaseError> {
    fit_in_tiles(matrix, ridge, selection, on_row, SIDE)
}

fn fit_in_tiles(
    matrix: &RatingMatrix,
    ridge: Ridge,
    selection: Selection,
    on_row: &(dyn Fn() + Sync),
    side: usize,
) -> Result<Neighbours, EaseError> {
    let gram = Gram::new(matrix, ridge);
    let mut inverse = gram.tiles(side);
    let not_positive = |_| EaseError::Inexact { residual: f64::INFINITY };
    inverse.invert(&|items| (0..items).for_each(|_| on_row())).map_err(not_positive)?;
    let residual = residual::largest(&gram, &inverse);
    // Not the negation of `<=`: a residual that is no number must not pass.
    if residual <= MAX_RESIDUAL {
        Ok(best(&gram, &inverse, selection))
    } else {
        Err(EaseError::Inexact { residual })
    }
}

fn best(gram: &Gram<'_>, inverse: &SymmetricTiles, selection: Selection) -> Neighbours {
    let count = gram.matrix.item_count();
    let diagonal: Vec<f64> = (0..count).map(|item| f64::from(inverse.get(item, item))).collect();
    // Of the inverse of the scaled matrix.
    let weight = |entry: f32, target: usize, source: usize| {
        let scale = (gram.diagonal[target] / gram.diagonal[source]).sqrt();
        (-f64::from(entry) / diagonal[target] * scale) as f32
    };
    let row = |(column, co_counts): &mut (Vec<f32>, Vec<u32>), own: usize| {
        inverse.column(own, column);
        let weights = column.iter().enumerate().filter(|&(other, _)| other != own);
        let mut row: Vec<Neighbour> = weights
            .map(|(other, &entry)| {
                let (target, source) = match selection.cut {
                    Cut::Target => (own, other),
                    Cut::Source => (other, own),
                };
                Neighbour { item: other as u32, score: weight(entry, target, source), co_count: 0 }
            })
            .filter(|neighbour| neighbour.score.is_finite() && neighbour.score != 0.0)
            .collect();
        keep_best(&mut row, selection.top_k);
        // Room for all items in every row would be three times the square that is inverted.
        row.shrink_to_fit();
        count_raters_of_both(gram.matrix, own, &mut row, co_counts);
        row
    };
    let scratch = || (Vec::new(), vec![0; count]);
    let rows: Vec<_> = (0..count).into_par_iter().map_init(scratch, row).collect();
    let found = Neighbours::from_rows(rows);
    match selection.cut {
        Cut::Target => found,
        Cut::Source => found.turned(),
    }
}

/// Fills in the co-counts of a row. `counts` is all zeros, before and after.
fn count_raters_of_both(
    matrix: &RatingMatrix,
    own: usize,
    row: &mut [Neighbour],
    counts: &mut [u32],
) {
    let rated =
        || matrix.item_row(own).iter().flat_map(|rater| matrix.user_row(rater.index as usize));
    for cell in rated() {
        counts[cell.index as usize] += 1;
    }
    for neighbour in row {
        neighbour.co_count = counts[neighbour.item as usize];
    }
    for cell in rated() {
        counts[cell.index as usize] = 0;
    }
}
