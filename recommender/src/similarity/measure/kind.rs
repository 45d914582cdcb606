//! What measures are made of: a weighting of ratings, and a formula over their sums.

use super::super::ease::Ridge;

/// What an exponent of the generalised cosine is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// The sum of an item's squared values.
    Squared,
    /// How many users rated the item.
    Popularity,
}

/// What becomes of a rating before anything is summed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weighting {
    /// The rating.
    Rating,
    /// 1.
    Binary,
    /// `sqrt(|r|) * ln(1 + items / n_u)`, with the rating's sign.
    TfIdf,
    /// `r * (k1 + 1) / (r + k1 * (1 - b + b * l_i / mean(l))) * ln(1 + items / n_u)`, `l_i` the sum of an item's
    /// ratings. A rating of 0 or less weighs nothing.
    Bm25 {
        /// How slowly a rating's weight is used up: a small k1 makes all ratings weigh alike, a great one the ratings of
        /// often rated items next to nothing.
        k1: f64,
        /// How much of `l_i` is made.
        b: f64,
    },
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
    /// See [`Preset::SparseEase`]; from the items most similar by TF-IDF.
    SparseEase(Ridge),
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
