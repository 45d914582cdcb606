//! Item-to-item similarity: a sparse rating matrix in, each item's best neighbours out.

mod candidates;
mod cost;
mod ease;
mod fit;
mod formula;
mod half;
mod matrix;
mod measure;
mod neighbours;
mod product;
mod regressed;
mod relabelled;
mod scored;
mod top_k;
mod weighting;

#[cfg(test)]
mod oracle;

pub use cost::{FitCost, FitSize, co_count_bytes, fit_cost};
pub use ease::{EaseError, Ridge};
pub use fit::{Cut, Selection, block, fit, fit_targets, has_independent_rows};
pub use matrix::{Cell, Faded, MatrixError, Place, RatingMatrix};
pub use measure::{
    Adjustments, Formula, Measure, MeasureError, Norm, Preset, ProductFormula, Weighting,
};
pub use neighbours::{Neighbour, NeighbourList, NeighbourSlice, Neighbours};
pub use product::instructions::{InstructionSet, InstructionsError};
pub use weighting::counts_any;
