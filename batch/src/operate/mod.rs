//! What operators do with a store: look at versions, compare them, go back to one, check, clean up. One file a command.

mod check;
mod delta_logs;
#[cfg(test)]
mod delta_logs_tests;
mod diff;
mod gc;
mod history;
#[cfg(feature = "query")]
mod query;
mod rollback;
mod show;
mod start;
pub mod table;
#[cfg(test)]
mod tests;
mod versions;

pub(crate) use history::cleaned_before;

use std::fmt::Display;

use akin_store::{Store, open_existing_store};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// The operators' commands.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// List what was published, newest first, and when a run last ended well.
    Versions {
        /// Every column; --json has all that is known.
        #[arg(long)]
        wide: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show an item, and its neighbours.
    Show {
        /// The item's id, or a part of its title in any case.
        item: String,
        /// In this version, by name or number [default: the current one].
        #[arg(long, value_name = "VERSION")]
        version: Option<String>,
        /// How many neighbours.
        #[arg(short, long, default_value_t = 20, value_name = "N")]
        neighbours: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Say what changed from one version to another.
    Diff {
        /// The version to start from, by name or number.
        #[arg(required_unless_present = "since")]
        from: Option<String>,
        /// The version to compare with it [default: the current one].
        to: Option<String>,
        /// Start from the version that was the newest then, and compare the current one with it: a date, which begins at
        /// midnight UTC, or a time as 2026-11-24T08:00:00Z.
        #[arg(long, conflicts_with_all = ["from", "to"], value_parser = start::since, value_name = "DATE")]
        since: Option<DateTime<Utc>>,
        /// How many of the most rated new items, and of the largest changes, are listed.
        #[arg(short = 'n', long, default_value_t = 10, value_name = "N")]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Ask a version's tables with SQL: neighbours, items, profiles, and ledger, what servers wrote to the store.
    ///
    /// It only reads. Each column stands in schemas/README.md; SHOW TABLES names the tables.
    #[cfg(feature = "query")]
    Query {
        /// A statement such as "SELECT title FROM items ORDER BY rating_count DESC LIMIT 5"; - reads it from standard input.
        sql: String,
        /// Of this version, by name or number [default: the current one].
        #[arg(long, visible_alias = "at", value_name = "VERSION")]
        version: Option<String>,
        /// At most so many rows; an answer that has more is cut, and says so.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
        max_rows: u32,
        /// Print CSV under a line of names, for programs.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Publish the neighbours and items of an older version again; every rating is kept.
    Rollback {
        /// The version to go back to, by name or number.
        version: String,
        /// Go on although the newest manifest is damaged, with the ratings of the newest that is not.
        #[arg(long)]
        past_damage: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Delete what no kept version needs; without --delete only say what that is.
    ///
    /// Manifests and ledger segments are never deleted: a later run may need every segment.
    Gc {
        /// How many of the newest publications are kept: rollback reaches no further.
        #[arg(long, default_value_t = gc::KEEP, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
        keep: u64,
        /// Younger files are left alone, because a run at work may need them. At least 24.
        #[arg(long, default_value_t = gc::GRACE_HOURS, value_parser = clap::value_parser!(u64).range(gc::LEAST_GRACE_HOURS..), value_name = "HOURS")]
        grace_hours: u64,
        /// Delete, rather than say what would be deleted.
        #[arg(long)]
        delete: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Verify every manifest, part and segment, and what the Delta Lake logs say of them.
    Check {
        /// Write the entries of the Delta Lake logs anew that are missing, damaged or another program's.
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// Options of every operators' command.
#[derive(Debug, Args)]
pub struct Common {
    /// Where the versions are: a folder, or s3://bucket/prefix.
    #[arg(long, env = "AKIN_STORE", value_name = "PATH")]
    store: String,
    /// Print one JSON value.
    #[arg(long)]
    json: bool,
}

impl Common {
    fn print(&self, result: &(impl Serialize + Display)) -> Result<(), Failure> {
        output::print(result, self.json)
    }
}

impl OperatorCommand {
    fn common(&self) -> &Common {
        match self {
            Self::Versions { common, .. }
            | Self::Show { common, .. }
            | Self::Diff { common, .. }
            | Self::Rollback { common, .. }
            | Self::Gc { common, .. }
            | Self::Check { common, .. } => common,
            #[cfg(feature = "query")]
            Self::Query { common, .. } => common,
        }
    }
}

/// Runs a command and prints its result.
///
/// # Errors
/// See [`Failure`].
pub fn execute(command: &OperatorCommand) -> Result<(), Failure> {
    let common = command.common();
    let opened = open_existing_store(&common.store)?;
    let store: &dyn Store = opened.as_ref();
    match command {
        OperatorCommand::Versions { wide, .. } => common.print(&versions::versions(store, *wide)?),
        OperatorCommand::Show { item, version, neighbours, .. } => {
            common.print(&show::show(store, item, version.as_deref(), *neighbours)?)
        }
        OperatorCommand::Diff { from, to, since, limit, .. } => {
            let from = start::Start::given(from.as_deref(), *since);
            common.print(&diff::diff(store, from, to.as_deref(), *limit)?)
        }
        #[cfg(feature = "query")]
        OperatorCommand::Query { sql, version, max_rows, csv, .. } => {
            let sql = query::statement_of(sql)?;
            let asked =
                query::Asked { sql: &sql, version: version.as_deref(), max_rows: *max_rows };
            let answer = query::query(&opened, asked)?;
            if *csv { answer.print_csv() } else { common.print(&answer) }
        }
        OperatorCommand::Gc { keep, grace_hours, delete, .. } => {
            let rules = gc::Rules { keep: *keep, grace_hours: *grace_hours, delete: *delete };
            common.print(&gc::clean_up(store, rules, Utc::now())?)
        }
        OperatorCommand::Rollback { version, past_damage, .. } => {
            common.print(&rollback::rollback(store, version, *past_damage)?)
        }
        OperatorCommand::Check { repair, .. } => {
            let report = check::check(store, *repair)?;
            // What was found is printed before it ends in an error.
            common.print(&report)?;
            report.verdict()
        }
    }
}
