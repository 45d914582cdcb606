//! Which similarity is computed, and with which parameters.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::ease::Ridge;
use crate::rating_weight::WeightRule;

/// Lambda of EASE when it is not given.
const LAMBDA: f64 = 500.0;

/// A named measure: a formula with its usual parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Cosine of the rating vectors (Salton and McGill 1983).
    Cosine,
    /// Cosine with unequal exponents (Aiolli 2013).
    AsymmetricCosine,
    /// A random walk of three steps over who rated what (Cooper et al. 2014).
    P3Alpha,
    /// The same, with popular targets held back (Paudel et al. 2017).
    Rp3Beta,
    /// Raters of both over raters of either.
    Jaccard,
    /// Twice the raters of both over the raters of each.
    Dice,
    /// The share of the source's raters who rated the target.
    ConditionalProbability,
    /// How much more often both are rated than by chance.
    Lift,
    /// Dunning's log-likelihood ratio (1993), for items that are rated together more often than by chance.
    LogLikelihood,
    /// Cosine of ratings weighted by how rare their user's ratings are.
    TfIdf,
    /// Dot product of BM25 weights (Robertson and Walker 1994).
    Bm25,
    /// Pearson's correlation with means and norms over *all* raters of an item: item-centred cosine.
    Pearson,
    /// Pearson's correlation with means and norms over the raters of both items.
    PearsonCoRaters,
    /// Cosine of ratings minus their user's mean (Sarwar et al. 2001), with norms over all raters of an item.
    AdjustedCosine,
    /// Every item regressed on all others (Steck 2019): signed weights that leave out what other items already explain.
    /// Each rating counts 1, unless a rating weight says otherwise. Dense in the number of items.
    Ease,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 15] = [
        Self::Cosine,
        Self::AsymmetricCosine,
        Self::P3Alpha,
        Self::Rp3Beta,
        Self::Jaccard,
        Self::Dice,
        Self::ConditionalProbability,
        Self::Lift,
        Self::LogLikelihood,
        Self::TfIdf,
        Self::Bm25,
        Self::Pearson,
        Self::PearsonCoRaters,
        Self::AdjustedCosine,
        Self::Ease,
    ];

    /// Its name on the command line and in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::AsymmetricCosine => "asymmetric-cosine",
            Self::P3Alpha => "p3alpha",
            Self::Rp3Beta => "rp3beta",
            Self::Jaccard => "jaccard",
            Self::Dice => "dice",
            Self::ConditionalProbability => "conditional-probability",
            Self::Lift => "lift",
            Self::LogLikelihood => "log-likelihood",
            Self::TfIdf => "tf-idf",
            Self::Bm25 => "bm25",
            Self::Pearson => "pearson",
            Self::PearsonCoRaters => "pearson-co-raters",
            Self::AdjustedCosine => "adjusted-cosine",
            Self::Ease => "ease",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = MeasureError;

    fn from_str(name: &str) -> Result<Self, MeasureError> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| MeasureError::UnknownName(name.to_owned()))
    }
}

/// What an exponent of the generalised cosine is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// The sum of an item's squared values.
    Squared,
    /// How many users rated the item.
    Popularity,
}

/// What becomes of a rating before anything is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// The rating.
    Rating,
    /// 1.
    Binary,
    /// `sqrt(|r|) * ln(1 + items / n_u)`, with the rating's sign.
    TfIdf,
    /// `r * (k1 + 1) / (r + k1 * (1 - b + b * l_i / mean(l))) * ln(1 + items / n_u)`, `l_i` the sum of an item's
    /// ratings, k1 = 100, b = 0.8. A rating of 0 or less weighs nothing.
    Bm25,
    /// The rating minus its item's mean.
    ItemCentred,
    /// The rating minus its user's mean.
    UserCentred,
}

/// How a similarity is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Formula {
    /// From the sum of products over the users who rated both.
    OfProducts(ProductFormula),
    /// See [`Preset::PearsonCoRaters`]; from five sums over the users who rated both.
    PearsonCoRaters,
    /// See [`Preset::Ease`]; from all items together.
    Ease(Ridge),
}

/// The formula on the sum of products, or only on the number, of the users who rated both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ProductFormula {
    /// `sum_u n_u^-g x_ut x_us / (norm_t^a * norm_s^b)`, `n_u` the number of a user's ratings. Squared norms carry the
    /// users' weights too.
    Cosine {
        /// What the exponents are put on.
        norm: Norm,
        /// `a`.
        target_exponent: f64,
        /// `b`.
        source_exponent: f64,
        /// `g`.
        user_exponent: f64,
    },
    /// See [`Preset::Jaccard`].
    Jaccard,
    /// See [`Preset::Dice`].
    Dice,
    /// See [`Preset::ConditionalProbability`].
    ConditionalProbability,
    /// See [`Preset::Lift`].
    Lift,
    /// See [`Preset::LogLikelihood`].
    LogLikelihood,
}

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

/// A similarity with all its parameters. Valid by construction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    preset: Preset,
    pub(super) weighting: Weighting,
    pub(super) formula: Formula,
    pub(super) shrinkage: f64,
    pub(super) significance: u32,
    pub(super) min_co_count: u32,
    pub(super) rating_weight: WeightRule,
    pub(super) half_life: Option<f64>,
    pub(super) ratings_per_user: Option<u32>,
}

impl Measure {
    /// A preset as it is.
    pub fn new(preset: Preset) -> Self {
        let cosine = |norm, target_exponent, source_exponent, user_exponent| {
            Formula::OfProducts(ProductFormula::Cosine {
                norm,
                target_exponent,
                source_exponent,
                user_exponent,
            })
        };
        let counting = |formula| (Weighting::Rating, Formula::OfProducts(formula));
        let plain = cosine(Norm::Squared, 0.5, 0.5, 0.0);
        let (weighting, formula) = match preset {
            Preset::Cosine => (Weighting::Rating, plain),
            Preset::AsymmetricCosine => (Weighting::Rating, cosine(Norm::Squared, 0.7, 0.3, 0.0)),
            Preset::P3Alpha => (Weighting::Binary, cosine(Norm::Popularity, 0.0, 1.0, 1.0)),
            Preset::Rp3Beta => (Weighting::Binary, cosine(Norm::Popularity, 0.5, 1.0, 1.0)),
            Preset::Jaccard => counting(ProductFormula::Jaccard),
            Preset::Dice => counting(ProductFormula::Dice),
            Preset::ConditionalProbability => counting(ProductFormula::ConditionalProbability),
            Preset::Lift => counting(ProductFormula::Lift),
            Preset::LogLikelihood => counting(ProductFormula::LogLikelihood),
            Preset::TfIdf => (Weighting::TfIdf, plain),
            Preset::Bm25 => (Weighting::Bm25, cosine(Norm::Squared, 0.0, 0.0, 0.0)),
            Preset::Pearson => (Weighting::ItemCentred, plain),
            Preset::PearsonCoRaters => (Weighting::Rating, Formula::PearsonCoRaters),
            Preset::AdjustedCosine => (Weighting::UserCentred, plain),
            Preset::Ease => {
                (Weighting::Rating, Formula::Ease(Ridge { lambda: LAMBDA, dropout: 0.0 }))
            }
        };
        Self {
            preset,
            weighting,
            formula,
            shrinkage: 0.0,
            significance: 0,
            min_co_count: 1,
            rating_weight: match preset {
                Preset::Ease => WeightRule::Binary,
                _ => WeightRule::Value,
            },
            half_life: None,
            ratings_per_user: None,
        }
    }

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

    fn adjust_ridge(&mut self, changes: &Adjustments) -> Result<(), MeasureError> {
        let measure = self.preset;
        let no_such = |parameter| MeasureError::NoSuchParameter { measure, parameter };
        let Formula::Ease(ridge) = &mut self.formula else {
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

    /// The preset that this measure came from.
    pub fn preset(&self) -> Preset {
        self.preset
    }

    /// What a rating counts before the measure sees it.
    pub fn rating_weight(&self) -> WeightRule {
        self.rating_weight
    }

    /// Every numeric parameter that the measure has, by its name on the command line.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        let mut parameters = Vec::new();
        parameters.extend(self.half_life.map(|days| ("half-life", days)));
        parameters.extend(self.ratings_per_user.map(|most| ("ratings-per-user", f64::from(most))));
        if let Formula::Ease(Ridge { lambda, dropout }) = self.formula {
            parameters.extend([("dropout", dropout), ("lambda", lambda)]);
            return parameters;
        }
        parameters.extend([
            ("min-co-count", f64::from(self.min_co_count)),
            ("shrinkage", self.shrinkage),
            ("significance", f64::from(self.significance)),
        ]);
        if let Formula::OfProducts(ProductFormula::Cosine {
            target_exponent,
            source_exponent,
            user_exponent,
            ..
        }) = self.formula
        {
            parameters.extend([
                ("target-exponent", target_exponent),
                ("source-exponent", source_exponent),
                ("user-exponent", user_exponent),
            ]);
        }
        parameters
    }

    /// Whether similarities can be negative.
    pub fn is_signed(&self) -> bool {
        let sees_signs = matches!(self.weighting, Weighting::Rating | Weighting::TfIdf)
            && matches!(self.formula, Formula::OfProducts(ProductFormula::Cosine { .. }));
        self.is_centred() || self.is_dense() || (sees_signs && self.rating_weight.is_signed())
    }

    /// Whether what ratings weigh has any influence, rather than their number alone.
    fn sees_weights(&self) -> bool {
        matches!(
            self.formula,
            Formula::OfProducts(ProductFormula::Cosine { .. }) | Formula::Ease(_)
        )
    }

    /// Whether it depends on when ratings were given, so that the matrix has to be dated.
    pub fn needs_times(&self) -> bool {
        self.half_life.is_some() || self.ratings_per_user.is_some()
    }

    /// Whether a rating's value depends on nothing but its rule.
    pub(super) fn weighs_by_rule_alone(&self) -> bool {
        self.weighting == Weighting::Rating
            && self.user_exponent() == 0.0
            && self.half_life.is_none()
    }

    /// Whether memory grows with the square of the items.
    pub fn is_dense(&self) -> bool {
        matches!(self.formula, Formula::Ease(_))
    }

    fn is_centred(&self) -> bool {
        matches!(self.weighting, Weighting::ItemCentred | Weighting::UserCentred)
            || self.formula == Formula::PearsonCoRaters
    }

    /// How many weighted copies of the matrix there are at most while similarities are computed.
    pub fn weighted_copies(&self) -> u64 {
        let by_rule = match self.rating_weight {
            WeightRule::Value => 0,
            WeightRule::AtLeast(_) => 2,
            _ => 1,
        };
        by_rule
            + u64::from(!self.weighs_by_rule_alone())
            + u64::from(self.ratings_per_user.is_some())
    }

    pub(super) fn user_exponent(&self) -> f64 {
        match self.formula {
            Formula::OfProducts(ProductFormula::Cosine { user_exponent, .. }) => user_exponent,
            _ => 0.0,
        }
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
    fn every_preset_is_found_by_its_name() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        assert_eq!("vibes".parse::<Preset>(), Err(MeasureError::UnknownName("vibes".into())));
    }

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
