//! What a half-life does over decades, against sums in double precision of weights that are held as logarithms.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::ids;
use super::*;
use crate::similarity::measure::{
    Adjustments, MeasureError, Norm, Preset, ProductFormula, Weighting,
};

const ALL: Selection = Selection { cut: Cut::Target, top_k: 100 };
const DAY: i64 = 86_400_000_000;
const USERS: u32 = 30;
const ITEMS: u32 = 10;

/// A rating and its age in days, by user and item.
type Ratings = BTreeMap<(u32, u32), (f64, i64)>;

fn matrix(ratings: &Ratings) -> Result<RatingMatrix, crate::similarity::MatrixError> {
    let rated = ratings.iter().map(|(&(user, item), &(rating, _))| (user, item, rating as f32));
    let times = ratings.values().map(|&(_, age)| -age * DAY);
    Ok(RatingMatrix::new(USERS as usize, ITEMS as usize, rated)?.dated(times, ids(USERS, ITEMS)))
}

fn fading(preset: Preset, half_life: f64, changes: Adjustments) -> Result<Measure, MeasureError> {
    Measure::new(preset).adjusted(&Adjustments { half_life: Some(half_life), ..changes })
}

/// `sign * 2^log`.
#[derive(Clone, Copy)]
struct Number {
    sign: f64,
    log: f64,
}

impl Number {
    fn of(value: f64) -> Self {
        Self { sign: if value == 0.0 { 0.0 } else { value.signum() }, log: value.abs().log2() }
    }

    fn times(self, other: Self) -> Self {
        Self { sign: self.sign * other.sign, log: self.log + other.log }
    }

    fn sum(terms: &[Self]) -> Self {
        let greatest = terms.iter().filter(|term| term.sign != 0.0).map(|term| term.log);
        let greatest = greatest.fold(f64::NEG_INFINITY, f64::max);
        if greatest == f64::NEG_INFINITY {
            return Self { sign: 0.0, log: 0.0 };
        }
        let part = |term: &Self| {
            if term.sign == 0.0 { 0.0 } else { term.sign * (term.log - greatest).exp2() }
        };
        let sum = Self::of(terms.iter().map(part).sum());
        Self { log: sum.log + greatest, ..sum }
    }
}

/// What a rating weighs before it fades, by the definitions in `Weighting`.
fn unfaded(ratings: &Ratings, weighting: Weighting, user_exponent: f64, at: (u32, u32)) -> f64 {
    let of_user = || ratings.iter().filter(move |((user, _), _)| *user == at.0).map(|(_, r)| r.0);
    let of_item =
        |item: u32| ratings.iter().filter(move |((_, i), _)| *i == item).map(|(_, r)| r.0);
    let (rating, count) = (ratings[&at].0, of_user().count() as f64);
    let rarity = (1.0 + f64::from(ITEMS) / count).ln();
    let length: f64 = of_item(at.1).sum();
    let value = match weighting {
        Weighting::Rating => rating,
        Weighting::Binary => 1.0,
        Weighting::TfIdf => rating.sqrt() * rarity,
        Weighting::Bm25 { k1, b } => {
            let mean =
                (0..ITEMS).map(|item| of_item(item).sum::<f64>()).sum::<f64>() / f64::from(ITEMS);
            rating * (k1 + 1.0) / (rating + k1 * (1.0 - b + b * length / mean)) * rarity
        }
        Weighting::ItemCentred => rating - length / of_item(at.1).count() as f64,
        Weighting::UserCentred => rating - of_user().sum::<f64>() / count,
    };
    // What a difference leaves of rounding is nothing.
    if value.abs() < 1e-12 { 0.0 } else { value * count.powf(-user_exponent / 2.0) }
}

/// Each pair's similarity, and what it would be if both items were the same but for their lengths: how far it may be off
/// is a share of that.
fn expected(
    ratings: &Ratings,
    measure: &Measure,
    days: f64,
) -> BTreeMap<(u32, u32), (Number, f64)> {
    let Formula::OfProducts(ProductFormula::Cosine {
        norm,
        target_exponent: a,
        source_exponent: b,
        user_exponent,
    }) = measure.formula
    else {
        panic!("of the cosine family");
    };
    let weights: BTreeMap<(u32, u32), Number> = ratings
        .iter()
        .map(|(&at, &(_, age))| {
            let weight = Number::of(unfaded(ratings, measure.weighting, user_exponent, at));
            (at, Number { log: weight.log - age as f64 / days, ..weight })
        })
        .collect();
    let of_item = |item: u32| (0..USERS).map(move |user| (user, item));
    let length = |item: u32| {
        let squares: Vec<Number> =
            of_item(item).filter_map(|at| weights.get(&at)).map(|w| w.times(*w)).collect();
        Number::sum(&squares).log / 2.0
    };
    let raters = |item: u32| of_item(item).filter(|at| weights.contains_key(at)).count() as f64;
    let normed = |item: u32, exponent: f64| match norm {
        Norm::Squared => 2.0 * exponent * length(item),
        Norm::Popularity => exponent * raters(item).log2(),
    };
    let mut pairs = BTreeMap::new();
    for (target, source) in (0..ITEMS).flat_map(|t| (0..ITEMS).map(move |s| (t, s))) {
        let products: Vec<Number> = (0..USERS)
            .filter_map(|user| {
                Some(weights.get(&(user, target))?.times(*weights.get(&(user, source))?))
            })
            .collect();
        if target != source && !products.is_empty() {
            let dot = Number::sum(&products);
            let by = normed(target, a) + normed(source, b);
            let same = length(target) + length(source) - by;
            pairs.insert((target, source), (Number { log: dot.log - by, ..dot }, same));
        }
    }
    pairs
}

fn family() -> impl Strategy<Value = (Preset, Adjustments)> {
    let exponent = || proptest::option::of(0.0f64..2.0);
    let any = (exponent(), exponent(), exponent()).prop_map(|(target, source, user)| Adjustments {
        target_exponent: target,
        source_exponent: source,
        user_exponent: user,
        ..Adjustments::default()
    });
    let presets = vec![
        Preset::Cosine,
        Preset::AsymmetricCosine,
        Preset::P3Alpha,
        Preset::Rp3Beta,
        Preset::TfIdf,
        Preset::Bm25,
        Preset::Pearson,
        Preset::AdjustedCosine,
    ];
    (proptest::sample::select(presets), prop_oneof![Just(Adjustments::default()), any])
}

/// Items of one era each, and items that are rated for thirty years; half stars, and
/// one that has no end in either system, as the matrix holds it.
fn any_ratings() -> impl Strategy<Value = Ratings> {
    let eras = proptest::collection::vec(
        (0i64..10_957, prop_oneof![Just(1i64), Just(400), Just(10_957)]),
        ITEMS as usize,
    );
    let rating = prop_oneof![
        (1u8..=10).prop_map(|half| f64::from(half) / 2.0),
        Just((3.3f64 * 65_536.0).round() / 65_536.0)
    ];
    let rated =
        proptest::collection::btree_map((0..USERS, 0..ITEMS), (rating, 0i64..10_957), 0..200);
    (eras, rated).prop_map(|(eras, rated)| {
        let aged = |((user, item), (rating, some)): ((u32, u32), (f64, i64))| {
            let (begin, length) = eras[item as usize];
            ((user, item), (rating, (begin + some % length) % 10_957))
        };
        rated.into_iter().map(aged).collect()
    })
}

proptest! {
    /// The bound that stands at [`RatingMatrix::faded`], beside the rounding to single precision.
    #[test]
    fn similarities_over_thirty_years_are_those_of_double_precision(
        ratings in any_ratings(),
        (preset, changes) in family(),
        half_life in prop_oneof![Just(1.0f64), Just(7.0), Just(180.0), 1.0f64..4_000.0],
    ) {
        let measure = fading(preset, half_life, changes)?;
        let found = fit(&matrix(&ratings)?, &measure, ALL, &|| ())?;
        let Formula::OfProducts(ProductFormula::Cosine { target_exponent, source_exponent, .. }) = measure.formula
        else { return Err(TestCaseError::fail("of the cosine family")) };
        // A norm that is off by a share takes the similarity along, by its exponent.
        let exponents = 1.0f64.max(2.0 * target_exponent).max(2.0 * source_exponent);
        let raters = |item: u32| ratings.keys().filter(|(_, rated)| *rated == item).count() as f64;
        let newest = ratings.values().map(|&(_, age)| age).min().unwrap_or(0);
        // Ages count from the newest rating.
        let now: Ratings = ratings.iter().map(|(&at, &(r, age))| (at, (r, age - newest))).collect();
        for ((target, source), (expected, same)) in expected(&now, &measure, half_life) {
            // What single precision cannot hold is left out.
            if !(-120.0..120.0).contains(&same) {
                continue;
            }
            let row = found.row(target as usize);
            let found = row.iter().find(|n| n.item == source).map_or(0.0, |n| f64::from(n.score));
            let exact = if expected.sign == 0.0 { 0.0 } else { expected.sign * expected.log.exp2() };
            let exact = if measure.is_signed() { exact } else { exact.max(0.0) };
            let fixed_point = same.exp2() * exponents * (raters(target).sqrt() + raters(source).sqrt()) / 2f64.powi(29);
            let single = exact.abs() * 2f64.powi(-23);
            prop_assert!(
                (found - exact).abs() <= fixed_point + single,
                "{}: {} to {}: {} rather than {}, of {}", preset, source, target, found, exact, same.exp2()
            );
        }
    }
}

#[test]
fn old_items_are_as_similar_as_they_ever_were() -> Result<(), Box<dyn std::error::Error>> {
    // Items 0 and 1 twenty years ago, items 2 and 3 now.
    let old = [((0, 0), 4.0), ((0, 1), 5.0), ((1, 0), 3.0), ((1, 1), 4.0)];
    let new = [((2, 2), 4.0), ((2, 3), 5.0)];
    let ratings = |age: i64| -> Ratings {
        let old = old.into_iter().map(|(at, rating)| (at, (rating, age)));
        old.chain(new.into_iter().map(|(at, rating)| (at, (rating, 0)))).collect()
    };
    for half_life in [0.01, 1.0, 180.0] {
        let measure = fading(Preset::Cosine, half_life, Adjustments::default())?;
        for age in [0, 7_305, 10_957] {
            let found = fit(&matrix(&ratings(age))?, &measure, ALL, &|| ())?;
            let expected = (32.0 / (5.0 * 41f64.sqrt())) as f32;
            assert_eq!(expected, 0.999_512_1);
            let pairs: Vec<_> = (0..4).flat_map(|item| found.row(item).iter()).collect();
            let scores: Vec<_> = pairs.iter().map(|n| (n.item, n.score)).collect();
            assert_eq!(scores, [(1, expected), (0, expected), (3, 1.0), (2, 1.0)]);
        }
    }
    Ok(())
}

#[test]
fn regressions_see_old_ratings_as_little_as_they_weigh() -> Result<(), Box<dyn std::error::Error>> {
    // Two items that five users rated together, twenty years before anything else: 40.6 half-lives of 180 days.
    let age = 7_305;
    let mut ratings: Ratings =
        (0..5).flat_map(|user| [((user, 0), (1.0, age)), ((user, 1), (1.0, age))]).collect();
    ratings.extend([((9, 2), (1.0, 0)), ((9, 3), (1.0, 0))]);
    for preset in [Preset::SparseEase, Preset::Ease] {
        let lambda = Some(300.0);
        let measure = fading(preset, 180.0, Adjustments { lambda, ..Adjustments::default() })?;
        let found = fit(&matrix(&ratings)?, &measure, ALL, &|| ())?;
        // Of two items a ridge regression gives product / (squared norm + lambda); both are the same here.
        let squares = |raters: f64, age: f64| raters * (-2.0 * age / 180.0).exp2();
        for (target, raters, age) in [(0, 5.0, 7_305.0), (2, 1.0, 0.0)] {
            let row = found.row(target);
            let expected = squares(raters, age) / (squares(raters, age) + 300.0);
            let score = f64::from(row.scores.first().copied().unwrap_or(0.0));
            assert!(
                (score / expected - 1.0).abs() < 1e-5,
                "{preset} {target}: {row:?}, not {expected}"
            );
        }
    }
    Ok(())
}
