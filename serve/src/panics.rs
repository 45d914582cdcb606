//! Panics: each is said in one line, without a trace, and with what to do about it.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    /// Whether who has called tells of a panic itself.
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
}

/// From now on the log tells of panics.
pub fn tell() {
    panic::set_hook(Box::new(|panic| {
        if IS_TOLD.get() {
            return;
        }
        let thread = thread::current();
        tracing::error!(
            thread = thread.name(),
            place = panic.location().map(tracing::field::display),
            panic = panic.payload_as_str().unwrap_or("without a message"),
            version = env!("CARGO_PKG_VERSION"),
            "this is a defect of akin-serve: please report it, with this line, where you have the program from"
        );
    }));
}

/// Runs what may panic over what it is given, and not by a defect of this program. The caller tells of it: nothing is said
/// here.
///
/// # Errors
/// The panic's message.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = IS_TOLD.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_TOLD.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("without a message").to_owned()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    #[test]
    #[ignore = "a part of the next one, in a process of its own"]
    fn a_thread_panics() {
        tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
        tell();
        assert_eq!(
            catch(|| -> u8 { panic!("told by another") }),
            Err("told by another".to_owned())
        );
        let thread = thread::Builder::new().name("score-0".to_owned());
        thread.spawn(|| panic!("first line\nsecond line")).unwrap().join().unwrap_err();
    }

    #[test]
    fn a_panic_is_one_line_with_its_place_that_says_to_report_it() {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "panics::tests::a_thread_panics", "--ignored"]);
        let output = program.env("RUST_BACKTRACE", "1").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in
            ["ERROR", "please report it", "score-0", "panics.rs:", r"first line\nsecond line"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn what_is_caught_says_its_message_and_what_comes_after_is_told_again() {
        assert_eq!(catch(|| 5), Ok(5));
        let text = "of this test";
        let nested = catch(|| {
            assert_eq!(catch(|| -> u8 { panic!("inner") }), Err("inner".to_owned()));
            assert!(IS_TOLD.get());
            panic!("{text}")
        });
        assert_eq!(nested, Err::<(), _>("of this test".to_owned()));
        assert!(!IS_TOLD.get());
    }
}
