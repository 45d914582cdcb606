use proptest::prelude::*;

use super::How;
use super::instructions::InstructionSet;
use crate::rating_weight::WeightRule;
use crate::similarity::fit::{Cut, Selection, fit_with};
use crate::similarity::{
    Adjustments, MatrixError, Measure, Neighbours, Preset, RatingMatrix, oracle,
};

const USERS: u32 = 150;
const ITEMS: u32 = 560;

/// As many users and items as make several blocks of lines, rows and raters: a few items that nearly everybody rated, and
/// many that few did.
fn ratings(seed: u64, value: fn(u64) -> f32) -> Result<RatingMatrix, MatrixError> {
    let mut state = seed;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut ratings = Vec::new();
    for user in 0..USERS {
        for item in 0..ITEMS {
            if draw() % 1_000 < 8 + 40_000 / (u64::from(item) + 40) {
                ratings.push((user, item, value(draw())));
            }
        }
    }
    RatingMatrix::new(USERS as usize, ITEMS as usize, ratings.into_iter())
}

fn half_stars(draw: u64) -> f32 {
    (draw % 10 + 1) as f32 / 2.0
}

fn any_values(draw: u64) -> f32 {
    (draw % 100_000) as f32 / 7_000.0 - 3.0
}

fn fitted(
    matrix: &RatingMatrix,
    measure: &Measure,
    selection: Selection,
    how: How,
) -> Result<Neighbours, Box<dyn std::error::Error>> {
    Ok(fit_with(how, matrix, measure, selection, 0..matrix.item_count(), &|| ())?)
}

/// Each way of computing the same: all instructions that this processor has; with lines for all items, for some, for none.
fn ways() -> impl Iterator<Item = How> {
    let sets = InstructionSet::all().into_iter();
    sets.flat_map(|instructions| {
        [0, 512, usize::MAX].map(|rare| How { instructions, rare: Some(rare) })
    })
}

/// The pairwise measures, and what a rule makes of them.
fn measures() -> Result<Vec<Measure>, Box<dyn std::error::Error>> {
    let mut measures = Vec::new();
    for preset in Preset::ALL {
        if Measure::new(preset).ridge().is_some() {
            continue;
        }
        for rule in [WeightRule::Value, WeightRule::Binary, WeightRule::AtLeast(3.0)] {
            let changes = Adjustments { rating_weight: Some(rule), ..Adjustments::default() };
            measures.extend(Measure::new(preset).adjusted(&changes).ok());
        }
        let held = Adjustments {
            shrinkage: Some(2.5),
            significance: Some(7),
            min_co_count: Some(2),
            ..Adjustments::default()
        };
        measures.push(Measure::new(preset).adjusted(&held)?);
    }
    Ok(measures)
}

#[test]
fn every_kernel_equals_the_naive_computation_to_the_last_bit()
-> Result<(), Box<dyn std::error::Error>> {
    let selections = [(Cut::Target, 20), (Cut::Source, 3), (Cut::Target, 2_000)];
    for (number, measure) in measures()?.iter().enumerate() {
        for value in [[half_stars, any_values][number % 2]] {
            let matrix = ratings(number as u64, value)?;
            let (cut, top_k) = selections[number % selections.len()];
            let selection = Selection { cut, top_k };
            let expected = oracle::fit(&matrix, measure, selection);
            assert!(expected.pair_count() > 0, "{measure:?}");
            for how in ways() {
                let found = fitted(&matrix, measure, selection, how)?;
                assert!(found == expected, "{how:?} {measure:?} {selection:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn regressions_are_the_same_in_every_way() -> Result<(), Box<dyn std::error::Error>> {
    for rule in [WeightRule::Binary, WeightRule::AtLeast(2.0), WeightRule::Value] {
        let changes = Adjustments { rating_weight: Some(rule), ..Adjustments::default() };
        let measure = Measure::new(Preset::SparseEase).adjusted(&changes)?;
        let matrix = ratings(5, half_stars)?;
        let selection = Selection { cut: Cut::Target, top_k: 21 };
        let mut all = ways().map(|how| fitted(&matrix, &measure, selection, how));
        let first = all.next().ok_or("no way")??;
        assert_eq!(first.pair_count(), 21 * ITEMS as usize);
        for other in all {
            assert!(other? == first, "{rule}");
        }
    }
    Ok(())
}

/// What a user rated an item with.
type Rating = fn(u32, u32) -> Option<f32>;

/// What is hardly any input, or the same over and over: how many users and items, and who rated what.
fn odd_inputs() -> Vec<(&'static str, u32, u32, Rating)> {
    vec![
        ("nothing", 0, 0, |_, _| None),
        ("nobody rated anything", 3, 4, |_, _| None),
        ("one rating", 1, 1, |_, _| Some(3.5)),
        ("one user", 1, 600, |_, item| Some((item % 5 + 1) as f32)),
        ("one item", 40, 1, |user, _| Some((user % 5 + 1) as f32)),
        ("no pair at all", 600, 600, |user, item| (user == item).then_some(2.0)),
        ("all equal", 30, 520, |user, item| (user * 7 + item * 3).is_multiple_of(4).then_some(4.0)),
        ("all zero", 30, 520, |user, item| (user + item).is_multiple_of(3).then_some(0.0)),
        ("one item of everybody, one user of everything", 90, 530, |user, item| {
            (user == 0 || item == 0 || (user + item).is_multiple_of(11))
                .then(|| ((user + 2 * item) % 10) as f32 / 2.0)
        }),
    ]
}

#[test]
fn odd_inputs_are_as_exact_as_others() -> Result<(), Box<dyn std::error::Error>> {
    for (turn, (name, users, items, rating)) in odd_inputs().into_iter().enumerate() {
        let cells = (0..users).flat_map(|user| (0..items).map(move |item| (user, item)));
        let ratings = cells.filter_map(|(user, item)| Some((user, item, rating(user, item)?)));
        let matrix = RatingMatrix::new(users as usize, items as usize, ratings)?;
        // Measures and ways take turns, so that each of them meets several inputs.
        for (number, measure) in measures()?.iter().enumerate().skip(turn % 3).step_by(3) {
            let selection =
                Selection { cut: [Cut::Target, Cut::Source][number % 2], top_k: 1 + number };
            let expected = oracle::fit(&matrix, measure, selection);
            let how = ways().nth(number % ways().count()).ok_or("no way")?;
            let found = fitted(&matrix, measure, selection, how)?;
            assert!(found == expected, "{name}: {how:?} {measure:?} {selection:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn co_counts_are_those_of_sets(
        raters in proptest::collection::vec(proptest::collection::btree_set(0u32..700, 0..300), 1..7),
    ) {
        // The first item is the row; its raters' lines are counted in each instruction set.
        let mut ratings: Vec<(u32, u32, f32)> = Vec::new();
        for (item, raters) in (0..).zip(&raters) {
            ratings.extend(raters.iter().map(|&user| (user, item, 1.0)));
        }
        ratings.sort_unstable_by_key(|&(user, item, _)| (user, item));
        let matrix = RatingMatrix::new(700, raters.len(), ratings.into_iter())?;
        let measure = Measure::new(Preset::ConditionalProbability);
        let selection = Selection { cut: Cut::Target, top_k: 10 };
        for instructions in InstructionSet::all() {
            let how = How { instructions, rare: Some(usize::MAX) };
            let found = fit_with(how, &matrix, &measure, selection, 0..raters.len(), &|| ())?;
            for (target, own) in raters.iter().enumerate() {
                let both = |source: usize| own.intersection(&raters[source]).count() as u32;
                let sources = (0..raters.len()).filter(|&source| source != target && both(source) > 0);
                prop_assert_eq!(found.row(target).len(), sources.count());
                for neighbour in found.row(target).iter() {
                    prop_assert_eq!(neighbour.co_count, both(neighbour.item as usize));
                }
            }
        }
    }
}
