//! akin-serve: takes ratings, folds them in against the published version, answers with recommendations.
//!
//! This crate must not know polars, Parquet or the batch.

pub mod ledger;
