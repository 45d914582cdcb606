//! Eight symmetric systems solved side by side, one in each lane of a vector.

use super::EaseError;
use crate::similarity::product::instructions::{InstructionSet, Instructions, Work};

/// How many systems are solved at a time.
pub const LANES: usize = 8;

/// A number of each system.
type Lanes = [f64; LANES];

/// Where row `row` of a lower half begins.
pub const fn begin(row: usize) -> usize {
    row * (row + 1) / 2
}

/// Eight systems of the same size, in double precision.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lower halves, row by row.
    system: Vec<Lanes>,
    /// What they are to give; solved, the unknowns.
    right: Vec<Lanes>,
}

impl Batch {
    /// Bytes of a batch of this many unknowns.
    pub const fn bytes(unknowns: usize) -> usize {
        (begin(unknowns) + unknowns) * size_of::<Lanes>()
    }

    /// Makes room for systems of this many unknowns: identities, whose unknowns are 0, where nothing else is set.
    pub fn reset(&mut self, unknowns: usize) {
        self.system.clear();
        self.system.resize(begin(unknowns), [0.0; LANES]);
        self.right.clear();
        self.right.resize(unknowns, [0.0; LANES]);
        for row in 0..unknowns {
            self.system[begin(row) + row] = [1.0; LANES];
        }
    }

    /// Sets an entry of the symmetric system of a lane.
    #[inline(always)]
    pub fn set(&mut self, lane: usize, x: usize, y: usize, value: f64) {
        self.system[begin(x.max(y)) + x.min(y)][lane] = value;
    }

    /// Sets what a row is to give.
    #[inline(always)]
    pub fn set_right(&mut self, lane: usize, row: usize, value: f64) {
        self.right[row][lane] = value;
    }

    /// An unknown, once solved.
    #[inline(always)]
    pub fn unknown(&self, lane: usize, row: usize) -> f64 {
        self.right[row][lane]
    }

    /// Solves all: Cholesky's decomposition, then forwards and backwards, in one order whatever the instructions.
    ///
    /// # Errors
    /// When a system has no solution as far as double precision can tell.
    pub fn solve(&mut self, instructions: InstructionSet) -> Result<(), EaseError> {
        let is_solved =
            instructions.run(Solve { system: &mut self.system, right: &mut self.right });
        is_solved.then_some(()).ok_or(EaseError::Inexact { residual: f64::INFINITY })
    }
}

struct Solve<'a> {
    system: &'a mut [Lanes],
    right: &'a mut [Lanes],
}

#[inline(always)]
fn add_product(sum: &mut Lanes, x: &Lanes, y: &Lanes) {
    for lane in 0..LANES {
        sum[lane] += x[lane] * y[lane];
    }
}

/// `(value - sum) / by`.
#[inline(always)]
fn eliminate(value: &mut Lanes, sum: &Lanes, by: &Lanes) {
    for lane in 0..LANES {
        value[lane] = (value[lane] - sum[lane]) / by[lane];
    }
}

impl Work for Solve<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<I: Instructions>(self, _: I) -> bool {
        let Self { system, right } = self;
        let count = right.len();
        let mut is_solved = true;
        for row in 0..count {
            let (above, own) = system.split_at_mut(begin(row));
            let own = &mut own[..=row];
            let mut column = 0;
            // Four columns at a time: each entry of the row is read once for all of them.
            while column + 4 <= row {
                let other = |next: usize| &above[begin(column + next)..][..=column + next];
                let (a, b, c, d) = (other(0), other(1), other(2), other(3));
                let (mut of_a, mut of_b, mut of_c, mut of_d) =
                    ([0.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
                let before = own[..column].iter().zip(a).zip(b).zip(c).zip(d);
                for ((((x, a), b), c), d) in before {
                    add_product(&mut of_a, x, a);
                    add_product(&mut of_b, x, b);
                    add_product(&mut of_c, x, c);
                    add_product(&mut of_d, x, d);
                }
                let rows = [(a, of_a), (b, of_b), (c, of_c), (d, of_d)];
                for (next, (other, mut sum)) in rows.into_iter().enumerate() {
                    for at in column..column + next {
                        add_product(&mut sum, &own[at], &other[at]);
                    }
                    eliminate(&mut own[column + next], &sum, &other[column + next]);
                }
                column += 4;
            }
            while column < row {
                let other = &above[begin(column)..][..=column];
                let mut sum = [0.0; LANES];
                own[..column].iter().zip(other).for_each(|(x, y)| add_product(&mut sum, x, y));
                eliminate(&mut own[column], &sum, &other[column]);
                column += 1;
            }
            let (before, diagonal) = own.split_at_mut(row);
            let (mut squares, mut sum) = ([0.0; LANES], [0.0; LANES]);
            for (x, y) in before.iter().zip(&*right) {
                add_product(&mut squares, x, x);
                add_product(&mut sum, x, y);
            }
            let diagonal = &mut diagonal[0];
            for lane in 0..LANES {
                let rest = diagonal[lane] - squares[lane];
                // Not `<=`: what is no number must not pass.
                is_solved &= rest > f64::EPSILON * diagonal[lane].abs() && rest.is_finite();
                diagonal[lane] = rest.sqrt();
            }
            let by = *diagonal;
            eliminate(&mut right[row], &sum, &by);
        }
        for row in (0..count).rev() {
            let own = &system[begin(row)..][..=row];
            let (before, value) = right.split_at_mut(row);
            let value = &mut value[0];
            eliminate(value, &[0.0; LANES], &own[row]);
            for (x, y) in before.iter_mut().zip(own) {
                for lane in 0..LANES {
                    x[lane] -= value[lane] * y[lane];
                }
            }
        }
        is_solved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Systems of two unknowns, each (a, b, c; x, y): [[a, b], [b, c]] is to give (x, y).
    fn solved(systems: &[[f64; 5]]) -> Result<Vec<[f64; 2]>, EaseError> {
        let mut batch = Batch::default();
        batch.reset(2);
        for (lane, &[a, b, c, x, y]) in systems.iter().enumerate() {
            batch.set(lane, 0, 0, a);
            batch.set(lane, 0, 1, b);
            batch.set(lane, 1, 1, c);
            batch.set_right(lane, 0, x);
            batch.set_right(lane, 1, y);
        }
        batch.solve(InstructionSet::chosen())?;
        Ok((0..systems.len())
            .map(|lane| [batch.unknown(lane, 0), batch.unknown(lane, 1)])
            .collect())
    }

    #[test]
    fn systems_are_solved_each_in_its_lane() -> Result<(), EaseError> {
        // [[4, 2], [2, 3]] (1, -2) = (0, -4), and one that is diagonal.
        let found = solved(&[[4.0, 2.0, 3.0, 0.0, -4.0], [2.0, 0.0, 5.0, 4.0, 15.0]])?;
        let expected = [[1.0, -2.0], [2.0, 3.0]];
        for (x, y) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((x - y).abs() < 1e-12, "{found:?}");
        }
        Ok(())
    }

    #[test]
    fn what_has_no_solution_is_refused_in_whichever_lane() {
        let fine = [4.0, 2.0, 3.0, 1.0, 1.0];
        for [a, b, c] in [[1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [1.0, f64::NAN, 1.0], [1.0, 2.0, 1.0]] {
            assert!(solved(&[fine, fine, [a, b, c, 1.0, 1.0], fine]).is_err(), "{a} {b} {c}");
        }
    }
}
