//! From a profile to recommendations: the fold-in, the fallback, the reasons.
//!
//! Serving and evaluation both come through [`Scorer::recommend`].

mod model;
mod scorer;

pub use model::{Model, ModelError};
pub use scorer::{Reason, Recommendation, Request, Scorer, Source};
