use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::rating_weight::{RatingWeight, WeightRule};
use crate::scoring::{ModelError, Recommendation, Request};
use crate::similarity::{Neighbour, Neighbours};

const ITEMS: u32 = 150;

/// Few great similarities and many small ones, as measures give them.
fn model(pairs: &BTreeMap<(u32, u32), f32>, rule: WeightRule) -> Result<Model, ModelError> {
    model_of(&pairs.iter().map(|(&pair, score)| (pair, score.powi(5))).collect(), rule)
}

fn model_of(pairs: &BTreeMap<(u32, u32), f32>, rule: WeightRule) -> Result<Model, ModelError> {
    let row = |target: u32| -> Vec<Neighbour> {
        let of_target = pairs.range((target, 0)..(target + 1, 0));
        let neighbour = |((_, item), score): (&(u32, u32), &f32)| Neighbour {
            item: *item,
            score: *score,
            co_count: 1,
        };
        of_target.map(neighbour).collect()
    };
    let counts: Vec<u64> = (0..ITEMS).map(|item| u64::from(item * 7 % 11)).collect();
    let weight = RatingWeight { rule, mean: 3.0, deviation: 1.0 };
    Ok(Model::new(Neighbours::from_rows((0..ITEMS).map(row)), &counts)?.weighing(weight))
}

fn profile(ratings: &BTreeMap<u32, u8>) -> Vec<(u32, f32)> {
    ratings.iter().map(|(&item, &half)| (item, f32::from(half) / 2.0)).collect()
}

/// What [`Before`] has.
type Changes = Vec<(u32, Option<f32>)>;

/// The ratings as they are after some changes (0: taken back), and what the changes replaced.
fn changed(before: &BTreeMap<u32, u8>, changes: &BTreeMap<u32, u8>) -> (Vec<(u32, f32)>, Changes) {
    let mut after = before.clone();
    let mut replaced = Vec::new();
    for (&item, &rating) in changes {
        let old = if rating == 0 { after.remove(&item) } else { after.insert(item, rating) };
        if old != (rating > 0).then_some(rating) {
            replaced.push((item, old.map(|half| f32::from(half) / 2.0)));
        }
    }
    (profile(&after), replaced)
}

/// The only list that holds a profile's best, however short it is.
fn kept(scorer: &mut Scorer, model: &Model, before: &[(u32, f32)], count: usize) -> CandidateLists {
    let mut lists = CandidateLists::default();
    scorer.start(model, before);
    scorer.keep_started(model, count, &mut lists);
    lists
}

/// What is recommended after some changes, from candidates and from nothing; and once more, because what a list leaves behind
/// must not show in the next.
fn found_twice(
    model: &Model,
    before: &BTreeMap<u32, u8>,
    changes: &BTreeMap<u32, u8>,
    kept_count: usize,
    request: Request,
    selection: &Selection<'_>,
) -> [[Vec<Recommendation>; 2]; 2] {
    let mut scorer = Scorer::default();
    let lists = kept(&mut scorer, model, &profile(before), kept_count);
    let (after, changes) = changed(before, changes);
    let Some(candidates) = lists.get(0) else { panic!("nothing is kept") };
    let known = Some(Before { candidates, changes: &changes });
    std::array::from_fn(|_| {
        let found = scorer.recommend_after(model, known, &after, request, selection);
        [found, scorer.recommend_selected(model, &after, request, selection)]
    })
}

fn any_rule() -> impl Strategy<Value = WeightRule> {
    prop_oneof![
        Just(WeightRule::Value),
        Just(WeightRule::Binary),
        Just(WeightRule::AtLeast(3.0)),
        Just(WeightRule::MinusMean),
        Just(WeightRule::Relative(1.5)),
    ]
}

proptest! {
    #[test]
    fn lists_after_changes_are_those_that_are_found_from_nothing(
        pairs in proptest::collection::btree_map((0..ITEMS, 0..ITEMS), -1.0f32..1.0, 0..4000),
        before in proptest::collection::btree_map(0..ITEMS, 1u8..11, 0..40),
        changes in proptest::collection::btree_map(0..ITEMS, 0u8..11, 0..6),
        rule in any_rule(),
        (count, kept_count) in prop_oneof![3 => (1usize..40, 0usize..100), 1 => (1usize..3, 1usize..3)],
        modulus in 1u32..4,
        diversity in prop_oneof![3 => Just(0.0f32), 1 => 0.1f32..1.0],
        min_support in prop_oneof![5 => Just(0u32), 1 => 0u32..3],
    ) {
        let model = model(&pairs, rule)?;
        let is_allowed = |item: u32| item.is_multiple_of(modulus);
        let selection = Selection { is_allowed: Some(&is_allowed), min_support, diversity };
        let request = Request { offset: 0, count, reasons: 3 };
        for [found, expected] in found_twice(&model, &before, &changes, kept_count, request, &selection) {
            prop_assert_eq!(found, expected);
        }
    }
}

proptest! {
    /// Of few ratings one more moves the mean, and with it the weights of all, so far that what was not kept overtakes.
    #[test]
    fn nothing_is_overlooked_when_all_weights_move(
        pairs in proptest::collection::btree_map(
            (0..60u32, 0..12u32),
            prop_oneof![0.1f32..1.0, -1.0f32..-0.1],
            100..600,
        ),
        before in proptest::collection::btree_map(0..12u32, prop_oneof![1u8..4, 8u8..11], 1..9),
        changes in proptest::collection::btree_map(0..14u32, prop_oneof![1u8..3, 9u8..11], 1..4),
        rule in prop_oneof![Just(WeightRule::MinusMean), Just(WeightRule::Relative(1.5))],
        (count, kept_count) in (1usize..4, 1usize..7),
    ) {
        let model = model_of(&pairs, rule)?;
        let (request, selection) = (Request { offset: 0, count, reasons: 0 }, Selection::default());
        for [found, expected] in found_twice(&model, &before, &changes, kept_count, request, &selection) {
            prop_assert_eq!(found, expected);
        }
    }
}

/// The three best before some changes, the best after them, found from the two best, and whether these sufficed. With all
/// ratings and similarities, or all of them turned round.
fn overtaking(
    up: bool,
    rated: &[(u32, u8)],
    changes: &[(u32, u8)],
    similar: &[(u32, u32, f32)],
) -> Result<(Vec<u32>, Option<u32>, bool), ModelError> {
    let turned = |&(item, half): &(u32, u8)| (item, if up { half } else { 12 - half });
    let sign = if up { 1.0 } else { -1.0 };
    let pairs = similar.iter().map(|&(target, source, score)| ((target, source), score * sign));
    let model = model_of(&pairs.collect(), WeightRule::MinusMean)?;
    let mut scorer = Scorer::default();
    let before: BTreeMap<u32, u8> = rated.iter().map(turned).collect();
    let request = Request { offset: 0, count: 3, reasons: 0 };
    let first = scorer.recommend(&model, &profile(&before), request);
    let lists = kept(&mut scorer, &model, &profile(&before), 2);
    let Some(candidates) = lists.get(0) else { panic!("nothing is kept") };
    let (after, changes) = changed(&before, &changes.iter().map(turned).collect());
    let known = Before { candidates, changes: &changes };
    let (request, selection) = (Request { offset: 0, count: 1, reasons: 0 }, Selection::default());
    let found = scorer.recommend_after(&model, Some(known), &after, request, &selection);
    let first = first.iter().map(|found| found.item).collect();
    Ok((first, found.first().map(|found| found.item), scorer.candidates_sufficed()))
}

#[test]
fn what_was_not_kept_overtakes_when_all_weights_move() -> Result<(), ModelError> {
    // Means are 3 and then 1.93, or 4.07 where all is turned round.
    let low: Vec<(u32, u8)> = (40..48).map(|item| (item, 2)).collect();
    let similar = [(1, 30, 0.5), (1, 31, -0.9), (2, 31, -1.05), (3, 30, 1.0)];
    for up in [true, false] {
        let found = overtaking(up, &[(30, 10), (31, 2)], &low, &similar)?;
        assert_eq!(found, (vec![1, 2, 3], Some(3), true));
    }
    // Much speaks for many others, but nothing that is rated.
    let others = (4..30).chain(40..149).map(|target| (target, 149, 5.0));
    let similar: Vec<_> = similar.into_iter().chain(others).collect();
    for up in [true, false] {
        let found = overtaking(up, &[(30, 10), (31, 2)], &[(40, 2)], &similar)?;
        assert_eq!(found, (vec![1, 2, 3], Some(1), true));
    }
    // What changed itself is not among what moved with the mean.
    let low: Vec<(u32, u8)> = (40..47).chain([32]).map(|item| (item, 2)).collect();
    let similar = [(1, 30, 0.8), (1, 31, -0.9), (2, 31, -1.05), (3, 30, 1.0), (3, 32, -1.0)];
    for up in [true, false] {
        let found = overtaking(up, &[(30, 10), (31, 2), (32, 6)], &low, &similar)?;
        assert_eq!(found, (vec![1, 2, 3], Some(3), true));
    }
    Ok(())
}

/// Items 1 to 9 are alike, each less so than the one before; 20 is like 30 alone.
fn in_order() -> Result<Model, ModelError> {
    let mut pairs = BTreeMap::new();
    for source in 10..15u32 {
        pairs.extend((1..10u32).map(|target| ((target, source), 0.99 - 0.02 * target as f32)));
    }
    pairs.insert((20, 30), 0.999);
    model(&pairs, WeightRule::Relative(1.5))
}

#[test]
fn candidates_suffice_where_they_can() -> Result<(), ModelError> {
    let model = in_order()?;
    let mut scorer = Scorer::default();
    let before: BTreeMap<u32, u8> = (10..15).map(|item| (item, 8)).collect();
    let lists = kept(&mut scorer, &model, &profile(&before), 6);
    let Some(candidates) = lists.get(0) else { panic!("nothing is kept") };
    assert!(lists.get(1).is_none());
    let mut items = |changes: &[(u32, u8)], count: usize| {
        let (after, changes) = changed(&before, &changes.iter().copied().collect());
        let known = Before { candidates, changes: &changes };
        let request = Request { offset: 0, count, reasons: 0 };
        let selection = Selection::default();
        let found = scorer.recommend_after(&model, Some(known), &after, request, &selection);
        let items: Vec<u32> = found.iter().map(|found| found.item).collect();
        (scorer.candidates_sufficed(), items)
    };
    assert_eq!(items(&[], 3), (true, vec![1, 2, 3]));
    // One that is rated is not recommended.
    assert_eq!(items(&[(2, 8)], 3), (true, vec![1, 3, 4]));
    // One that was nowhere comes in, or does not, with what speaks for it.
    assert_eq!(items(&[(30, 8)], 6).1, [1, 2, 3, 4, 5, 6]);
    // Nothing is known of the seventh, nor of what was rated.
    assert_eq!(items(&[], 7), (false, vec![1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(items(&[(10, 0)], 3), (false, vec![1, 2, 3]));
    Ok(())
}

#[test]
fn what_newly_speaks_for_an_item_that_was_nowhere_brings_it_in() -> Result<(), ModelError> {
    let model = in_order()?;
    let mut scorer = Scorer::default();
    let before: BTreeMap<u32, u8> = [(10, 6)].into();
    let lists = kept(&mut scorer, &model, &profile(&before), 6);
    let Some(candidates) = lists.get(0) else { panic!("nothing is kept") };
    let (after, changes) = changed(&before, &[(30, 10)].into());
    let known = Before { candidates, changes: &changes };
    let request = Request { offset: 0, count: 2, reasons: 0 };
    let found = scorer.recommend_after(&model, Some(known), &after, request, &Selection::default());
    assert!(scorer.candidates_sufficed());
    assert_eq!(found.iter().map(|found| found.item).collect::<Vec<_>>(), [20, 1]);
    Ok(())
}

#[test]
fn of_short_profiles_nothing_is_kept() -> Result<(), ModelError> {
    let mut lists = CandidateLists::default();
    Scorer::default().keep_candidates(&in_order()?, &[(10, 4.0)], 6, &mut lists);
    assert!(lists.get(0).is_none());
    Ok(())
}

#[test]
fn what_sufficed_for_one_list_says_nothing_of_the_next() -> Result<(), ModelError> {
    let model = in_order()?;
    let mut scorer = Scorer::default();
    let before: BTreeMap<u32, u8> = (10..15).map(|item| (item, 8)).collect();
    let lists = kept(&mut scorer, &model, &profile(&before), 6);
    let Some(candidates) = lists.get(0) else { panic!("nothing is kept") };
    let known = Some(Before { candidates, changes: &[] });
    let mut list = |count: usize, selection: Selection<'_>| {
        let request = Request { offset: 0, count, reasons: 0 };
        scorer.recommend_after(&model, known, &profile(&before), request, &selection)
    };
    // Nobody asks whether candidates sufficed. What follows counts the popular ones by sums of its own.
    list(3, Selection::default());
    let all = ITEMS as usize;
    let popular = list(all, Selection { min_support: 2, ..Selection::default() });
    assert_eq!(popular.len(), all - before.len());
    assert!(popular.iter().all(|found| found.score == 0.0));
    assert!(!scorer.candidates_sufficed());
    Ok(())
}
