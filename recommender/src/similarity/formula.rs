//! One place for each formula: from exact sums to a similarity.

use super::matrix::{RatingMatrix, power_of_two};
use super::measure::{Measure, Norm, ProductFormula};

/// Sums over the users who rated both items, in fixed point. All are exact.
pub trait Sums: Copy + Default + Send {
    /// What the formula needs of each item and of all.
    type Items: Sync;
    /// Adds one user's two values.
    fn add(&mut self, x: i64, y: i64);
    /// The formula of these sums, for a target and a source.
    fn similarity(&self, co_count: u32, target: usize, source: usize, items: &Self::Items) -> f64;
}

/// The sum of the products: all that the cosine family and the counting measures need.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dot(i64);

impl Sums for Dot {
    type Items = Items;

    fn add(&mut self, x: i64, y: i64) {
        self.0 += x * y;
    }

    fn similarity(&self, co_count: u32, target: usize, source: usize, items: &Items) -> f64 {
        let both = f64::from(co_count);
        let (t, s) = (&items.items[target], &items.items[source]);
        match items.formula {
            // One root of the exact product is symmetric and rounds once; two powers would round twice. Units cancel.
            ProductFormula::Cosine {
                norm: Norm::Squared,
                target_exponent,
                source_exponent,
                ..
            } if target_exponent == 0.5 && source_exponent == 0.5 => {
                self.0 as f64 / (t.squared_norm * s.squared_norm).sqrt()
            }
            ProductFormula::Cosine { .. } => {
                let near = self.0 as f64 * t.unit * s.unit / (t.as_target * s.as_source);
                let far = t.far_as_target + s.far_as_source;
                if far == 0.0 { near } else { near * far.exp2() }
            }
            ProductFormula::Jaccard => both / (t.raters + s.raters - both),
            ProductFormula::Dice => 2.0 * both / (t.raters + s.raters),
            ProductFormula::ConditionalProbability => both / s.raters,
            ProductFormula::Lift => both * items.raters / (t.raters * s.raters),
            ProductFormula::LogLikelihood => log_likelihood(both, t.raters, s.raters, items.raters),
        }
    }
}

/// What Pearson's correlation over co-raters needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Five {
    x: i64,
    y: i64,
    xx: i64,
    yy: i64,
    xy: i64,
}

impl Sums for Five {
    type Items = ();

    fn add(&mut self, x: i64, y: i64) {
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// `(n sum(xy) - sum(x) sum(y)) / sqrt((n sum(xx) - sum(x)^2) (n sum(yy) - sum(y)^2))`; 0 where a side does not
    /// vary. The differences are exact, so nothing cancels.
    fn similarity(&self, co_count: u32, _: usize, _: usize, (): &()) -> f64 {
        let [x, y, xx, yy, xy] = [self.x, self.y, self.xx, self.yy, self.xy].map(i128::from);
        let n = i128::from(co_count);
        let (varies_x, varies_y) = (n * xx - x * x, n * yy - y * y);
        if varies_x == 0 || varies_y == 0 {
            return 0.0;
        }
        (n * xy - x * y) as f64 / (varies_x as f64 * varies_y as f64).sqrt()
    }
}

/// What the formulas of products need of each item and of all.
pub struct Items {
    formula: ProductFormula,
    items: Vec<Item>,
    raters: f64,
}

/// Units of fixed point to the power of this or less are nearby: with them whatever exponents make of norms is within
/// double precision.
const NEARBY: i64 = 64;

struct Item {
    raters: f64,
    /// In units of fixed point squared.
    squared_norm: f64,
    /// That of the item's values, where it is nearby; else 1, and what it makes of a similarity, as a power of two, stands
    /// apart.
    unit: f64,
    /// The norm to the exponent of targets, and of sources.
    as_target: f64,
    as_source: f64,
    far_as_target: f64,
    far_as_source: f64,
}

impl Items {
    /// Of a weighted matrix.
    pub fn of(matrix: &RatingMatrix, formula: ProductFormula) -> Self {
        let item = |item: usize| {
            let raters = matrix.item_row(item).len() as f64;
            let squared_norm = matrix.squared_norm(item) as f64;
            let exponent = matrix.exponent(item);
            let (near, far) = if exponent.abs() <= NEARBY { (exponent, 0) } else { (0, exponent) };
            let unit = power_of_two(near);
            let (norm, target_exponent, source_exponent) = match formula {
                ProductFormula::Cosine { norm, target_exponent, source_exponent, .. } => {
                    (norm, target_exponent, source_exponent)
                }
                // They look at raters alone.
                _ => (Norm::Popularity, 0.0, 0.0),
            };
            // The squared norm has the unit's square, of which the exponent takes its part.
            let (norm, units) = match norm {
                Norm::Squared => (squared_norm * unit * unit, 2.0),
                Norm::Popularity => (raters, 0.0),
            };
            let far = |exponent: f64| far as f64 * (1.0 - units * exponent);
            Item {
                raters,
                squared_norm,
                unit,
                as_target: norm.powf(target_exponent),
                as_source: norm.powf(source_exponent),
                far_as_target: far(target_exponent),
                far_as_source: far(source_exponent),
            }
        };
        Self {
            formula,
            items: (0..matrix.item_count()).map(item).collect(),
            raters: (0..matrix.user_count()).filter(|&u| !matrix.user_row(u).is_empty()).count()
                as f64,
        }
    }
}

/// The similarity as it is kept: held back where it rests on few users. `None` where there is none.
pub fn kept<S: Sums>(
    measure: &Measure,
    sums: &S,
    co_count: u32,
    target: usize,
    source: usize,
    items: &S::Items,
) -> Option<f32> {
    if target == source || co_count < measure.min_co_count {
        return None;
    }
    let count = f64::from(co_count);
    let mut score = sums.similarity(co_count, target, source, items);
    if measure.shrinkage > 0.0 {
        score *= count / (count + measure.shrinkage);
    }
    if co_count < measure.significance {
        score *= count / f64::from(measure.significance);
    }
    let score = score as f32;
    (score.is_finite() && score != 0.0 && (score > 0.0 || measure.is_signed())).then_some(score)
}

/// Dunning's G2 of the table [both, target only; source only, neither], `2 * sum k ln(k N / (row column))`; 0 where
/// both are rated together no more often than by chance.
fn log_likelihood(both: f64, target: f64, source: f64, all: f64) -> f64 {
    if both * all <= target * source {
        return 0.0;
    }
    let term = |k: f64, row: f64, column: f64| {
        if k == 0.0 { 0.0 } else { k * (k * all / (row * column)).ln() }
    };
    let only =
        term(target - both, target, all - source) + term(source - both, source, all - target);
    let neither = term(all - target - source + both, all - target, all - source);
    2.0 * (term(both, target, source) + neither + only)
}

#[cfg(test)]
mod tests {
    use super::log_likelihood;

    #[test]
    fn log_likelihood_equals_the_sum_over_the_table() {
        // Counts 10, 20; 5, 65: expected 4.5, 25.5; 10.5, 59.5.
        let expected = 2.0
            * (10.0 * (10.0f64 / 4.5).ln()
                + 20.0 * (20.0f64 / 25.5).ln()
                + 5.0 * (5.0f64 / 10.5).ln()
                + 65.0 * (65.0f64 / 59.5).ln());
        assert!((log_likelihood(10.0, 30.0, 15.0, 100.0) - expected).abs() < 1e-9);
        assert_eq!(log_likelihood(1.0, 30.0, 15.0, 100.0), 0.0);
    }
}
