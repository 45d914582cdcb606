//! The search: every measure as it is, then draws at random and variations of the best.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use akin_recommender::evaluation::{Metric, Resampling};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tracing::info;

use crate::evaluate::{Depth, Experiment, Fitted, Quality, quality_of};
use crate::failure::Failure;
use crate::progress::StageProgress;

use super::space::{self, Candidate, Space};

/// Of how many of the best a variation is made.
const PARENTS: usize = 5;
/// Of so many steps one is a draw at random.
const RANDOM_ONE_IN: u32 = 4;

/// A candidate that was tried.
#[derive(Debug, Clone)]
pub struct Trial {
    /// When it was tried, from 1.
    pub number: usize,
    /// What was tried.
    pub candidate: Candidate,
    /// What came of it, at one length.
    pub quality: Quality,
}

impl Trial {
    /// What decides.
    pub fn ndcg(&self, n: usize) -> f64 {
        self.quality.mean(Metric::Ndcg, n).unwrap_or(0.0)
    }
}

/// How far to search.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time that may be spent, the final test included.
    pub budget: Duration,
    /// The number of trials; none for as many as there is time for.
    pub trials: Option<usize>,
    /// The length of the lists.
    pub n: usize,
    /// Memory that a fit may take, in bytes.
    pub max_memory: u64,
    /// The same seed tries the same candidates in the same order.
    pub seed: u64,
}

/// Tries candidates on the current rayon pool, and returns them best first; equal ones in the order of trying.
///
/// # Errors
/// When a fit fails, which no valid candidate should; or when there is room for none.
pub fn search(
    experiment: &Experiment,
    space: &Space,
    limits: Limits,
    progress: &StageProgress,
) -> Result<Vec<Trial>, Failure> {
    let began = Instant::now();
    let mut chance = ChaCha8Rng::seed_from_u64(limits.seed);
    let mut beginnings = space.beginnings().into_iter();
    let mut seen = BTreeSet::new();
    let mut trials: Vec<Trial> = Vec::new();
    let total = limits.trials.map_or(limits.budget.as_secs(), |trials| trials as u64);
    progress.begin_steps(total, "tuning");
    let step = progress.steps();
    let mut shown = 0;
    let mut refused = None;
    while is_time_left(began, limits, trials.len()) {
        let next = beginnings.next().or_else(|| next(space, &trials, &seen, &mut chance));
        // Where no measure as it is can be tried, no variation can.
        let Some(candidate) = next else { break };
        seen.insert(candidate.clone());
        let quality = match tried(experiment, &candidate, limits) {
            Ok(quality) => quality,
            // Not for all options of a measure is there room, and not every regression succeeds.
            Err(
                error @ (Failure::Memory { .. } | Failure::DenseMemory { .. } | Failure::Ease(_)),
            ) => {
                info!(%error, options = %shown_options(&candidate), "passed over");
                refused = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let trial = Trial { number: trials.len() + 1, candidate, quality };
        let (ndcg, is_best) = (
            trial.ndcg(limits.n),
            trials.first().is_none_or(|best| trial.ndcg(limits.n) > best.ndcg(limits.n)),
        );
        if is_best {
            let left = limits.budget.saturating_sub(began.elapsed()).as_secs();
            info!(trial = trial.number, ndcg, seconds_left = left, options = %shown_options(&trial.candidate), "best so far");
        }
        let place = trials.partition_point(|other| other.ndcg(limits.n) >= ndcg);
        trials.insert(place, trial);
        let done = limits.trials.map_or(began.elapsed().as_secs(), |_| trials.len() as u64);
        for _ in shown..done.min(total) {
            step();
        }
        shown = done;
    }
    progress.clear();
    match refused {
        Some(refused) if trials.is_empty() => Err(refused),
        _ => Ok(trials),
    }
}

/// Options as they would stand on the command line.
pub fn shown_options(candidate: &Candidate) -> String {
    let options: Vec<_> =
        candidate.iter().map(|(name, value)| format!("--{name} {value}")).collect();
    options.join(" ")
}

/// Whether another trial would leave time for the final test, two trials long. The first one is always made.
fn is_time_left(began: Instant, limits: Limits, done: usize) -> bool {
    if done == 0 {
        return true;
    }
    let a_trial = began.elapsed() / done as u32;
    limits.trials.is_none_or(|most| done < most) && began.elapsed() + 3 * a_trial < limits.budget
}

fn next(
    space: &Space,
    best_first: &[Trial],
    seen: &BTreeSet<Candidate>,
    chance: &mut ChaCha8Rng,
) -> Option<Candidate> {
    if best_first.is_empty() {
        return None;
    }
    (0..100).find_map(|_| {
        let candidate = if chance.random_ratio(1, RANDOM_ONE_IN) {
            space.drawn(chance)
        } else {
            let parent = chance.random_range(0..PARENTS.min(best_first.len()));
            space.varied(&best_first[parent].candidate, chance)
        };
        candidate.filter(|candidate| !seen.contains(candidate))
    })
}

fn tried(
    experiment: &Experiment,
    candidate: &Candidate,
    limits: Limits,
) -> Result<Quality, Failure> {
    let fitted = Fitted::new(experiment, &space::options(candidate)?, limits.max_memory, &|| ())?;
    let resampling = Resampling { rounds: 200, confidence: 0.95, seed: 1 };
    let depth = Depth { lengths: &[limits.n], resampling, distance_steps: 0.0 };
    let name = fitted.measure.preset().name();
    let quality = quality_of(name, &fitted.model, experiment, depth, &|| ());
    Ok(Quality { fit_seconds: Some(fitted.seconds), ..quality })
}
