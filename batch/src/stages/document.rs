//! The documents that stages take and give, on the command line.

use std::fs::File;
use std::io::{self, Read};

use akin_schemas::stage::MAX_DOCUMENT_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::output;

/// Reads the document that an argument gives: itself, when it begins with `{`; standard input for `-`; a file for its
/// path, with or without `@` before it.
///
/// # Errors
/// When it cannot be read, is longer than a workflow could carry, or is not what the stage takes.
pub fn read<T: DeserializeOwned>(argument: &str) -> Result<T, Failure> {
    let (name, text) = match argument {
        "-" => ("standard input", limited("standard input", io::stdin().lock())?),
        text if text.trim_start().starts_with('{') => ("the document", text.to_owned()),
        path => {
            let path = path.strip_prefix('@').unwrap_or(path);
            let file = File::open(path).map_err(|error| {
                Failure::Usage(format!(
                    "{path}: could not be read ({error}); give a JSON document, the path of one, or - for standard input"
                ))
            })?;
            (path, limited(path, file)?)
        }
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "{name}: this is not what the stage takes ({error}); schemas/README.md describes the documents"
        ))
    })
}

fn limited(name: &str, from: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    let read = from.take(MAX_DOCUMENT_BYTES as u64 + 1).read_to_string(&mut text);
    let read = read.map_err(|error| {
        Failure::Usage(format!("{name}: could not be read ({error}); check it"))
    })?;
    if read > MAX_DOCUMENT_BYTES {
        return Err(Failure::Usage(format!(
            "{name}: a document has at most {MAX_DOCUMENT_BYTES} bytes; give what a stage printed, and nothing else"
        )));
    }
    Ok(text)
}

/// Prints what a stage gives, on one line.
///
/// # Errors
/// When it would be longer than a workflow could carry.
pub fn print(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document).map_err(Failure::internal)?;
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(Failure::internal(format!("a document of {} bytes", text.len())));
    }
    output::line(&text)
}
