//! One place for each formula: from exact sums to a similarity.

use super::matrix::RatingMatrix;
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
            // One root of the exact product is symmetric and rounds once; two powers would round twice.
            ProductFormula::Cosine {
                norm: Norm::Squared,
                target_exponent,
                source_exponent,
                ..
            } if target_exponent == 0.5 && source_exponent == 0.5 => {
                self.unscaled(items) / (t.squared_norm * s.squared_norm).sqrt()
            }
            ProductFormula::Cosine { .. } => self.unscaled(items) / (t.as_target * s.as_source),
            ProductFormula::Jaccard => both / (t.raters + s.raters - both),
            ProductFormula::Dice => 2.0 * both / (t.raters + s.raters),
            ProductFormula::ConditionalProbability => both / s.raters,
            ProductFormula::Lift => both * items.raters / (t.raters * s.raters),
            ProductFormula::LogLikelihood => log_likelihood(both, t.raters, s.raters, items.raters),
        }
    }
}

impl Dot {
    fn unscaled(self, items: &Items) -> f64 {
        self.0 as f64 / items.scale_squared
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
    scale_squared: f64,
}

struct Item {
    raters: f64,
    squared_norm: f64,
    as_target: f64,
    as_source: f64,
}

impl Items {
    /// Of a weighted matrix.
    pub fn of(matrix: &RatingMatrix, formula: ProductFormula) -> Self {
        let scale_squared = matrix.scale().powi(2);
        let item = |item: usize| {
            let row = matrix.item_row(item);
            let (raters, squared_norm) =
                (row.len() as f64, matrix.squared_norm(item) as f64 / scale_squared);
            let (as_target, as_source) = match formula {
                ProductFormula::Cosine { norm, target_exponent, source_exponent, .. } => {
                    let norm = if norm == Norm::Squared { squared_norm } else { raters };
                    (norm.powf(target_exponent), norm.powf(source_exponent))
                }
                _ => (1.0, 1.0),
            };
            Item { raters, squared_norm, as_target, as_source }
        };
        Self {
            formula,
            items: (0..matrix.item_count()).map(item).collect(),
            raters: (0..matrix.user_count()).filter(|&u| !matrix.user_row(u).is_empty()).count()
                as f64,
            scale_squared,
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
