//! A run in stages, each a program of its own, for whoever runs them as a workflow: `ingest`, `similarities` (a shard at a
//! time), `evaluate`, `publish`, `report`.
//!
//! Each takes one small JSON document and prints one; `schemas::stage` says what is in them. What is large lies in
//! `work/<run>/`, and is named with its checksum. The work itself is that of `akin-batch run`, function by function. A stage
//! may be repeated, at any time and however an earlier attempt ended: it gives the same document, and has no second effect.

mod document;
mod evaluate;
mod ingest;
mod publish;
mod report;
mod similarities;
#[cfg(test)]
mod tests;
mod work;

use akin_schemas::stage::{
    EvaluateRequest, IngestRequest, PublishRequest, ReportRequest, Shard, SimilaritiesRequest,
};
use akin_store::{open_existing_store, open_store};
use chrono::Utc;
use clap::Subcommand;

use crate::failure::Failure;

/// The stages that are commands of their own; `evaluate` is one that does more.
#[derive(Debug, Subcommand)]
pub enum StageCommand {
    /// Stage 1 of a run: fix its number, then read ratings. Takes {"run", "store", "options", "shards"}.
    Ingest {
        /// A JSON document, a file that holds one (@path), or - for standard input.
        document: String,
    },
    /// Stage 2: compute the similarities, or a share of them. Takes {"ingest", "shard"}.
    Similarities {
        /// A JSON document, a file that holds one (@path), or - for standard input.
        document: String,
        /// Which share, such as 2/4, when the document does not say.
        #[arg(long, value_name = "I/N")]
        shard: Option<Shard>,
    },
    /// Stage 4, after evaluate: publish the version. Takes {"ingest", "similarities", "evaluate"}.
    Publish {
        /// A JSON document, a file that holds one (@path), or - for standard input.
        document: String,
    },
    /// Stage 5: write the version's report.html. Takes {"publish"}.
    Report {
        /// A JSON document, a file that holds one (@path), or - for standard input.
        document: String,
    },
}

/// Runs a stage and prints what it gives.
///
/// # Errors
/// See [`Failure`].
pub fn execute(command: &StageCommand) -> Result<(), Failure> {
    match command {
        StageCommand::Ingest { document } => {
            let request: IngestRequest = document::read(document)?;
            let store = open_store(&request.store)?;
            document::print(&ingest::ingest(store.as_ref(), &request, Utc::now())?)
        }
        StageCommand::Similarities { document, shard } => {
            let request: SimilaritiesRequest = document::read(document)?;
            let store = open_existing_store(&request.ingest.store)?;
            document::print(&similarities::similarities(store.as_ref(), &request, *shard)?)
        }
        StageCommand::Publish { document } => {
            let request: PublishRequest = document::read(document)?;
            let store = open_existing_store(&request.ingest.store)?;
            document::print(&publish::publish(store.as_ref(), &request)?)
        }
        StageCommand::Report { document } => {
            let request: ReportRequest = document::read(document)?;
            let store = open_existing_store(&request.publish.store)?;
            document::print(&report::report(store.as_ref(), &request)?)
        }
    }
}

/// Runs the stage of the guard and prints what it gives.
///
/// # Errors
/// See [`Failure`].
pub fn evaluate(document: &str) -> Result<(), Failure> {
    let request: EvaluateRequest = document::read(document)?;
    let store = open_existing_store(&request.ingest.store)?;
    document::print(&evaluate::evaluate(store.as_ref(), &request)?)
}
