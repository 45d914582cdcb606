//! The command line: parse, run, print one result or one error, set the exit code.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use akin_recommender::similarity::InstructionSet;
use akin_schemas::{log_field, log_levels, printable};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

use crate::config;
use crate::evaluate::{self, EvaluateOptions};
use crate::failure::Failure;
use crate::operate::{self, OperatorCommand};
use crate::output;
use crate::panics;
use crate::plan::{self, PlanOptions};
use crate::run::{self, RunOptions};
use crate::stages::{self, StageCommand};
use crate::synth::{self, SynthFormat, SynthOptions};
use crate::tune::{self, TuneOptions};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal error
  2  wrong usage
  3  bad input
  4  superseded: another run published first
  5  the store, or the folder to write to, failed
  6  refused by the guard
  7  would not fit in memory
  8  outcome unknown: the store did not say whether the version was published

AKIN_LOG sets what is logged on standard error (error, warn, info, debug) [default: info].";

#[derive(Parser)]
#[command(name = "akin-batch", version, about = "Computes item similarities from ratings and publishes them.", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read ratings, compute similarities, publish a version.
    #[command(after_help = EXIT_CODES)]
    Run(Box<RunOptions>),
    /// Say what a run with the same options would read, how it would understand it, and whether it would fit in memory.
    #[command(after_help = EXIT_CODES)]
    Plan(Box<PlanOptions>),
    #[command(flatten)]
    Stage(StageCommand),
    #[command(flatten)]
    Operate(OperatorCommand),
    /// Hold ratings out, and measure how well they are found; or the stage of a run that does so.
    #[command(after_help = EXIT_CODES)]
    Evaluate(Box<EvaluateOptions>),
    /// Look for the options of run that find held-out ratings best.
    #[command(after_help = EXIT_CODES)]
    Tune(Box<TuneOptions>),
    /// Make up ratings with a taste structure, to try things with.
    Synth(SynthArguments),
    /// Print what a shell completes commands and options by: akin-batch completions bash.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages, one a command: akin-batch man share/man/man1.
    Man {
        /// The folder to write into; it is created.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

#[derive(Args)]
struct SynthArguments {
    /// Users who rate.
    #[arg(long, default_value_t = 2_000)]
    users: u32,
    /// Items to rate.
    #[arg(long, default_value_t = 1_000)]
    items: u32,
    /// Ratings, each of another user and item.
    #[arg(long, default_value_t = 100_000)]
    ratings: u64,
    /// The same seed gives the same files.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder to write into; it is created.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// The format of the ratings.
    #[arg(long, value_enum, default_value_t = SynthFormat::Csv)]
    format: SynthFormat,
}

/// The commands with their options, for what is made of them: manual pages and the documentation's tables.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::from(ended(run_command))
}

/// Runs a command, says in one line how it failed if it did, and gives its exit code.
pub(crate) fn ended(command: impl FnOnce() -> Result<(), Failure>) -> u8 {
    panics::keep_quiet();
    match panics::caught(command) {
        Ok(()) => 0,
        Err(failure) => {
            // Not `eprintln!`, which panics where nobody can be told.
            let _ = writeln!(io::stderr(), "akin-batch: {}", printable(&failure.chain()));
            failure.exit() as u8
        }
    }
}

/// Logs what AKIN_LOG asks for.
///
/// # Errors
/// When that is no list of levels.
pub(crate) fn log_to_standard_error() -> Result<(), Failure> {
    let levels = log_levels(std::env::var_os("AKIN_LOG"));
    let levels = levels.map_err(|error| Failure::Usage(error.to_string()))?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(levels))
        .fmt_fields(debug_fn(|to, field, value| log_field(to, field.name(), value)).delimited(" "))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    Ok(())
}

fn run_command() -> Result<(), Failure> {
    // clap itself ends with 2 on wrong usage.
    let arguments = config::with_config(std::env::args_os().collect(), &Cli::command());
    let arguments = arguments.map_err(|problem| Failure::Usage(problem.to_string()))?;
    let command = Cli::parse_from(arguments).command;
    log_to_standard_error()?;
    InstructionSet::named().map_err(|error| Failure::Usage(error.to_string()))?;
    match command {
        Command::Run(options) => output::print(&run::run(&options)?, options.json),
        Command::Plan(options) => {
            let plan = plan::plan(&options)?;
            output::print(&plan, options.0.json)?;
            plan.verdict()
        }
        Command::Stage(command) => stages::execute(&command),
        Command::Operate(command) => operate::execute(&command),
        Command::Evaluate(options) => {
            if let Some(document) = &options.document {
                return stages::evaluate(document);
            }
            output::print(&evaluate::evaluate(&options)?, options.json)
        }
        Command::Tune(options) => output::print(&tune::tune(&options)?, options.json),
        Command::Completions { shell } => {
            let mut written = Vec::new();
            clap_complete::generate(shell, &mut self::command(), "akin-batch", &mut written);
            output::line(String::from_utf8_lossy(&written).trim_end())
        }
        Command::Man { folder } => {
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(self::command(), &folder));
            written.map_err(|error| {
                Failure::Usage(format!("{}: could not be written ({error})", folder.display()))
            })
        }
        Command::Synth(SynthArguments { users, items, ratings, seed, out, format }) => {
            let options = SynthOptions { users, items, ratings, seed, out, format };
            let made = synth::generate(&options)?;
            output::line(&format!(
                "{} ratings by {} users of {} items\n  {}\n  {}",
                made.ratings,
                made.rating_users,
                made.rated_items,
                made.ratings_file.display(),
                made.movies_file.display()
            ))
        }
    }
}
