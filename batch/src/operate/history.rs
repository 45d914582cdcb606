//! What was published, and finding one publication among it.

use std::collections::BTreeMap;

use akin_schemas::tables::Table;
use akin_schemas::{Manifest, ObjectKey, PartEntry};
use akin_store::{OpenError, Part, Store, StoreError, published_sequences, read_manifest};

use crate::failure::Failure;

/// Every publication, newest first.
pub struct History {
    /// The number, and the manifest when it can be believed.
    pub published: Vec<(u64, Result<Manifest, OpenError>)>,
    /// Publications before this number may have been cleaned up.
    cleaned_before: u64,
    location: String,
}

/// Whether a publication's files are there, as far as that can be told without reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of them.
    Whole,
    /// A clean-up removed some or all of them.
    CleanedUp,
    /// Something is missing or has another size.
    Damaged(String),
}

impl History {
    /// Reads every manifest.
    ///
    /// # Errors
    /// When the store cannot be listed, or nothing was published in it.
    pub fn read(store: &dyn Store) -> Result<Self, Failure> {
        let location = store.location();
        let sequences = published_sequences(store, None)?;
        if sequences.is_empty() {
            return Err(Failure::Usage(format!(
                "the store {location} holds no version; check --store, or publish one with akin-batch run"
            )));
        }
        let read = |sequence| (sequence, read_manifest(store, sequence));
        let cleaned_before = cleaned_before(store)?;
        let published = sequences.into_iter().rev().map(read).collect();
        Ok(Self { published, cleaned_before, location })
    }

    /// The condition of a publication, given [`stored_sizes`].
    pub fn condition(&self, manifest: &Manifest, stored: &BTreeMap<ObjectKey, u64>) -> Condition {
        let mut condition = Condition::Whole;
        for part in parts(manifest) {
            match stored.get(&part.key) {
                Some(bytes) if *bytes == part.bytes => {}
                None if manifest.sequence < self.cleaned_before => condition = Condition::CleanedUp,
                None => return Condition::Damaged(format!("{} is missing", part.key)),
                Some(bytes) => {
                    let (key, promised) = (&part.key, part.bytes);
                    return Condition::Damaged(format!(
                        "{key} has {bytes} bytes instead of {promised}"
                    ));
                }
            }
        }
        condition
    }

    /// The manifests that can be believed, newest first.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.published.iter().filter_map(|(_, manifest)| manifest.as_ref().ok())
    }

    /// The newest manifest that can be believed.
    ///
    /// # Errors
    /// When there is none.
    pub fn current(&self) -> Result<&Manifest, Failure> {
        self.manifests().next().ok_or_else(|| {
            Failure::Usage(format!(
                "no manifest in {} can be read; akin-batch check says what is damaged",
                self.location
            ))
        })
    }

    /// The publication with this version name or number; the current one when none is asked for.
    ///
    /// # Errors
    /// When there is none; the message lists those that exist.
    pub fn find(&self, asked: Option<&str>) -> Result<&Manifest, Failure> {
        let Some(asked) = asked else { return self.current() };
        let is_asked = |manifest: &&Manifest| {
            manifest.version.as_str() == asked || manifest.sequence.to_string() == asked
        };
        self.manifests().find(is_asked).ok_or_else(|| {
            const LISTED: usize = 10;
            let known: Vec<String> = self
                .manifests()
                .take(LISTED)
                .map(|manifest| format!("{} (number {})", manifest.version, manifest.sequence))
                .collect();
            Failure::Usage(format!(
                "{} has no version `{asked}`; its newest are {}",
                self.location,
                known.join(", ")
            ))
        })
    }
}

/// The number before which publications may have been cleaned up.
///
/// # Errors
/// When the store cannot be listed.
pub fn cleaned_before(store: &dyn Store) -> Result<u64, StoreError> {
    let cleanups = store.list(ObjectKey::CLEANUPS, None)?;
    Ok(cleanups.iter().filter_map(|object| object.key.cleanup_sequence()).max().unwrap_or(0))
}

/// A publication's files, table by table.
pub fn parts(manifest: &Manifest) -> impl Iterator<Item = &PartEntry> {
    let parts = &manifest.parts;
    parts.neighbours.iter().chain(&parts.items).chain(&parts.profiles)
}

/// What to do about a version whose files do not open.
pub const UNREADABLE: &str =
    "the version cannot be read; choose one that akin-batch versions shows as whole";

/// Hands every row of a table to `visit`, in order.
///
/// # Errors
/// When a file is gone or damaged.
pub fn each_row<T: Table>(
    store: &dyn Store,
    entries: &[PartEntry],
    mut visit: impl FnMut(T::Row<'_>),
) -> Result<(), Failure> {
    entries.iter().try_for_each(|entry| {
        Part::fetch(store, entry)
            .and_then(|part| part.read::<T>(&mut visit))
            .map_err(|source| Failure::Version { advice: UNREADABLE, source })
    })
}

/// The size of every file of the tables; their logs are none.
///
/// # Errors
/// When the store cannot be listed.
pub fn stored_sizes(store: &dyn Store) -> Result<BTreeMap<ObjectKey, u64>, StoreError> {
    let mut sizes = BTreeMap::new();
    for table in ObjectKey::TABLES {
        let listed = store.list(table, None)?;
        let files = listed.into_iter().filter(|object| !object.key.is_of_delta_log());
        sizes.extend(files.map(|object| (object.key, object.bytes)));
    }
    Ok(sizes)
}
