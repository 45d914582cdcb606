//! `G`, the matrix that is inverted, scaled so that its diagonal is 1: items of every popularity then keep the same share
//! of the precision.

use super::super::matrix::RatingMatrix;
use super::Ridge;
use super::tiles::SymmetricTiles;

/// `G = X'X + R`, R diagonal.
pub struct Gram<'a> {
    /// X, users by items.
    pub matrix: &'a RatingMatrix,
    /// The diagonal of R.
    pub ridge: Vec<f64>,
    /// The diagonal of G.
    pub diagonal: Vec<f64>,
    /// The unit of each item's values.
    pub units: Vec<f64>,
}

impl<'a> Gram<'a> {
    /// Of the items of a weighted matrix.
    pub fn new(matrix: &'a RatingMatrix, ridge: Ridge) -> Self {
        let units = matrix.units();
        let squared_norm =
            |(item, unit): (usize, &f64)| matrix.squared_norm(item) as f64 * unit * unit;
        let squared_norms: Vec<f64> = units.iter().enumerate().map(squared_norm).collect();
        let odds = ridge.dropout / (1.0 - ridge.dropout);
        let ridge: Vec<f64> = squared_norms.iter().map(|norm| ridge.lambda + odds * norm).collect();
        let diagonal = squared_norms.iter().zip(&ridge).map(|(norm, ridge)| norm + ridge).collect();
        Self { matrix, ridge, diagonal, units }
    }

    /// G scaled. Its sums are exact until they are divided and rounded.
    pub fn tiles(&self, side: usize) -> SymmetricTiles {
        let (matrix, size) = (self.matrix, self.matrix.item_count());
        let units = &self.units;
        let scratch = || (vec![(0i64, false); size], Vec::new());
        SymmetricTiles::new(size, side, scratch, |(sums, touched), row, put| {
            for rater in matrix.item_row(row) {
                for rated in matrix.user_row(rater.index as usize) {
                    // What lies beyond the diagonal is the other half.
                    if rated.index as usize > row {
                        break;
                    }
                    let (sum, is_touched) = &mut sums[rated.index as usize];
                    if !*is_touched {
                        *is_touched = true;
                        touched.push(rated.index as usize);
                    }
                    *sum += i64::from(rater.fixed) * i64::from(rated.fixed);
                }
            }
            for column in touched.drain(..) {
                let (sum, _) = std::mem::take(&mut sums[column]);
                let sum = sum as f64 * units[row] * units[column];
                put(column, sum / (self.diagonal[row] * self.diagonal[column]).sqrt());
            }
            put(row, 1.0);
        })
    }
}
