//! What one argument stands for when it stands for several files: a pattern, a folder, or a prefix in S3.
//!
//! One rule for all of them: engines that write tables leave markers and unfinished work beside the data (`_SUCCESS`,
//! `_temporary`, `.part-0.crc`), which are passed over. Files without content, as they write for empty partitions, are
//! passed over when they are opened. What a person names is read, or refused, whatever its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use tracing::info;

use super::error::IngestError;

const SPECIAL: [char; 3] = ['*', '?', '['];
const MARKS: [char; 2] = ['.', '_'];

/// Whether an argument stands for all that match it.
pub(super) fn is_pattern(source: &str) -> bool {
    source.contains(SPECIAL)
}

/// As in a shell: `*` matches no hidden file, and nothing across folders.
pub(super) fn match_options() -> MatchOptions {
    MatchOptions {
        require_literal_leading_dot: true,
        require_literal_separator: true,
        ..MatchOptions::new()
    }
}

/// The pattern up to the last slash before its first special character.
pub(super) fn literal_folder(pattern: &str) -> &str {
    let literal = pattern.find(SPECIAL).unwrap_or(pattern.len());
    let folder = pattern[..literal].rfind('/').map_or(0, |slash| slash + 1);
    &pattern[..folder]
}

/// Whether what was found at `found` for `asked`, a pattern, a folder or a prefix, is a marker or unfinished work: a step
/// below the folder that was named begins as theirs do, where no step of the pattern does.
pub(super) fn is_marker(asked: &str, found: &str) -> bool {
    let folder = if is_pattern(asked) { literal_folder(asked) } else { asked };
    let spelled = asked.strip_prefix(folder).unwrap_or_default();
    let is_spelled = |mark| spelled.split('/').any(|step| step.starts_with(mark));
    // Where it does not begin as what was asked for does, it was written in another way: its name is what is left.
    let name = found.rsplit('/').next().unwrap_or_default();
    let below = found.strip_prefix(folder).unwrap_or(name);
    below
        .split('/')
        .any(|step| MARKS.iter().any(|mark| step.starts_with(*mark) && !is_spelled(*mark)))
}

pub(super) fn no_match(pattern: &str) -> IngestError {
    let remedy = "check the pattern, and that the files are there";
    IngestError::bad(pattern, "no file matches", remedy)
}

/// The files that match a pattern, and those below folders that do, sorted bytewise.
pub(super) fn matching(pattern: &str) -> Result<Vec<PathBuf>, IngestError> {
    let found = glob::glob_with(pattern, match_options())
        .map_err(|error| IngestError::bad(pattern, error.to_string(), "correct the pattern"))?;
    let mut paths = Vec::new();
    for path in found {
        let path = path.map_err(|error| {
            IngestError::read(&error.path().display().to_string(), error.into())
        })?;
        if is_marker(pattern, &path.to_string_lossy()) {
            info!(file = %path.display(), "passed over: a marker");
        } else if path.is_dir() {
            collect(&path, &mut paths)?;
        } else {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(no_match(pattern));
    }
    sort(&mut paths);
    Ok(paths)
}

/// The files below a folder, sorted bytewise.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    if paths.is_empty() {
        let problem = "this is a folder without a file of data";
        return Err(IngestError::bad(&folder.display().to_string(), problem, "check the path"));
    }
    sort(&mut paths);
    Ok(paths)
}

fn sort(paths: &mut [PathBuf]) {
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
}

/// Adds the files below a folder. Links to folders are not followed: they may lead back.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), IngestError> {
    let failed = |error: io::Error| IngestError::read(&folder.display().to_string(), error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(MARKS) {
            info!(file = %path.display(), "passed over: a marker");
        } else if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, paths)?;
        } else if !path.is_dir() {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_listed_from_its_last_folder_without_a_special_character() {
        for (pattern, folder) in [
            ("s3://bucket/in/2026-*/r?.csv", "s3://bucket/in/"),
            ("s3://bucket/in/r[12].csv", "s3://bucket/in/"),
            ("s3://bucket/*.csv", "s3://bucket/"),
            ("*.csv", ""),
        ] {
            assert_eq!(literal_folder(pattern), folder);
        }
    }

    #[test]
    fn markers_are_passed_over_and_what_is_named_is_not() {
        let prefix = "s3://bucket/_in";
        for (asked, found, is_passed_over) in [
            (prefix, "s3://bucket/_in/a.csv", false),
            (prefix, "s3://bucket/_in", false),
            (prefix, "s3://bucket/_in/_SUCCESS", true),
            (prefix, "s3://bucket/_in/_temporary/0/a.csv", true),
            (prefix, "s3://bucket/_in/day=1/.a.csv.crc", true),
            (prefix, "s3://bucket/_in/day=1/a_b.csv", false),
            ("_in/*", "_in/a.csv", false),
            ("_in/*", "_in/_SUCCESS", true),
            ("_in/*/*.csv", "_in/_temporary/a.csv", true),
            ("_in/_*", "_in/_a.csv", false),
            ("_in/_*/*", "_in/_a/.b.crc", true),
            ("./in/*", "in/_SUCCESS", true),
            ("./in/*", "in/a", false),
            ("*", "_SUCCESS", true),
        ] {
            assert_eq!(is_marker(asked, found), is_passed_over, "{asked} {found}");
        }
    }
}
