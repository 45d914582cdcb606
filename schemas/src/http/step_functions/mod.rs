//! The contract of the Step Functions door: what a call holds, checked as the service model says, and how it is refused
//! (service model `stepfunctions`, 2016-11-23).

mod authorization;
mod failure;
mod input;
mod names;

pub use authorization::{ALGORITHM, Authorization};
pub use failure::Failure;
pub use input::{LONGEST_DATA, Parameters};
pub use names::{machine, machine_to_list, machine_to_start, named_execution, new_name};
