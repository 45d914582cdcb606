//! A list that is less alike: maximal marginal relevance.

use std::collections::HashMap;

use super::model::Model;

/// Candidates that are looked at for each one that is wanted.
pub(super) const CANDIDATES_EACH: usize = 5;

/// Picks `count` of the candidates, one after the other, each time the one with the greatest
/// `(1 - d) * score / best score - d * closeness` (maximal marginal relevance, Carbonell and Goldstein 1998), where
/// closeness is that to the closest item picked before. The first pick is the best candidate whatever `d` is.
///
/// Two items are as close as their similarity is great beside the greatest magnitude among the target's neighbours, the
/// closer way round: 1 for a nearest neighbour, 0 for items that are no neighbours or unlike. So closeness means the same
/// for every measure, whatever its scale.
///
/// `candidates` come best first with scores above 0; ties are broken by their order. Work: the candidates' neighbours,
/// and candidates times `count`.
pub(super) fn diversify(
    model: &Model,
    candidates: &[(u32, f32)],
    count: usize,
    diversity: f32,
) -> Vec<(u32, f32)> {
    let Some(&(_, best)) = candidates.first() else { return Vec::new() };
    let close = close_pairs(model, candidates);
    let mut closeness = vec![0.0f32; candidates.len()];
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut picked = Vec::with_capacity(count.min(candidates.len()));
    while picked.len() < count && !left.is_empty() {
        let value =
            |at: usize| (1.0 - diversity) * (candidates[at].1 / best) - diversity * closeness[at];
        let mut greatest = 0;
        for place in 1..left.len() {
            if value(left[place]) > value(left[greatest]) {
                greatest = place;
            }
        }
        // Keeps the order, by which ties are broken.
        let next = left.remove(greatest);
        picked.push(candidates[next]);
        for &(other, near) in &close[next] {
            closeness[other] = closeness[other].max(near);
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
            diversify(&model, &candidates, 4, diversity).iter().map(|(item, _)| *item).collect()
        };
        assert_eq!(order(0.0), [0, 1, 2, 3]);
        assert_eq!(order(0.5), [0, 3, 1, 2]);
        assert_eq!(diversify(&model, &candidates, 2, 0.5), [(0, 1.0), (3, 0.5)]);
        assert!(diversify(&model, &[], 2, 0.5).is_empty());
        Ok(())
    }

    /// The definition, pair by pair.
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
        let (mut left, mut picked) = (candidates.to_vec(), Vec::<(u32, f32)>::new());
        while picked.len() < count && !left.is_empty() {
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
        picked
    }

    proptest! {
        #[test]
        fn picks_equal_the_definition(
            pairs in proptest::collection::btree_map((0u32..12, 0u32..12), -8i8..9, 0..70),
            scores in proptest::collection::vec(1u8..20, 0..12),
            count in 0usize..14,
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
            let found = diversify(&model, &candidates, count, diversity);
            prop_assert_eq!(found, naive(&model, &candidates, count, diversity));
        }
    }
}
