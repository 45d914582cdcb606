use proptest::prelude::*;

use super::super::{Adjustments, MatrixError, Measure, Preset, fit as fit_any};
use super::*;
use crate::rating_weight::WeightRule;

const ALL: Selection = Selection { cut: Cut::Target, top_k: usize::MAX };
const ITEMS: usize = 11;

/// Obviously right and slow: dense, in double precision, by elimination with pivots. Weights by target, then source.
fn reference(matrix: &RatingMatrix, ridge: Ridge) -> Vec<Vec<f64>> {
    let count = matrix.item_count();
    let mut x = vec![vec![0.0; count]; matrix.user_count()];
    for (user, row) in x.iter_mut().enumerate() {
        for (cell, value) in matrix.user_row(user).iter().zip(matrix.user_values(user)) {
            row[cell.index as usize] = value;
        }
    }
    let mut g = vec![vec![0.0; 2 * count]; count];
    for i in 0..count {
        for j in 0..count {
            g[i][j] = x.iter().map(|row| row[i] * row[j]).sum();
        }
        g[i][i] += ridge.lambda + ridge.dropout / (1.0 - ridge.dropout) * g[i][i];
        g[i][count + i] = 1.0;
    }
    for pivot in 0..count {
        let best = (pivot..count).max_by(|&a, &b| g[a][pivot].abs().total_cmp(&g[b][pivot].abs()));
        g.swap(pivot, best.unwrap_or(pivot));
        let own: Vec<f64> = g[pivot].iter().map(|value| value / g[pivot][pivot]).collect();
        for (at, row) in g.iter_mut().enumerate() {
            let factor = row[pivot];
            for (value, own) in row.iter_mut().zip(&own) {
                *value = if at == pivot { *own } else { *value - factor * own };
            }
        }
    }
    let p = |i: usize, j: usize| g[i][count + j];
    let weight = |target: usize, source: usize| match target == source {
        true => 0.0,
        false => -p(source, target) / p(target, target),
    };
    (0..count).map(|t| (0..count).map(|s| weight(t, s)).collect()).collect()
}

fn dense(found: &Neighbours) -> Vec<Vec<f64>> {
    let mut rows = vec![vec![0.0; found.item_count()]; found.item_count()];
    for (target, row) in rows.iter_mut().enumerate() {
        for neighbour in found.row(target).iter() {
            row[neighbour.item as usize] = f64::from(neighbour.score);
        }
    }
    rows
}

fn any_matrix() -> impl Strategy<Value = RatingMatrix> {
    let ratings = proptest::collection::btree_map((0u32..40, 0..ITEMS as u32), 1u8..=10, 0..300);
    ratings.prop_filter_map("no matrix", |ratings| {
        let ratings: Vec<_> =
            ratings.into_iter().map(|((u, i), r)| (u, i, f32::from(r) / 2.0)).collect();
        RatingMatrix::new(40, ITEMS, ratings.into_iter()).ok()
    })
}

proptest! {
    #[test]
    fn weights_equal_a_dense_reference_in_double_precision(
        matrix in any_matrix(),
        (lambda, dropout) in (0.5f64..100.0, prop_oneof![Just(0.0), 0.1..0.9f64]),
        side in 1usize..14,
    ) {
        let ridge = Ridge { lambda, dropout };
        let expected = reference(&matrix, ridge);
        for cut in [Cut::Target, Cut::Source] {
            let found = fit_in_tiles(&matrix, ridge, Selection { cut, ..ALL }, &|| (), side)?;
            for (found, expected) in dense(&found).iter().zip(&expected) {
                for (x, y) in found.iter().zip(expected) {
                    prop_assert!((x - y).abs() < 1e-4, "{} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn the_greatest_weights_are_kept_with_the_raters_of_both(matrix in any_matrix(), top_k in 0usize..12) {
        let ridge = Ridge { lambda: 2.0, dropout: 0.0 };
        let all = fit_in_tiles(&matrix, ridge, ALL, &|| (), 4)?;
        let some = fit_in_tiles(&matrix, ridge, Selection { top_k, ..ALL }, &|| (), 4)?;
        for target in 0..ITEMS {
            let row = all.row(target);
            prop_assert!(some.row(target).iter().eq(row.iter().take(top_k)));
            prop_assert!(row.scores.is_sorted_by(|a, b| a.abs() >= b.abs()));
            for n in row.iter() {
                let raters = |item: usize| matrix.item_row(item).iter().map(|cell| cell.index);
                let both = raters(target).filter(|&u| raters(n.item as usize).any(|v| u == v)).count();
                prop_assert_eq!(n.co_count as usize, both);
            }
        }
    }
}

/// By the ratings' values, and with these options.
fn sparse(ridge: Ridge) -> Result<Measure, crate::similarity::MeasureError> {
    Measure::new(Preset::SparseEase).adjusted(&Adjustments {
        lambda: Some(ridge.lambda),
        dropout: Some(ridge.dropout),
        rating_weight: Some(WeightRule::Value),
        ..Adjustments::default()
    })
}

proptest! {
    #[test]
    fn sparse_weights_are_those_of_a_catalogue_of_the_candidates_alone(
        matrix in any_matrix(),
        (lambda, dropout) in (0.5f64..100.0, prop_oneof![Just(0.0), 0.1..0.9f64]),
        top_k in 0usize..13,
    ) {
        let ridge = Ridge { lambda, dropout };
        let selection = Selection { top_k, ..ALL };
        let found = fit_any(&matrix, &sparse(ridge)?, selection, &|| ())?;
        let changes = Adjustments { shrinkage: Some(3.0), ..Adjustments::default() };
        let similar = Measure::new(Preset::TfIdf).adjusted(&changes)?;
        let similar = fit_any(&matrix, &similar, selection, &|| ())?;
        for target in 0..ITEMS {
            let sources: Vec<usize> =
                similar.row(target).items.iter().map(|&item| item as usize).collect();
            let is_in = |item: usize| item == target || sources.contains(&item);
            let expected = reference(&matrix.filtered(|place, _| is_in(place.item)), ridge);
            let row = found.row(target);
            prop_assert!(row.iter().all(|n| sources.contains(&(n.item as usize))));
            prop_assert!(row.scores.is_sorted_by(|a, b| a.abs() >= b.abs()));
            for &source in &sources {
                let weight = row.iter().find(|n| n.item as usize == source);
                let (x, y) = (weight.map_or(0.0, |n| f64::from(n.score)), expected[target][source]);
                prop_assert!((x - y).abs() < 1e-6, "{} {}", x, y);
                let count = similar.row(target).iter().find(|n| n.item as usize == source);
                prop_assert!(weight.is_none_or(|n| Some(n.co_count) == count.map(|m| m.co_count)));
            }
        }
    }

    #[test]
    fn sparse_is_dense_where_everything_is_a_candidate(matrix in any_matrix(), lambda in 0.5f64..100.0) {
        // One user who rated everything.
        let mut rated = Vec::new();
        for user in 0..40 {
            for (cell, value) in matrix.user_row(user).iter().zip(matrix.user_values(user)) {
                rated.push((user as u32, cell.index, value as f32));
            }
        }
        rated.extend((0..ITEMS as u32).map(|item| (40, item, 2.0)));
        let matrix = RatingMatrix::new(41, ITEMS, rated.iter().copied())?;
        let ridge = Ridge { lambda, dropout: 0.0 };
        let expected = reference(&matrix, ridge);
        let found = dense(&fit_any(&matrix, &sparse(ridge)?, ALL, &|| ())?);
        for (x, y) in found.iter().flatten().zip(expected.iter().flatten()) {
            prop_assert!((x - y).abs() < 1e-4, "{} {}", x, y);
        }
    }

    #[test]
    fn cut_by_source_sparse_weights_are_the_best_of_those_of_all_targets(matrix in any_matrix(), top_k in 1usize..5) {
        let measure = Measure::new(Preset::SparseEase);
        let by = |cut| fit_any(&matrix, &measure, Selection { cut, top_k }, &|| ());
        let (by_target, by_source) = (dense(&by(Cut::Target)?), dense(&by(Cut::Source)?));
        for source in 0..ITEMS {
            let mut of_source: Vec<f64> = by_target.iter().map(|row| row[source].abs()).collect();
            of_source.sort_by(|a, b| b.total_cmp(a));
            let least = of_source[top_k - 1];
            let kept = by_source.iter().filter(|row| row[source] != 0.0).count();
            prop_assert!(kept <= top_k);
            for (all, cut) in by_target.iter().zip(&by_source) {
                let (all, cut) = (all[source], cut[source]);
                prop_assert!(cut == all || (cut == 0.0 && all.abs() <= least), "{} {}", all, cut);
            }
        }
    }
}

/// 700 items, so that there are several tiles of the real size.
fn many_ratings() -> Result<RatingMatrix, MatrixError> {
    let mut state = 1u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 40
    };
    let mut ratings = Vec::new();
    for user in 0..300 {
        for item in 0..700 {
            if draw() % 1000 < 20 + 30_000 / (u64::from(item) + 50) {
                ratings.push((user, item, 1.0));
            }
        }
    }
    RatingMatrix::new(300, 700, ratings.into_iter())
}

#[test]
fn any_number_of_threads_gives_the_same_weights() -> Result<(), Box<dyn std::error::Error>> {
    let matrix = many_ratings()?;
    let with_threads = |threads| -> Result<Neighbours, Box<dyn std::error::Error>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let selection = Selection { cut: Cut::Target, top_k: 20 };
        let measure = Measure::new(Preset::Ease);
        Ok(pool.install(|| fit_any(&matrix, &measure, selection, &|| ()))?)
    };
    let one = with_threads(1)?;
    assert_eq!(one.pair_count(), 14_000);
    assert_eq!(one, with_threads(2)?);
    assert_eq!(one, with_threads(7)?);
    Ok(())
}

#[test]
fn several_tiles_of_the_real_size_equal_the_reference() -> Result<(), Box<dyn std::error::Error>> {
    let matrix = many_ratings()?;
    let ridge = Ridge { lambda: 20.0, dropout: 0.0 };
    let rows = std::sync::atomic::AtomicUsize::new(0);
    let count = || {
        rows.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    let found = dense(&fit(&matrix, ridge, ALL, &count)?);
    assert_eq!(rows.into_inner(), 700, "each item is counted once");
    let expected = reference(&matrix, ridge);
    let errors = found.iter().flatten().zip(expected.iter().flatten()).map(|(x, y)| (x - y).abs());
    let worst = errors.fold(0.0, f64::max);
    assert!(worst < 1e-4, "{worst}");
    Ok(())
}

#[test]
fn both_settings_take_effect() -> Result<(), Box<dyn std::error::Error>> {
    let matrix = many_ratings()?;
    let with = |changes| -> Result<Neighbours, Box<dyn std::error::Error>> {
        let measure = Measure::new(Preset::Ease).adjusted(&changes)?;
        Ok(fit_any(&matrix, &measure, Selection { top_k: 5, ..ALL }, &|| ())?)
    };
    let plain = with(Adjustments::default())?;
    assert_ne!(plain, with(Adjustments { lambda: Some(50.0), ..Adjustments::default() })?);
    assert_ne!(plain, with(Adjustments { dropout: Some(0.3), ..Adjustments::default() })?);
    Ok(())
}

/// Two items that the same 100,000 users rated: G is singular but for lambda, which single precision cannot see.
#[test]
fn what_single_precision_cannot_invert_is_refused_with_the_remedy() -> Result<(), MatrixError> {
    let ratings = (0..100_000).flat_map(|user| [(user, 0, 10.0), (user, 1, 10.0)]);
    let matrix = RatingMatrix::new(100_000, 2, ratings)?;
    let fit = |lambda| fit(&matrix, Ridge { lambda, dropout: 0.0 }, ALL, &|| ());
    assert!(fit(1e5).is_ok());
    let refused = fit(1e-3).map_err(|error| error.to_string());
    assert!(matches!(&refused, Err(text) if text.contains("raise --lambda")), "{refused:?}");
    Ok(())
}

#[test]
fn the_residual_tells_an_inverse_from_what_is_none() -> Result<(), MatrixError> {
    let matrix = many_ratings()?;
    let gram = Gram::new(&matrix, Ridge { lambda: 20.0, dropout: 0.2 });
    let mut tiles = gram.tiles(SIDE);
    // G itself: G G v - v is far from nothing.
    assert!(residual::largest(&gram, &tiles) > 1.0);
    assert_eq!(tiles.invert(&|_| ()), Ok(()));
    let residual = residual::largest(&gram, &tiles);
    assert!(residual > 0.0 && residual < 1e-5, "{residual}");
    // The inverse for another dropout is off by more than is allowed.
    let other = Gram::new(&matrix, Ridge { lambda: 20.0, dropout: 0.25 });
    assert!(residual::largest(&other, &tiles) > MAX_RESIDUAL);
    Ok(())
}
