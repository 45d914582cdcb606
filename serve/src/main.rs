//! The `akin-serve` program.

use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use akin_schemas::{log_field, log_levels, printable};
use akin_serve::options::{Given, given, unknown_variables};
use akin_serve::panics;
use akin_serve::server::Server;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

#[global_allocator]
static ALLOCATOR: akin_allocator::MiMalloc = akin_allocator::MiMalloc;

fn main() -> ExitCode {
    let options = match given(std::env::args_os().collect()) {
        Ok(Given::Options(options)) => options,
        Ok(Given::Text(text)) => {
            // Who closes the pipe has seen enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => error.exit(),
    };
    with_small_pages();
    let levels = match log_levels(std::env::var_os("AKIN_LOG")) {
        Ok(levels) => levels,
        Err(error) => {
            eprintln!("akin-serve: {}", printable(&error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(levels))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if options.log_json {
        // One level: `request_id` stands beside `timestamp`.
        log.json().flatten_event(true).init()
    } else {
        let fields = debug_fn(|to, field, value| log_field(to, field.name(), value));
        log.fmt_fields(fields.delimited(" ")).init()
    }
    panics::tell();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in unknown_variables(names) {
        tracing::warn!(name, "this variable of the environment is no option, and is passed over");
    }
    let serve = || Server::start(&options).and_then(Server::run_until_stopped);
    match catch_unwind(AssertUnwindSafe(serve)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("akin-serve: {}", printable(&error.to_string()));
            ExitCode::FAILURE
        }
        // The log has told.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Memory by pages of 4 KiB. The allocator asks for pages of 2 MiB, of which a freed part stays taken: a fifth more memory
/// under load, and nothing got quicker. Where the system refuses it, only that is lost.
fn with_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
