//! EASE for catalogues whose square does not fit: each item regressed on its most similar items alone.
//!
//! Let S be the target j and its candidates. The column of the inverse of G that is zero outside S solves `G_SS p = e_j`,
//! a sparse approximate inverse column by column (Huckle and Grote 1997 and others choose S as they go; here it is given).
//! `-p_i / p_j` is then the ridge regression of j on its candidates, `(G_NN + R_NN) w = G_Nj`: what EASE gives for a
//! catalogue of S alone, and the same as EASE where S is everything. With neighbours chosen by similarity first, this is
//! the feature selection of fsSLIM (Ning and Karypis 2011), with a square penalty.
//!
//! The sums of products are those of the whole G, of which each target needs those within S alone. They are computed row by
//! row of G, each once for all targets that need entries of it: users rate some hundred items, and summing for each target
//! over all who rated any of its candidates would take as long again for every target that shares them.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::super::matrix::RatingMatrix;
use super::super::neighbours::Neighbour;
use super::super::product::instructions::InstructionSet;
use super::batch::{Batch, LANES, begin};
use super::{EaseError, Ridge};

/// What sums of products may take at a time, in bytes: 32,500 targets of 100 candidates. More are done in blocks, each of
/// which computes its rows of G anew.
const BLOCK_BYTES: u64 = 640 << 20;
const SUM_BYTES: u64 = 4;
/// A place that an item has in a target's S, and the item in it.
const PLACE_BYTES: u64 = 16;

/// What is held beside the result for so many targets of so many candidates, in bytes.
pub fn block_bytes(targets: u64, candidates: u64) -> u64 {
    let sums = begin(candidates as usize + 1) as u64 * SUM_BYTES;
    // One target is a block in any case.
    let targets = targets.min((BLOCK_BYTES / sums).max(1));
    targets * (sums + (candidates + 1) * PLACE_BYTES)
}

/// Some targets that are regressed at a time.
struct Block<'a> {
    matrix: &'a RatingMatrix,
    /// Each target's S by number, one after the other.
    items: Vec<u32>,
    /// For each target where its S begins and where its sums do.
    begins: Vec<(usize, usize)>,
    /// For each target the lower half of G over S, row by row, as bits. Sums are exact before they are rounded to single
    /// precision; numbers of users stay exact.
    sums: Vec<AtomicU32>,
}

/// An entry of the index from items to the neighbourhoods that hold them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    item: u32,
    /// Within the block.
    target: u32,
    /// In the target's S.
    at: u32,
}

/// Replaces the candidates' scores by their weights. `rows` holds the candidates of targets `first`, `first + 1`, ... .
/// `on_step` is called for each row of G, of which there are at most as many as items, for each block.
///
/// Of a weighted matrix. Solved in double precision, in a fixed order: the same with any number of threads, and for
/// whichever targets are asked for. Work: for each user half the square of how many items are rated, for each block; and for
/// each target a sixth of the cube of its candidates.
///
/// # Errors
/// When a regression has no solution as far as double precision can tell.
pub fn regress(
    matrix: &RatingMatrix,
    how: (Ridge, InstructionSet),
    first: usize,
    rows: &mut [Vec<Neighbour>],
    on_step: &(dyn Fn() + Sync),
) -> Result<(), EaseError> {
    regress_in_blocks(matrix, how, first, rows, BLOCK_BYTES, on_step)
}

fn regress_in_blocks(
    matrix: &RatingMatrix,
    how: (Ridge, InstructionSet),
    first: usize,
    rows: &mut [Vec<Neighbour>],
    most_bytes: u64,
    on_step: &(dyn Fn() + Sync),
) -> Result<(), EaseError> {
    for row in &mut *rows {
        row.sort_unstable_by_key(|candidate| candidate.item);
    }
    let (mut first, mut left) = (first, rows);
    while !left.is_empty() {
        let (block, rest) = left.split_at_mut(block_length(left, most_bytes));
        let targets = first..first + block.len();
        Block::new(matrix, targets.clone(), block, on_step).solve(how, targets, block)?;
        (first, left) = (first + block.len(), rest);
    }
    Ok(())
}

/// How many rows make a block.
fn block_length(rows: &[Vec<Neighbour>], most_bytes: u64) -> usize {
    let mut bytes = 0;
    let fits = |row: &&Vec<Neighbour>| {
        bytes += begin(row.len() + 1) as u64 * SUM_BYTES;
        bytes <= most_bytes
    };
    rows.iter().take_while(fits).count().max(1)
}

impl<'a> Block<'a> {
    fn new(
        matrix: &'a RatingMatrix,
        targets: Range<usize>,
        rows: &[Vec<Neighbour>],
        on_step: &(dyn Fn() + Sync),
    ) -> Self {
        let (mut items, mut begins, mut end) = (Vec::new(), Vec::new(), 0);
        for (target, row) in targets.zip(rows) {
            let own = items.len();
            begins.push((own, end));
            end += begin(row.len() + 1);
            items.extend(row.iter().map(|candidate| candidate.item));
            let at = items[own..].partition_point(|&item| (item as usize) < target);
            items.insert(own + at, target as u32);
        }
        begins.push((items.len(), end));
        let sums = (0..end).map(|_| AtomicU32::new(0)).collect();
        let block = Self { matrix, items, begins, sums };
        block.sum_products(on_step);
        block
    }

    fn neighbourhood(&self, target: usize) -> &[u32] {
        &self.items[self.begins[target].0..self.begins[target + 1].0]
    }

    fn sum_products(&self, on_step: &(dyn Fn() + Sync)) {
        let targets = 0..self.begins.len() - 1;
        let places = targets.flat_map(|target| {
            let items = (0u32..).zip(self.neighbourhood(target));
            items.map(move |(at, &item)| Place { item, target: target as u32, at })
        });
        let mut places: Vec<Place> = places.collect();
        places.par_sort_unstable();
        let of_items: Vec<&[Place]> = places.chunk_by(|a, b| a.item == b.item).collect();
        let units = self.matrix.units();
        of_items.par_iter().for_each_init(
            || vec![0i64; self.matrix.item_count()],
            |row, places| {
                let own = places[0].item;
                // Places ascend with items, so that no target needs what comes after.
                row[..=own as usize].fill(0);
                for rater in self.matrix.item_row(own as usize) {
                    let value = i64::from(rater.fixed);
                    let rated = self.matrix.user_row(rater.index as usize);
                    for rated in rated.iter().take_while(|rated| rated.index <= own) {
                        row[rated.index as usize] += value * i64::from(rated.fixed);
                    }
                }
                for place in *places {
                    let target = place.target as usize;
                    let sums = &self.sums[self.begins[target].1 + begin(place.at as usize)..];
                    let others = &self.neighbourhood(target)[..=place.at as usize];
                    for (sum, &other) in sums.iter().zip(others) {
                        let other = other as usize;
                        let exact = row[other] as f64 * units[own as usize] * units[other];
                        // No other row has these entries.
                        sum.store((exact as f32).to_bits(), Ordering::Relaxed);
                    }
                }
                on_step();
            },
        );
    }

    fn solve(
        &self,
        (ridge, instructions): (Ridge, InstructionSet),
        targets: Range<usize>,
        rows: &mut [Vec<Neighbour>],
    ) -> Result<(), EaseError> {
        let first = targets.start;
        rows.par_chunks_mut(LANES).enumerate().try_for_each_init(
            Batch::default,
            |batch, (block, rows)| {
                let most = rows.iter().map(Vec::len).max().unwrap_or(0);
                batch.reset(most);
                for (lane, row) in rows.iter().enumerate() {
                    let number = block * LANES + lane;
                    self.gather(ridge, (number, first + number), row.len(), lane, batch);
                }
                batch.solve(instructions)?;
                for (lane, row) in rows.iter_mut().enumerate() {
                    for (at, candidate) in row.iter_mut().enumerate() {
                        candidate.score = batch.unknown(lane, at) as f32;
                    }
                }
                Ok(())
            },
        )
    }

    /// Sets a lane's system: that of target `target`, which is `number` within the block.
    fn gather(
        &self,
        ridge: Ridge,
        (number, target): (usize, usize),
        candidates: usize,
        lane: usize,
        batch: &mut Batch,
    ) {
        let own = self.neighbourhood(number).partition_point(|&item| (item as usize) < target);
        let sums = &self.sums[self.begins[number].1..];
        let sum = |x: usize, y: usize| {
            let bits = sums[begin(x.max(y)) + x.min(y)].load(Ordering::Relaxed);
            f64::from(f32::from_bits(bits))
        };
        let candidates = || (0..=candidates).filter(|&at| at != own);
        let odds = ridge.dropout / (1.0 - ridge.dropout);
        for (row, at) in candidates().enumerate() {
            for (column, other) in candidates().enumerate().take(row) {
                batch.set(lane, row, column, sum(at, other));
            }
            let norm = sum(at, at);
            batch.set(lane, row, row, norm + (ridge.lambda + odds * norm));
            batch.set_right(lane, row, sum(at, own));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands where no weight is found yet: more than any of these ratings can weigh.
    const NO_WEIGHT: f32 = f32::MAX;

    proptest! {
        #[test]
        fn blocks_of_any_size_and_any_first_target_give_the_same_weights(
            ratings in proptest::collection::btree_map((0u32..12, 0u32..9), 1u8..=10, 0..60),
            most_bytes in 0u64..400,
            first in 0usize..9,
        ) {
            let ratings: Vec<_> =
                ratings.into_iter().map(|((user, item), halves)| (user, item, f32::from(halves) / 2.0)).collect();
            let matrix = RatingMatrix::new(12, 9, ratings.iter().copied())?;
            let how = (Ridge { lambda: 2.0, dropout: 0.25 }, InstructionSet::chosen());
            // Every third item, in no order.
            let candidates = |target: u32| -> Vec<Neighbour> {
                let items = [7, 4, 1, 8, 5, 2].into_iter().filter(|&item| item != target && item % 3 != target % 3);
                items.map(|item| Neighbour { item, score: NO_WEIGHT, co_count: 0 }).collect()
            };
            let mut whole: Vec<_> = (0..9).map(candidates).collect();
            regress_in_blocks(&matrix, how, 0, &mut whole, u64::MAX, &|| ())?;
            let mut part: Vec<_> = (first as u32..9).map(candidates).collect();
            regress_in_blocks(&matrix, how, first, &mut part, most_bytes, &|| ())?;
            prop_assert_eq!(&part, &whole[first..]);
            prop_assert!(part.iter().flatten().all(|neighbour| neighbour.score != NO_WEIGHT));
        }
    }
}
