//! One place for each formula: from exact sums to a similarity.

use rayon::prelude::*;

use super::matrix::power_of_two;
use super::measure::{Measure, Norm, ProductFormula};
use super::relabelled::Relabelled;
use super::weighting::Weighed;

/// What the formulas of products need of each item, by rank, and of all.
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
    /// Of weighed ratings, and of the same by rank.
    pub fn of(weighed: &Weighed<'_>, ratings: &Relabelled, formula: ProductFormula) -> Self {
        let item = |rank: usize| {
            let raters = ratings.raters(rank).len() as f64;
            let squared_norm = ratings.squared_norm(rank) as f64;
            let exponent = weighed.exponent(ratings.item_of()[rank] as usize);
            let (near, far) = if exponent.abs() <= NEARBY { (exponent, 0) } else { (0, exponent) };
            let unit = power_of_two(near);
            let (norm, target_exponent, source_exponent) = match formula {
                ProductFormula::Cosine { norm, target_exponent, source_exponent, .. } => {
                    (norm, target_exponent, source_exponent)
                }
                // They look at raters alone.
                ProductFormula::Jaccard
                | ProductFormula::Dice
                | ProductFormula::ConditionalProbability
                | ProductFormula::Lift
                | ProductFormula::LogLikelihood => (Norm::Popularity, 0.0, 0.0),
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
            items: (0..ratings.item_count()).into_par_iter().map(item).collect(),
            raters: weighed.active_users() as f64,
        }
    }

    /// The formula, for a target and a source that `co_count` users rated, of the sum of their products in fixed point.
    pub fn similarity(&self, sum: f64, co_count: u32, target: usize, source: usize) -> f64 {
        let both = f64::from(co_count);
        let (t, s) = (&self.items[target], &self.items[source]);
        match self.formula {
            // One root of the exact product is symmetric and rounds once; two powers would round twice. Units cancel.
            ProductFormula::Cosine {
                norm: Norm::Squared,
                target_exponent: 0.5,
                source_exponent: 0.5,
                ..
            } => sum / (t.squared_norm * s.squared_norm).sqrt(),
            ProductFormula::Cosine { .. } => {
                let near = sum * t.unit * s.unit / (t.as_target * s.as_source);
                let far = t.far_as_target + s.far_as_source;
                if far == 0.0 { near } else { near * far.exp2() }
            }
            ProductFormula::Jaccard => both / (t.raters + s.raters - both),
            ProductFormula::Dice => 2.0 * both / (t.raters + s.raters),
            ProductFormula::ConditionalProbability => both / s.raters,
            ProductFormula::Lift => both * self.raters / (t.raters * s.raters),
            ProductFormula::LogLikelihood => log_likelihood(both, t.raters, s.raters, self.raters),
        }
    }

    /// What an item contributes to a bound, as target and as source: a factor of the sum for formulas that are a product, the
    /// number of raters for others.
    pub fn factors(&self, rank: usize) -> [f64; 2] {
        let item = &self.items[rank];
        match self.formula {
            ProductFormula::Cosine {
                norm: Norm::Squared,
                target_exponent: 0.5,
                source_exponent: 0.5,
                ..
            } => [item.squared_norm.sqrt().recip(); 2],
            ProductFormula::Cosine { .. } => {
                let near = |norm: f64, far: f64| item.unit / norm * far.exp2();
                [near(item.as_target, item.far_as_target), near(item.as_source, item.far_as_source)]
            }
            ProductFormula::ConditionalProbability => [1.0, item.raters.recip()],
            ProductFormula::Lift => [self.raters.sqrt() / item.raters; 2],
            ProductFormula::Jaccard | ProductFormula::Dice | ProductFormula::LogLikelihood => {
                [item.raters; 2]
            }
        }
    }

    /// How many users there are who rated anything.
    pub fn raters(&self) -> f64 {
        self.raters
    }
}

/// A similarity as it is kept: held back where it rests on few users. `None` where there is none.
pub fn kept(measure: &Measure, similarity: f64, co_count: u32) -> Option<f32> {
    if co_count < measure.min_co_count {
        return None;
    }
    let count = f64::from(co_count);
    let mut score = similarity;
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
