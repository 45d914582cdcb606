//! What akin-load can be told, and its way through the phases.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use serde::Serialize;

use crate::disk;
use crate::failure::Failure;
use crate::phase::{self, Kind};
use crate::requests::Ratings;

/// Sends requests at fixed rates, whatever the server does, and prints a JSON object for each phase. Latencies are in
/// microseconds, and count from the moment at which a request was due.
#[derive(Debug, Parser)]
#[command(name = "akin-load", version)]
pub struct Options {
    /// The server's address.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub server: String,
    /// The server's processes, whose processor time and memory are reported.
    #[arg(long = "pid", value_delimiter = ',', value_name = "PID")]
    pub pids: Vec<u32>,
    /// What to send: `post` (ratings), `finish` (ratings, and a long poll for each), `poll` (executions of earlier
    /// phases).
    #[arg(long = "phase", required = true, value_name = "KIND:PER_SECOND:SECONDS")]
    pub phases: Vec<Phase>,
    /// Connections for requests.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub connections: u16,
    /// Connections beside these for the long polls of `finish`.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub pollers: u16,
    /// Ratings are by the users "1" to this one.
    #[arg(long, default_value_t = 138_493, value_parser = clap::value_parser!(u32).range(1..))]
    pub users: u32,
    /// Ratings are of the items "1" to this one.
    #[arg(long, default_value_t = 26_744, value_parser = clap::value_parser!(u32).range(1..))]
    pub items: u32,
    /// Another seed sends other ratings.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// First measures how long this folder's disk takes for 4 KiB and fdatasync.
    #[arg(long, value_name = "FOLDER")]
    pub disk: Option<PathBuf>,
    /// A command that is started when half of the last phase is over, such as one that publishes a version.
    #[arg(long, value_name = "COMMAND")]
    pub at_half: Option<String>,
}

/// One phase, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Phase {
    /// What is sent.
    pub kind: Kind,
    /// Requests a second.
    pub rate: u32,
    /// How long.
    pub seconds: u32,
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let [kind, rate, seconds] = text.split(':').collect::<Vec<_>>()[..] else {
                return None;
            };
            let kind = match kind {
                "post" => Kind::Post,
                "finish" => Kind::Finish,
                "poll" => Kind::Poll,
                _ => return None,
            };
            let number = |text: &str| text.parse().ok().filter(|&number: &u32| number > 0);
            Some(Self { kind, rate: number(rate)?, seconds: number(seconds)? })
        };
        parse().ok_or_else(|| format!("{text:?} is no phase; write one as post:1000:10"))
    }
}

/// Runs the phases in their order.
///
/// # Errors
/// When the server, the disk or the system refuse. What the server answers is no failure but a figure.
pub fn run(options: &Options) -> Result<(), Failure> {
    if let Some(folder) = &options.disk {
        print(&disk::measure(folder)?);
    }
    let mut ratings = Ratings::new(options.seed, options.users, options.items);
    let mut handles = Vec::new();
    for (number, phase) in options.phases.iter().enumerate() {
        let is_last = number + 1 == options.phases.len();
        let at_half = options.at_half.as_deref().filter(|_| is_last);
        print(&phase::run(options, *phase, at_half, &mut ratings, &mut handles)?);
    }
    Ok(())
}

fn print(report: &impl Serialize) {
    match serde_json::to_string(report) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("akin-load: a report cannot be written: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_a_kind_a_rate_and_seconds() {
        let phase = Phase { kind: Kind::Finish, rate: 500, seconds: 10 };
        assert_eq!("finish:500:10".parse(), Ok(phase));
        for wrong in ["finish:500", "finish:0:1", "finish:1:1:1", "sleep:1:1", "post:x:1", ""] {
            assert!(wrong.parse::<Phase>().is_err(), "{wrong}");
        }
    }
}
