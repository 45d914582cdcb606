//! What `akin-batch tune` can be told.

use std::path::PathBuf;

use clap::Args;

use crate::evaluate::{InputOptions, SplitOptions};
use crate::run::thread_count;

/// Options of a search.
#[derive(Debug, Clone, Args)]
pub struct TuneOptions {
    /// Which ratings.
    #[command(flatten)]
    pub input: InputOptions,
    /// What is held out: once for the final test, and of the rest once more, to choose by.
    #[command(flatten)]
    pub split: SplitOptions,
    /// Minutes that may be spent.
    #[arg(long, default_value_t = 10.0, value_parser = minutes, value_name = "MINUTES")]
    pub budget: f64,
    /// Stop after so many candidates, for a search that ends alike on every machine [default: when the time is up].
    #[arg(long, value_name = "N")]
    pub trials: Option<usize>,
    /// The length of the lists whose NDCG decides.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000), value_name = "N")]
    pub at: u16,
    /// Choose by at most so many users, evenly spaced; the final test is by all.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub users: u32,
    /// The folder for leaderboard.parquet and best.json; it is created.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Threads to compute with [default: one a core].
    #[arg(long, value_parser = thread_count, value_name = "N")]
    pub threads: Option<usize>,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|&minutes| minutes > 0.0 && minutes <= 100_000.0)
        .ok_or_else(|| "a budget is a number of minutes above 0".to_owned())
}
