//! A panic, on whichever thread, is a defect of this program. It ends a command as any failure does: in one line and
//! with an exit code that docs/cli.md lists.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, PoisonError};

use tracing::{Level, enabled, warn};

use crate::failure::Failure;

/// The first panic of the process: later ones mostly follow from it.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// From now on a panic prints nothing by itself: what it says is kept for [`caught`], and printed with its backtrace under
/// `AKIN_LOG=debug`. With RUST_BACKTRACE it is printed as Rust does, too.
pub fn keep_quiet() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let what = described(info);
        if enabled!(Level::DEBUG) {
            let _ = writeln!(io::stderr(), "{what}\n{}", Backtrace::force_capture());
        }
        first().get_or_insert(what);
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            usual(info);
        }
    }));
}

/// Runs a command; a panic of it, or of a thread that it waits for, becomes a failure.
///
/// # Errors
/// The command's own, or [`Failure::Panicked`].
pub fn caught(command: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    // What the command leaves behind is not looked at again: the process ends.
    let ended = panic::catch_unwind(AssertUnwindSafe(command));
    let first = first().take();
    match (ended, first) {
        (Err(payload), first) => {
            Err(Failure::Panicked(first.unwrap_or_else(|| message(payload.as_ref()))))
        }
        (Ok(result), Some(what)) => {
            // Of a thread that nobody waited for, or whose end was taken for another failure.
            warn!("a thread panicked: {what}");
            result
        }
        (Ok(result), None) => result,
    }
}

fn first() -> std::sync::MutexGuard<'static, Option<String>> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner)
}

fn described(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
    format!("{}{}", message(info.payload()), place.unwrap_or_default())
}

/// On one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::{self, Output};

    use rayon::prelude::*;

    use super::*;
    use crate::cli;

    /// Fails in the third of some tasks of a pool, as a defect in the kernel would.
    fn in_a_pool() -> Result<(), Failure> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        pool.map_err(Failure::internal)?.install(|| {
            (0..9u32).into_par_iter().for_each(|task| assert!(task != 3, "task\nthree"));
        });
        Ok(())
    }

    fn in_a_thread() -> Result<(), Failure> {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let none: Option<u32> = None;
                assert_eq!(none.map_or(1, |n| n), 2);
            });
        });
        Ok(())
    }

    fn here() -> Result<(), Failure> {
        panic!("here")
    }

    fn unheard() -> Result<(), Failure> {
        // Its end is not looked at.
        let _ = std::thread::spawn(|| panic!("unheard")).join();
        Ok(())
    }

    type Command = fn() -> Result<(), Failure>;

    const COMMANDS: [(&str, Command); 4] =
        [("pool", in_a_pool), ("thread", in_a_thread), ("here", here), ("unheard", unheard)];

    /// Not a test by itself: what `the_process_of` runs, and ends as the program would.
    #[test]
    #[ignore = "a process of its own"]
    fn a_process_that_panics() {
        let asked = std::env::var("AKIN_TEST_PANIC").unwrap_or_default();
        if let Some((_, command)) = COMMANDS.iter().find(|(name, _)| *name == asked) {
            let logged = || cli::log_to_standard_error().and_then(|()| command());
            process::exit(i32::from(cli::ended(logged)));
        }
    }

    fn the_process_of(
        command: &str,
        variables: &[(&str, &str)],
    ) -> Result<Output, Box<dyn std::error::Error>> {
        let name = "panics::tests::a_process_that_panics";
        Ok(process::Command::new(std::env::current_exe()?)
            .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
            .env_remove("RUST_BACKTRACE")
            .env_remove("AKIN_LOG")
            .env("AKIN_TEST_PANIC", command)
            .envs(variables.iter().copied())
            .output()?)
    }

    #[test]
    fn a_panic_of_any_thread_ends_in_one_line_and_exit_code_1()
    -> Result<(), Box<dyn std::error::Error>> {
        for (command, what) in [
            ("pool", "task three at "),
            ("thread", "assertion `left == right` failed left: 1 right: 2 at "),
            ("here", "here at "),
        ] {
            let output = the_process_of(command, &[])?;
            let stderr = String::from_utf8(output.stderr)?;
            assert_eq!(output.status.code(), Some(1), "{command}: {stderr}");
            let begin = format!("akin-batch: internal error: {what}");
            assert!(stderr.starts_with(&begin), "{command}: {stderr}");
            assert!(stderr.contains("panics.rs:") && stderr.contains("report"), "{stderr}");
            assert_eq!(stderr.lines().count(), 1, "{command}: {stderr}");
        }
        Ok(())
    }

    #[test]
    fn whoever_looks_for_a_defect_sees_where_it_was() -> Result<(), Box<dyn std::error::Error>> {
        for variable in [("AKIN_LOG", "debug"), ("RUST_BACKTRACE", "1")] {
            let output = the_process_of("pool", &[variable])?;
            let stderr = String::from_utf8(output.stderr)?;
            assert_eq!(output.status.code(), Some(1), "{stderr}");
            assert!(stderr.contains("in_a_pool"), "{variable:?}: {stderr}");
            let last = stderr.lines().last().unwrap_or_default();
            assert!(last.starts_with("akin-batch: internal error: task three at "), "{stderr}");
        }
        Ok(())
    }

    #[test]
    fn a_panic_that_hindered_nothing_is_logged() -> Result<(), Box<dyn std::error::Error>> {
        let output = the_process_of("unheard", &[])?;
        let stderr = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(stderr.contains("WARN") && stderr.contains("a thread panicked: unheard at "));
        Ok(())
    }
}
