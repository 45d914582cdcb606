//! Regressions of ratings that all count the same: their sums of products are co-counts, which are all there.

use rayon::prelude::*;

use super::batch::{Batch, LANES};
use super::{EaseError, Ridge};
use crate::similarity::half::Half;
use crate::similarity::neighbours::Neighbour;
use crate::similarity::product::Entry;
use crate::similarity::product::instructions::InstructionSet;
use crate::similarity::relabelled::Relabelled;

/// A candidate of a target: its rank, and which one it is by item number. Systems are in the order of item numbers, whatever
/// the popularity, so that no other item's new rater changes how a result is rounded.
#[derive(Clone, Copy)]
struct Candidate {
    rank: u32,
    at: usize,
}

/// Each target's candidates, by rank, weighed; by item, and in the order of item numbers.
///
/// The column of the inverse of G that is zero outside of the target and its candidates, as [`super::regress`] says. Work:
/// for each target half the square of its candidates read, and a sixth of their cube multiplied. `on_step` is called once a
/// target.
///
/// # Errors
/// When a regression has no solution as far as double precision can tell.
pub fn regress_counts(
    ratings: &Relabelled,
    half: &Half,
    ridge: Ridge,
    best: Vec<Vec<Entry>>,
    instructions: InstructionSet,
    on_step: &(dyn Fn() + Sync),
) -> Result<Vec<Vec<Neighbour>>, EaseError> {
    let blocks: Vec<Vec<Vec<Neighbour>>> = best
        .par_chunks(LANES)
        .enumerate()
        .map_init(Batch::default, |batch, (block, best)| {
            let rows = solve_block(ratings, half, ridge, block * LANES, best, instructions, batch)?;
            best.iter().for_each(|_| on_step());
            Ok(rows)
        })
        .collect::<Result<_, EaseError>>()?;
    drop(best);
    let mut by_item = vec![Vec::new(); ratings.item_count()];
    for (&item, row) in ratings.item_of().iter().zip(blocks.into_iter().flatten()) {
        by_item[item as usize] = row;
    }
    Ok(by_item)
}

/// The rows of targets `first`, `first + 1`, ...
fn solve_block(
    ratings: &Relabelled,
    half: &Half,
    ridge: Ridge,
    first: usize,
    best: &[Vec<Entry>],
    instructions: InstructionSet,
    batch: &mut Batch,
) -> Result<Vec<Vec<Neighbour>>, EaseError> {
    let most = best.iter().map(Vec::len).max().unwrap_or(0);
    if most == 0 {
        return Ok(vec![Vec::new(); best.len()]);
    }
    batch.reset(most);
    let mut rows: Vec<Vec<Neighbour>> = best.iter().map(|best| by_number(best)).collect();
    for (lane, best) in best.iter().enumerate() {
        gather(ratings, half, ridge, (first + lane, best), lane, batch);
    }
    batch.solve(instructions)?;
    for (lane, row) in rows.iter_mut().enumerate() {
        for (at, neighbour) in row.iter_mut().enumerate() {
            neighbour.score = batch.unknown(lane, at) as f32;
        }
    }
    Ok(rows)
}

fn by_number(best: &[Entry]) -> Vec<Neighbour> {
    let neighbour =
        |entry: &Entry| Neighbour { item: entry.item(), score: 0.0, co_count: entry.count };
    let mut row: Vec<Neighbour> = best.iter().map(neighbour).collect();
    row.sort_unstable_by_key(|neighbour| neighbour.item);
    row
}

/// Sets a lane's system. Rows of the half are read in the order in which they lie in memory.
#[inline(always)]
fn gather(
    ratings: &Relabelled,
    half: &Half,
    ridge: Ridge,
    (target, best): (usize, &[Entry]),
    lane: usize,
    batch: &mut Batch,
) {
    let mut numbers: Vec<(u32, u32)> =
        best.iter().map(|entry| (entry.item(), entry.other)).collect();
    numbers.sort_unstable();
    let numbered = numbers.iter().enumerate().map(|(at, &(_, rank))| Candidate { rank, at });
    let mut candidates: Vec<Candidate> = numbered.collect();
    candidates.sort_unstable_by_key(|candidate| candidate.rank);
    let ranks: Vec<u32> = candidates.iter().map(|candidate| candidate.rank).collect();
    let odds = ridge.dropout / (1.0 - ridge.dropout);
    for (before, candidate) in candidates.iter().enumerate() {
        let rank = candidate.rank as usize;
        half.each(rank, &ranks[..before], |other, count| {
            batch.set(lane, candidate.at, candidates[other].at, f64::from(count));
        });
        let norm = ratings.raters(rank).len() as f64;
        batch.set(lane, candidate.at, candidate.at, norm + (ridge.lambda + odds * norm));
        let both = half.get(rank.max(target), rank.min(target));
        batch.set_right(lane, candidate.at, f64::from(both));
    }
}
