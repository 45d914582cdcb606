//! Selections against the plain list: what is filtered out afterwards, and a model without the weak pairs.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::{Model, Recommendation, Request, Scorer, Selection, Source};
use crate::similarity::{Neighbour, Neighbours};

const ITEMS: u32 = 12;
const EVERYTHING: Request = Request { offset: 0, count: ITEMS as usize, reasons: 12 };

type Pairs = std::collections::BTreeMap<(u32, u32), (i8, u32)>;

/// A similarity from -1 to 1 and a support from 0 to 4 for some pairs.
fn pairs() -> impl Strategy<Value = Pairs> {
    btree_map((0..ITEMS, 0..ITEMS), (-8i8..9, 0u32..5), 0..80)
}

fn profile() -> impl Strategy<Value = Vec<(u32, f32)>> {
    let ratings = btree_map(0..ITEMS, 1u8..11, 0..6);
    ratings.prop_map(|ratings| {
        ratings.into_iter().map(|(i, half)| (i, f32::from(half) / 2.0)).collect()
    })
}

fn model(pairs: &Pairs, counts: &[u64]) -> Result<Model, super::ModelError> {
    let row = |target: u32| {
        let mut row: Vec<Neighbour> = pairs
            .iter()
            .filter(|((t, source), (score, _))| *t == target && *source != target && *score != 0)
            .map(|((_, item), (score, co_count))| Neighbour {
                item: *item,
                score: f32::from(*score) / 8.0,
                co_count: *co_count,
            })
            .collect();
        row.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()).then(a.item.cmp(&b.item)));
        row
    };
    Model::new(Neighbours::from_rows((0..ITEMS).map(row)), counts)
}

proptest! {
    #[test]
    fn a_filter_gives_what_filtering_the_whole_list_gives(
        pairs in pairs(),
        counts in vec(0u64..5, ITEMS as usize),
        profile in profile(),
        allowed in btree_set(0..ITEMS, 0..ITEMS as usize),
        count in 0usize..15,
    ) {
        let model = model(&pairs, &counts)?;
        let mut scorer = Scorer::default();
        let mut expected = scorer.recommend(&model, &profile, EVERYTHING);
        expected.retain(|recommendation| allowed.contains(&recommendation.item));
        let unseen = allowed.iter().filter(|item| profile.iter().all(|(rated, _)| rated != *item));
        prop_assert_eq!(expected.len(), unseen.count(), "all of them, each once");
        expected.truncate(count);
        let is_allowed = |item| allowed.contains(&item);
        let selection = Selection { is_allowed: Some(&is_allowed), ..Selection::default() };
        let request = Request { count, ..EVERYTHING };
        prop_assert_eq!(scorer.recommend_selected(&model, &profile, request, &selection), expected);
    }

    #[test]
    fn a_minimum_support_gives_what_a_model_without_the_weak_pairs_gives(
        pairs in pairs(),
        counts in vec(0u64..5, ITEMS as usize),
        profile in profile(),
        min_support in 0u32..6,
        count in 0usize..15,
    ) {
        let request = Request { offset: 0, count, reasons: 3 };
        let mut scorer = Scorer::default();
        let selection = Selection { min_support, ..Selection::default() };
        let found = scorer.recommend_selected(&model(&pairs, &counts)?, &profile, request, &selection);
        let mut strong = pairs;
        strong.retain(|_, (_, support)| *support >= min_support);
        prop_assert_eq!(found, scorer.recommend(&model(&strong, &counts)?, &profile, request));
    }

    #[test]
    fn diversity_changes_the_order_and_nothing_else(
        pairs in pairs(),
        profile in profile(),
        diversity in 1u8..=4,
    ) {
        let model = model(&pairs, &[1; ITEMS as usize])?;
        let mut scorer = Scorer::default();
        let plain = scorer.recommend(&model, &profile, EVERYTHING);
        let selection = Selection { diversity: f32::from(diversity) / 4.0, ..Selection::default() };
        let mut found = scorer.recommend_selected(&model, &profile, EVERYTHING, &selection);
        prop_assert_eq!(found.first(), plain.first());
        let firsts = found.iter().take_while(|r| r.source == Source::Neighbours).count();
        prop_assert!(found[firsts..].iter().all(|r| r.source == Source::Popular));
        let place = |r: &Recommendation| plain.iter().position(|other| other.item == r.item);
        found.sort_by_key(place);
        prop_assert_eq!(found, plain);
    }

    #[test]
    fn pages_hold_the_whole_list_without_gaps_and_repeat_nothing(
        pairs in pairs(),
        counts in vec(0u64..5, ITEMS as usize),
        profile in profile(),
        allowed in btree_set(0..ITEMS, 1..=ITEMS as usize),
        (count, offset) in (1usize..6, 0usize..15),
        (min_support, diversity) in (0u32..3, 0u8..=4),
    ) {
        let model = model(&pairs, &counts)?;
        let mut scorer = Scorer::default();
        let is_allowed = |item| allowed.contains(&item);
        let diversity = f32::from(diversity) / 4.0;
        let selection = Selection { is_allowed: Some(&is_allowed), min_support, diversity };
        let mut page = |offset| {
            let request = Request { offset, count, reasons: 3 };
            scorer.recommend_selected(&model, &profile, request, &selection)
        };
        let mut list = Vec::new();
        while list.len() % count == 0 {
            let next = page(list.len());
            if next.is_empty() {
                break;
            }
            list.extend(next);
        }
        // Wherever it begins.
        let expected: Vec<_> = list.iter().skip(offset).take(count).cloned().collect();
        prop_assert_eq!(page(offset), expected);
        let mut items: Vec<u32> = list.iter().map(|recommendation| recommendation.item).collect();
        items.sort_unstable();
        let is_unseen = |item: &u32| profile.iter().all(|(rated, _)| rated != item);
        prop_assert_eq!(items, allowed.iter().copied().filter(is_unseen).collect::<Vec<_>>());
        if diversity == 0.0 {
            let whole = Request { reasons: 3, ..EVERYTHING };
            prop_assert_eq!(scorer.recommend_selected(&model, &profile, whole, &selection), list);
        }
    }
}
