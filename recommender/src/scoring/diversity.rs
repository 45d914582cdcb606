//! A list that is less alike: maximal marginal relevance.

use std::collections::HashMap;
use std::ops::Range;

use super::model::Model;

/// Candidates that are looked at for each one that is wanted on a page.
const CANDIDATES_EACH: usize = 5;

/// How many candidates are picked from at a time, for pages of `count`.
fn pool(count: usize) -> usize {
    count.max(1).saturating_mul(CANDIDATES_EACH)
}

/// How many candidates, from the best on, decide about the first `end` places of a list that is read in pages of `count`.
pub(super) fn pool_end(end: usize, count: usize) -> usize {
    let pool = pool(count);
    end.div_ceil(pool).max(1).saturating_mul(pool)
}

/// Picks candidates, one after the other, each time the one with the greatest
/// `(1 - d) * score / best score - d * closeness` (maximal marginal relevance, Carbonell and Goldstein 1998), where
/// closeness is that to the closest item picked before, and returns what was picked at some `places` of the list. The first
/// pick is the best candidate whatever `d` is.
///
/// A pick is made among the best 5 `count` candidates until all of them are picked, then among the next as many: so the list
/// is the same whichever part of it is asked for, as long as `count`, which is that of a page, is the same.
///
/// Two items are as close as their similarity is great beside the greatest magnitude among the target's neighbours, the
/// closer way round: 1 for a nearest neighbour, 0 for items that are no neighbours or unlike. So closeness means the same
/// for every measure, whatever its scale.
///
/// `candidates` come best first with scores above 0, all of them or [`pool_end`] of the end; ties are broken by their order.
/// Work: the candidates' neighbours, and 5 `count` times the picks that a page and its pool take.
pub(super) fn diversify(
    model: &Model,
    candidates: &[(u32, f32)],
    places: Range<usize>,
    count: usize,
    diversity: f32,
) -> Vec<(u32, f32)> {
    let Some(&(_, best)) = candidates.first() else { return Vec::new() };
    let close = close_pairs(model, candidates);
    let mut closeness = vec![0.0f32; candidates.len()];
    let note = |closeness: &mut [f32], picked: usize| {
        for &(other, near) in &close[picked] {
            closeness[other] = closeness[other].max(near);
        }
    };
    let (pool, end) = (pool(count), places.end.min(candidates.len()));
    let first_pool = places.start / pool * pool;
    // Whatever is in the pools before is picked before.
    (0..first_pool.min(candidates.len())).for_each(|before| note(&mut closeness, before));
    let mut picked = Vec::with_capacity(end.saturating_sub(places.start));
    for begin in (first_pool..end).step_by(pool) {
        let mut left: Vec<usize> = (begin..candidates.len().min(begin + pool)).collect();
        for place in begin..end.min(begin + left.len()) {
            let value = |at: usize| {
                (1.0 - diversity) * (candidates[at].1 / best) - diversity * closeness[at]
            };
            let mut greatest = 0;
            for other in 1..left.len() {
                if value(left[other]) > value(left[greatest]) {
                    greatest = other;
                }
            }
            // Keeps the order, by which ties are broken.
            let next = left.remove(greatest);
            if places.contains(&place) {
                picked.push(candidates[next]);
            }
            note(&mut closeness, next);
        }
    }
    picked
}

/// For each candidate the places of those it is close to, and how close.
fn close_pairs(model: &Model, candidates: &[(u32, f32)]) -> Vec<Vec<(usize, f32)>> {
    let places: HashMap<u32, usize> =
        candidates.iter().enumerate().map(|(place, &(item, _))| (item, place)).collect();
    let mut close = vec![Vec::new(); candidates.len()];
    for (place, &(target, _)) in candidates.iter().enumerate() {
        let row = model.neighbours(target);
        let greatest = row.scores.iter().fold(0.0f32, |greatest, score| greatest.max(score.abs()));
        for neighbour in row.iter().filter(|neighbour| neighbour.score > 0.0) {
            if let Some(&other) = places.get(&neighbour.item) {
                let near = neighbour.score / greatest;
                close[place].push((other, near));
                close[other].push((place, near));
            }
        }
    }
    close
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoring::ModelError;
    use crate::similarity::{Neighbour, Neighbours};
    use proptest::prelude::*;

    fn model(pairs: &[(u32, u32, f32)], items: u32) -> Result<Model, ModelError> {
        let row = |target: u32| {
            let mut row: Vec<Neighbour> = pairs
                .iter()
                .filter(|pair| pair.0 == target)
                .map(|&(_, item, score)| Neighbour { item, score, co_count: 1 })
                .collect();
            row.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()).then(a.item.cmp(&b.item)));
            row
        };
        Model::new(Neighbours::from_rows((0..items).map(row)), &vec![1; items as usize])
    }

    #[test]
    fn a_list_takes_what_is_unlike_before_more_of_the_same() -> Result<(), ModelError> {
        // 0, 1 and 2 are a series; 3 stands alone.
        let model = model(&[(1, 0, 0.5), (2, 0, 0.5), (2, 1, 0.4)], 4)?;
        let candidates = [(0, 1.0), (1, 0.9), (2, 0.8), (3, 0.5)];
        let order = |diversity| -> Vec<u32> {
            let list = diversify(&model, &candidates, 0..4, 4, diversity);
            list.iter().map(|(item, _)| *item).collect()
        };
        assert_eq!(order(0.0), [0, 1, 2, 3]);
        assert_eq!(order(0.5), [0, 3, 1, 2]);
        assert_eq!(diversify(&model, &candidates, 0..2, 2, 0.5), [(0, 1.0), (3, 0.5)]);
        assert!(diversify(&model, &[], 0..2, 2, 0.5).is_empty());
        Ok(())
    }

    /// The definition, pair by pair: pool after pool.
    fn naive(
        model: &Model,
        candidates: &[(u32, f32)],
        count: usize,
        diversity: f32,
    ) -> Vec<(u32, f32)> {
        let one_way = |target: u32, source: u32| {
            let row = model.neighbours(target);
            let of_source = row.iter().find(|n| n.item == source).map_or(0.0, |n| n.score);
            let greatest = row.scores.iter().map(|score| score.abs()).fold(0.0, f32::max);
            if of_source > 0.0 { of_source / greatest } else { 0.0 }
        };
        let mut picked = Vec::<(u32, f32)>::new();
        for pool in candidates.chunks(5 * count) {
            let mut left = pool.to_vec();
            while !left.is_empty() {
                let value = |&(item, score): &(u32, f32)| {
                    let close = picked.iter().map(|&(p, _)| one_way(item, p).max(one_way(p, item)));
                    let closeness = close.fold(0.0, f32::max);
                    (1.0 - diversity) * (score / candidates[0].1) - diversity * closeness
                };
                let mut best = 0;
                for at in 1..left.len() {
                    if value(&left[at]) > value(&left[best]) {
                        best = at;
                    }
                }
                picked.push(left.remove(best));
            }
        }
        picked
    }

    proptest! {
        #[test]
        fn picks_equal_the_definition(
            pairs in proptest::collection::btree_map((0u32..12, 0u32..12), -8i8..9, 0..70),
            scores in proptest::collection::vec(1u8..20, 0..12),
            (offset, count) in (0usize..14, 1usize..14),
            diversity in 0u8..=4,
        ) {
            let pairs: Vec<_> = pairs
                .into_iter()
                .filter(|((target, source), score)| target != source && *score != 0)
                .map(|((target, source), score)| (target, source, f32::from(score) / 8.0))
                .collect();
            let model = model(&pairs, 12)?;
            let mut candidates: Vec<_> = (0..12).zip(scores.iter().map(|s| f32::from(*s))).collect();
            candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let diversity = f32::from(diversity) / 4.0;
            let list = naive(&model, &candidates, count, diversity);
            let expected: Vec<_> = list.into_iter().skip(offset).take(count).collect();
            // No more of them than can matter.
            candidates.truncate(pool_end(offset + count, count));
            let found = diversify(&model, &candidates, offset..offset + count, count, diversity);
            prop_assert_eq!(found, expected);
        }
    }
}
