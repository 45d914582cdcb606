//! A store that fails at one chosen call.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use akin_schemas::ObjectKey;
use akin_store::{ErrorKind, Listed, Store, StoreError};
use bytes::Bytes;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call: it and all later ones fail without effect.
    CrashBefore,
    /// The process dies after the call took effect: its answer and all later calls are lost.
    CrashAfter,
    /// The call fails without effect; later ones work.
    FailBefore,
    /// The call takes effect, its answer is lost; later ones work.
    AnswerLost,
    /// The call takes effect and a retry inside the client finds its own object.
    OwnWriteFound,
}

impl Fault {
    pub const ALL: [Self; 5] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::FailBefore,
        Self::AnswerLost,
        Self::OwnWriteFound,
    ];
}

/// Wraps a store; call number `at` (from 0) meets the fault.
pub struct FaultyStore<'a> {
    pub inner: &'a dyn Store,
    pub at: usize,
    pub fault: Fault,
    calls: AtomicUsize,
}

impl<'a> FaultyStore<'a> {
    pub fn new(inner: &'a dyn Store, at: usize, fault: Fault) -> Self {
        Self { inner, at, fault, calls: AtomicUsize::new(0) }
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn call<T>(
        &self,
        writes: bool,
        act: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let failed = |kind| StoreError::new(kind, "reach", "the store", "injected fault");
        let crashed = matches!(self.fault, Fault::CrashBefore | Fault::CrashAfter);
        match number.cmp(&self.at) {
            std::cmp::Ordering::Greater if crashed => Err(failed(ErrorKind::Failed)),
            std::cmp::Ordering::Equal => match self.fault {
                Fault::CrashBefore | Fault::FailBefore => Err(failed(ErrorKind::Failed)),
                Fault::OwnWriteFound if writes => {
                    act()?;
                    Err(failed(ErrorKind::AlreadyExists))
                }
                Fault::CrashAfter | Fault::AnswerLost | Fault::OwnWriteFound => {
                    act()?;
                    Err(failed(ErrorKind::Failed))
                }
            },
            _ => act(),
        }
    }
}

impl Store for FaultyStore<'_> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.call(true, || self.inner.create(key, bytes))
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.call(true, || self.inner.overwrite(key, bytes))
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.call(false, || self.inner.get(key))
    }

    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(false, || self.inner.get_range(key, range))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.call(true, || self.inner.delete(key))
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        self.call(false, || self.inner.list(prefix, after))
    }
}
