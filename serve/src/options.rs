//! What akin-serve can be told, on the command line, in the environment or in a file.

mod duration;
mod file;
mod given;
mod shown;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use akin_schemas::http::{StateMachine, checked_account, checked_name, checked_region};
use clap::{CommandFactory, Parser};

use crate::http::{AccessKey, AllowedOrigin};
use duration::{duration, some_duration};
pub use given::{Given, given};

/// Takes ratings, and answers with recommendations.
#[derive(Debug, Clone, Parser)]
#[command(name = "akin-serve", version)]
pub struct Options {
    /// Options from a file in TOML, by their long names. The command line and the environment go before it.
    #[arg(long, env = "AKIN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print every option with its value and where that comes from, but no secrets, and end.
    #[arg(long)]
    pub print_config: bool,
    /// Where versions are published: a folder, or s3://bucket/prefix.
    #[arg(long, env = "AKIN_STORE", value_name = "PATH")]
    pub store: String,
    /// Where this server keeps its ledger. One server a folder.
    #[arg(long, env = "AKIN_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: PathBuf,
    /// The address to listen on.
    #[arg(
        long,
        env = "AKIN_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS:PORT"
    )]
    pub listen: SocketAddr,
    /// Recommendations in an execution's output.
    #[arg(long, env = "AKIN_RECOMMENDATIONS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub recommendations: u16,
    /// Items kept in memory for each user of a version, the best before any new rating: a list after one is then found
    /// with a fraction of the work. They are found once the version serves, beside requests and behind them, and take 4
    /// bytes each and 24 a user. Longer lists than this are found without them. 0 keeps none.
    #[arg(long, env = "AKIN_CANDIDATES", default_value_t = 32, value_parser = clap::value_parser!(u16).range(..=1000), value_name = "N")]
    pub candidates: u16,
    /// Time between looks for a new version. A duration is a number of seconds, or has a unit: 60, 60s, 1500ms, 5m, 2h.
    #[arg(long, env = "AKIN_POLL_INTERVAL", default_value = "5s", value_parser = some_duration, value_name = "DURATION")]
    pub poll_interval: Duration,
    /// Accepted ratings are written to the store after this long at the latest, and at once on SIGUSR1.
    #[arg(long, env = "AKIN_FLUSH_INTERVAL", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub flush_interval: Duration,
    /// Accepted ratings are written to the store when so many are waiting.
    #[arg(long, env = "AKIN_FLUSH_RATINGS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub flush_ratings: u32,
    /// Ratings that may wait for the disk; more are refused with 503.
    #[arg(long, env = "AKIN_QUEUE", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub queue: u32,
    /// Ratings of one user that are taken before a version contains them; more are refused with 429. Each is looked at
    /// whenever that user rates.
    #[arg(long, env = "AKIN_NEW_RATINGS_PER_USER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub new_ratings_per_user: u32,
    /// Connections at once; more wait in the operating system.
    #[arg(long, env = "AKIN_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub connections: u32,
    /// How long a client may take to send the headers of a request, and again its body.
    #[arg(long, env = "AKIN_REQUEST_TIMEOUT", default_value = "5s", value_parser = some_duration, value_name = "DURATION")]
    pub request_timeout: Duration,
    /// How long a connection may be idle between requests.
    #[arg(long, env = "AKIN_KEEP_ALIVE", default_value = "75s", value_parser = duration, value_name = "DURATION")]
    pub keep_alive: Duration,
    /// How long a client may leave an answer unread before its connection is given up (on Linux).
    #[arg(long, env = "AKIN_UNREAD_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub unread_timeout: Duration,
    /// Origins whose pages may ask from a browser (CORS), such as https://films.example; `*` for all but `null`. Without
    /// any, none may.
    #[arg(
        long = "allow-origin",
        env = "AKIN_ALLOW_ORIGINS",
        num_args = 1..,
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub allow_origins: Vec<AllowedOrigin>,
    /// Show no page at `/`.
    #[arg(long, env = "AKIN_NO_PAGE")]
    pub no_page: bool,
    /// The region in the ARNs of executions. Handles that were given out under other names are unknown.
    #[arg(long, env = "AKIN_ARN_REGION", default_value = StateMachine::DEFAULT_REGION, value_parser = checked_region, value_name = "REGION")]
    pub arn_region: String,
    /// The account in them, 12 digits.
    #[arg(long, env = "AKIN_ARN_ACCOUNT", default_value = StateMachine::DEFAULT_ACCOUNT, value_parser = checked_account, value_name = "DIGITS")]
    pub arn_account: String,
    /// The name of the state machine in them.
    #[arg(long, env = "AKIN_STATE_MACHINE", default_value = StateMachine::DEFAULT_NAME, value_parser = checked_name, value_name = "NAME")]
    pub state_machine: String,
    /// Keys of which one must sign each call through the Step Functions door (AWS Signature Version 4). Without any,
    /// everybody may call.
    #[arg(
        long = "access-key",
        env = "AKIN_ACCESS_KEYS",
        value_delimiter = ',',
        hide_env_values = true,
        value_name = "ID:SECRET"
    )]
    pub access_keys: Vec<AccessKey>,
    /// How long after its start an execution that has no output is given up; its rating stays.
    #[arg(long, env = "AKIN_EXECUTION_TIMEOUT", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub execution_timeout: Duration,
    /// Days after which a finished execution is forgotten.
    #[arg(long, env = "AKIN_KEEP_EXECUTIONS_DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3650), value_name = "DAYS")]
    pub keep_executions_days: u32,
    /// Finished executions kept at most.
    #[arg(long, env = "AKIN_KEEP_EXECUTIONS", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub keep_executions: u64,
    /// Bytes of finished executions' inputs and outputs kept at most.
    #[arg(long, env = "AKIN_KEEP_EXECUTIONS_BYTES", default_value_t = 4 << 30, value_parser = clap::value_parser!(u64).range(1..), value_name = "BYTES")]
    pub keep_executions_bytes: u64,
    /// Time between turning not-ready and refusing connections on SIGTERM, for load balancers to notice.
    #[arg(long, env = "AKIN_DRAIN_DELAY", default_value = "0s", value_parser = duration, value_name = "DURATION")]
    pub drain_delay: Duration,
    /// How long requests in work have to finish on SIGTERM.
    #[arg(long, env = "AKIN_DRAIN_TIMEOUT", default_value = "20s", value_parser = duration, value_name = "DURATION")]
    pub drain_timeout: Duration,
    /// Log one JSON object a line. `AKIN_LOG` sets what is logged (error, warn, info, debug).
    #[arg(long, env = "AKIN_LOG_JSON")]
    pub log_json: bool,
}

/// Those of some environment variables that are named like options, but are none: mistyped, they would be passed over, such
/// as the keys that calls must be signed with. What Kubernetes names after a service is left out.
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let command = Options::command();
    let known: Vec<&OsStr> = command.get_arguments().filter_map(clap::Arg::get_env).collect();
    let is_of_a_service = |name: &str| name.contains("_SERVICE_") || name.contains("_PORT");
    let is_unknown = |name: &String| {
        name.starts_with("AKIN_")
            && name != "AKIN_LOG"
            && !known.contains(&OsStr::new(name))
            && !is_of_a_service(name)
    };
    names.filter(is_unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_like_an_option_and_is_none_is_found() {
        let names = [
            "AKIN_ACCESS_KEY",
            "AKIN_ACCESS_KEYS",
            "AKIN_LOG",
            "AKIN_STORE",
            "AKIN_SERVE_SERVICE_HOST",
            "AKIN_SERVE_PORT_8080_TCP",
            "AKIN_QUEU",
            "PATH",
        ];
        let unknown = unknown_variables(names.into_iter().map(str::to_owned));
        assert_eq!(unknown, ["AKIN_ACCESS_KEY", "AKIN_QUEU"]);
    }

    #[test]
    fn every_duration_has_the_same_form_and_none_at_all_is_refused_where_it_would_do_harm() {
        let with = |option: &str, value: &str| {
            let given = format!("{option}={value}");
            let options =
                Options::try_parse_from(["akin-serve", "--store", "s", "--data-dir", "d", &given]);
            options.map_err(|error| error.to_string())
        };
        let command = Options::command();
        let durations = command.get_arguments().filter(|argument| {
            argument.get_value_names().is_some_and(|names| names[0] == "DURATION")
        });
        let durations: Vec<String> =
            durations.filter_map(|option| Some(format!("--{}", option.get_long()?))).collect();
        assert_eq!(durations.len(), 8, "{durations:?}");
        for option in &durations {
            let least = match &**option {
                "--poll-interval" | "--request-timeout" => "10ms",
                _ => "0",
            };
            for value in ["60", "60s", "1500ms", "5m", "2h", least] {
                assert!(with(option, value).is_ok(), "{option} {value}");
            }
            for value in ["x", "-1", "NaN", "86401", "1x"] {
                let expected = format!(
                    "error: invalid value '{value}' for '{option} <DURATION>': a duration from {least} to 24h"
                );
                let said = with(option, value).map(drop);
                assert!(said.is_err_and(|said| said.starts_with(&expected)), "{option} {value}");
            }
        }
        assert!(
            with("--poll-interval", "0").is_err() && with("--request-timeout", "0.009").is_err()
        );
        let options = with("--flush-interval", "1500ms").map(|options| options.flush_interval);
        assert_eq!(options, Ok(Duration::from_millis(1500)));
    }
}
