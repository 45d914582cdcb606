//! What a command prints as its result.

use std::fmt::Display;
use std::io::{self, Write};

use akin_schemas::printable_lines;
use serde::Serialize;

use crate::failure::Failure;

/// Prints a result on standard output: as one JSON value with all data as they are, or for people, whose terminal must not
/// obey what came from a file.
///
/// # Errors
/// When it cannot be written.
pub fn print(result: &(impl Serialize + Display), as_json: bool) -> Result<(), Failure> {
    let text = if as_json {
        serde_json::to_string(result).map_err(Failure::internal)?
    } else {
        printable_lines(&result.to_string()).into_owned()
    };
    line(&text)
}

/// Prints a text, and ends the line.
///
/// # Errors
/// When it cannot be written.
pub fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Whoever read has seen enough, as `head` has.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => Ok(()),
    }
}
