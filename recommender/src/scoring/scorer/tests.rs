use super::*;
use crate::rating_weight::{RatingWeight, WeightRule};
use crate::scoring::ModelError;
use crate::similarity::{Neighbour, Neighbours};
use proptest::prelude::*;

const ALL: Request = Request { offset: 0, count: 100, reasons: 100 };

fn neighbour(item: u32, score: f32) -> Neighbour {
    Neighbour { item, score, co_count: 1 }
}

/// Item 0 has neighbours 1 and 2, item 1 has 0, item 2 has 0, item 3 none; 3 is the most popular.
fn small_model() -> Result<Model, ModelError> {
    let rows = vec![
        vec![neighbour(1, 0.5), neighbour(2, 0.25)],
        vec![neighbour(0, 0.5)],
        vec![neighbour(0, 0.25)],
        vec![],
    ];
    Model::new(Neighbours::from_rows(rows), &[5, 1, 2, 9])
}

#[test]
fn a_score_is_the_sum_of_its_reasons_and_the_rest_is_popular() -> Result<(), ModelError> {
    let found = Scorer::default().recommend(&small_model()?, &[(1, 4.0), (2, 2.0)], ALL);
    let reason = |item, rating, contribution| Reason { item, rating, contribution };
    assert_eq!(
        found,
        [
            Recommendation {
                item: 0,
                score: 2.5,
                source: Source::Neighbours,
                because: vec![reason(1, 4.0, 2.0), reason(2, 2.0, 0.5)],
            },
            Recommendation { item: 3, score: 0.0, source: Source::Popular, because: vec![] },
        ]
    );
    Ok(())
}

#[test]
fn what_speaks_against_an_item_counts_but_is_no_reason() -> Result<(), ModelError> {
    let rows = vec![vec![neighbour(1, 0.5), neighbour(2, -0.25)], vec![], vec![]];
    let model = Model::new(Neighbours::from_rows(rows), &[1, 1, 1])?;
    let found = Scorer::default().recommend(&model, &[(1, 4.0), (2, 2.0)], ALL);
    let reason = Reason { item: 1, rating: 4.0, contribution: 2.0 };
    assert_eq!((found[0].score, &found[0].because), (1.5, &vec![reason]));
    Ok(())
}

/// Item 1 is like 0 and 2; 3 is like 2. By popularity 1, 3, 0, 2.
#[test]
fn a_low_rating_does_not_recommend_more_of_the_same() -> Result<(), ModelError> {
    let rows = [vec![neighbour(2, 0.5)], vec![neighbour(0, 0.9)], vec![], vec![neighbour(2, 0.4)]];
    let model = Model::new(Neighbours::from_rows(rows), &[2, 9, 1, 5])?;
    let profile = [(0, 0.5), (2, 5.0)];
    let items = |model: &Model| -> Vec<(u32, Source)> {
        let found = Scorer::default().recommend(model, &profile, ALL);
        found.iter().map(|r| (r.item, r.source)).collect()
    };
    // By value, half a star still recommends what is like it, and first.
    assert_eq!(items(&model), [(3, Source::Neighbours), (1, Source::Neighbours)]);
    for rule in [WeightRule::AtLeast(3.0), WeightRule::MinusMean, WeightRule::Relative(1.5)] {
        let weight = RatingWeight { rule, mean: 3.5, deviation: 1.0 };
        let found = items(&model.clone().weighing(weight));
        assert_eq!(found, [(3, Source::Neighbours), (1, Source::Popular)], "{rule}");
    }
    Ok(())
}

#[test]
fn what_the_profile_speaks_against_comes_after_everything_else() -> Result<(), ModelError> {
    let rows = [vec![], vec![neighbour(0, 0.9)], vec![], vec![]];
    let model = Model::new(Neighbours::from_rows(rows), &[2, 9, 1, 5])?;
    let weight = RatingWeight { rule: WeightRule::MinusMean, mean: 3.5, deviation: 1.0 };
    let found = Scorer::default().recommend(&model.weighing(weight), &[(0, 0.5)], ALL);
    // 1 is the most rated.
    assert_eq!(found.iter().map(|r| r.item).collect::<Vec<_>>(), [3, 2, 1]);
    Ok(())
}

#[test]
fn nobody_gets_the_most_rated_items_with_ties_by_number() -> Result<(), ModelError> {
    let model = Model::new(Neighbours::from_rows(vec![vec![]; 4]), &[3, 9, 9, 1])?;
    let found =
        Scorer::default().recommend(&model, &[], Request { offset: 0, count: 3, reasons: 1 });
    assert_eq!(found.iter().map(|r| r.item).collect::<Vec<_>>(), [1, 2, 0]);
    assert!(found.iter().all(|r| r.source == Source::Popular));
    Ok(())
}

#[test]
fn neighbours_that_do_not_exist_are_refused() {
    let rows = || Neighbours::from_rows(vec![vec![neighbour(7, 1.0)]]);
    let refused = |counts: &[u64]| Model::new(rows(), counts).err();
    assert_eq!(refused(&[1]), Some(ModelError::UnknownNeighbour { target: 0, neighbour: 7 }));
    assert_eq!(refused(&[1, 1]), Some(ModelError::ItemCount { neighbours: 1, items: 2 }));
}

proptest! {
    #[test]
    fn whichever_portion_is_looked_at_first_the_best_are_those_of_all_scores(
        // Few great similarities and many small ones, as measures give them.
        pairs in proptest::collection::btree_map((0u32..150, 0u32..150), -1.0f32..1.0, 0..4000),
        profile in proptest::collection::btree_map(0u32..150, 1u8..11, 0..40),
        count in 1usize..200,
        modulus in 1u32..5,
    ) {
        let row = |target: u32| -> Vec<Neighbour> {
            let of_target = pairs.range((target, 0)..(target + 1, 0));
            of_target.map(|((_, item), score)| neighbour(*item, score.powi(5))).collect()
        };
        let weight = RatingWeight { rule: WeightRule::Relative(1.5), mean: 3.0, deviation: 1.0 };
        let model = Model::new(Neighbours::from_rows((0..150).map(row)), &[1; 150])?.weighing(weight);
        let profile: Vec<(u32, f32)> =
            profile.into_iter().map(|(item, half)| (item, f32::from(half) / 2.0)).collect();
        let is_allowed = |item: u32| item.is_multiple_of(modulus);
        let selection = Selection { is_allowed: Some(&is_allowed), ..Selection::default() };
        let mut scorer = Scorer::default();
        for begin in 0..PORTIONS {
            scorer.start(&model, &profile);
            let found = scorer.best(&model, count, begin, &selection);
            let may_follow = |item: &u32| is_allowed(*item) && !scorer.is_rated(*item);
            let all = (0..150).filter(may_follow).map(|item| (item, scorer.score(&model, item)));
            let expected = greatest_first(all.filter(|&(_, score)| score > 0.0).collect(), count);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn recommendations_equal_the_naive_sums(
        pairs in proptest::collection::btree_map((0u32..10, 0u32..10), 1u8..9, 0..50),
        profiles in proptest::collection::vec(proptest::collection::btree_map(0u32..10, 1u8..11, 0..6), 1..4),
        count in 0usize..12,
    ) {
        let row = |target: u32| -> Vec<Neighbour> {
            pairs
                .iter()
                .filter(|((t, source), _)| *t == target && *source != target)
                .map(|((_, source), score)| neighbour(*source, f32::from(*score) / 8.0))
                .collect()
        };
        let model = Model::new(Neighbours::from_rows((0..10).map(row)), &[1; 10])?;
        // One scorer for all: what a round leaves behind must not show in the next.
        let mut scorer = Scorer::default();
        for profile in profiles {
            let profile: Vec<(u32, f32)> =
                profile.into_iter().map(|(item, half)| (item, f32::from(half) / 2.0)).collect();
            let rating = |item| profile.iter().find(|(i, _)| *i == item).map(|(_, r)| *r);
            let mut expected: Vec<(u32, f32)> = (0..10)
                .filter(|&item| rating(item).is_none())
                .map(|item| (item, row(item).iter().filter_map(|n| Some(rating(n.item)? * n.score)).sum()))
                .collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1));
            expected.truncate(count);
            let found = scorer.recommend(&model, &profile, Request { offset: 0, count, reasons: 2 });
            prop_assert_eq!(found.iter().map(|r| (r.item, r.score)).collect::<Vec<_>>(), expected);
            for r in &found {
                prop_assert!(r.because.len() <= 2);
                prop_assert_eq!(r.source == Source::Neighbours, r.score > 0.0);
            }
        }
    }
}
