//! Obviously right and slow: what the kernels are checked against.

use super::cosine::score;
use super::matrix::RatingMatrix;
use super::neighbours::{Neighbour, Neighbours};

/// Dense columns, one pair at a time, a full stable sort.
pub fn cosine(matrix: &RatingMatrix, top_k: usize) -> Neighbours {
    let column = |item: usize| {
        let mut column = vec![0i64; matrix.user_count()];
        for cell in matrix.item_row(item) {
            column[cell.index as usize] = i64::from(cell.fixed);
        }
        column
    };
    let columns: Vec<Vec<i64>> = (0..matrix.item_count()).map(column).collect();
    let dot = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<i64>();
    let row = |target: usize| {
        let a = &columns[target];
        let mut row: Vec<Neighbour> = (0..columns.len())
            .filter(|&source| source != target && dot(a, &columns[source]) > 0)
            .map(|source| {
                let b = &columns[source];
                Neighbour {
                    item: source as u32,
                    score: score(dot(a, b), dot(a, a), dot(b, b)),
                    co_count: a.iter().zip(b).filter(|(x, y)| **x != 0 && **y != 0).count() as u32,
                }
            })
            .collect();
        row.sort_by(|x, y| y.score.total_cmp(&x.score));
        row.truncate(top_k);
        row
    };
    Neighbours::from_rows((0..columns.len()).map(row))
}
