//! Exact cosine similarity between the columns of the rating matrix.
//!
//! `S[i,j] = sum_u r_ui * r_uj / sqrt(sum_u r_ui^2 * sum_u r_uj^2)`, where an unrated item counts as zero (Salton and
//! McGill 1983; for item-based recommendation Sarwar et al. 2001). Both sums are exact integers, and the root and the
//! quotient are correctly rounded (IEEE 754), so the same ratings give the same bits on every machine.

use rayon::prelude::*;

use super::matrix::{Cell, RatingMatrix};
use super::neighbours::{Neighbour, Neighbours};
use super::top_k::keep_best;

/// Computes for every item its `top_k` most similar items with a positive similarity.
///
/// Work: [`RatingMatrix::products`] multiply-adds, on the current rayon pool. Memory: 16 bytes an item and thread.
/// `on_row` is called once an item, from any thread, to show progress.
pub fn cosine(matrix: &RatingMatrix, top_k: usize, on_row: &(dyn Fn() + Sync)) -> Neighbours {
    let squared_norms: Vec<i64> =
        (0..matrix.item_count()).map(|item| squared_norm(matrix.item_row(item))).collect();
    let rows: Vec<Vec<Neighbour>> = (0..matrix.item_count())
        .into_par_iter()
        .map_init(
            || Scratch::new(matrix.item_count()),
            |scratch, target| {
                let row = scratch.row(matrix, &squared_norms, target, top_k);
                on_row();
                row
            },
        )
        .collect();
    Neighbours::from_rows(rows)
}

pub(super) fn squared_norm(cells: &[Cell]) -> i64 {
    cells.iter().map(|cell| i64::from(cell.fixed).pow(2)).sum()
}

/// The formula, from the exact sums. The scale of the fixed point cancels out.
pub(super) fn score(dot: i64, squared_norm_i: i64, squared_norm_j: i64) -> f32 {
    (dot as f64 / (squared_norm_i as f64 * squared_norm_j as f64).sqrt()) as f32
}

#[derive(Clone, Copy, Default)]
struct Sum {
    dot: i64,
    co_count: u32,
}

/// One thread's accumulators: a slot an item, cleared only where touched.
struct Scratch {
    sums: Vec<Sum>,
    touched: Vec<u32>,
    candidates: Vec<Neighbour>,
}

impl Scratch {
    fn new(item_count: usize) -> Self {
        Self { sums: vec![Sum::default(); item_count], touched: Vec::new(), candidates: Vec::new() }
    }

    fn row(
        &mut self,
        matrix: &RatingMatrix,
        squared_norms: &[i64],
        target: usize,
        top_k: usize,
    ) -> Vec<Neighbour> {
        for rater in matrix.item_row(target) {
            let weight = i64::from(rater.fixed);
            for rated in matrix.user_row(rater.index as usize) {
                let sum = &mut self.sums[rated.index as usize];
                if sum.co_count == 0 {
                    self.touched.push(rated.index);
                }
                sum.dot += weight * i64::from(rated.fixed);
                sum.co_count += 1;
            }
        }
        self.candidates.clear();
        for item in self.touched.drain(..) {
            let Sum { dot, co_count } = std::mem::take(&mut self.sums[item as usize]);
            if item as usize != target && dot > 0 {
                let score = score(dot, squared_norms[target], squared_norms[item as usize]);
                self.candidates.push(Neighbour { item, score, co_count });
            }
        }
        keep_best(&mut self.candidates, top_k);
        self.candidates.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::oracle;
    use proptest::prelude::*;

    fn any_ratings() -> impl Strategy<Value = Vec<(u32, u32, f32)>> {
        let rating = prop_oneof![(1u8..=10).prop_map(|half| f32::from(half) / 2.0), 0.001f32..10.0];
        proptest::collection::btree_map((0u32..12, 0u32..9), rating, 0..60)
            .prop_map(|ratings| ratings.into_iter().map(|((u, i), r)| (u, i, r)).collect())
    }

    proptest! {
        #[test]
        fn cosine_equals_the_naive_computation_to_the_last_bit(ratings in any_ratings(), k in 0usize..12) {
            let matrix = RatingMatrix::new(12, 9, ratings.iter().copied())?;
            let found = cosine(&matrix, k, &|| ());
            prop_assert_eq!(found, oracle::cosine(&matrix, k));
        }

        #[test]
        fn cosine_is_symmetric_and_at_most_one(ratings in any_ratings()) {
            let matrix = RatingMatrix::new(12, 9, ratings.iter().copied())?;
            let found = cosine(&matrix, 9, &|| ());
            for target in 0..9 {
                for n in found.row(target) {
                    let back = found.row(n.item as usize).iter().find(|m| m.item as usize == target);
                    prop_assert_eq!(back.map(|m| (m.score, m.co_count)), Some((n.score, n.co_count)));
                    prop_assert!(n.score > 0.0 && n.score <= 1.0);
                }
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_result() -> Result<(), Box<dyn std::error::Error>> {
        let mut state = 1u64;
        let ratings: Vec<(u32, u32, f32)> = (0..200u32)
            .flat_map(|user| (0..80u32).map(move |item| (user, item)))
            .filter_map(|(user, item)| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 62 == 0).then_some((
                    user,
                    item,
                    ((state >> 40) % 100) as f32 / 10.0 + 0.1,
                ))
            })
            .collect();
        let matrix = RatingMatrix::new(200, 80, ratings.into_iter())?;
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            Ok::<_, rayon::ThreadPoolBuildError>(pool.install(|| cosine(&matrix, 10, &|| ())))
        };
        let one = with_threads(1)?;
        assert_eq!(one.pair_count(), 800);
        assert_eq!(one, with_threads(2)?);
        assert_eq!(one, with_threads(7)?);
        Ok(())
    }
}
