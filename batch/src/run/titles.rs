//! What earlier versions know of items: titles and genres are kept until an operator drops them.
//!
//! A run without a catalogue, or with one that lacks an item, says nothing against what was known. So the catalogue is
//! completed from the items tables of earlier versions, the newest first. Every version written here has all that was
//! known before it, and says so in its manifest: no run looks further back than to the newest of those. Only after
//! versions of older programs, which may have lost titles, and after a table that cannot be read, older ones are asked.

use akin_schemas::tables::{ItemRow, Items};
use akin_schemas::{Manifest, PartEntry};
use akin_store::{ErrorKind, OpenError, Part, Store, published_sequences, read_manifest};
use tracing::{info, warn};

use crate::counting::thousands;
use crate::failure::{Failure, chain};
use crate::ingest::{CatalogueFile, IngestError};
use crate::operate::cleaned_before;

use super::base::Keep;

/// A count of titles that falls by more than this share is worth a look.
const FALL: f64 = 0.1;

/// How many items have titles, and how they came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Titles {
    /// In what the run computes from.
    pub now: u64,
    /// In the current version; none without one, or where its items cannot be read.
    pub before: Option<u64>,
    /// See [`Manifest::titles_complete`].
    pub complete: bool,
}

impl Titles {
    /// What a person should know of it; none where there is nothing to say.
    pub fn warning(&self) -> Option<String> {
        let before = self.before?;
        let has_fallen = (self.now as f64) < before as f64 * (1.0 - FALL);
        has_fallen
            .then(|| format!("titles fell from {} to {}", thousands(before), thousands(self.now)))
    }
}

/// Adds to a catalogue what earlier versions know, unless it is to be dropped. Adds to `warnings` what could not be read.
///
/// # Errors
/// When the store fails, or memory does not suffice.
pub(crate) fn complete(
    store: &dyn Store,
    published: Option<&Manifest>,
    (keep, drop_items): (Keep, bool),
    catalogue: &mut CatalogueFile,
    warnings: &mut Vec<String>,
) -> Result<Titles, Failure> {
    let mut titles = Titles { now: 0, before: None, complete: true };
    if let Some(current) = published {
        let is_rollback = current.rollback_of.is_some();
        let mut count = 0;
        // What a rollback shows is not the newest that is known.
        let adds = !drop_items && !is_rollback;
        let found = read(store, &current.parts.items, |row| {
            count += u64::from(row.title.is_some());
            if adds { add(catalogue, row, keep == Keep::Everything) } else { Ok(()) }
        })?;
        titles.before = found.is_none().then_some(count);
        if let Some(problem) = &found {
            let version = &current.version;
            warnings.push(format!("titles of version {version} cannot be kept: {problem}"));
        }
        if !drop_items && (is_rollback || found.is_some() || !current.titles_complete) {
            ask_older(store, current, keep, catalogue)?;
            // Once its table is restored, the next run finds what it has.
            titles.complete = found.is_none();
        }
    }
    titles.now = catalogue.title_count();
    Ok(titles)
}

/// Asks the versions before the current one, up to the newest that has all that those before it knew; and last, where
/// there is none, what a rollback shows.
fn ask_older(
    store: &dyn Store,
    current: &Manifest,
    keep: Keep,
    catalogue: &mut CatalogueFile,
) -> Result<(), Failure> {
    let mut is_newest = current.rollback_of.is_some();
    for sequence in published_sequences(store, None)?.into_iter().rev() {
        if sequence >= current.sequence {
            continue;
        }
        let manifest = match read_manifest(store, sequence) {
            Ok(manifest) if manifest.rollback_of.is_some() => continue,
            Ok(manifest) => manifest,
            Err(OpenError::Store(error)) if error.kind() != ErrorKind::NotFound => {
                return Err(error.into());
            }
            Err(error) => {
                warn!(sequence, error = chain(&error), "titles of a damaged version are not kept");
                continue;
            }
        };
        let every = is_newest && keep == Keep::Everything;
        match read(store, &manifest.parts.items, |row| add(catalogue, row, every))? {
            None => {
                info!(version = %manifest.version, "titles of an earlier version are kept");
                is_newest = false;
                if manifest.titles_complete {
                    return Ok(());
                }
            }
            // Those before it are gone as well.
            Some(_) if sequence < cleaned_before(store)? => break,
            // It may be what a rollback was for, and nothing but titles is at stake.
            Some(problem) => {
                warn!(version = %manifest.version, problem, "titles of an earlier version cannot be kept");
            }
        }
    }
    if current.rollback_of.is_some() {
        let every = keep == Keep::Everything;
        read(store, &current.parts.items, |row| add(catalogue, row, every))?;
    }
    Ok(())
}

/// Adds what a version says of an item; an item of which it says nothing only where every one is wanted.
fn add(catalogue: &mut CatalogueFile, row: ItemRow<'_>, every: bool) -> Result<(), IngestError> {
    if row.title.is_none() && row.genres.is_empty() && !every {
        return Ok(());
    }
    catalogue.keep(row.item_id, row.title, &row.genres)
}

/// Hands every row of an items table to `visit`. Says what is wrong with the table, if something is.
fn read(
    store: &dyn Store,
    items: &[PartEntry],
    mut visit: impl FnMut(ItemRow<'_>) -> Result<(), IngestError>,
) -> Result<Option<String>, Failure> {
    for entry in items {
        let mut outcome = Ok(());
        let read = Part::fetch(store, entry).and_then(|part| {
            part.read::<Items>(|row| {
                if outcome.is_ok() {
                    outcome = visit(row);
                }
            })
        });
        match read {
            Ok(()) => outcome?,
            Err(OpenError::Store(error)) if error.kind() != ErrorKind::NotFound => {
                return Err(error.into());
            }
            Err(error) => return Ok(Some(chain(&error))),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_go_in_numbers_are_told() {
        let warning = |before, now| Titles { now, before, complete: true }.warning();
        assert_eq!(warning(Some(9_125), 0).as_deref(), Some("titles fell from 9,125 to 0"));
        assert_eq!(warning(Some(100), 89).as_deref(), Some("titles fell from 100 to 89"));
        assert_eq!(
            (warning(Some(100), 90), warning(None, 0), warning(Some(0), 0)),
            (None, None, None)
        );
    }
}
