//! Which similarity is computed, and with which parameters.

mod adjustments;
mod kind;
mod preset;

pub use adjustments::{Adjustments, MeasureError};
pub use kind::{Formula, Norm, ProductFormula, Weighting};
pub use preset::Preset;

use super::ease::Ridge;
use crate::rating_weight::WeightRule;

/// Lambda of EASE when it is not given.
const LAMBDA: f64 = 500.0;
/// The same for sparse EASE: fewer sources need less to hold them back.
const SPARSE_LAMBDA: f64 = 300.0;
/// What the candidates of a regression are held back by: few common users make items similar by chance.
const CANDIDATE_SHRINKAGE: f64 = 3.0;
/// What BM25 usually takes for documents, and what is good for ratings too.
const BM25: Weighting = Weighting::Bm25 { k1: 1.2, b: 0.75 };

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
        let ridge = |lambda| Ridge { lambda, dropout: 0.0 };
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
            Preset::Bm25 => (BM25, cosine(Norm::Squared, 0.0, 0.0, 0.0)),
            Preset::Pearson => (Weighting::ItemCentred, plain),
            Preset::PearsonCoRaters => (Weighting::Rating, Formula::PearsonCoRaters),
            Preset::AdjustedCosine => (Weighting::UserCentred, plain),
            Preset::Ease => (Weighting::Rating, Formula::Ease(ridge(LAMBDA))),
            Preset::SparseEase => (Weighting::Rating, Formula::SparseEase(ridge(SPARSE_LAMBDA))),
        };
        Self {
            preset,
            weighting,
            formula,
            shrinkage: 0.0,
            significance: 0,
            min_co_count: 1,
            rating_weight: match preset {
                Preset::Ease | Preset::SparseEase => WeightRule::Binary,
                _ => WeightRule::Value,
            },
            half_life: None,
            ratings_per_user: None,
        }
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
        if let Some(Ridge { lambda, dropout }) = self.ridge() {
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
            if let Weighting::Bm25 { k1, b } = self.weighting {
                parameters.extend([("bm25-k1", k1), ("bm25-b", b)]);
            }
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
        self.is_centred()
            || self.ridge().is_some()
            || (sees_signs && self.rating_weight.is_signed())
    }

    /// Whether what ratings weigh has any influence, rather than their number alone.
    fn sees_weights(&self) -> bool {
        self.ridge().is_some()
            || matches!(self.formula, Formula::OfProducts(ProductFormula::Cosine { .. }))
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

    /// What holds a regression back; none for measures that compare two items at a time.
    pub fn ridge(&self) -> Option<Ridge> {
        match self.formula {
            Formula::Ease(ridge) | Formula::SparseEase(ridge) => Some(ridge),
            Formula::OfProducts(_) | Formula::PearsonCoRaters => None,
        }
    }

    /// By what [`Preset::SparseEase`] chooses the items that a target is regressed on: TF-IDF, of ratings that count the
    /// same.
    pub(super) fn of_candidates(&self) -> Self {
        Self {
            shrinkage: CANDIDATE_SHRINKAGE,
            rating_weight: self.rating_weight,
            half_life: self.half_life,
            ratings_per_user: self.ratings_per_user,
            ..Self::new(Preset::TfIdf)
        }
    }

    fn is_centred(&self) -> bool {
        matches!(self.weighting, Weighting::ItemCentred | Weighting::UserCentred)
            || self.formula == Formula::PearsonCoRaters
    }

    /// Whether it looks at how many users rated both alone.
    pub(super) fn counts_alone(&self) -> bool {
        match self.formula {
            Formula::OfProducts(formula) => match formula {
                ProductFormula::Cosine { .. } => false,
                ProductFormula::Jaccard
                | ProductFormula::Dice
                | ProductFormula::ConditionalProbability
                | ProductFormula::Lift
                | ProductFormula::LogLikelihood => true,
            },
            Formula::PearsonCoRaters | Formula::Ease(_) | Formula::SparseEase(_) => false,
        }
    }

    /// Whether each rating has a value of its own, rather than all of them the same, or all of a user's.
    pub(super) fn needs_each_value(&self) -> bool {
        let is_constant = match self.weighting {
            Weighting::Binary => true,
            Weighting::Rating | Weighting::TfIdf => self.rating_weight.is_constant(),
            Weighting::Bm25 { .. } | Weighting::ItemCentred | Weighting::UserCentred => false,
        };
        !self.counts_alone() && (!is_constant || self.half_life.is_some())
    }

    /// How many weighted copies of the matrix there are at most while similarities are computed.
    pub fn weighted_copies(&self) -> u64 {
        let of_newest = u64::from(self.ratings_per_user.is_some());
        let of_counted = u64::from(matches!(self.rating_weight, WeightRule::AtLeast(_)));
        if !self.needs_each_value() && !matches!(self.formula, Formula::Ease(_)) {
            return of_newest + of_counted;
        }
        let by_rule = match self.rating_weight {
            WeightRule::Value => 0,
            WeightRule::AtLeast(_)
            | WeightRule::Binary
            | WeightRule::MinusMean
            | WeightRule::Relative(_) => 1 + of_counted,
        };
        // What chooses the candidates is let go before there is what is regressed: one or the other.
        let by_candidates = u64::from(matches!(self.formula, Formula::SparseEase(_)));
        by_rule.max(by_candidates) + u64::from(!self.weighs_by_rule_alone()) + of_newest
    }

    pub(super) fn user_exponent(&self) -> f64 {
        match self.formula {
            Formula::OfProducts(ProductFormula::Cosine { user_exponent, .. }) => user_exponent,
            _ => 0.0,
        }
    }
}
