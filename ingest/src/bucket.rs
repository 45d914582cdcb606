//! Input files in S3: `s3://bucket/key`, a prefix, or a pattern.

use glob::Pattern;

use super::error::IngestError;
use super::remote::{Remote, RemoteObject};
use super::source::{is_pattern, match_options, no_match};

const SCHEME: &str = "s3://";

type Objects = Vec<Box<dyn RemoteObject>>;

/// Whether an argument names something in S3.
pub(super) fn is_location(source: &str) -> bool {
    source.starts_with(SCHEME)
}

/// The objects at a location, sorted bytewise: the one with this key, those that match the pattern, or else all below
/// the prefix but hidden ones.
pub(super) fn objects(remote: &dyn Remote, location: &str) -> Result<Objects, IngestError> {
    if is_pattern(location) {
        return matches(remote, location);
    }
    let mut found = remote.objects(location)?;
    found.retain(|input| !is_hidden(location, &input.location()));
    if found.is_empty() {
        return Err(nothing_there(location));
    }
    Ok(found)
}

/// The one object with this key.
pub(super) fn object(
    remote: &dyn Remote,
    location: &str,
) -> Result<Box<dyn RemoteObject>, IngestError> {
    let found = remote.objects(location)?;
    let mut found = found.into_iter().filter(|input| input.location() == location);
    found.next().ok_or_else(|| nothing_there(location))
}

fn nothing_there(location: &str) -> IngestError {
    let problem = "there is no such object, and none below";
    IngestError::bad(location, problem, "check the bucket and the key")
}

fn matches(remote: &dyn Remote, location: &str) -> Result<Objects, IngestError> {
    let pattern = Pattern::new(location)
        .map_err(|error| IngestError::bad(location, error.to_string(), "correct the pattern"))?;
    let mut found = remote.objects(literal_folder(location))?;
    // A key may have brackets: what exists is no pattern.
    if let Some(at) = found.iter().position(|input| input.location() == location) {
        return Ok(vec![found.swap_remove(at)]);
    }
    found.retain(|input| pattern.matches_with(&input.location(), match_options()));
    if found.is_empty() { Err(no_match(location)) } else { Ok(found) }
}

/// The pattern up to the last slash before its first special character.
fn literal_folder(pattern: &str) -> &str {
    let literal = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let folder = pattern[..literal].rfind('/').map_or(0, |slash| slash + 1);
    &pattern[..folder]
}

/// Whether a step below the prefix begins as those of markers and unfinished work do, for every engine that writes
/// tables (`_SUCCESS`, `_temporary`, `.part.crc`). What is named itself is not hidden.
fn is_hidden(prefix: &str, location: &str) -> bool {
    let below = location.strip_prefix(prefix).unwrap_or_default();
    below.split('/').any(|step| step.starts_with(['.', '_']))
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
        ] {
            assert_eq!(literal_folder(pattern), folder);
        }
    }

    #[test]
    fn markers_below_a_prefix_are_hidden_and_what_is_named_is_not() {
        let prefix = "s3://bucket/_in";
        for (location, hidden) in [
            ("s3://bucket/_in/a.csv", false),
            ("s3://bucket/_in", false),
            ("s3://bucket/_in/_SUCCESS", true),
            ("s3://bucket/_in/_temporary/0/a.csv", true),
            ("s3://bucket/_in/day=1/.a.csv.crc", true),
            ("s3://bucket/_in/day=1/a_b.csv", false),
        ] {
            assert_eq!(is_hidden(prefix, location), hidden, "{location}");
        }
    }
}
