//! A store in memory whose every call waits for its turn.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use akin_schemas::ObjectKey;
use akin_store::{ErrorKind, Listed, Store, StoreError};
use bytes::Bytes;
use chrono::DateTime;

/// Objects, and nothing else.
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<ObjectKey, Bytes>>,
}

fn error(kind: ErrorKind, key: &ObjectKey) -> StoreError {
    StoreError::new(kind, "reach", key.as_str(), "in memory")
}

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Err(error(ErrorKind::AlreadyExists, key));
        }
        objects.insert(key.clone(), bytes);
        Ok(())
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.objects().insert(key.clone(), bytes);
        Ok(())
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.objects().get(key).cloned().ok_or_else(|| error(ErrorKind::NotFound, key))
    }

    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.get(key)?;
        let at = |position: u64| usize::try_from(position).unwrap().min(bytes.len());
        Ok(bytes.slice(at(range.start)..at(range.end).max(at(range.start))))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        let objects = self.objects();
        let found = objects.iter().filter(|(key, _)| {
            key.as_str().starts_with(prefix) && after.is_none_or(|after| *key > after)
        });
        let listed = found.map(|(key, bytes)| Listed {
            key: key.clone(),
            bytes: bytes.len() as u64,
            modified: DateTime::UNIX_EPOCH,
        });
        Ok(listed.collect())
    }
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worker {
    /// Between two calls.
    Working,
    /// Before a call.
    Waiting,
    Ended,
}

/// Lets one worker at a time go on, from one call to the next.
pub struct Turns {
    workers: Mutex<(Vec<Worker>, bool)>,
    changed: Condvar,
}

/// What unwinds a worker that is never to go on.
struct Killed;

impl Turns {
    pub fn new(workers: usize) -> Self {
        let workers = Mutex::new((vec![Worker::Working; workers], false));
        Self { workers, changed: Condvar::new() }
    }

    fn workers(&self) -> MutexGuard<'_, (Vec<Worker>, bool)> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the worker stands before a call. Says `false` when it has ended instead.
    pub fn stands(&self, worker: usize) -> bool {
        let working = |(workers, _): &mut (Vec<Worker>, bool)| workers[worker] == Worker::Working;
        let state = self.changed.wait_while(self.workers(), working);
        state.unwrap_or_else(PoisonError::into_inner).0[worker] == Worker::Waiting
    }

    /// Lets the worker make its call, and go on to the next one or to its end.
    pub fn step(&self, worker: usize) -> bool {
        self.workers().0[worker] = Worker::Working;
        self.changed.notify_all();
        self.stands(worker)
    }

    /// Ends whoever waits for a turn.
    pub fn kill_all(&self) {
        self.workers().1 = true;
        self.changed.notify_all();
    }

    fn wait(&self, worker: usize) {
        let mut state = self.workers();
        state.0[worker] = Worker::Waiting;
        self.changed.notify_all();
        let waiting = |(workers, killed): &mut (Vec<Worker>, bool)| {
            workers[worker] == Worker::Waiting && !*killed
        };
        let state = self.changed.wait_while(state, waiting);
        if state.unwrap_or_else(PoisonError::into_inner).1 {
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    /// Does a worker's work; none when it was killed.
    pub fn run<T>(&self, worker: usize, work: impl FnOnce() -> T) -> Option<T> {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        self.workers().0[worker] = Worker::Ended;
        self.changed.notify_all();
        match result {
            Ok(value) => Some(value),
            Err(payload) if payload.is::<Killed>() => None,
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }
}

/// The store as one worker sees it.
pub struct SteppedStore<'a> {
    pub inner: &'a MemoryStore,
    pub turns: &'a Turns,
    pub worker: usize,
}

impl Store for SteppedStore<'_> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.turns.wait(self.worker);
        self.inner.create(key, bytes)
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.turns.wait(self.worker);
        self.inner.overwrite(key, bytes)
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.turns.wait(self.worker);
        self.inner.get(key)
    }

    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.turns.wait(self.worker);
        self.inner.get_range(key, range)
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.turns.wait(self.worker);
        self.inner.delete(key)
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        self.turns.wait(self.worker);
        self.inner.list(prefix, after)
    }
}
