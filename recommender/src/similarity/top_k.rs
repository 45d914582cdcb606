//! Choosing the best K of many candidates.

use std::cmp::Ordering;

use super::neighbours::Neighbour;

/// Best first: greater magnitude (what a signed measure says most about), then smaller item number. A total order.
fn best_first(a: &Neighbour, b: &Neighbour) -> Ordering {
    b.score.abs().total_cmp(&a.score.abs()).then(a.item.cmp(&b.item))
}

/// Keeps the best `k` candidates, best first. Selects before it sorts: linear in the candidates.
pub fn keep_best(candidates: &mut Vec<Neighbour>, k: usize) {
    if k == 0 {
        candidates.clear();
    } else if candidates.len() > k {
        candidates.select_nth_unstable_by(k - 1, best_first);
        candidates.truncate(k);
    }
    candidates.sort_unstable_by(best_first);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_k_are_the_head_of_a_full_sort(scores in proptest::collection::vec(-5i8..6, 0..50), k in 0usize..60) {
            let candidates: Vec<Neighbour> = scores
                .iter()
                .enumerate()
                .map(|(at, &score)| Neighbour { item: at as u32, score: f32::from(score), co_count: 1 })
                .collect();
            let mut expected = candidates.clone();
            // A stable sort by magnitude alone leaves ties in item order.
            expected.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
            expected.truncate(k);
            let mut kept = candidates;
            keep_best(&mut kept, k);
            prop_assert_eq!(kept, expected);
        }
    }
}
