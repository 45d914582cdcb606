//! What operators do with a store: look at versions, go back to one, check them. One file a command.

mod check;
mod history;
mod rollback;
mod show;
mod table;
#[cfg(test)]
mod tests;
mod versions;

use std::fmt::Display;

use akin_store::{Store, open_existing_store};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::Failure;

/// The operators' commands.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// List what was published, newest first.
    Versions {
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
    /// Publish the neighbours and items of an older version again; every rating is kept.
    Rollback {
        /// The version to go back to, by name or number.
        version: String,
        #[command(flatten)]
        common: Common,
    },
    /// Verify every manifest, part and segment.
    Check {
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
    #[expect(clippy::print_stdout, reason = "a command's result goes to standard output")]
    fn print(&self, result: &(impl Serialize + Display)) -> Result<(), Failure> {
        if self.json {
            println!("{}", serde_json::to_string(result).map_err(Failure::internal)?);
        } else {
            println!("{result}");
        }
        Ok(())
    }
}

/// Runs a command and prints its result.
///
/// # Errors
/// See [`Failure`].
pub fn execute(command: &OperatorCommand) -> Result<(), Failure> {
    let (OperatorCommand::Versions { common }
    | OperatorCommand::Show { common, .. }
    | OperatorCommand::Rollback { common, .. }
    | OperatorCommand::Check { common }) = command;
    let store = open_existing_store(&common.store)?;
    let store: &dyn Store = store.as_ref();
    match command {
        OperatorCommand::Versions { .. } => common.print(&versions::versions(store)?),
        OperatorCommand::Show { item, version, neighbours, .. } => {
            common.print(&show::show(store, item, version.as_deref(), *neighbours)?)
        }
        OperatorCommand::Rollback { version, .. } => {
            common.print(&rollback::rollback(store, version)?)
        }
        OperatorCommand::Check { .. } => {
            let report = check::check(store)?;
            // What was found is printed before it ends in an error.
            common.print(&report)?;
            report.verdict()
        }
    }
}
