//! The HTTP contract: bodies that come in, bodies that go out, handles, and problems.

mod arn;
mod execution;
mod problem;
mod rating;
mod recommendation;
mod status;

pub use arn::{ArnError, execution_arn, execution_name};
pub use execution::{Accepted, Execution, ExecutionStatus};
pub use problem::{PROBLEM_JSON, Problem};
pub use rating::{RatingBody, RatingBodyError};
pub use recommendation::{
    Because, FoldIn, ItemNeighbours, Neighbour, RatedItem, Recommendation, Recommendations,
};
pub use status::{CurrentVersion, Health, RefusedVersion};
