//! Why there may be nothing to measure.

use akin_recommender::rating_weight::WeightRule;
use thiserror::Error;

/// Why an experiment would give figures that mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum Nothing {
    /// No held-out rating is worth finding.
    #[error("nothing is held out that could be found")]
    ToFind,
    /// No rating is left on the other side.
    #[error(
        "nothing is left to learn from: all ratings are held out, or of users who are kept from the model"
    )]
    ToLearnFrom,
    /// No rating counts by the rule for similarities.
    #[error(
        "nothing is left to learn from: none of {ratings} ratings counts by --rating-weight {rule}"
    )]
    Counts {
        /// Ratings to learn from.
        ratings: u64,
        /// The rule.
        rule: WeightRule,
    },
}

impl Nothing {
    /// What to do about it, where a person chose the split.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::ToFind => "give more ratings, hold out more, or lower --relevant-from",
            Self::ToLearnFrom => {
                "give more ratings, lower --hold-out or --user-share, or choose another --split (--split time holds out \
                 all ratings of the newest time)"
            }
            Self::Counts { .. } => "lower it, or choose another --rating-weight",
        }
    }
}
