//! Item-to-item similarity: a sparse rating matrix in, each item's best neighbours out.

mod cosine;
mod matrix;
mod neighbours;
mod top_k;

#[cfg(test)]
mod oracle;

pub use cosine::cosine;
pub use matrix::{Cell, MatrixError, RatingMatrix};
pub use neighbours::{Neighbour, Neighbours};
