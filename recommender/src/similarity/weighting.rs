//! From ratings to the values that are summed.

use std::borrow::Cow;

use super::matrix::{Faded, Place, RatingMatrix};
use super::measure::{Measure, Weighting};
use crate::rating_weight::{RatingWeight, UserWeight, WeightRule};

/// The matrix with every rating replaced by what it counts, without those that do not count.
fn by_rule<'a>(matrix: &'a RatingMatrix, rule: WeightRule) -> Cow<'a, RatingMatrix> {
    if rule == WeightRule::Value {
        return Cow::Borrowed(matrix);
    }
    let weight = RatingWeight::measured(rule, matrix);
    let of_user = |user| weight.of_user(matrix.user_values(user));
    let users: Vec<UserWeight> = (0..matrix.user_count()).map(of_user).collect();
    let counted = counted(Cow::Borrowed(matrix), rule);
    Cow::Owned(counted.reweighted(|place, rating| users[place.user].weigh(rating)))
}

/// The ratings that count at all.
fn counted(matrix: Cow<'_, RatingMatrix>, rule: WeightRule) -> Cow<'_, RatingMatrix> {
    match rule {
        WeightRule::AtLeast(_) => {
            let weight = RatingWeight { rule, ..RatingWeight::VALUE }.of_user(std::iter::empty());
            Cow::Owned(matrix.filtered(|_, rating| weight.counts(rating)))
        }
        WeightRule::Value
        | WeightRule::Binary
        | WeightRule::MinusMean
        | WeightRule::Relative(_) => matrix,
    }
}

/// What ratings are worth once weighed, and which of them count.
pub struct Weighed<'a> {
    /// The ratings that count. Their values are meant only where each has its own.
    pub pairs: Cow<'a, RatingMatrix>,
    /// What they are worth.
    pub worth: Worth,
}

/// What ratings are worth.
pub enum Worth {
    /// All the same: 1.
    Same,
    /// What each user's are worth, in fixed point.
    OfUsers {
        /// By user.
        fixed: Vec<i32>,
        /// In units of two to the power of this.
        exponent: i64,
    },
    /// The values of the matrix.
    Each,
}

impl Weighed<'_> {
    /// An item's values are held in units of 2 to the power of this.
    pub fn exponent(&self, item: usize) -> i64 {
        match self.worth {
            Worth::Same => 0,
            Worth::OfUsers { exponent, .. } => exponent,
            Worth::Each => self.pairs.exponent(item),
        }
    }

    /// How many users rated anything.
    pub fn active_users(&self) -> usize {
        (0..self.pairs.user_count()).filter(|&user| !self.pairs.user_row(user).is_empty()).count()
    }
}

/// [`weighted`], without a value for each rating where none is needed: because they are all the same, because each user's
/// are, or because the measure does not look at them.
pub fn weigh<'a>(matrix: &'a RatingMatrix, measure: &Measure) -> Weighed<'a> {
    if measure.needs_each_value() {
        return Weighed { pairs: weighted(matrix, measure), worth: Worth::Each };
    }
    let weighs_users = measure.weighting != Weighting::Rating || measure.user_exponent() != 0.0;
    let pairs = counted(newest(matrix, measure), measure.rating_weight);
    if measure.counts_alone() || !weighs_users {
        return Weighed { pairs, worth: Worth::Same };
    }
    let users = UserFactors::of(&pairs, measure);
    let value = |user: usize| match measure.weighting {
        Weighting::TfIdf => users.rarity[user] * users.held_back[user],
        _ => users.held_back[user],
    };
    let values: Vec<f64> = (0..pairs.user_count()).map(value).collect();
    let (fixed, exponent) = pairs.user_values_fixed(&values);
    Weighed { pairs, worth: Worth::OfUsers { fixed, exponent } }
}

fn newest<'a>(matrix: &'a RatingMatrix, measure: &Measure) -> Cow<'a, RatingMatrix> {
    match measure.ratings_per_user {
        Some(most) => Cow::Owned(matrix.newest(most as usize)),
        None => Cow::Borrowed(matrix),
    }
}

/// What a user's ratings are multiplied by.
struct UserFactors {
    /// `ln(1 + items / n_u)`.
    rarity: Vec<f64>,
    /// `n_u^(-g/2)`.
    held_back: Vec<f64>,
}

impl UserFactors {
    fn of(matrix: &RatingMatrix, measure: &Measure) -> Self {
        let half = -measure.user_exponent() / 2.0;
        let items = matrix.item_count() as f64;
        let counts = || (0..matrix.user_count()).map(|user| matrix.user_row(user).len() as f64);
        Self {
            rarity: counts().map(|count| (1.0 + items / count).ln()).collect(),
            held_back: counts().map(|count| count.powf(half)).collect(),
        }
    }
}

/// The matrix of `x_ui * n_u^(-g/2) * 2^(-age_ui / half-life)`: each factor of a product carries half of its user's weight, so that the sums of
/// products stay exact integers. A weight of 0 stays in the matrix: its user did rate the item.
pub fn weighted<'a>(matrix: &'a RatingMatrix, measure: &Measure) -> Cow<'a, RatingMatrix> {
    let newest = newest(matrix, measure);
    if measure.weighs_by_rule_alone() {
        return match newest {
            Cow::Owned(newest) => Cow::Owned(by_rule(&newest, measure.rating_weight).into_owned()),
            Cow::Borrowed(all) => by_rule(all, measure.rating_weight),
        };
    }
    let matrix = &by_rule(&newest, measure.rating_weight);
    let mean = |sum: f64, count: usize| if count == 0 { 0.0 } else { sum / count as f64 };
    let counts = matrix.rating_counts().into_iter().map(|count| count as usize);
    let items: Vec<(f64, usize)> = matrix.item_sums().into_iter().zip(counts).collect();
    let user_means: Vec<f64> = match measure.weighting {
        Weighting::UserCentred => (0..matrix.user_count())
            .map(|user| mean(matrix.user_sum(user), matrix.user_row(user).len()))
            .collect(),
        _ => Vec::new(),
    };
    let mean_length = mean(items.iter().map(|item| item.0).sum(), items.len());
    let users = UserFactors::of(matrix, measure);
    let value = |place, rating: f64| {
        let Place { user, item, .. } = place;
        let (item_sum, item_count) = items[item];
        let rarity = users.rarity[user];
        let value = match measure.weighting {
            Weighting::Rating => rating,
            Weighting::Binary => 1.0,
            Weighting::TfIdf => rating.signum() * rating.abs().sqrt() * rarity,
            Weighting::Bm25 { .. } if rating <= 0.0 => 0.0,
            Weighting::Bm25 { k1, b } => {
                let length = if mean_length > 0.0 { item_sum.max(0.0) / mean_length } else { 1.0 };
                let saturation = k1 * (1.0 - b + b * length);
                rating * (k1 + 1.0) / (rating + saturation) * rarity
            }
            Weighting::ItemCentred => rating - mean(item_sum, item_count),
            Weighting::UserCentred => rating - user_means[user],
        };
        value * users.held_back[user]
    };
    Cow::Owned(match measure.half_life {
        None => matrix.reweighted(value),
        Some(days) => matrix.faded(|place, rating| Faded {
            value: value(place, rating),
            halvings: matrix.age(place.position) / days,
        }),
    })
}

/// Whether any rating counts, so that there is something to learn from.
pub fn counts_any(matrix: &RatingMatrix, measure: &Measure) -> bool {
    let rule = measure.rating_weight;
    let weight = RatingWeight { rule, ..RatingWeight::VALUE }.of_user(std::iter::empty());
    (0..matrix.user_count()).flat_map(|user| matrix.user_values(user)).any(|r| weight.counts(r))
}

#[cfg(test)]
mod tests {
    use super::super::matrix::MatrixError;
    use super::super::measure::{Adjustments, MeasureError, Preset};
    use super::*;
    use crate::chance::IdHashes;

    /// User 0 rated items 0 and 1 with 1 and 4, user 1 rated item 1 with 2.
    fn values(measure: &Measure) -> Result<Vec<f64>, MatrixError> {
        let ratings = [(0, 0, 1.0), (0, 1, 4.0), (1, 1, 2.0)];
        let matrix = RatingMatrix::new(2, 2, ratings.into_iter())?;
        let found = weighted(&matrix, measure);
        Ok((0..2).flat_map(|user| found.user_values(user)).collect())
    }

    fn assert_near(found: &[f64], expected: [f64; 3]) {
        for (x, y) in found.iter().zip(expected) {
            assert!((x - y).abs() < 1e-5, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn weights_equal_numbers_computed_by_hand() -> Result<(), Box<dyn std::error::Error>> {
        assert_near(&values(&Measure::new(Preset::Cosine))?, [1.0, 4.0, 2.0]);
        assert_near(&values(&Measure::new(Preset::Pearson))?, [0.0, 1.0, -1.0]);
        assert_near(&values(&Measure::new(Preset::AdjustedCosine))?, [-1.5, 1.5, 0.0]);
        // ln(1 + 2/2) and ln(1 + 2/1).
        let (often, rare) = (std::f64::consts::LN_2, 3f64.ln());
        assert_near(
            &values(&Measure::new(Preset::TfIdf))?,
            [often, 2.0 * often, 2f64.sqrt() * rare],
        );
        // Lengths 1 and 6, mean 3.5: saturations k1 * (1 - b + b / 3.5) and k1 * (1 - b + 6 b / 3.5).
        let bm25 = |top: f64, short: f64, long: f64| {
            let [first, second, third] = [(1.0, short), (4.0, long), (2.0, long)]
                .map(|(rating, saturation)| rating * top / (rating + saturation));
            [first * often, second * often, third * rare]
        };
        let as_it_is = Measure::new(Preset::Bm25);
        assert_near(&values(&as_it_is)?, bm25(2.2, 0.557_142_857, 1.842_857_143));
        let slow =
            Adjustments { bm25_k1: Some(100.0), bm25_b: Some(0.8), ..Adjustments::default() };
        let slow = as_it_is.adjusted(&slow)?;
        assert_near(&values(&slow)?, bm25(101.0, 42.857_142_857, 157.142_857_143));
        Ok(())
    }

    #[test]
    fn the_rule_comes_before_the_measure() -> Result<(), Box<dyn std::error::Error>> {
        let with = |preset, rule| -> Result<_, Box<dyn std::error::Error>> {
            let changes = Adjustments { rating_weight: Some(rule), ..Adjustments::default() };
            Ok(values(&Measure::new(preset).adjusted(&changes)?)?)
        };
        // The first does not count, so that user 0 rated one of two items.
        let liked = with(Preset::TfIdf, WeightRule::AtLeast(2.0))?;
        assert_eq!(liked.len(), 2);
        assert!(liked.iter().all(|x| (x - 3f64.ln()).abs() < 1e-5), "{liked:?}");
        // All: 7/3. User 0: (5 + 35/3) / 7 = 50/21, user 1: (2 + 35/3) / 6 = 41/18. The sign goes through the root.
        let (usual, other) = (50.0 / 21.0, 41.0 / 18.0);
        let signed = with(Preset::TfIdf, WeightRule::MinusMean)?;
        let often = std::f64::consts::LN_2;
        assert_near(
            &signed,
            [
                -f64::sqrt(usual - 1.0) * often,
                f64::sqrt(4.0 - usual) * often,
                -f64::sqrt(other - 2.0) * 3f64.ln(),
            ],
        );
        Ok(())
    }

    /// User 0 rated items 0, 1 and 2, two days, one day and two days before user 1's rating of item 0.
    fn dated() -> Result<RatingMatrix, MatrixError> {
        const DAY: i64 = 86_400_000_000;
        let ratings = [(0, 0, 1.0), (0, 1, 4.0), (0, 2, 3.0), (1, 0, 2.0)];
        let matrix = RatingMatrix::new(2, 3, ratings.into_iter())?;
        let ids = IdHashes::of(["a", "b"], ["x", "y", "z"]);
        Ok(matrix.dated([5 * DAY, 6 * DAY, 5 * DAY, 7 * DAY].into_iter(), ids))
    }

    fn dated_values(changes: Adjustments) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
        let measure = Measure::new(Preset::Cosine).adjusted(&changes)?;
        let (matrix, none) = (dated()?, Adjustments::default());
        assert_eq!(weighted(&matrix, &Measure::new(Preset::Cosine).adjusted(&none)?).age(0), 2.0);
        let found = weighted(&matrix, &measure);
        Ok((0..2).flat_map(|user| found.user_values(user)).collect())
    }

    #[test]
    fn a_rating_of_one_half_life_ago_counts_half() -> Result<(), Box<dyn std::error::Error>> {
        let none = Adjustments::default();
        let found = dated_values(Adjustments { half_life: Some(1.0), ..none })?;
        for (x, y) in found.iter().zip([0.25, 2.0, 0.75, 2.0]) {
            assert!((x - y).abs() < 1e-6, "{found:?}");
        }
        Ok(())
    }

    #[test]
    fn the_newest_ratings_of_a_user_are_kept() -> Result<(), Box<dyn std::error::Error>> {
        let none = Adjustments::default();
        let most = |n| dated_values(Adjustments { ratings_per_user: Some(n), ..none });
        assert_eq!(most(1)?, [4.0, 2.0]);
        // Of items 0 and 2, equally old, the one that is drawn.
        assert_eq!(most(2)?, [1.0, 4.0, 2.0]);
        assert_eq!(most(3)?.len(), 4);
        // What is left keeps its age, and users are as long as what is left of them.
        let both = Adjustments {
            ratings_per_user: Some(1),
            half_life: Some(1.0),
            user_exponent: Some(1.0),
            ..none
        };
        let found = dated_values(both)?;
        assert_eq!(found.len(), 2);
        assert!((found[0] - 2.0).abs() < 1e-6 && (found[1] - 2.0).abs() < 1e-6, "{found:?}");
        Ok(())
    }

    #[test]
    fn a_user_with_many_ratings_weighs_less() -> Result<(), Box<dyn std::error::Error>> {
        let changes = Adjustments { user_exponent: Some(1.0), ..Adjustments::default() };
        let measure: Result<Measure, MeasureError> =
            Measure::new(Preset::Cosine).adjusted(&changes);
        let root = 0.5f64.sqrt();
        assert_near(&values(&measure?)?, [root, 4.0 * root, 2.0]);
        Ok(())
    }
}
