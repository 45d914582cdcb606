//! The HTTP contract: bodies that come in, bodies that go out, handles, and problems.

mod arn;
mod describe;
mod execution;
mod execution_id;
mod json_text;
pub mod numbers;
mod object;
mod options;
mod output;
mod problem;
mod rating;
mod reading;
mod recommendation;
mod status;
pub mod step_functions;

pub use arn::{
    ArnError, StateMachine, StateMachineError, checked_account, checked_name, checked_region,
};
pub use execution::{Accepted, Execution, ExecutionStatus, Executions, Stop};
pub use execution_id::{ExecutionId, ExecutionIdError};
pub use json_text::JsonText;
pub use options::{MOST_ANSWERS, MOST_OFFSET, Options};
pub use output::{Output, OutputError, PackedFoldIn};
pub use problem::{PROBLEM_JSON, Problem, ProblemKind};
pub use rating::{
    GivenRating, ItemsToLookUp, NewRating, RatingBody, RatingBodyError, RatingsToScore,
    rating_elements,
};
pub use reading::{Unread, explain, read};
pub use recommendation::{
    Because, FoldIn, FoundItem, FoundItems, GenreCount, Genres, ItemDetails, ItemNeighbours,
    Neighbour, NeighboursOfItem, NeighboursOfItems, RatedItem, Recommendation,
    RecommendationSource, Recommendations, ScoredRatings, UserRating, UserRatings,
};
pub use status::{CurrentVersion, Health, RefusedVersion};
