//! The measures by their names.

use std::fmt;
use std::str::FromStr;

use super::adjustments::MeasureError;

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
    /// The same with each item regressed on its most similar items alone, so many as it keeps: for catalogues of any size.
    SparseEase,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 16] = [
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
        Self::SparseEase,
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
            Self::SparseEase => "sparse-ease",
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
}
