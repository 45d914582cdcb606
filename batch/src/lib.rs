//! akin-batch: reads ratings, computes similarities, publishes a version; measures how good one is.
//!
//! This crate must not know the server.

pub mod cli;
pub mod evaluate;
pub mod plan;
pub mod run;
pub mod synth;
pub mod tune;

mod config;
mod counting;
mod failure;
mod memory;
mod operate;
mod output;
mod panics;
mod progress;
mod report;
mod s3;
mod stages;
mod threads;

pub use akin_ingest as ingest;
