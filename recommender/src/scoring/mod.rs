//! From a profile to recommendations: the fold-in, filters, the fallback, re-ranking, the reasons.
//!
//! Serving and evaluation both come through [`Scorer::recommend`].

mod by_source;
mod candidates;
mod diversity;
mod model;
mod scorer;
mod selection;
mod sums;

pub use candidates::{Before, CandidateLists, Candidates};
pub use model::{Model, ModelError};
pub use scorer::{Reason, Recommendation, Request, Scorer, Source, fetch};
pub use selection::Selection;

#[cfg(test)]
mod selection_tests;
