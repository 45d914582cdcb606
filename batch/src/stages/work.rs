//! A run's folder in the store, `work/<run>/`: what one stage leaves for another, and what each one gave.
//!
//! Everything there is created and never changed. What is large has a name that follows from its content, so that an
//! attempt that was broken off is never in the way of the next, whatever that one reads. What a stage gives becomes so by
//! creating `<stage>.json`: of attempts that overlap one wins, and all give what that one gave.

use akin_schemas::stage::{Begun, IngestDetails, Ingested, RunName, WorkObject};
use akin_schemas::tables::EncodedPart;
use akin_schemas::{Checksum, ObjectKey, PartEntry, framed};
use akin_store::{ErrorKind, Publication, Store};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::failure::Failure;

/// The folder of one run.
pub struct Work<'a> {
    store: &'a dyn Store,
    run: &'a RunName,
}

/// What a stage gave, and for what.
#[derive(Serialize, Deserialize)]
struct Given<O> {
    input: Checksum,
    output: O,
}

impl<'a> Work<'a> {
    /// The folder of `run`.
    pub fn new(store: &'a dyn Store, run: &'a RunName) -> Self {
        Self { store, run }
    }

    fn key(&self, name: &str) -> Result<ObjectKey, Failure> {
        ObjectKey::work(self.run, name).map_err(Failure::internal)
    }

    /// What `stage` gives for `input`: what it gave before, or what `make` makes.
    ///
    /// # Errors
    /// When another input was given under this run's name, `make` or the store fails, or what stands there is damaged.
    pub fn once<O: Serialize + DeserializeOwned>(
        &self,
        stage: &str,
        input: &impl Serialize,
        make: impl FnOnce() -> Result<O, Failure>,
    ) -> Result<O, Failure> {
        let key = self.key(&format!("{stage}.json"))?;
        let input = Checksum::of(&serde_json::to_vec(input).map_err(Failure::internal)?);
        if let Some(output) = self.given(&key, input)? {
            info!(%key, "this was done before");
            return Ok(output);
        }
        let given = Given { input, output: make()? };
        let bytes = framed::encode(&given).map_err(Failure::internal)?;
        // Another attempt may have been faster, or the answer to this one's write be lost.
        let created = self.store.create(&key, Bytes::from(bytes));
        // What is read is what every attempt gives: a number may come out of JSON with another last bit than it went in.
        self.given(&key, input)?.ok_or_else(|| match created {
            Err(error) => Failure::Store(error),
            Ok(()) => Failure::Work(format!("{key} was created, and is gone")),
        })
    }

    fn given<O: DeserializeOwned>(
        &self,
        key: &ObjectKey,
        asked: Checksum,
    ) -> Result<Option<O>, Failure> {
        let Some(given) = self.read::<O>(key)? else { return Ok(None) };
        if given.input == asked {
            return Ok(Some(given.output));
        }
        Err(Failure::Usage(format!(
            "{key} stands for another document: a run's name is for one run; choose another name, or repeat the stage \
             with the document that it was given first"
        )))
    }

    fn read<O: DeserializeOwned>(&self, key: &ObjectKey) -> Result<Option<Given<O>>, Failure> {
        let bytes = match self.store.get(key) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let damaged = |problem: String| Failure::Work(format!("{key} is refused: {problem}"));
        let body = framed::body(&bytes).map_err(|error| damaged(error.to_string()))?;
        serde_json::from_str(body.get()).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// What `ingest` gave and left, as long as it is there.
    ///
    /// # Errors
    /// When the store fails, or what stands there is damaged.
    pub fn ingested(&self) -> Result<Option<(Ingested, IngestDetails)>, Failure> {
        let Some(given) = self.read::<Ingested>(&self.key("ingest.json")?)? else {
            return Ok(None);
        };
        let details = self.details(&given.output)?;
        Ok(Some((given.output, details)))
    }

    /// What the run is known by: fixed at the first attempt.
    ///
    /// # Errors
    /// When the store fails, or the run's name stands for another request.
    pub fn begin(&self, request: &impl Serialize, now: DateTime<Utc>) -> Result<Begun, Failure> {
        self.once("begun", request, || Ok(Publication::begin(self.store, now)?.begun().clone()))
    }

    /// Leaves bytes for other stages.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put(&self, name: &str, extension: &str, bytes: Bytes) -> Result<WorkObject, Failure> {
        let (size, sha256) = (bytes.len() as u64, Checksum::of(&bytes));
        let beginning: String = sha256.to_string().chars().take(16).collect();
        let key = self.key(&format!("{name}-{beginning}.{extension}"))?;
        match self.store.create(&key, bytes) {
            // An earlier attempt's, or this one's whose answer was lost.
            Err(error)
                if error.kind() == ErrorKind::AlreadyExists
                    && Checksum::of(&self.store.get(&key)?) == sha256 => {}
            outcome => outcome?,
        }
        Ok(WorkObject { key, bytes: size, sha256 })
    }

    /// Leaves parts of a table for other stages.
    pub fn parts(&self, name: &str) -> impl Fn(usize, EncodedPart) -> Result<PartEntry, Failure> {
        move |number, part| {
            let WorkObject { key, bytes, sha256 } =
                self.put(&format!("{name}-{number:05}"), "parquet", part.bytes)?;
            Ok(PartEntry { key, bytes, rows: part.rows, sha256 })
        }
    }

    /// What `ingest` left.
    ///
    /// # Errors
    /// When nothing changed, so that there is nothing to go on with; or when it is gone or damaged.
    pub fn details(&self, ingested: &Ingested) -> Result<IngestDetails, Failure> {
        let Some(WorkObject { key, sha256, .. }) = &ingested.details else {
            return Err(Failure::Usage(format!(
                "ingest found that nothing changed since version {}: the run ends there",
                ingested.version
            )));
        };
        let bytes = self.store.get(key).map_err(|error| Failure::of_work(error.into()))?;
        let found = Checksum::of(&bytes);
        if found != *sha256 {
            return Err(Failure::Work(format!("{key} has sha256 {found}, {sha256} was promised")));
        }
        serde_json::from_slice(&bytes).map_err(|error| Failure::Work(format!("{key}: {error}")))
    }
}
