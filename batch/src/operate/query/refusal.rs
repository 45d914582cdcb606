//! What to say of a query that polars does not answer.

use polars::prelude::PolarsError;

use crate::failure::Failure;

/// A table's name and its columns.
pub type Columns = (&'static str, Vec<String>);

/// Says what is wrong with a query, and which tables and columns there are.
pub fn of(error: PolarsError, tables: &[Columns]) -> Failure {
    let problem = innermost(error).to_string();
    // What follows is the plan so far.
    let problem = problem.lines().next().unwrap_or_default();
    let listed: Vec<String> =
        tables.iter().map(|(name, columns)| format!("{name} ({})", columns.join(", "))).collect();
    Failure::Usage(format!(
        "the query cannot be answered: {problem}; there are {}",
        listed.join(", ")
    ))
}

fn innermost(error: PolarsError) -> PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => {
            innermost(*error)
        }
        other => other,
    }
}
