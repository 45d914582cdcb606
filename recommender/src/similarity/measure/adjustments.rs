//! What may differ from a preset, and what is refused.

use thiserror::Error;

use super::Measure;
use super::kind::{Formula, ProductFormula, Weighting};
use super::preset::Preset;
use crate::rating_weight::WeightRule;

/// What is asked to differ from a preset. The fields' names, with hyphens, are those on the command line and in the
/// manifest's `parameters`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Adjustments {
    /// The exponent of the target's norm, 0 to 2.
    pub target_exponent: Option<f64>,
    /// The exponent of the source's norm, 0 to 2.
    pub source_exponent: Option<f64>,
    /// How much users with many ratings are held back, 0 to 2.
    pub user_exponent: Option<f64>,
    /// BM25: `k1`, 0 to 1,000.
    pub bm25_k1: Option<f64>,
    /// BM25: `b`, 0 to 1.
    pub bm25_b: Option<f64>,
    /// `h`: a similarity that rests on `c` users is multiplied by `c / (c + h)`.
    pub shrinkage: Option<f64>,
    /// `s`: a similarity that rests on `c < s` users is multiplied by `c / s` (Herlocker et al. 1999).
    pub significance: Option<u32>,
    /// Pairs that fewer users rated are left out.
    pub min_co_count: Option<u32>,
    /// EASE: what is added to every item's squared norm, 0.001 to 1e9. The greater, the less is made of rare items.
    pub lambda: Option<f64>,
    /// EASE: the share of a profile that the regression has to do without, 0 to 0.99 (EDLAE).
    pub dropout: Option<f64>,
    /// What a rating counts before the measure sees it. The counting measures and the random walks see only which
    /// ratings count, not what they weigh.
    pub rating_weight: Option<WeightRule>,
    /// Days after which a rating counts half as much, 0.01 to 1e6, from the newest rating backwards. For measures that see
    /// what ratings weigh.
    pub half_life: Option<f64>,
    /// How many ratings of a user count at most, the newest.
    pub ratings_per_user: Option<u32>,
}

/// Why a measure makes no sense.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MeasureError {
    /// No preset has this name.
    #[error("there is no measure {0:?}")]
    UnknownName(String),
    /// The measure has no such parameter.
    #[error("{measure} has no {parameter}; leave it out, or choose a measure that has it")]
    NoSuchParameter {
        /// The preset.
        measure: Preset,
        /// The parameter.
        parameter: &'static str,
    },
    /// The measure would find nothing.
    #[error(
        "{measure} compares how much ratings differ, and with the rating weight {rule} they do not; choose value, \
         minus-mean or relative"
    )]
    NoDifferences {
        /// The preset.
        measure: Preset,
        /// The rule.
        rule: WeightRule,
    },
    /// A parameter is not in its range.
    #[error("{parameter} is {value}, but must be from {least} to {most}")]
    OutOfRange {
        /// The parameter.
        parameter: &'static str,
        /// What it was set to.
        value: f64,
        /// The least allowed.
        least: f64,
        /// The greatest allowed.
        most: f64,
    },
}
impl Measure {
    /// The measure with some parameters changed.
    ///
    /// # Errors
    /// When a parameter is out of range, or the formula does not have it.
    pub fn adjusted(mut self, changes: &Adjustments) -> Result<Self, MeasureError> {
        let exponents = [
            ("target-exponent", changes.target_exponent),
            ("source-exponent", changes.source_exponent),
            ("user-exponent", changes.user_exponent),
        ];
        for (parameter, value) in exponents {
            let Some(value) = value else { continue };
            in_range(parameter, value, 0.0, 2.0)?;
            let Formula::OfProducts(ProductFormula::Cosine {
                target_exponent,
                source_exponent,
                user_exponent,
                ..
            }) = &mut self.formula
            else {
                return Err(MeasureError::NoSuchParameter { measure: self.preset, parameter });
            };
            *(match parameter {
                "target-exponent" => target_exponent,
                "source-exponent" => source_exponent,
                _ => user_exponent,
            }) = value;
        }
        self.adjust_saturation(changes)?;
        self.adjust_ridge(changes)?;
        if let Some(shrinkage) = changes.shrinkage {
            in_range("shrinkage", shrinkage, 0.0, 1e9)?;
            self.shrinkage = shrinkage;
        }
        self.significance = changes.significance.unwrap_or(self.significance);
        if let Some(least) = changes.min_co_count {
            in_range("min-co-count", f64::from(least), 1.0, f64::from(u32::MAX))?;
            self.min_co_count = least;
        }
        if let Some(rule) = changes.rating_weight {
            if self.is_centred() && rule.is_constant() {
                return Err(MeasureError::NoDifferences { measure: self.preset, rule });
            }
            self.rating_weight = rule;
        }
        if let Some(days) = changes.half_life {
            if !self.sees_weights() {
                let (measure, parameter) = (self.preset, "half-life");
                return Err(MeasureError::NoSuchParameter { measure, parameter });
            }
            in_range("half-life", days, 0.01, 1e6)?;
            self.half_life = Some(days);
        }
        if let Some(most) = changes.ratings_per_user {
            in_range("ratings-per-user", f64::from(most), 1.0, f64::from(u32::MAX))?;
            self.ratings_per_user = Some(most);
        }
        Ok(self)
    }

    fn adjust_saturation(&mut self, changes: &Adjustments) -> Result<(), MeasureError> {
        for (parameter, value, most) in
            [("bm25-k1", changes.bm25_k1, 1e3), ("bm25-b", changes.bm25_b, 1.0)]
        {
            let Some(value) = value else { continue };
            let Weighting::Bm25 { k1, b } = &mut self.weighting else {
                return Err(MeasureError::NoSuchParameter { measure: self.preset, parameter });
            };
            in_range(parameter, value, 0.0, most)?;
            *(if parameter == "bm25-k1" { k1 } else { b }) = value;
        }
        Ok(())
    }

    fn adjust_ridge(&mut self, changes: &Adjustments) -> Result<(), MeasureError> {
        let measure = self.preset;
        let no_such = |parameter| MeasureError::NoSuchParameter { measure, parameter };
        let (Formula::Ease(ridge) | Formula::SparseEase(ridge)) = &mut self.formula else {
            let given = [("lambda", changes.lambda), ("dropout", changes.dropout)];
            let given = given.into_iter().find(|(_, value)| value.is_some());
            return given.map_or(Ok(()), |(parameter, _)| Err(no_such(parameter)));
        };
        // They hold back one similarity at a time; a regression weighs all of an item's together.
        for (parameter, is_given) in [
            ("shrinkage", changes.shrinkage.is_some()),
            ("significance", changes.significance.is_some()),
            ("min-co-count", changes.min_co_count.is_some()),
        ] {
            if is_given {
                return Err(no_such(parameter));
            }
        }
        if let Some(lambda) = changes.lambda {
            in_range("lambda", lambda, 1e-3, 1e9)?;
            ridge.lambda = lambda;
        }
        if let Some(dropout) = changes.dropout {
            in_range("dropout", dropout, 0.0, 0.99)?;
            ridge.dropout = dropout;
        }
        Ok(())
    }
}

fn in_range(
    parameter: &'static str,
    value: f64,
    least: f64,
    most: f64,
) -> Result<(), MeasureError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(MeasureError::OutOfRange { parameter, value, least, most })
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let adjusted = |preset, changes| Measure::new(preset).adjusted(&changes);
        let exponent = Adjustments { target_exponent: Some(0.7), ..Adjustments::default() };
        assert!(adjusted(Preset::Cosine, exponent).is_ok());
        for preset in [Preset::Jaccard, Preset::LogLikelihood, Preset::PearsonCoRaters] {
            let parameter = "target-exponent";
            assert_eq!(
                adjusted(preset, exponent),
                Err(MeasureError::NoSuchParameter { measure: preset, parameter })
            );
        }
        for changes in [
            Adjustments { user_exponent: Some(f64::NAN), ..Adjustments::default() },
            Adjustments { source_exponent: Some(-0.1), ..Adjustments::default() },
            Adjustments { shrinkage: Some(f64::INFINITY), ..Adjustments::default() },
            Adjustments { min_co_count: Some(0), ..Adjustments::default() },
        ] {
            let refused = adjusted(Preset::Cosine, changes);
            assert!(matches!(refused, Err(MeasureError::OutOfRange { .. })), "{changes:?}");
        }
        let none = Adjustments::default();
        for (measure, parameter, changes) in [
            (Preset::Cosine, "lambda", Adjustments { lambda: Some(1.0), ..none }),
            (Preset::TfIdf, "bm25-k1", Adjustments { bm25_k1: Some(1.0), ..none }),
            (Preset::Ease, "bm25-b", Adjustments { bm25_b: Some(0.5), ..none }),
            (Preset::Dice, "dropout", Adjustments { dropout: Some(0.1), ..none }),
            (Preset::Jaccard, "half-life", Adjustments { half_life: Some(9.0), ..none }),
            (Preset::PearsonCoRaters, "half-life", Adjustments { half_life: Some(9.0), ..none }),
            (Preset::Ease, "shrinkage", Adjustments { shrinkage: Some(1.0), ..none }),
            (Preset::Ease, "significance", Adjustments { significance: Some(1), ..none }),
            (Preset::Ease, "min-co-count", Adjustments { min_co_count: Some(1), ..none }),
            (Preset::Ease, "user-exponent", Adjustments { user_exponent: Some(1.0), ..none }),
        ] {
            assert_eq!(
                adjusted(measure, changes),
                Err(MeasureError::NoSuchParameter { measure, parameter })
            );
        }
        for changes in
            [Adjustments { lambda: Some(0.0), ..none }, Adjustments { dropout: Some(1.0), ..none }]
        {
            let refused = adjusted(Preset::Ease, changes);
            assert!(matches!(refused, Err(MeasureError::OutOfRange { .. })), "{changes:?}");
        }
        for changes in
            [Adjustments { bm25_k1: Some(-1.0), ..none }, Adjustments { bm25_b: Some(1.1), ..none }]
        {
            let refused = adjusted(Preset::Bm25, changes);
            assert!(matches!(refused, Err(MeasureError::OutOfRange { .. })), "{changes:?}");
        }
        for measure in [Preset::Pearson, Preset::PearsonCoRaters, Preset::AdjustedCosine] {
            let weighing = |rule| {
                adjusted(
                    measure,
                    Adjustments { rating_weight: Some(rule), ..Adjustments::default() },
                )
            };
            let rule = WeightRule::AtLeast(3.0);
            assert_eq!(weighing(rule), Err(MeasureError::NoDifferences { measure, rule }));
            assert!(weighing(WeightRule::MinusMean).is_ok());
        }
    }
}
