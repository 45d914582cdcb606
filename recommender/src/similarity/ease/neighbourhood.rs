//! EASE for catalogues whose square does not fit: each item regressed on its most similar items alone.
//!
//! Let S be the target j and its candidates. The column of the inverse of G that is zero outside S solves `G_SS p = e_j`,
//! a sparse approximate inverse column by column (Huckle and Grote 1997 and others choose S as they go; here it is given).
//! `-p_i / p_j` is then the ridge regression of j on its candidates, `(G_NN + R_NN) w = G_Nj`: what EASE gives for a
//! catalogue of S alone, and the same as EASE where S is everything. With neighbours chosen by similarity first, this is
//! the feature selection of fsSLIM (Ning and Karypis 2011), with a square penalty.

use super::super::matrix::RatingMatrix;
use super::super::neighbours::Neighbour;
use super::{EaseError, Ridge};

/// One thread's scratch memory.
pub struct Regression<'a> {
    matrix: &'a RatingMatrix,
    ridge: Ridge,
    /// For each user how many items of S are rated; zero but while a target is worked on.
    rated: Vec<u32>,
    users: Vec<u32>,
    /// By user: the place in S and the value, of each rated item.
    cells: Vec<(u32, i32)>,
    /// The lower half of G over S, row by row, in fixed point squared: exact.
    sums: Vec<i64>,
    system: Vec<f64>,
    weights: Vec<f64>,
}

/// Where row `row` of a lower half begins.
fn begin(row: usize) -> usize {
    row * (row + 1) / 2
}

impl<'a> Regression<'a> {
    /// Of the items of a weighted matrix.
    pub fn new(matrix: &'a RatingMatrix, ridge: Ridge) -> Self {
        Self {
            matrix,
            ridge,
            rated: vec![0; matrix.user_count()],
            users: Vec::new(),
            cells: Vec::new(),
            sums: Vec::new(),
            system: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Replaces the candidates' scores by their weights. Work: for each user half the square of how many candidates are
    /// rated, and a sixth of the cube of the candidates. Double precision, in a fixed order.
    ///
    /// # Errors
    /// When the regression has no solution as far as double precision can tell.
    pub fn weigh(&mut self, target: usize, candidates: &mut [Neighbour]) -> Result<(), EaseError> {
        self.sum_products(target, candidates);
        let count = candidates.len();
        let scale_squared = self.matrix.scale().powi(2);
        let unscaled = |sum: &i64| *sum as f64 / scale_squared;
        self.system.clear();
        self.system.extend(self.sums[..begin(count)].iter().map(unscaled));
        self.weights.clear();
        self.weights.extend(self.sums[begin(count)..][..count].iter().map(unscaled));
        let odds = self.ridge.dropout / (1.0 - self.ridge.dropout);
        for at in 0..count {
            let norm = &mut self.system[begin(at) + at];
            *norm += self.ridge.lambda + odds * *norm;
        }
        solve(&mut self.system, &mut self.weights)?;
        for (candidate, weight) in candidates.iter_mut().zip(&self.weights) {
            candidate.score = *weight as f32;
        }
        Ok(())
    }

    /// G over the candidates, and the target as the last row.
    fn sum_products(&mut self, target: usize, candidates: &[Neighbour]) {
        let matrix = self.matrix;
        let items = || candidates.iter().map(|candidate| candidate.item as usize).chain([target]);
        self.users.clear();
        for cell in items().flat_map(|item| matrix.item_row(item)) {
            let rated = &mut self.rated[cell.index as usize];
            if *rated == 0 {
                self.users.push(cell.index);
            }
            *rated += 1;
        }
        // From counts to the place of each user's first cell, and on to that after the last as cells are put down.
        let mut next = 0;
        for &user in &self.users {
            next += std::mem::replace(&mut self.rated[user as usize], next);
        }
        self.cells.clear();
        self.cells.resize(next as usize, (0, 0));
        for (place, item) in (0u32..).zip(items()) {
            for cell in matrix.item_row(item) {
                let at = &mut self.rated[cell.index as usize];
                self.cells[*at as usize] = (place, cell.fixed);
                *at += 1;
            }
        }
        self.sums.clear();
        self.sums.resize(begin(candidates.len() + 1), 0);
        let mut first = 0;
        for &user in &self.users {
            let after = std::mem::take(&mut self.rated[user as usize]) as usize;
            let cells = &self.cells[first..after];
            for (at, &(place, x)) in cells.iter().enumerate() {
                let row = &mut self.sums[begin(place as usize)..];
                // Places ascend, so that the rest of the row is below the diagonal.
                for &(other, y) in &cells[..=at] {
                    row[other as usize] += i64::from(x) * i64::from(y);
                }
            }
            first = after;
        }
    }
}

/// Solves a symmetric system, given by its lower half, in place: Cholesky's decomposition, then forwards and backwards.
fn solve(system: &mut [f64], right: &mut [f64]) -> Result<(), EaseError> {
    let count = right.len();
    for row in 0..count {
        let (above, own) = system.split_at_mut(begin(row));
        for column in 0..row {
            let other = &above[begin(column)..][..=column];
            let dot: f64 = own[..column].iter().zip(other).map(|(x, y)| x * y).sum();
            own[column] = (own[column] - dot) / other[column];
        }
        let rest = own[row] - own[..row].iter().map(|x| x * x).sum::<f64>();
        // Not `<=`: what is no number must not pass.
        if !(rest > f64::EPSILON * own[row].abs() && rest.is_finite()) {
            return Err(EaseError::Inexact { residual: f64::INFINITY });
        }
        own[row] = rest.sqrt();
        let dot: f64 = own[..row].iter().zip(&*right).map(|(x, y)| x * y).sum();
        right[row] = (right[row] - dot) / own[row];
    }
    for row in (0..count).rev() {
        let own = &system[begin(row)..][..=row];
        right[row] /= own[row];
        let value = right[row];
        for (x, y) in right[..row].iter_mut().zip(own) {
            *x -= value * y;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved_or_refused() {
        // [[4, 2], [2, 3]] (1, -2) = (0, -4).
        let (mut system, mut right) = (vec![4.0, 2.0, 3.0], vec![0.0, -4.0]);
        assert_eq!(solve(&mut system, &mut right), Ok(()));
        assert!((right[0] - 1.0).abs() < 1e-12 && (right[1] + 2.0).abs() < 1e-12, "{right:?}");
        for singular in [[1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [1.0, f64::NAN, 1.0], [1.0, 2.0, 1.0]] {
            assert!(solve(&mut singular.to_vec(), &mut [1.0, 1.0]).is_err(), "{singular:?}");
        }
    }
}
