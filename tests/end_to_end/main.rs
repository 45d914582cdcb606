//! The real programs, driven as their users drive them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_files;
mod batch_inputs;
mod continued_runs;
mod documentation;
mod durability;
mod evaluation;
mod executions;
mod flipped_bytes;
mod forgetting;
mod harness;
mod hot_swap;
mod keystone;
mod measures;
mod movielens;
mod old_stores;
mod on_s3;
mod operators;
mod plan;
mod publication;
mod rating_weights;
mod requests;
mod restored_ledgers;
mod schedules;
mod step_functions;
mod the_loop;
