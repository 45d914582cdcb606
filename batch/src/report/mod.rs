//! The report of a version: one HTML page that needs nothing else, for whoever wants to know what was published.
//!
//! What the tables say is read from the store, as anybody could; what only the run knew is [`Observed`]. Nobody is named in
//! it: users are counted, and rejected records stand there by file and line alone.

mod change;
mod html;
mod observed;
mod plot;
mod rejects;
mod sections;
mod tables;
#[cfg(test)]
mod tests;
mod value_counts;
mod view;
mod warnings;

pub(crate) use observed::{Observed, StageCost};
pub(crate) use value_counts::ValueCounts;

use akin_schemas::stage::WorkObject;
use akin_schemas::{Checksum, ObjectKey};
use akin_store::{ErrorKind, Store};
use bytes::Bytes;

use crate::failure::Failure;

use view::View;

/// Writes the report of a publication, unless it is there. Gives where it is, and its warnings.
///
/// # Errors
/// When the version's manifest or tables cannot be read, or the store fails.
pub(crate) fn write(
    store: &dyn Store,
    sequence: u64,
    observed: Observed,
) -> Result<(WorkObject, Vec<String>), Failure> {
    let view = View::read(store, sequence, observed)?;
    let warnings = warnings::warnings(&view);
    let page = Bytes::from(sections::page(&view, &warnings));
    let key = ObjectKey::report(&view.manifest.version);
    let page = match store.create(&key, page.clone()) {
        // It stands: a version has one report, whatever was cleaned away since.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => store.get(&key)?,
        outcome => outcome.map(|()| page)?,
    };
    let (bytes, sha256) = (page.len() as u64, Checksum::of(&page));
    Ok((WorkObject { key, bytes, sha256 }, warnings))
}
