//! `akin-batch tune`: looks for the options of `run` that find held-out ratings best.

mod leaderboard;
mod options;
mod search;
mod space;

pub use options::TuneOptions;

use std::fmt;
use std::time::{Duration, Instant};

use akin_recommender::evaluation::{Metric, Resampling, Side, Split};
use akin_recommender::similarity::{Cut, FitSize, Measure, Preset, Selection, fit_cost};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::info;

use crate::evaluate::{
    Depth, Experiment, Fitted, Quality, SidedRatings, popularity, quality_of, spaced,
};
use crate::failure::Failure;
use crate::memory;
use crate::progress::StageProgress;
use crate::run::dense_seconds;
use crate::threads::on_threads;

use leaderboard::Entry;
use search::{Limits, Trial, search, shown_options};
use space::{Candidate, Space};

/// Rows of the leaderboard that are printed.
const SHOWN: usize = 15;

/// What a search found.
#[derive(Debug, Serialize)]
pub struct Tuned {
    /// Candidates that were tried.
    pub trials: usize,
    /// The winner, as `run --config` takes it.
    pub best: Map<String, Value>,
    /// The length of the lists.
    pub n: usize,
    /// On ratings that nothing was chosen by: the winner, `run` without options, and popularity.
    pub test: Vec<Quality>,
    /// What share of the winner's NDCG `run` without options reaches.
    pub default_share: f64,
    /// All trials, the best first, on the ratings that they were chosen by.
    pub leaderboard: Vec<Entry>,
    /// Seconds that were spent.
    pub seconds: f64,
    /// Where the leaderboard and the winner are.
    pub files: [String; 2],
    #[serde(skip)]
    winner: String,
}

/// Searches, tests the winner, and writes both files.
///
/// # Errors
/// When input cannot be used, nothing can be held out, or the folder cannot be written to.
pub fn tune(options: &TuneOptions) -> Result<Tuned, Failure> {
    let began = Instant::now();
    let progress = StageProgress::new();
    let paths = ["leaderboard.parquet", "best.json"].map(|name| options.out.join(name));
    std::fs::create_dir_all(&options.out).map_err(|error| Failure::Output {
        path: options.out.display().to_string(),
        problem: error.to_string(),
    })?;
    let ratings = on_threads(options.threads, || {
        SidedRatings::read(&options.input, options.split.split(), &progress)
    })?;
    let relevant_from = options.input.relevant_from;
    let test = Experiment::new(&ratings, relevant_from).map_err(Failure::internal)?;
    let mut validation = validation(ratings, options)?;
    if let Some(nothing) = test.nothing().or_else(|| validation.nothing()) {
        return Err(Failure::Nothing(nothing));
    }
    validation.cases = spaced(validation.cases, options.users as usize);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;
    let n = usize::from(options.at);
    let limits = Limits {
        budget: Duration::from_secs_f64(options.budget * 60.0).saturating_sub(began.elapsed()),
        trials: options.trials,
        n,
        max_memory: memory::allowed_bytes(options.input.max_memory),
        seed: options.split.seed,
    };
    let space = space_of(&validation, limits, pool.current_num_threads());
    let trials = pool.install(|| search(&validation, &space, limits, &progress))?;
    drop(validation);
    let best = trials.first().ok_or_else(|| Failure::internal("no candidate was tried"))?;
    info!("testing the best on ratings that nothing was chosen by");
    let tested = pool.install(|| tested(&test, best, limits))?;
    let ndcg = |at: usize| tested[at].mean(Metric::Ndcg, n).unwrap_or(0.0);
    leaderboard::write(&trials, &paths[0])?;
    write_config(&best.candidate, &paths[1])?;
    Ok(Tuned {
        trials: trials.len(),
        best: space::config(&best.candidate),
        n,
        default_share: ndcg(1) / ndcg(0).max(f64::MIN_POSITIVE),
        seconds: began.elapsed().as_secs_f64(),
        files: paths.map(|path| path.display().to_string()),
        leaderboard: leaderboard::entries(&trials),
        winner: shown_options(&best.candidate),
        test: tested,
    })
}

/// What is learnt from in the test, split once more in the same way, with another seed. A split that somebody made is
/// split by chance.
fn validation(ratings: SidedRatings, options: &TuneOptions) -> Result<Experiment, Failure> {
    let split = &options.split;
    let seed = split.seed.wrapping_add(1);
    let split = match split.split() {
        Split::Random { share, .. } => Split::Random { share, seed },
        Split::StrongGeneralisation { users, share, .. } => {
            Split::StrongGeneralisation { users, share, seed }
        }
        Split::LeaveLastOut { count, .. } => Split::LeaveLastOut { count, seed },
        Split::GlobalTime { share } => Split::GlobalTime { share },
    };
    let split = ratings.only(Side::Train).split(split);
    let ratings = split.map_err(|error| Failure::Usage(error.to_string()))?;
    Experiment::new(&ratings, options.input.relevant_from).map_err(Failure::internal)
}

/// Neighbours may take half of the memory, at 40 bytes each while they are laid out. Dense measures are left out where
/// one fit would take more than a twentieth of the time.
fn space_of(validation: &Experiment, limits: Limits, threads: usize) -> Space {
    let size = FitSize {
        ratings: validation.size.train_ratings,
        users: validation.size.train_users,
        items: validation.size.train_items,
        // Nothing that is dense has them.
        co_counts: 0,
        threads: threads as u64,
    };
    let selection = Selection { cut: Cut::Target, top_k: 1 };
    let is_quick = |preset: &Preset| {
        let seconds = dense_seconds(&fit_cost(&Measure::new(*preset), selection, size), threads);
        let is_quick = seconds <= limits.budget.as_secs_f64() / 20.0;
        if !is_quick {
            info!(seconds, "{preset} is left out: one fit would take too much of the --budget");
        }
        is_quick
    };
    let measures: Vec<Preset> = Preset::ALL.into_iter().filter(is_quick).collect();
    let matrix = &validation.matrix;
    let sums = (0..matrix.user_count()).map(|user| matrix.user_sum(user));
    let mean = sums.sum::<f64>() / (validation.size.train_ratings as f64).max(1.0);
    let room = limits.max_memory / 80;
    Space::new(&measures, mean, (room / (matrix.item_count() as u64).max(1)) as usize)
}

fn tested(test: &Experiment, best: &Trial, limits: Limits) -> Result<Vec<Quality>, Failure> {
    let Limits { n, seed, max_memory, .. } = limits;
    let resampling = Resampling { rounds: 1_000, confidence: 0.95, seed };
    let depth = Depth { lengths: &[n], resampling, distance_steps: 1e9 };
    let fitted = |name: &str, candidate: &Candidate| {
        let fitted = Fitted::new(test, &space::options(candidate)?, max_memory, &|| ())?;
        let quality = quality_of(name, &fitted.model, test, depth, &|| ());
        Ok::<_, Failure>(Quality { fit_seconds: Some(fitted.seconds), ..quality })
    };
    let popular = popularity(test).map_err(Failure::internal)?;
    Ok(vec![
        fitted("best", &best.candidate)?,
        fitted("default", &Candidate::new())?,
        quality_of("popularity", &popular, test, depth, &|| ()),
    ])
}

fn write_config(candidate: &Candidate, path: &std::path::Path) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(&space::config(candidate)).map_err(Failure::internal)?;
    std::fs::write(path, text + "\n").map_err(|error| Failure::Output {
        path: path.display().to_string(),
        problem: error.to_string(),
    })
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", leaderboard::table(&self.leaderboard, SHOWN))?;
        let hidden = self.leaderboard.len().saturating_sub(SHOWN);
        if hidden > 0 {
            writeln!(f, "and {hidden} more, in {}", self.files[0])?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "the best of {} on ratings that nothing was chosen by, lists of {}:",
            self.trials, self.n
        )?;
        for quality in &self.test {
            let Some(ndcg) = quality.at.first().and_then(|at| at.metrics.get("ndcg")) else {
                continue;
            };
            writeln!(
                f,
                "  {:<11} ndcg {:.4}, from {:.4} to {:.4}",
                quality.name, ndcg.mean, ndcg.low, ndcg.high
            )?;
        }
        writeln!(f, "run without options reaches {:.1} % of the best", self.default_share * 100.0)?;
        writeln!(f, "{:.0} s; all trials are in {}", self.seconds, self.files[0])?;
        write!(f, "akin-batch run --config {}    is {}", self.files[1], self.winner)
    }
}
