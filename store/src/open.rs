//! Opening a version: nothing is believed before its checksum is verified.

use akin_schemas::tables::{Table, TableError, read_columns};
use akin_schemas::{Checksum, Manifest, ManifestError, ObjectKey, PartEntry};
use bytes::Bytes;
use thiserror::Error;

use crate::Store;
use crate::error::StoreError;

/// Why a version does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest is not to be believed.
    #[error("{key} is refused")]
    Manifest {
        /// The manifest's key.
        key: ObjectKey,
        /// Why.
        source: ManifestError,
    },
    /// The manifest stands under another number than it states.
    #[error("{key} is refused: it states number {stated}")]
    Misplaced {
        /// The manifest's key.
        key: ObjectKey,
        /// The number in it.
        stated: u64,
    },
    /// A part is not the one that the manifest describes.
    #[error("{key} is refused: the manifest promises {promised}, the store holds {found}")]
    Damaged {
        /// The part's key.
        key: ObjectKey,
        /// What the manifest says.
        promised: String,
        /// What is there.
        found: String,
    },
    /// A part does not decode.
    #[error("{key} is refused")]
    Table {
        /// The part's key.
        key: ObjectKey,
        /// Why.
        source: TableError,
    },
}

/// A part whose bytes are those that the manifest describes.
#[derive(Debug, Clone)]
pub struct Part {
    entry: PartEntry,
    bytes: Bytes,
}

impl Part {
    /// Fetches a part and verifies its bytes.
    ///
    /// # Errors
    /// When it is missing, or not what the manifest describes.
    pub fn fetch(store: &dyn Store, entry: &PartEntry) -> Result<Self, OpenError> {
        let bytes = store.get(&entry.key)?;
        let damaged = |promised: String, found: String| OpenError::Damaged {
            key: entry.key.clone(),
            promised,
            found,
        };
        if bytes.len() as u64 != entry.bytes {
            let found = format!("{} bytes", bytes.len());
            return Err(damaged(format!("{} bytes", entry.bytes), found));
        }
        let sha256 = Checksum::of(&bytes);
        if sha256 != entry.sha256 {
            return Err(damaged(format!("sha256 {}", entry.sha256), format!("sha256 {sha256}")));
        }
        Ok(Self { entry: entry.clone(), bytes })
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many rows it has, as the manifest says.
    pub fn rows(&self) -> u64 {
        self.entry.rows
    }

    /// Hands every row to `visit`, in order.
    ///
    /// # Errors
    /// When the part does not decode, or has another number of rows than the manifest says.
    pub fn read<T: Table>(&self, mut visit: impl FnMut(T::Row<'_>)) -> Result<(), OpenError> {
        self.read_columns::<T>(|_, columns| T::rows(&columns, &mut visit))
    }

    /// The same by some thousand rows at once: hands their number and columns to `visit`.
    ///
    /// # Errors
    /// The same, and what `visit` gives.
    pub fn read_columns<T: Table>(
        &self,
        visit: impl FnMut(usize, T::Columns<'_>) -> Result<(), TableError>,
    ) -> Result<(), OpenError> {
        let key = || self.entry.key.clone();
        let rows = read_columns::<T>(self.bytes.clone(), visit)
            .map_err(|source| OpenError::Table { key: key(), source })?;
        if rows == self.entry.rows {
            Ok(())
        } else {
            let (promised, found) = (format!("{} rows", self.entry.rows), format!("{rows} rows"));
            Err(OpenError::Damaged { key: key(), promised, found })
        }
    }
}

/// A version, fetched and verified.
#[derive(Debug, Clone)]
pub struct OpenedVersion {
    /// What it consists of.
    pub manifest: Manifest,
    /// The neighbours table.
    pub neighbours: Vec<Part>,
    /// The items table.
    pub items: Vec<Part>,
    /// The profiles table.
    pub profiles: Vec<Part>,
}

/// The newest version that opens, and the newer ones that do not.
#[derive(Debug)]
pub struct Newest<V> {
    /// The number and the version; none when no version opens.
    pub version: Option<(u64, V)>,
    /// Newer publications that were refused, newest first.
    pub refused: Vec<(u64, OpenError)>,
}

/// The numbers of the publications after `after`, ascending.
///
/// # Errors
/// When the store cannot be listed.
pub fn published_sequences(store: &dyn Store, after: Option<u64>) -> Result<Vec<u64>, StoreError> {
    let after = after.map(ObjectKey::manifest);
    let listed = store.list(ObjectKey::MANIFESTS, after.as_ref())?;
    Ok(listed.iter().filter_map(|object| object.key.manifest_sequence()).collect())
}

/// Reads and verifies one manifest.
///
/// # Errors
/// When it is missing, damaged, misplaced or from a newer program.
pub fn read_manifest(store: &dyn Store, sequence: u64) -> Result<Manifest, OpenError> {
    let key = ObjectKey::manifest(sequence);
    let manifest = match Manifest::decode(&store.get(&key)?) {
        Ok(manifest) => manifest,
        Err(source) => return Err(OpenError::Manifest { key, source }),
    };
    if manifest.sequence == sequence {
        Ok(manifest)
    } else {
        Err(OpenError::Misplaced { key, stated: manifest.sequence })
    }
}

/// Fetches and verifies one version, whole.
///
/// # Errors
/// When the manifest or any part is missing or refused.
pub fn open_version(store: &dyn Store, sequence: u64) -> Result<OpenedVersion, OpenError> {
    let manifest = read_manifest(store, sequence)?;
    let fetch = |entries: &[PartEntry]| {
        entries.iter().map(|entry| Part::fetch(store, entry)).collect::<Result<Vec<_>, _>>()
    };
    Ok(OpenedVersion {
        neighbours: fetch(&manifest.parts.neighbours)?,
        items: fetch(&manifest.parts.items)?,
        profiles: fetch(&manifest.parts.profiles)?,
        manifest,
    })
}

/// Opens the newest version that `open` accepts, looking only at publications after `after`.
///
/// # Errors
/// When the store cannot be listed. A version that does not open is no error: the next older one is tried.
pub fn open_newest<V>(
    store: &dyn Store,
    after: Option<u64>,
    mut open: impl FnMut(u64) -> Result<V, OpenError>,
) -> Result<Newest<V>, StoreError> {
    let mut refused = Vec::new();
    for sequence in published_sequences(store, after)?.into_iter().rev() {
        match open(sequence) {
            Ok(version) => return Ok(Newest { version: Some((sequence, version)), refused }),
            Err(error) => refused.push((sequence, error)),
        }
    }
    Ok(Newest { version: None, refused })
}
