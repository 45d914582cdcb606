//! What a computation of similarities takes, before it starts.

use super::ease::{self, Batch};
use super::fit::Selection;
use super::half::half_bytes;
use super::measure::{Formula, Measure};
use super::product::{room, row_bytes};
use super::regressed::MOST_HALF_BYTES;

/// How much there is to compute from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitSize {
    /// Ratings in the matrix.
    pub ratings: u64,
    /// Users who rated anything.
    pub users: u64,
    /// Items, rated or not.
    pub items: u64,
    /// What co-counts of all pairs of items take: see [`co_count_bytes`].
    pub co_counts: u64,
    /// Threads of the pool.
    pub threads: u64,
}

/// What [`super::fit`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitCost {
    /// Memory, in bytes, with the matrix and the result.
    pub bytes: u64,
    /// Multiply-adds of dense algebra; 0 for what is not dense. The sparse ones are [`super::RatingMatrix::products`].
    pub dense_products: u64,
}

/// Bytes of the co-counts of all pairs of items that so many users rated each, in any order.
pub fn co_count_bytes(mut rating_counts: Vec<u64>) -> u64 {
    rating_counts.sort_unstable_by_key(|&count| std::cmp::Reverse(count));
    half_bytes(rating_counts.into_iter().take_while(|&count| count > 0))
}

/// An estimate from above.
pub fn fit_cost(measure: &Measure, selection: Selection, size: FitSize) -> FitCost {
    let FitSize { ratings, users, items, threads, .. } = size;
    let top_k = (selection.top_k as u64).min(items);
    // By user 8 bytes a rating; its time takes 8, and while it fades 16 for what becomes of it.
    let cell = if measure.needs_times() { 16 } else { 8 };
    let fading = if measure.half_life.is_some() { 16 } else { 0 };
    // The other users' numbers by item, and what the ratings are worth.
    let by_item = if measure.needs_each_value() { 8 } else { 4 };
    let matrices = ratings * (cell * (1 + measure.weighted_copies()) + fading + by_item);
    // Lines of bits, and what users rated of 512 items: at most half of all, as a rule.
    let lines = users * 64
        + if measure.needs_each_value() {
            (users * 256).max(row_bytes(users)) + ratings * 3
        } else {
            0
        };
    // A list an item while the best are looked for, and a list a column and thread; then 12 bytes a pair.
    let rated = items.min(ratings);
    let room = (room(selection.top_k) as u64).min(rated) * 16;
    let neighbours = (rated + threads * rated.min(512)) * room + rated * top_k * 12;
    let (more, dense_products) = match measure.formula {
        Formula::OfProducts(_) | Formula::PearsonCoRaters => (0, 0),
        Formula::SparseEase(_) => {
            let systems = threads * Batch::bytes(top_k as usize) as u64;
            let by_counts = !measure.of_candidates().needs_each_value();
            let sums = if by_counts && size.co_counts <= MOST_HALF_BYTES {
                size.co_counts
            } else {
                // The other half of the matrix, and a row of sums a thread.
                ratings * 8 + ease::block_bytes(items, top_k) + threads * items * 8
            };
            (systems + sums, 0)
        }
        Formula::Ease(_) => {
            let side = (ease::SIDE as u64).min(items);
            let whole = items.div_ceil(side.max(1)) * side;
            // The tiles on and below the diagonal, and twice a column of them; the other half of the matrix.
            let tiles = whole * (whole + side) / 2 * 4 + 2 * whole * side * 4;
            (tiles + ratings * 8, items.saturating_pow(3) / 2)
        }
    };
    FitCost { bytes: matrices + lines + neighbours + more, dense_products }
}

#[cfg(test)]
mod tests {
    use super::super::fit::Cut;
    use super::super::measure::Preset;
    use super::*;

    #[test]
    fn a_dense_measure_takes_half_of_a_square() {
        let selection = Selection { cut: Cut::Target, top_k: 0 };
        let none = FitSize { ratings: 0, users: 0, items: 25_600, co_counts: 0, threads: 0 };
        let cost = fit_cost(&Measure::new(Preset::Ease), selection, none);
        let sparse = fit_cost(&Measure::new(Preset::Cosine), selection, none);
        // 100 tiles a side, 5,050 of them and twice 100, of 256 KiB.
        assert_eq!(cost.bytes - sparse.bytes, 5_250 << 18);
        assert_eq!(cost.dense_products, 25_600u64.pow(3) / 2);
        assert_eq!(sparse.dense_products, 0);
    }

    #[test]
    fn a_sparse_regression_takes_the_co_counts_or_blocks_of_sums() {
        let selection = Selection { cut: Cut::Target, top_k: 100 };
        let bytes = |items: u64, co_counts| {
            let size = FitSize { ratings: 1 << 20, users: 1 << 10, items, co_counts, threads: 2 };
            fit_cost(&Measure::new(Preset::SparseEase), selection, size).bytes
        };
        let some = bytes(10_000, 0);
        assert_eq!(bytes(10_000, 1 << 30) - some, 1 << 30);
        // More than may be held: the same, however many there are.
        assert_eq!(bytes(10_000, 1 << 40), bytes(10_000, 1 << 50));
        assert!(bytes(1_000_000, 1 << 40) < 8 << 30);
    }

    #[test]
    fn co_counts_are_as_narrow_as_their_rows_allow() {
        // Rows of 0, 1, 2 and 3 entries; the items that nobody rated have none.
        assert_eq!(co_count_bytes(vec![3, 70_000, 255, 0, 256, 0]), 2 + 2 + 3);
    }
}
