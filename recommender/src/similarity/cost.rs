//! What a computation of similarities takes, before it starts.

use super::ease;
use super::fit::Selection;
use super::measure::{Formula, Measure};

/// How much there is to compute from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitSize {
    /// Ratings in the matrix.
    pub ratings: u64,
    /// Items, rated or not.
    pub items: u64,
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

/// An estimate from above.
pub fn fit_cost(measure: &Measure, selection: Selection, size: FitSize) -> FitCost {
    let FitSize { ratings, items, threads } = size;
    // Either half of a matrix holds 8 bytes a rating; its time takes 8, and while it fades 16 for what becomes of it.
    let rating = if measure.needs_times() { 24 } else { 16 };
    let fading = if measure.half_life.is_some() { 16 } else { 0 };
    let matrices = ratings * (rating * (1 + measure.weighted_copies()) + fading);
    // 12 bytes a pair, once by row and once joined.
    let neighbours = items * (selection.top_k as u64).min(items) * 24;
    // An accumulator, a touched item and a candidate for each item.
    let scratch = |slot: u64| threads * items * (slot + 4 + 12);
    let (scratch, dense, dense_products) = match measure.formula {
        Formula::OfProducts(_) => (scratch(16), 0, 0),
        Formula::PearsonCoRaters => (scratch(48), 0, 0),
        Formula::SparseEase(_) => {
            let candidates = (selection.top_k as u64).min(items);
            // A row of G, and the system that is solved.
            let regression = items * 8 + (candidates + 1) * (candidates + 1) * 4;
            (scratch(16) + ease::block_bytes(items, candidates) + threads * regression, 0, 0)
        }
        Formula::Ease(_) => {
            let side = (ease::SIDE as u64).min(items);
            let whole = items.div_ceil(side.max(1)) * side;
            // The tiles on and below the diagonal, and twice a column of them.
            let tiles = whole * (whole + side) / 2 * 4 + 2 * whole * side * 4;
            (scratch(16), tiles, items.saturating_pow(3) / 2)
        }
    };
    FitCost { bytes: matrices + neighbours + scratch + dense, dense_products }
}

#[cfg(test)]
mod tests {
    use super::super::fit::Cut;
    use super::super::measure::Preset;
    use super::*;

    #[test]
    fn a_dense_measure_takes_half_of_a_square() {
        let selection = Selection { cut: Cut::Target, top_k: 0 };
        let size = FitSize { ratings: 0, items: 25_600, threads: 0 };
        let cost = fit_cost(&Measure::new(Preset::Ease), selection, size);
        // 100 tiles a side, 5,050 of them and twice 100, of 256 KiB.
        assert_eq!(cost.bytes, 5_250 << 18);
        assert_eq!(cost.dense_products, 25_600u64.pow(3) / 2);
        let sparse = fit_cost(&Measure::new(Preset::Cosine), selection, size);
        assert_eq!(sparse, FitCost { bytes: 0, dense_products: 0 });
    }

    #[test]
    fn a_sparse_regression_takes_no_more_than_in_proportion() {
        let selection = Selection { cut: Cut::Target, top_k: 100 };
        let cost = |times: u64| {
            let size = FitSize { ratings: 1_000_000 * times, items: 10_000 * times, threads: 2 };
            fit_cost(&Measure::new(Preset::SparseEase), selection, size)
        };
        // A matrix and its weighted copy of 16 bytes a rating; 24 a neighbour; a thread's 32 and 8 an item; for each item a
        // half square of 4 bytes and a place of 16 for each of it; a half square of 8 a thread.
        let square = 2 * 101 * 101 * 4;
        let neighbourhoods = 10_000 * (101 * 102 / 2 * 4 + 101 * 16);
        assert_eq!(cost(1).bytes, 32_000_000 + 24_000_000 + 800_000 + neighbourhoods + square);
        // Sums are done in blocks, from some size on.
        assert!(cost(100).bytes - square < 100 * (cost(1).bytes - square) / 2);
        assert_eq!(cost(10).dense_products, 0);
    }
}
