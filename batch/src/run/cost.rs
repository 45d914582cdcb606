//! What a computation takes, before it starts.

use akin_recommender::similarity::{FitCost, FitSize, Measure, Selection, fit_cost};
use tracing::info;

use crate::failure::Failure;

/// Multiply-adds of dense algebra that one thread does in a second: a cautious figure, to say how long one will wait.
const DENSE_PRODUCTS_A_SECOND: f64 = 1e10;

/// What a matrix of so many ratings takes when it is laid out, in bytes: 8 a rating, and its time 8.
pub fn laid_out_bytes(measure: &Measure, ratings: u64) -> u64 {
    ratings * if measure.needs_times() { 16 } else { 8 }
}

/// How long the dense algebra of a fit takes, in seconds, at a guess.
pub fn dense_seconds(cost: &FitCost, threads: usize) -> f64 {
    cost.dense_products as f64 / (DENSE_PRODUCTS_A_SECOND * threads as f64)
}

/// Refuses similarities that would not fit in `max_memory` bytes beside the `held` ones that are in use already, and says
/// beforehand what dense ones take.
///
/// # Errors
/// When they would not fit.
pub fn check_cost(
    measure: &Measure,
    selection: Selection,
    size: FitSize,
    held: u64,
    max_memory: u64,
) -> Result<(), Failure> {
    let cost = fit_cost(measure, selection, size);
    let (needed, limit) = ((held + cost.bytes) >> 20, max_memory >> 20);
    let items = size.items;
    if measure.is_dense() {
        let seconds = dense_seconds(&cost, size.threads as usize).ceil();
        info!(items, mebibytes = needed, seconds, "{} will take about", measure.preset());
    }
    if needed <= limit {
        Ok(())
    } else if measure.is_dense() {
        Err(Failure::DenseMemory { needed, limit, items })
    } else {
        Err(Failure::Memory { needed, limit })
    }
}
