//! akin-load: an open loop. Requests have moments at which they are due, fixed beforehand; an answer's latency counts
//! from there. So a server that stalls is charged for all requests that became due meanwhile, not only for the few
//! that were on their way (the omission that closed loops are known for).
//!
//! It knows the routes of akin-serve, which the peer in `bench/peers/server.py` has too, and nothing else of them.
#![allow(clippy::print_stdout)]

mod cli;
mod client;
mod disk;
mod failure;
mod latencies;
mod phase;
mod process;
mod requests;
mod schedule;
mod sending;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(&cli::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("akin-load: {failure}");
            ExitCode::FAILURE
        }
    }
}
