//! What `akin-batch run` can be told.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use akin_schemas::RatingRange;
use chrono::{DateTime, Utc};
use clap::Args;

use super::guard::QualityOptions;
use super::measure::MeasureOptions;

use crate::ingest::{IngestOptions, Reading};
use crate::s3::S3;

/// Options of a run.
#[derive(Debug, Clone, Args)]
pub struct RunOptions {
    /// Files of ratings, patterns, or folders for all below: text of any layout that --format lists, gzip or not, or
    /// Parquet. Or the same in S3: s3://bucket/key, s3://bucket/prefix, s3://bucket/pattern. Of two ratings with the same
    /// time, the later argument, file or line wins.
    #[arg(long, required_unless_present = "since_last", num_args = 1.., value_name = "PATH|GLOB")]
    pub ratings: Vec<String>,
    /// How they are to be read.
    #[command(flatten)]
    pub reading: Reading,
    /// Titles and genres: MovieLens movies.csv, movies.dat or u.item, or any text or Parquet that names an item and its
    /// title or genres; in S3 as above. What it does not say of an item, rated or not, is kept from earlier versions.
    #[arg(long, value_name = "PATH|GLOB")]
    pub items: Option<PathBuf>,
    /// Lose the titles and genres that earlier versions know, but for those that --items gives.
    #[arg(long)]
    pub drop_items: bool,
    /// Where versions are published: a folder, or s3://bucket/prefix.
    #[arg(long, env = "AKIN_STORE", value_name = "PATH")]
    pub store: String,
    /// Take in the ratings that servers accepted and wrote to the store.
    #[arg(long)]
    pub with_ledger: bool,
    /// Leave out the ratings that servers accepted, even those that the current version holds. They stay in the store:
    /// a later run with --with-ledger takes all of them in again.
    #[arg(long, conflicts_with_all = ["with_ledger", "since_last"])]
    pub without_ledger: bool,
    /// Start from everything that the current version holds, and add what servers accepted since, and the files of
    /// --ratings if there are any.
    #[arg(long)]
    pub since_last: bool,
    /// Publish nothing when the current version was computed from the same ratings in the same way.
    #[arg(long)]
    pub if_changed: bool,
    /// Go on although the newest manifest is damaged: from the newest that is not. What only the damaged one says is
    /// lost: ratings that files gave, what was erased since, a rating range. The run says what it passes over.
    #[arg(long)]
    pub past_damage: bool,
    /// How similarities are computed.
    #[command(flatten)]
    pub similarity: MeasureOptions,
    /// Options of this command that are not on the command line: a JSON object, such as tune writes.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Whether quality is measured.
    #[command(flatten)]
    pub quality: QualityOptions,
    /// The ratings that the store accepts: more than ABOVE, at most AT_MOST [default: the store's; 0:10 for a new one].
    /// A later run may widen it, and never make it narrower.
    #[arg(long, value_name = "ABOVE:AT_MOST", allow_hyphen_values = true)]
    pub rating_range: Option<RangeArgument>,
    /// Stop, and publish nothing, when more than this share of the records is rejected, or of the catalogue's rows.
    #[arg(long, default_value_t = 0.01, value_parser = share, value_name = "SHARE")]
    pub max_reject_share: f64,
    /// Memory that may be used, in MiB [default: 80 % of what is available].
    #[arg(long, value_name = "MIB")]
    pub max_memory: Option<u64>,
    /// Threads to compute with [default: one a core].
    #[arg(long, value_parser = thread_count, value_name = "N")]
    pub threads: Option<usize>,
    /// Do not write reports/version=<v>/report.html, a page for people: what the version holds, how it came to be, and
    /// what changed since the one before.
    #[arg(long, overrides_with = "report")]
    pub no_report: bool,
    /// Write it, which every run does by itself.
    #[arg(long, hide = true, overrides_with = "no_report")]
    pub report: bool,
    /// Print the summary as one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl RunOptions {
    /// What a run of this time reads into a store with this range, in at most `max_memory` bytes.
    pub fn ingest(&self, range: RatingRange, max_memory: u64, now: DateTime<Utc>) -> IngestOptions {
        IngestOptions {
            sources: self.ratings.clone(),
            remote: &S3,
            reading: self.reading.clone(),
            items: self.items.clone(),
            range,
            now,
            max_reject_share: self.max_reject_share,
            max_memory,
            threads: rayon::current_num_threads(),
        }
    }
}

/// The farthest from 0 that a bound of ratings may be. Scores are sums of ratings in single precision, which ends at 3.4e38.
const FARTHEST: f64 = 1e30;

/// A rating range in an argument: `ABOVE:AT_MOST`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeArgument(pub RatingRange);

impl fmt::Display for RangeArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.above, self.0.at_most)
    }
}

impl FromStr for RangeArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(above, at_most)| {
            Some(RatingRange { above: above.parse().ok()?, at_most: at_most.parse().ok()? })
        });
        let parsed = parsed.filter(RatingRange::is_valid).ok_or_else(|| {
            "a range is two numbers, such as 0:10, the first one smaller".to_owned()
        })?;
        if parsed.above.abs().max(parsed.at_most.abs()) > FARTHEST {
            return Err(format!(
                "ratings lie between -{FARTHEST:e} and {FARTHEST:e}: sums of greater ones would be no numbers"
            ));
        }
        Ok(Self(parsed))
    }
}

/// A share as an argument.
///
/// # Errors
/// When it is none.
pub fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "a share is a number from 0 to 1".to_owned())
}

/// A number of threads as an argument.
///
/// # Errors
/// When it is none.
pub fn thread_count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|threads| (1..=1024).contains(threads))
        .ok_or_else(|| "a number of threads is from 1 to 1024".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_two_numbers_in_order() {
        let half_to_five = RangeArgument(RatingRange { above: 0.0, at_most: 5.0 });
        assert_eq!("0:5".parse(), Ok(half_to_five));
        let far = RangeArgument(RatingRange { above: -1e30, at_most: 1e30 });
        assert_eq!("-1e30:1e30".parse(), Ok(far));
        for text in ["", "5", "5:0", "a:b", "0:inf", "NaN:1", "0:1.1e30", "-2e30:0"] {
            assert!(text.parse::<RangeArgument>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_threads_have_bounds() {
        assert_eq!(share("0.5"), Ok(0.5));
        assert!(share("1.5").is_err() && share("NaN").is_err() && share("x").is_err());
        assert_eq!(thread_count("7"), Ok(7));
        assert!(thread_count("0").is_err());
    }
}
