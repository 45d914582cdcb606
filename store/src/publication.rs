//! Publishing a version: parts first, then the manifest, whose creation is the commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use akin_schemas::stage::Begun;
use akin_schemas::tables::EncodedPart;
use akin_schemas::{
    Checksum, Manifest, ManifestError, Measure, ObjectKey, PartEntry, Parts, RatingRange,
    SCHEMA_VERSION, VersionCounts, VersionName,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::Store;
use crate::error::{ErrorKind, StoreError};
use crate::open::{OpenError, published_sequences, read_manifest};

/// How long what no kept version names is kept at least.
pub const GRACE_PERIOD: Duration = Duration::from_secs(48 * 3600);
/// No run commits when it is older: clean-up counts on it, and the other half of the grace is for clocks that differ.
pub const RUN_AGE_LIMIT: Duration = Duration::from_secs(GRACE_PERIOD.as_secs() / 2);
const ATTEMPTS: u32 = 5;

/// A run on its way to a version. Its number is fixed when it begins, before any input is read, so that a run whose
/// input has been overtaken loses.
pub struct Publication<'a> {
    store: &'a dyn Store,
    begun: Begun,
    began: Instant,
    began_at: SystemTime,
    retry_delay: Duration,
    age_limit: Duration,
}

/// What a manifest says beyond who wrote it and when.
#[derive(Debug, Clone)]
pub struct Content {
    /// See [`Manifest::rollback_of`].
    pub rollback_of: Option<VersionName>,
    /// See [`Manifest::written_by`].
    pub written_by: String,
    /// See [`Manifest::measure`].
    pub measure: Measure,
    /// See [`Manifest::rating_range`].
    pub rating_range: RatingRange,
    /// See [`Manifest::counts`].
    pub counts: VersionCounts,
    /// See [`Manifest::watermark`].
    pub watermark: BTreeMap<String, u64>,
    /// See [`Manifest::latest_order_micros`].
    pub latest_order_micros: i64,
    /// See [`Manifest::input_digest`].
    pub input_digest: Option<Checksum>,
    /// See [`Manifest::erasure_epoch`].
    pub erasure_epoch: u64,
    /// See [`Manifest::titles_complete`].
    pub titles_complete: bool,
    /// See [`Manifest::warnings`].
    pub warnings: Vec<String>,
    /// See [`Manifest::metrics`].
    pub metrics: BTreeMap<String, f64>,
    /// See [`Manifest::parts`].
    pub parts: Parts,
}

/// A successful commit.
#[derive(Debug)]
pub struct Commit {
    /// What was published.
    pub manifest: Manifest,
}

/// Why a run did not publish.
#[derive(Debug, Error)]
pub enum CommitError {
    /// Another run published under this run's number.
    #[error(
        "superseded: another run published {by} as number {sequence} while this one was working; run again if its input is newer"
    )]
    Superseded {
        /// The number both went for.
        sequence: u64,
        /// The version that got it.
        by: VersionName,
    },
    /// The run took so long that clean-up may have taken its parts.
    #[error("superseded: this run took {} s, and none may commit after {} s, because its parts may be gone; run again", .age.as_secs(), .limit.as_secs())]
    TooOld {
        /// How long ago the run began.
        age: Duration,
        /// How old a run may be.
        limit: Duration,
    },
    /// The store would neither confirm nor deny the commit. Nothing may be deleted.
    #[error(
        "outcome unknown: whether version {version} was published as number {sequence} cannot be told; look at {key} once the store answers again, and delete nothing before"
    )]
    Unknown {
        /// The number.
        sequence: u64,
        /// The version.
        version: VersionName,
        /// The manifest's key.
        key: ObjectKey,
        /// What the store said last.
        source: Box<OpenError>,
    },
    /// The store failed, and certainly holds no manifest of this run.
    #[error("nothing was published")]
    Store(#[source] StoreError),
    /// The manifest could not be written as JSON.
    #[error("nothing was published")]
    Manifest(#[source] ManifestError),
}

impl<'a> Publication<'a> {
    /// Begins a run: takes the number after the highest one published, and a new version name.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn begin(store: &'a dyn Store, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let highest = published_sequences(store, None)?.last().copied().unwrap_or(0);
        let begun = Begun {
            sequence: highest + 1,
            version: VersionName::new(now, rand::random()),
            write_id: format!("{:032x}", rand::random::<u128>()),
            started_at: now,
        };
        Ok(Self::of(store, begun, SystemTime::now()))
    }

    /// Goes on with a run that began in another process. What that one committed is recognised as this one's own.
    pub fn resume(store: &'a dyn Store, begun: Begun) -> Self {
        let began_at = begun.started_at.into();
        Self::of(store, begun, began_at)
    }

    fn of(store: &'a dyn Store, begun: Begun, began_at: SystemTime) -> Self {
        Self {
            store,
            begun,
            began: Instant::now(),
            began_at,
            retry_delay: Duration::from_millis(200),
            age_limit: RUN_AGE_LIMIT,
        }
    }

    /// Waits this long before the second attempt at the commit, and twice as long before each further one.
    pub fn with_retry_delay(self, retry_delay: Duration) -> Self {
        Self { retry_delay, ..self }
    }

    /// Refuses to commit when the run is older than this. The default is half the clean-up's grace period.
    pub fn with_age_limit(self, age_limit: Duration) -> Self {
        Self { age_limit, ..self }
    }

    /// The version's name.
    pub fn version(&self) -> &VersionName {
        &self.begun.version
    }

    /// What the run is known by, for [`resume`](Self::resume).
    pub fn begun(&self) -> &Begun {
        &self.begun
    }

    /// What this run has published already, if it has.
    ///
    /// # Errors
    /// When the store does not tell.
    pub fn published(&self) -> Result<Option<Manifest>, OpenError> {
        match read_manifest(self.store, self.begun.sequence) {
            Ok(standing) => Ok((standing.write_id == self.begun.write_id).then_some(standing)),
            Err(OpenError::Store(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The publication's number.
    pub fn sequence(&self) -> u64 {
        self.begun.sequence
    }

    /// Stores one part of a table.
    ///
    /// # Errors
    /// When the store fails, or holds other bytes under this key.
    pub fn put_part(&self, key: ObjectKey, part: EncodedPart) -> Result<PartEntry, StoreError> {
        let EncodedPart { bytes, rows, sha256 } = part;
        let size = bytes.len() as u64;
        match self.store.create(&key, bytes) {
            // An earlier attempt whose answer was lost.
            Err(error)
                if error.kind() == ErrorKind::AlreadyExists
                    && Checksum::of(&self.store.get(&key)?) == sha256 => {}
            outcome => outcome?,
        }
        Ok(PartEntry { key, bytes: size, rows, sha256 })
    }

    /// Commits: creates the manifest under this run's number, and only there.
    ///
    /// # Errors
    /// When another run has the number, this run is too old, or the store fails. [`CommitError`] says in each case
    /// what is published.
    pub fn commit(self, content: Content) -> Result<Commit, CommitError> {
        // The one clock stands still while the machine sleeps, the other can be set back.
        let age = self.began.elapsed().max(self.began_at.elapsed().unwrap_or_default());
        let limit = self.age_limit;
        if age > limit {
            return Err(CommitError::TooOld { age, limit });
        }
        let manifest = self.manifest(content);
        let bytes = Bytes::from(manifest.encode().map_err(CommitError::Manifest)?);
        let key = ObjectKey::manifest(self.begun.sequence);
        let mut attempt = 1;
        loop {
            let Err(error) = self.store.create(&key, bytes.clone()) else {
                return Ok(Commit { manifest });
            };
            // On any doubt the store itself tells whose manifest stands there.
            match read_manifest(self.store, self.begun.sequence) {
                Ok(standing) if standing.write_id == self.begun.write_id => {
                    return Ok(Commit { manifest });
                }
                Ok(standing) => {
                    let (sequence, by) = (self.begun.sequence, standing.version);
                    return Err(CommitError::Superseded { sequence, by });
                }
                Err(OpenError::Store(e)) if e.kind() == ErrorKind::NotFound => {
                    if attempt == ATTEMPTS {
                        return Err(CommitError::Store(error));
                    }
                }
                Err(source) => {
                    if attempt == ATTEMPTS {
                        let Begun { sequence, version, .. } = self.begun;
                        let source = Box::new(source);
                        return Err(CommitError::Unknown { sequence, version, key, source });
                    }
                }
            }
            std::thread::sleep(self.retry_delay * 2u32.pow(attempt - 1));
            attempt += 1;
        }
    }

    fn manifest(&self, content: Content) -> Manifest {
        Manifest {
            schema_version: SCHEMA_VERSION,
            sequence: self.begun.sequence,
            version: self.begun.version.clone(),
            rollback_of: content.rollback_of,
            write_id: self.begun.write_id.clone(),
            started_at: self.begun.started_at,
            written_by: content.written_by,
            measure: content.measure,
            rating_range: content.rating_range,
            counts: content.counts,
            watermark: content.watermark,
            latest_order_micros: content.latest_order_micros,
            input_digest: content.input_digest,
            erasure_epoch: content.erasure_epoch,
            titles_complete: content.titles_complete,
            warnings: content.warnings,
            metrics: content.metrics,
            parts: content.parts,
        }
    }
}
