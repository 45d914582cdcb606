//! The Delta Lake logs beside the tables: one more entry each after a commit. No program trusts them.

use akin_schemas::delta::{CHECKPOINT_EVERY, EntryError, LogState, LoggedTable, StandingEntry};
use akin_schemas::tables::TableError;
use akin_schemas::{Manifest, ManifestError, ObjectKey};
use bytes::Bytes;
use thiserror::Error;

use crate::Store;
use crate::error::{ErrorKind, StoreError};
use crate::open::{OpenError, read_manifest};

/// Why a log did not get its entry. What was published stands all the same.
#[derive(Debug, Error)]
pub enum DeltaLogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An older publication's manifest was written by a newer program, which has to go on with the logs.
    #[error(transparent)]
    Manifest(OpenError),
    /// An entry is none of ours, or damaged.
    #[error("{key} is refused; akin-batch check --repair writes it anew")]
    Entry {
        /// The entry's key.
        key: ObjectKey,
        /// Why.
        source: EntryError,
    },
    /// An entry names other files than its publication.
    #[error(
        "{key} does not name the files of publication {sequence}; akin-batch check --repair writes it anew"
    )]
    Contradiction {
        /// The entry's key.
        key: ObjectKey,
        /// The publication's number.
        sequence: u64,
    },
    /// A checkpoint cannot be written.
    #[error("a checkpoint of {table} cannot be written")]
    Checkpoint {
        /// The table.
        table: LoggedTable,
        /// Why.
        source: TableError,
    },
    /// An entry has no JSON form.
    #[error("an entry cannot be written")]
    Encode(#[source] serde_json::Error),
}

/// Adds the entries of a publication that was committed just now to the logs of all tables, and those before it that are
/// missing. Several programs may do it at once: what an entry says follows from the manifests, and each is created once.
///
/// # Errors
/// When the store fails, or an entry that stands in the way is none of ours. The next run goes on from there.
pub fn extend_delta_logs(store: &dyn Store, newest: &Manifest) -> Result<(), DeltaLogError> {
    let mut due = None;
    let before = match newest.sequence {
        0 | 1 => None,
        sequence => match standing_state(store, sequence - 2)? {
            None => catch_up(store, sequence - 1, &mut due)?,
            state => state,
        },
    };
    let state = write(store, before.as_ref(), newest.sequence, Some(newest))?;
    note_checkpoint(&mut due, &state, Some(newest));
    match due {
        Some((state, manifest)) => write_checkpoint(store, &state, &manifest),
        None => Ok(()),
    }
}

/// Keeps what the newest checkpoint needs that is due.
pub fn note_checkpoint(
    due: &mut Option<(LogState, Manifest)>,
    state: &LogState,
    manifest: Option<&Manifest>,
) {
    let is_due = state.number() > 0 && state.number().is_multiple_of(CHECKPOINT_EVERY);
    // One that changed nothing is left for the next time.
    if let (true, Some(manifest)) = (is_due, manifest) {
        *due = Some((state.clone(), manifest.clone()));
    }
}

/// Writes the checkpoints of all tables after the entries that led to `state`, which are those of `manifest`.
///
/// # Errors
/// When the store fails. Readers then take in the entries one by one, and the next checkpoint is that of a later entry.
pub fn write_checkpoint(
    store: &dyn Store,
    state: &LogState,
    manifest: &Manifest,
) -> Result<(), DeltaLogError> {
    let mut published = Vec::new();
    for sequence in 1..manifest.sequence {
        published.extend(manifest_of(store, sequence)?);
    }
    for table in LoggedTable::ALL {
        let checkpoint = state
            .checkpoint(table, manifest, &published)
            .map_err(|source| DeltaLogError::Checkpoint { table, source })?;
        // Derived alike by whoever writes it, so that it does not matter who was last.
        store.overwrite(&ObjectKey::delta_checkpoint(table, state.number()), checkpoint.bytes)?;
        store.overwrite(&ObjectKey::delta_last_checkpoint(table), checkpoint.hint)?;
    }
    Ok(())
}

/// The same where the entries may be there: one look then.
///
/// # Errors
/// The same.
pub fn ensure_delta_logs(store: &dyn Store, newest: &Manifest) -> Result<(), DeltaLogError> {
    match standing_state(store, newest.sequence.saturating_sub(1))? {
        Some(_) => Ok(()),
        None => extend_delta_logs(store, newest),
    }
}

/// An entry that stands in a log; none when there is none.
///
/// # Errors
/// When the store fails, or it is none of ours.
pub fn standing_entry(
    store: &dyn Store,
    table: LoggedTable,
    number: u64,
) -> Result<Option<StandingEntry>, DeltaLogError> {
    let key = ObjectKey::delta_entry(table, number);
    match store.get(&key) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
        Ok(bytes) => match StandingEntry::decode(&bytes) {
            Ok(entry) => Ok(Some(entry)),
            Err(source) => Err(DeltaLogError::Entry { key, source }),
        },
    }
}

/// What stands after a number; none where not all logs have an entry under it.
fn standing_state(store: &dyn Store, number: u64) -> Result<Option<LogState>, DeltaLogError> {
    Ok(standing_entry(store, LoggedTable::LAST, number)?.map(|entry| entry.state))
}

/// Writes what is missing up to the publication with the number `last`, and says what stands then.
fn catch_up(
    store: &dyn Store,
    last: u64,
    due: &mut Option<(LogState, Manifest)>,
) -> Result<Option<LogState>, DeltaLogError> {
    let listed = store.list(&ObjectKey::delta_log(LoggedTable::LAST), None)?;
    let numbers =
        listed.iter().filter_map(|object| object.key.delta_entry_number(LoggedTable::LAST));
    // As many as follow each other from the first one on.
    let there = (0..last).zip(numbers).take_while(|(due, number)| due == number).count() as u64;
    let mut state = match there {
        0 => None,
        count => standing_state(store, count - 1)?,
    };
    for sequence in there + 1..=last {
        let manifest = manifest_of(store, sequence)?;
        let written = write(store, state.as_ref(), sequence, manifest.as_ref())?;
        note_checkpoint(due, &written, manifest.as_ref());
        state = Some(written);
    }
    Ok(state)
}

/// A publication's manifest; none when it is gone or damaged.
///
/// # Errors
/// When the store fails, or a newer program wrote it: that one knows what it says.
pub fn manifest_of(store: &dyn Store, sequence: u64) -> Result<Option<Manifest>, DeltaLogError> {
    match read_manifest(store, sequence) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(OpenError::Store(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(OpenError::Store(error)) => Err(error.into()),
        Err(error @ OpenError::Manifest { source: ManifestError::FromTheFuture { .. }, .. }) => {
            Err(DeltaLogError::Manifest(error))
        }
        Err(_) => Ok(None),
    }
}

/// Creates the entries of one publication, table by table, and says what stands after them.
fn write(
    store: &dyn Store,
    before: Option<&LogState>,
    sequence: u64,
    manifest: Option<&Manifest>,
) -> Result<LogState, DeltaLogError> {
    let mut state = LogState::next(before, sequence, manifest);
    for table in LoggedTable::ALL {
        let key = ObjectKey::delta_entry(table, state.number());
        // Nothing is named but what was named before, where another program could not read the manifest.
        let manifest =
            manifest.filter(|manifest| state.version.as_ref() == Some(&manifest.version));
        let bytes = state.entry(table, before, manifest).map_err(DeltaLogError::Encode)?;
        let Err(error) = store.create(&key, Bytes::from(bytes)) else { continue };
        // On a doubt what stands there tells.
        let Some(standing) = standing_entry(store, table, state.number())? else {
            return Err(error.into());
        };
        let changes_nothing = before.is_some_and(|before| before.files == standing.state.files);
        if standing.state.sequence != sequence
            || standing.state.files != state.files && !changes_nothing
        {
            return Err(DeltaLogError::Contradiction { key, sequence });
        }
        state = standing.state;
    }
    Ok(state)
}
