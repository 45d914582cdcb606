//! The rating range: one per store, shared by the batch and the server, never inferred from data.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// Why a number is not a rating.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RatingError {
    /// NaN or infinite.
    #[error("a rating must be a finite number")]
    NotFinite,
    /// Outside the store's range.
    #[error("a rating here is more than {} and at most {}, this one is {given}", .range.above, .range.at_most)]
    OutOfRange {
        /// The number that was given.
        given: f64,
        /// What the store accepts.
        range: RatingRange,
    },
}

/// The ratings that a store accepts: `above < rating <= at_most`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RatingRange {
    /// Exclusive lower bound.
    pub above: f64,
    /// Inclusive upper bound.
    pub at_most: f64,
}

impl Default for RatingRange {
    fn default() -> Self {
        Self { above: 0.0, at_most: 10.0 }
    }
}

impl RatingRange {
    /// Turns a number into a rating, as it is stored: in single precision, and 0 for minus zero.
    ///
    /// # Errors
    /// When the number is not finite, or it, or its single-precision value, lies outside the range.
    pub fn accept(&self, given: f64) -> Result<f32, RatingError> {
        if !given.is_finite() {
            return Err(RatingError::NotFinite);
        }
        let stored = unsigned_zero(given as f32);
        let inside = |r: f64| r > self.above && r <= self.at_most;
        // The second check catches what rounds onto or over a bound: 1e-320 becomes 0.
        if inside(given) && inside(f64::from(stored)) {
            Ok(stored)
        } else {
            Err(RatingError::OutOfRange { given, range: *self })
        }
    }

    /// Whether every rating of `other` is one here.
    pub fn contains(&self, other: &Self) -> bool {
        self.above <= other.above && self.at_most >= other.at_most
    }

    /// Whether the bounds are finite and leave room between them.
    pub fn is_valid(&self) -> bool {
        self.above.is_finite() && self.at_most.is_finite() && self.above < self.at_most
    }
}

/// The same number, and 0 for minus zero: the two are equal, but some readers count minus zero among what is below 0, or
/// group it apart.
pub fn unsigned_zero(number: f32) -> f32 {
    // What IEEE 754 says of this sum.
    number + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_zero_is_stored_as_zero() {
        let range = RatingRange { above: -1.0, at_most: 1.0 };
        for given in [-0.0, 0.0, -1e-320] {
            assert_eq!(range.accept(given).map(f32::to_bits), Ok(0), "{given}");
        }
        assert_eq!(unsigned_zero(-1.5), -1.5);
        assert!(unsigned_zero(f32::NAN).is_nan());
    }

    #[test]
    fn the_default_range_takes_what_lies_above_zero_up_to_ten() {
        let range = RatingRange::default();
        assert_eq!(range.accept(0.5), Ok(0.5));
        assert_eq!(range.accept(10.0), Ok(10.0));
        for given in [0.0, -0.0, -1.0, 10.000_1, 1e-320, 1e300] {
            assert!(matches!(range.accept(given), Err(RatingError::OutOfRange { .. })), "{given}");
        }
        for given in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(range.accept(given), Err(RatingError::NotFinite));
        }
    }

    #[test]
    fn the_message_names_the_bounds_and_the_number() {
        let message =
            RatingRange { above: 0.0, at_most: 5.0 }.accept(5.0001).map_err(|e| e.to_string());
        assert_eq!(
            message,
            Err("a rating here is more than 0 and at most 5, this one is 5.0001".to_owned())
        );
    }
}
