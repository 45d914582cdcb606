//! What `akin-batch evaluate` can be told.

use std::path::PathBuf;

use akin_recommender::evaluation::{Resampling, Split};
use akin_schemas::RatingRange;
use clap::{Args, ValueEnum};

use crate::ingest::Reading;
use crate::run::{MeasureOptions, RangeArgument, share, thread_count};

/// Options of an evaluation.
#[derive(Debug, Clone, Args)]
pub struct EvaluateOptions {
    /// Judge a run between its stages instead: {"ingest": what akin-batch ingest gave}, as a JSON document, a file
    /// (@path), or - for standard input.
    #[arg(exclusive = true)]
    pub document: Option<String>,
    /// Which ratings.
    #[command(flatten)]
    pub input: InputOptions,
    /// What is held out.
    #[command(flatten)]
    pub split: SplitOptions,
    /// Options of this command that are not on the command line: a JSON object, such as tune writes.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How similarities are computed.
    #[command(flatten)]
    pub similarity: MeasureOptions,
    /// The lengths of the lists.
    #[arg(long, value_delimiter = ',', default_value = "10,20", value_parser = length, value_name = "N,...")]
    pub at: Vec<usize>,
    /// Draw users anew this often for the confidence intervals.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pub resamples: u32,
    /// The share of means that lies within a confidence interval.
    #[arg(long, default_value_t = 0.95, value_parser = open_share, value_name = "SHARE")]
    pub confidence: f64,
    /// Threads to compute with [default: one a core].
    #[arg(long, value_parser = thread_count, value_name = "N")]
    pub threads: Option<usize>,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The ratings of an experiment.
#[derive(Debug, Clone, Args)]
pub struct InputOptions {
    /// Files of ratings, or patterns, to be split. As for `akin-batch run`.
    #[arg(long, num_args = 1.., required_unless_present = "train", value_name = "PATH|GLOB")]
    pub ratings: Vec<String>,
    /// Instead of --ratings, a split that somebody made: the ratings to learn from.
    #[arg(long, num_args = 1.., requires = "test", conflicts_with = "ratings", value_name = "PATH|GLOB")]
    pub train: Vec<String>,
    /// The ratings to be found.
    #[arg(long, num_args = 1.., requires = "train", value_name = "PATH|GLOB")]
    pub test: Vec<String>,
    /// Ratings of users to be served that are not learnt from.
    #[arg(long, num_args = 1.., requires = "test", value_name = "PATH|GLOB")]
    pub fold_in: Vec<String>,
    /// The files are text whose lines are a user and then items: each item is a rating of --implicit-rating, or 1.
    #[arg(long, conflicts_with_all = ["format", "user_column", "item_column", "rating_column", "timestamp_column"])]
    pub user_items: bool,
    /// How files are to be read.
    #[command(flatten)]
    pub reading: Reading,
    /// The ratings that are accepted: more than ABOVE, at most AT_MOST.
    #[arg(long, default_value_t = RangeArgument(RatingRange::default()), value_name = "ABOVE:AT_MOST", allow_hyphen_values = true)]
    pub rating_range: RangeArgument,
    /// Stop when more than this share of the records is rejected.
    #[arg(long, default_value_t = 0.01, value_parser = share, value_name = "SHARE")]
    pub max_reject_share: f64,
    /// Memory that may be used, in MiB [default: 80 % of what is available].
    #[arg(long, value_name = "MIB")]
    pub max_memory: Option<u64>,
    /// The least rating that makes a held-out item worth finding [default: any].
    #[arg(long, value_name = "RATING")]
    pub relevant_from: Option<f32>,
}

/// How ratings are split.
#[derive(Debug, Clone, Args)]
pub struct SplitOptions {
    /// Which ratings are held out.
    #[arg(long, value_enum, default_value_t = SplitKind::Random, conflicts_with = "train")]
    pub split: SplitKind,
    /// The share of ratings that is held out: of all, or of each served user with --split=users.
    #[arg(long, default_value_t = 0.2, value_parser = open_share, value_name = "SHARE")]
    pub hold_out: f64,
    /// How many ratings of a user are held out by --split=last.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub last: u32,
    /// The share of users that --split=users keeps from the model.
    #[arg(long, default_value_t = 0.2, value_parser = open_share, value_name = "SHARE")]
    pub user_share: f64,
    /// The same seed holds out the same ratings and draws the same intervals.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
}

/// A kind of split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitKind {
    /// Each rating by chance.
    Random,
    /// Each user's newest; which of equally old ones is decided by chance, by the seed and the ids.
    Last,
    /// The newest of all. Ratings of the same time stay together.
    Time,
    /// Some of the ratings of users whom the model has not seen.
    Users,
}

impl SplitOptions {
    /// The split.
    pub fn split(&self) -> Split {
        let (share, seed) = (self.hold_out, self.seed);
        match self.split {
            SplitKind::Random => Split::Random { share, seed },
            SplitKind::Last => Split::LeaveLastOut { count: self.last as usize, seed },
            SplitKind::Time => Split::GlobalTime { share },
            SplitKind::Users => Split::StrongGeneralisation { users: self.user_share, share, seed },
        }
    }

    /// The split in words.
    pub fn in_words(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let (share, seed) = (percent(self.hold_out), self.seed);
        match self.split {
            SplitKind::Random => format!("{share} of the ratings held out by chance, seed {seed}"),
            SplitKind::Last => {
                format!(
                    "each user's last {} held out, equally old ones by chance, seed {seed}",
                    self.last
                )
            }
            SplitKind::Time => format!("the newest {share} of all ratings held out"),
            SplitKind::Users => format!(
                "{} of the users kept from the model and {share} of their ratings held out, seed {seed}",
                percent(self.user_share)
            ),
        }
    }
}

impl EvaluateOptions {
    /// The lengths, ascending, each once.
    pub fn lengths(&self) -> Vec<usize> {
        let mut lengths = self.at.clone();
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }

    /// The split in words, whoever made it.
    pub fn split_in_words(&self) -> String {
        if self.input.train.is_empty() {
            self.split.in_words()
        } else {
            "as given in files".to_owned()
        }
    }

    /// How intervals are drawn.
    pub fn resampling(&self) -> Resampling {
        let rounds = self.resamples as usize;
        Resampling { rounds, confidence: self.confidence, seed: self.split.seed }
    }
}

/// A share that leaves something on either side.
pub fn open_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|&share| share > 0.0 && share < 1.0)
        .ok_or_else(|| "a share is a number above 0 and below 1".to_owned())
}

fn length(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|length| (1..=10_000).contains(length))
        .ok_or_else(|| "a list has 1 to 10000 items".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: EvaluateOptions,
    }

    fn parse(arguments: &str) -> Result<EvaluateOptions, clap::Error> {
        let arguments = std::iter::once("evaluate").chain(arguments.split_whitespace());
        Line::try_parse_from(arguments).map(|line| line.options)
    }

    #[test]
    fn every_split_can_be_asked_for() -> Result<(), clap::Error> {
        let split = |more: &str| {
            let options = parse(&format!("--ratings r --hold-out 0.3 --seed 7 {more}"))?;
            Ok::<_, clap::Error>(options.split.split())
        };
        assert_eq!(split("")?, Split::Random { share: 0.3, seed: 7 });
        assert_eq!(split("--split last --last 2")?, Split::LeaveLastOut { count: 2, seed: 7 });
        assert_eq!(split("--split time")?, Split::GlobalTime { share: 0.3 });
        let users = Split::StrongGeneralisation { users: 0.4, share: 0.3, seed: 7 };
        assert_eq!(split("--split users --user-share 0.4")?, users);
        Ok(())
    }

    #[test]
    fn lengths_are_sorted_and_given_once() -> Result<(), clap::Error> {
        assert_eq!(parse("--ratings r --at 20,5,20,1")?.lengths(), [1, 5, 20]);
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            "",
            "--train a",
            "--test a",
            "--ratings r --train a --test b",
            "--ratings r --fold-in a",
            "--train a --test b --split time",
            "--ratings r --at 0",
            "--ratings r --hold-out 1",
            "--ratings r --confidence 0",
        ] {
            assert!(parse(arguments).is_err(), "{arguments}");
        }
        assert!(parse("--train a --test b --fold-in c d").is_ok());
    }
}
