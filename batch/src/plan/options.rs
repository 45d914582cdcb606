//! `plan` takes the options of `run`, so that one word turns a plan into a run. Only the store may be left out.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use crate::run::RunOptions;

/// Options of a run that is only planned. The store is empty where none is named.
#[derive(Debug, Clone)]
pub struct PlanOptions(pub RunOptions);

impl FromArgMatches for PlanOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        RunOptions::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Args for PlanOptions {
    fn augment_args(command: Command) -> Command {
        RunOptions::augment_args(command)
            .mut_arg("store", |store| store.required(false).default_value(""))
            .mut_arg("store", |store| store.hide_default_value(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        RunOptions::augment_args_for_update(command)
    }
}
