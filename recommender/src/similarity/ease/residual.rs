//! How exact an inverse is, without the matrix that it replaced: G is applied through the ratings.

use rayon::prelude::*;

use super::gram::Gram;
use super::tiles::SymmetricTiles;

/// Vectors that are tried.
const VECTORS: u64 = 4;

/// The largest root mean square of `G P v - v` (both scaled) over a few vectors of ones and minus ones: an estimate of
/// the norm of `G P - I` (Hutchinson 1990). Work: a pass over P and two over the ratings for each vector.
pub fn largest(gram: &Gram<'_>, inverse: &SymmetricTiles) -> f64 {
    (0..VECTORS).map(|vector| root_mean_square(gram, inverse, vector)).fold(0.0, worse)
}

/// The greater one; no number is worse than any.
fn worse(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn root_mean_square(gram: &Gram<'_>, inverse: &SymmetricTiles, vector: u64) -> f64 {
    let (matrix, count) = (gram.matrix, inverse.size());
    let signs: Vec<f64> = (0..count as u64).map(|item| sign(vector, item)).collect();
    // t = D^(-1/2) P v, then s = X t by user, then G's row of every item.
    let t: Vec<f64> = (0..count)
        .into_par_iter()
        .map_init(Vec::new, |column, item| {
            inverse.column(item, column);
            let sum: f64 = column.iter().zip(&signs).map(|(x, sign)| f64::from(*x) * sign).sum();
            sum / gram.diagonal[item].sqrt()
        })
        .collect();
    let units = &gram.units;
    let product = |row: &[super::super::matrix::Cell], by: &[f64]| -> f64 {
        row.iter().map(|cell| f64::from(cell.fixed) * by[cell.index as usize]).sum()
    };
    let t_in_units: Vec<f64> = t.iter().zip(units).map(|(t, unit)| t * unit).collect();
    let s: Vec<f64> = (0..matrix.user_count())
        .into_par_iter()
        .map(|user| product(matrix.user_row(user), &t_in_units))
        .collect();
    let squares: Vec<f64> = (0..count)
        .into_par_iter()
        .map(|item| {
            let product = product(matrix.item_row(item), &s) * units[item];
            let found = product + gram.ridge[item] * t[item];
            (found / gram.diagonal[item].sqrt() - signs[item]).powi(2)
        })
        .collect();
    (squares.iter().sum::<f64>() / count.max(1) as f64).sqrt()
}

/// 1 or -1, by a hash (the finaliser of SplitMix64, Steele et al. 2014).
fn sign(vector: u64, item: u64) -> f64 {
    let mut z = (vector << 32 | item).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    if (z ^ (z >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
}
