//! What a pair is worth: a bound in single precision for many at a time, and the similarity of those that pass it.

use std::ops::Range;

use super::fit::Cut;
use super::formula::{Items, kept};
use super::measure::{Measure, ProductFormula};
use super::product::Scores;
use super::relabelled::Relabelled;

/// A bound of a formula, before it is held back.
pub trait Bound: Sync {
    /// A numerator and a denominator: no similarity of the sum, or of how many users rated both, is of a magnitude above
    /// their quotient. A comparison multiplies, which takes a fraction of what a division does.
    fn of(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2];

    /// Whether the quotient is the similarity itself, but for rounding.
    const IS_TIGHT: bool = true;
}

/// For formulas that are the sum times something of either item.
pub struct OfProducts;

impl Bound for OfProducts {
    #[inline(always)]
    fn of(&self, sum: f32, _: f32, own: f32, other: f32) -> [f32; 2] {
        [sum.abs() * (own * other), 1.0]
    }
}

/// For Jaccard's index.
pub struct OfEither;

impl Bound for OfEither {
    #[inline(always)]
    fn of(&self, _: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        [count, own + other - count]
    }
}

/// For Dice's.
pub struct OfEach;

impl Bound for OfEach {
    #[inline(always)]
    fn of(&self, _: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        [2.0 * count, own + other]
    }
}

/// For the log-likelihood ratio of so many users: 0 for what is rated together no more often than by chance.
pub struct OfChance {
    /// Who rated anything.
    pub users: f32,
}

impl Bound for OfChance {
    const IS_TIGHT: bool = false;

    /// With d the number of users above what chance lets expect, e: each term `x ln(x / e')` of the other three cells is at
    /// most `x (x - e') / e'`, which is `d^2 / e' - d` where d are too few, and `d^2 / e' + d` where they are too many.
    #[inline(always)]
    fn of(&self, _: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        let all = self.users;
        let (not_own, not_other) = (all - own, all - other);
        let expected = own * other / all;
        let above = count - expected;
        let cells = all / (own * not_other) + all / (other * not_own) + all / (not_own * not_other);
        let bound = count * ln_from_above(count / expected) - above + above * above * cells;
        [if above > 0.0 { 2.0 * bound } else { 0.0 }, 1.0]
    }
}

/// No less than the natural logarithm, and at most 0.016 more: the exponent, and a parabola over the digits.
#[inline(always)]
fn ln_from_above(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let digits = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    let binary = (2.0 - digits / 3.0) * digits - 5.0 / 3.0 + 0.011;
    (exponent as f32 + binary) * std::f32::consts::LN_2
}

/// How pairs of a measure are judged.
pub struct Scored<'a, B> {
    measure: &'a Measure,
    /// None where sums come as similarities.
    items: Option<&'a Items>,
    cut: Cut,
    bound: B,
    shrinkage: f32,
    /// 1 or more.
    significance: f32,
    /// What a sum is multiplied by.
    scale: f64,
    /// What the bound needs of each item as the own one, and as the other.
    factors: Vec<[f32; 2]>,
    is_directed: bool,
    is_signed: bool,
    is_wanted: Vec<bool>,
}

/// Factors beyond these powers of two might leave what single precision has: their items are judged by their similarity
/// alone.
const RANGE: Range<f64> = 1.0 / (1u64 << 40) as f64..(1u64 << 40) as f64;

impl<'a, B: Bound> Scored<'a, B> {
    /// For the best of these items alone, of sums in this unit.
    pub fn new(
        (measure, cut): (&'a Measure, Cut),
        items: Option<&'a Items>,
        ratings: &Relabelled,
        wanted: &Range<usize>,
        bound: B,
        scale: f64,
    ) -> Self {
        let half_scale = scale.sqrt();
        let single = |factor: f64| {
            let factor = factor * half_scale;
            if RANGE.contains(&factor) { factor as f32 } else { f32::INFINITY }
        };
        let factors = |rank| {
            let [as_target, as_source] = items.map_or([1.0; 2], |items| items.factors(rank));
            match cut {
                Cut::Target => [single(as_target), single(as_source)],
                Cut::Source => [single(as_source), single(as_target)],
            }
        };
        let factors: Vec<[f32; 2]> = (0..ratings.rated()).map(factors).collect();
        let is_wanted = |&item: &u32| wanted.contains(&(item as usize));
        Self {
            measure,
            items,
            cut,
            bound,
            shrinkage: measure.shrinkage as f32,
            significance: measure.significance.max(1) as f32,
            scale,
            is_directed: factors.iter().any(|[own, other]| own != other),
            factors,
            is_signed: measure.is_signed(),
            is_wanted: ratings.item_of().iter().map(is_wanted).collect(),
        }
    }
}

impl<B: Bound> Scores for Scored<'_, B> {
    #[inline(always)]
    fn factors(&self, rank: usize) -> [f32; 2] {
        self.factors[rank]
    }

    fn is_directed(&self) -> bool {
        self.is_directed
    }

    #[inline(always)]
    fn bound(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        let [above, below] = self.bound.of(sum, count, own, other);
        [
            above * count * count.min(self.significance),
            below * (count + self.shrinkage) * self.significance,
        ]
    }

    #[inline(always)]
    fn least(&self, sum: f32, count: f32, own: f32, other: f32) -> [f32; 2] {
        let counts = B::IS_TIGHT && (self.is_signed || sum >= 0.0);
        if counts { self.bound(sum, count, own, other) } else { [0.0, 1.0] }
    }

    #[inline(always)]
    fn least_count(&self) -> f32 {
        self.measure.min_co_count as f32
    }

    #[inline(always)]
    fn exact(&self, sum: f64, count: u32, own: usize, other: usize) -> Option<f32> {
        let (target, source) = match self.cut {
            Cut::Target => (own, other),
            Cut::Source => (other, own),
        };
        let similarity = match self.items {
            Some(items) => items.similarity(sum * self.scale, count, target, source),
            None => sum,
        };
        kept(self.measure, similarity, count)
    }

    fn is_wanted(&self, rank: usize) -> bool {
        self.is_wanted[rank]
    }
}

/// Which bound a formula has.
pub enum BoundKind {
    /// [`OfProducts`].
    Products,
    /// [`OfEither`].
    Either,
    /// [`OfEach`].
    Each,
    /// [`OfChance`].
    Chance,
}

impl BoundKind {
    /// That of a formula.
    pub fn of(formula: ProductFormula) -> Self {
        match formula {
            ProductFormula::Cosine { .. }
            | ProductFormula::ConditionalProbability
            | ProductFormula::Lift => Self::Products,
            ProductFormula::Jaccard => Self::Either,
            ProductFormula::Dice => Self::Each,
            ProductFormula::LogLikelihood => Self::Chance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_bounded_from_above_and_narrowly() {
        for step in 0..200_000u32 {
            let x = 2f64.powf(f64::from(step) / 2_000.0 - 50.0);
            let above = f64::from(ln_from_above(x as f32)) - x.ln();
            assert!((0.0..0.016).contains(&above), "{x}: {above}");
        }
    }
}
