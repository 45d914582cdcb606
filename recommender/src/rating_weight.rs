//! How much a rating counts, both when similarities are computed and when a profile is folded in.
//!
//! A rating above zero is not praise: the fold-in of raw values recommends more of what a user disliked. The rules here
//! say what a rating is worth compared with what the user and all users usually give.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::similarity::RatingMatrix;

/// A user's mean is taken as if this many ratings of the mean of all were among the user's own, so that the first
/// rating of a new user already says something.
const MEAN_DAMPING: f64 = 5.0;

/// K of `relative`, when it is not given.
const RELATIVE: f64 = 1.5;

/// What becomes of a rating `r`. `m` is the user's damped mean: `(sum of ratings + 5 M) / (number of ratings + 5)`, M the
/// mean of all ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightRule {
    /// `value`: r.
    Value,
    /// `binary`: 1.
    Binary,
    /// `at-least:T`: 1 for a rating of T or more. A lower one counts as if it had not been given.
    AtLeast(f64),
    /// `minus-mean`: `r - m`.
    MinusMean,
    /// `relative:K`: `1 + (r - m) / (K s)`, s the standard deviation of all ratings from their users' damped means. A usual
    /// rating weighs 1, one that is K deviations lower nothing, a still lower one speaks against. Where all ratings are
    /// the same (implicit ones) it is `binary`, for great K nearly so.
    Relative(f64),
}

/// A text that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no weight of ratings: value, binary, at-least:<rating>, minus-mean, relative or relative:<0.1 to 100>"
)]
pub struct WeightRuleError(String);

impl FromStr for WeightRule {
    type Err = WeightRuleError;

    fn from_str(text: &str) -> Result<Self, WeightRuleError> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, number.parse::<f64>().ok().filter(|n| n.is_finite())),
            None => (text, None),
        };
        match (name, number, text.contains(':')) {
            ("value", _, false) => Ok(Self::Value),
            ("binary", _, false) => Ok(Self::Binary),
            ("minus-mean", _, false) => Ok(Self::MinusMean),
            ("relative", _, false) => Ok(Self::Relative(RELATIVE)),
            ("relative", Some(k), _) if (0.1..=100.0).contains(&k) => Ok(Self::Relative(k)),
            ("at-least", Some(least), _) => Ok(Self::AtLeast(least)),
            _ => Err(WeightRuleError(text.to_owned())),
        }
    }
}

impl fmt::Display for WeightRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Binary => f.write_str("binary"),
            Self::AtLeast(least) => write!(f, "at-least:{least}"),
            Self::MinusMean => f.write_str("minus-mean"),
            Self::Relative(k) => write!(f, "relative:{k}"),
        }
    }
}

impl WeightRule {
    /// Whether a weight can be negative.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::MinusMean | Self::Relative(_))
    }

    /// Whether all ratings that count weigh the same.
    pub fn is_constant(self) -> bool {
        matches!(self, Self::Binary | Self::AtLeast(_))
    }
}

/// A rule, with what it needs to know of all ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatingWeight {
    /// The rule.
    pub rule: WeightRule,
    /// The mean of all ratings.
    pub mean: f64,
    /// The root of the mean squared difference between a rating and its user's damped mean.
    pub deviation: f64,
}

impl RatingWeight {
    /// The rating as it stands.
    pub const VALUE: Self = Self { rule: WeightRule::Value, mean: 0.0, deviation: 0.0 };

    /// Measures what the rule needs on all ratings. Work: two passes over the ratings.
    pub fn measured(rule: WeightRule, matrix: &RatingMatrix) -> Self {
        let users = || 0..matrix.user_count();
        let count = matrix.rating_count().max(1) as f64;
        let mean = users().map(|user| matrix.user_sum(user)).sum::<f64>() / count;
        let squares = users().map(|user| {
            let ratings = matrix.user_values(user);
            let usual = damped_mean(mean, ratings.clone());
            ratings.map(|rating| (rating - usual).powi(2)).sum::<f64>()
        });
        Self { rule, mean, deviation: (squares.sum::<f64>() / count).sqrt() }
    }

    /// What the ratings of one user weigh, who gave these.
    pub fn of_user(&self, ratings: impl Iterator<Item = f64>) -> UserWeight {
        let usual = if self.rule.is_signed() { damped_mean(self.mean, ratings) } else { 0.0 };
        UserWeight { rule: self.rule, usual, deviation: self.deviation }
    }
}

/// Ratings that differ by less are the same one: in a profile it is rounded to f32, where similarities are computed to a
/// fixed point, and `at-least:3.3` must count a 3.3 in both.
const ROUNDING: f64 = 1e-4;

fn damped_mean(mean: f64, ratings: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = ratings.fold((0.0, 0.0), |(sum, count), r| (sum + r, count + 1.0));
    (sum + MEAN_DAMPING * mean) / (count + MEAN_DAMPING)
}

/// What one user's ratings weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserWeight {
    rule: WeightRule,
    usual: f64,
    deviation: f64,
}

impl UserWeight {
    /// The weight of a rating; 0 for one that does not count.
    pub fn weigh(&self, rating: f64) -> f64 {
        match self.rule {
            WeightRule::Value => rating,
            WeightRule::Binary => 1.0,
            WeightRule::AtLeast(_) => f64::from(u8::from(self.counts(rating))),
            WeightRule::MinusMean => rating - self.usual,
            WeightRule::Relative(_) if self.deviation == 0.0 => 1.0,
            WeightRule::Relative(k) => 1.0 + (rating - self.usual) / (k * self.deviation),
        }
    }

    /// Whether a rating counts at all. One that does not is as good as not given.
    pub fn counts(&self, rating: f64) -> bool {
        match self.rule {
            WeightRule::AtLeast(least) => {
                rating >= least - ROUNDING.max(least.abs() * f64::from(f32::EPSILON))
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::MatrixError;

    /// User 0 gave 1 and 5, user 1 gave 3 three times: the mean of all is 3, and so is every user's.
    fn measured(rule: WeightRule) -> Result<RatingWeight, MatrixError> {
        let ratings = [(0, 0, 1.0), (0, 1, 5.0), (1, 0, 3.0), (1, 1, 3.0), (1, 2, 3.0)];
        Ok(RatingWeight::measured(rule, &RatingMatrix::new(2, 3, ratings.into_iter())?))
    }

    #[test]
    fn weights_equal_numbers_computed_by_hand() -> Result<(), MatrixError> {
        // Differences -2, 2, 0, 0, 0.
        let deviation = 1.6f64.sqrt();
        // Two ratings of 5 and five of the mean of all.
        let usual = 25.0 / 7.0;
        for (rule, expected) in [
            (WeightRule::Value, [5.0, 2.0]),
            (WeightRule::Binary, [1.0, 1.0]),
            (WeightRule::AtLeast(3.0), [1.0, 0.0]),
            (WeightRule::MinusMean, [5.0 - usual, 2.0 - usual]),
            (
                WeightRule::Relative(2.0),
                [1.0 + (5.0 - usual) / (2.0 * deviation), 1.0 + (2.0 - usual) / (2.0 * deviation)],
            ),
        ] {
            let weight = measured(rule)?;
            assert_eq!(weight.mean, 3.0);
            assert!((weight.deviation - deviation).abs() < 1e-12, "{weight:?}");
            let user = weight.of_user([5.0, 5.0].into_iter());
            for (rating, expected) in [5.0, 2.0].into_iter().zip(expected) {
                assert!((user.weigh(rating) - expected).abs() < 1e-12, "{rule} of {rating}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_rating_of_just_so_much_counts_in_profiles_and_in_similarities() -> Result<(), MatrixError>
    {
        for least in [3.3, 3.7, 0.1, 4.05] {
            let rule = WeightRule::AtLeast(least);
            let user = measured(rule)?.of_user([1.0].into_iter());
            let given = least as f32;
            let matrix = RatingMatrix::new(1, 1, [(0, 0, given)].into_iter())?;
            let fixed = matrix.user_values(0).all(|fixed| user.counts(fixed));
            assert!(user.counts(f64::from(given)) && fixed, "{rule}");
            assert!(!user.counts(f64::from(given - 0.01)), "{rule}");
        }
        Ok(())
    }

    #[test]
    fn ratings_that_are_all_the_same_weigh_one() -> Result<(), MatrixError> {
        let ratings = [(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0)];
        let matrix = RatingMatrix::new(2, 2, ratings.into_iter())?;
        let weight = RatingWeight::measured(WeightRule::Relative(1.0), &matrix);
        assert_eq!(weight.of_user([1.0, 1.0].into_iter()).weigh(1.0), 1.0);
        Ok(())
    }

    #[test]
    fn a_rule_is_found_by_its_name_and_nothing_else_is() {
        for text in ["value", "binary", "at-least:3.5", "minus-mean", "relative:2"] {
            let rule = text.parse::<WeightRule>();
            assert_eq!(rule.map(|rule| rule.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("relative".parse(), Ok(WeightRule::Relative(1.5)));
        for text in
            ["", "values", "value:1", "at-least", "at-least:x", "at-least:NaN", "relative:0"]
        {
            assert_eq!(text.parse::<WeightRule>(), Err(WeightRuleError(text.to_owned())));
        }
    }
}
