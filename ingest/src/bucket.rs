//! Input files in S3: `s3://bucket/key`, a prefix, or a pattern.

use glob::Pattern;
use tracing::info;

use super::error::IngestError;
use super::listing::{is_marker, is_pattern, literal_folder, match_options, no_match};
use super::remote::{Remote, RemoteObject};

const SCHEME: &str = "s3://";

type Objects = Vec<Box<dyn RemoteObject>>;

/// Whether an argument names something in S3.
pub(super) fn is_location(source: &str) -> bool {
    source.starts_with(SCHEME)
}

/// The objects at a location, sorted bytewise: the one with this key, those that match the pattern, or else all below
/// the prefix, without markers.
pub(super) fn objects(remote: &dyn Remote, location: &str) -> Result<Objects, IngestError> {
    if is_pattern(location) {
        return matches(remote, location);
    }
    let mut found = remote.objects(location)?;
    pass_over_markers(location, &mut found);
    if found.is_empty() {
        return Err(nothing_there(location));
    }
    Ok(found)
}

fn pass_over_markers(location: &str, found: &mut Objects) {
    found.retain(|object| {
        let is_marker = is_marker(location, &object.location());
        if is_marker {
            info!(object = object.location(), "passed over: a marker");
        }
        !is_marker
    });
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
    pass_over_markers(location, &mut found);
    if found.is_empty() { Err(no_match(location)) } else { Ok(found) }
}
