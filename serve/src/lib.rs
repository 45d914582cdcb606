//! akin-serve: takes ratings, folds them in against the published version, answers with recommendations.
//!
//! A request passes `http` (parse and answer), `ledger` (make durable), `fold_in` (score) and back. Beside them
//! `snapshot` follows the store, and `flush` writes what was accepted into it. This crate must not know polars, or the
//! batch.

pub mod flush;
pub mod forget;
pub mod ledger;
pub mod metrics;
pub mod options;
pub mod panics;
pub mod server;
pub mod snapshot;

mod background;
mod fold_in;
mod giving_way;
mod http;
mod mend;
