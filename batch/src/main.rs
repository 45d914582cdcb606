//! The `akin-batch` program.

use std::process::ExitCode;

/// What ratings took goes back to the system before similarities need it: glibc keeps what lies between other things.
#[global_allocator]
static ALLOCATOR: akin_allocator::MiMalloc = akin_allocator::MiMalloc;

fn main() -> ExitCode {
    akin_batch::cli::main()
}
