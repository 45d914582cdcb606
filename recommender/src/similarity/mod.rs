//! Item-to-item similarity: a sparse rating matrix in, each item's best neighbours out.

mod fit;
mod formula;
mod matrix;
mod measure;
mod neighbours;
mod top_k;
mod weighting;

#[cfg(test)]
mod oracle;

pub use fit::{Cut, Selection, fit};
pub use matrix::{Cell, MatrixError, RatingMatrix};
pub use measure::{Adjustments, Formula, Measure, MeasureError, Norm, Preset, Weighting};
pub use neighbours::{Neighbour, Neighbours};
