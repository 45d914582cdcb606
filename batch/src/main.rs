//! The `akin-batch` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    akin_batch::cli::main()
}
