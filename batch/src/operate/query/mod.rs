//! `akin-batch query`: SQL over the tables of one version.
//!
//! The one place that uses polars. Its SQL sees tables that read the store only when they are asked, and only the columns
//! that are: `scan.rs` gives them, `columns.rs` turns what the contract's reader gives into polars' columns.

mod answer;
mod columns;
mod refusal;
mod scan;
mod statement;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;

use akin_schemas::ObjectKey;
use akin_schemas::tables::{Items, Neighbours, Profiles};
use akin_store::Store;
use polars::prelude::{LazyFrame, PolarsResult, ScanArgsAnonymous, col};
use polars::sql::SQLContext;

pub use answer::Answer;
use scan::{FirstFailure, Scan, Source};

use super::history::History;
use crate::failure::Failure;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// One statement that reads.
    pub sql: &'a str,
    /// Of this version, by name or number; of the current one when there is none.
    pub version: Option<&'a str>,
    /// Rows beyond these are cut, and the answer says so.
    pub max_rows: u32,
}

/// Bytes that a statement on standard input may have.
const LONGEST: u64 = 1 << 20;

/// The statement that an argument gives: `-` stands for standard input.
///
/// # Errors
/// When standard input cannot be read, is too long, or is not UTF-8.
pub fn statement_of(argument: &str) -> Result<Cow<'_, str>, Failure> {
    if argument != "-" {
        return Ok(argument.into());
    }
    let mut sql = String::new();
    let read = io::stdin().lock().take(LONGEST + 1).read_to_string(&mut sql);
    read.map_err(|error| {
        Failure::Usage(format!("standard input: {error}; give a statement in UTF-8"))
    })?;
    if sql.len() as u64 > LONGEST {
        return Err(Failure::Usage(format!(
            "standard input: a statement has at most {LONGEST} bytes"
        )));
    }
    Ok(sql.into())
}

/// Answers a query over the tables `neighbours`, `items` and `profiles` of a version, `ratings`, its profiles without
/// tombstones, and `ledger`, what servers wrote to the store by now.
///
/// # Errors
/// When the statement is none that reads, or names what is not there, when there is no such version, or its files do not
/// open.
pub fn query(store: &Arc<dyn Store>, asked: Asked<'_>) -> Result<Answer, Failure> {
    statement::check_that_it_reads(asked.sql)?;
    let history = History::read(store.as_ref())?;
    let manifest = history.find(asked.version)?;
    let parts = &manifest.parts;
    let failure = FirstFailure::default();
    let scan = |source| Scan { store: store.clone(), source, failure: failure.clone() };
    let mut context = SQLContext::new();
    let mut tables = Vec::new();
    let mut register = |name: &'static str, frame: PolarsResult<LazyFrame>| {
        let mut frame = frame.map_err(Failure::internal)?;
        let schema = frame.collect_schema().map_err(Failure::internal)?;
        tables.push((name, schema.iter_names().map(ToString::to_string).collect()));
        context.register(name, frame);
        Ok::<_, Failure>(())
    };
    register("neighbours", scan(Source::Parts(parts.neighbours.clone())).frame::<Neighbours>())?;
    register("items", scan(Source::Parts(parts.items.clone())).frame::<Items>())?;
    register("profiles", scan(Source::Parts(parts.profiles.clone())).frame::<Profiles>())?;
    register("ledger", scan(Source::Segments(ObjectKey::RATINGS)).frame::<Profiles>())?;
    // As `views.sql` has it.
    let ratings = scan(Source::Parts(parts.profiles.clone())).frame::<Profiles>().map(|profiles| {
        let columns = ["user_id", "item_id", "rating", "rated_at"].map(col);
        profiles.filter(col("rating").is_not_null()).select(columns)
    });
    register("ratings", ratings)?;
    // One more than is shown tells whether there are more.
    let asked_for = asked.max_rows.saturating_add(1);
    let answered = context.execute(asked.sql).and_then(|frame| frame.limit(asked_for).collect());
    match (failure.take(), answered) {
        (Some(failure), _) => Err(failure),
        (None, Ok(frame)) => Answer::of(manifest, &frame, asked.max_rows),
        (None, Err(error)) => Err(refusal::of(error, &tables)),
    }
}

/// A table that is read when it is asked.
fn lazy(scan: impl polars::prelude::AnonymousScan + 'static) -> PolarsResult<LazyFrame> {
    LazyFrame::anonymous_scan(Arc::new(scan), ScanArgsAnonymous::default())
}
