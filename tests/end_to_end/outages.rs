//! A store that lists its versions, but gives no answer when it is asked for one.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use akin_schemas::ObjectKey;
use akin_serve::snapshot::Live;
use akin_store::{ErrorKind, FolderStore, Listed, Store, StoreError};
use bytes::Bytes;

use crate::harness::Workplace;

struct SometimesAway {
    inner: FolderStore,
    is_away: AtomicBool,
    /// What was asked for in vain.
    unanswered: Mutex<Vec<ObjectKey>>,
}

impl SometimesAway {
    fn answer<T>(
        &self,
        key: &ObjectKey,
        get: impl Fn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            self.unanswered.lock().unwrap().push(key.clone());
            return Err(StoreError::new(ErrorKind::Failed, "read", key, "it is away"));
        }
        get()
    }
}

impl Store for SometimesAway {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn create(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.create(key, bytes)
    }

    fn overwrite(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.overwrite(key, bytes)
    }

    fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.answer(key, || self.inner.get(key))
    }

    fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.answer(key, || self.inner.get_range(key, range.clone()))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.inner.delete(key)
    }

    fn list(&self, prefix: &str, after: Option<&ObjectKey>) -> Result<Vec<Listed>, StoreError> {
        self.inner.list(prefix, after)
    }
}

#[test]
fn an_outage_is_not_asked_about_every_version_and_the_newest_serves_once_it_is_over() {
    let workplace = Workplace::new();
    for _ in 0..3 {
        workplace.publish(&[]).summary();
    }
    let store = Arc::new(SometimesAway {
        inner: FolderStore::open(workplace.store()).unwrap(),
        is_away: AtomicBool::new(true),
        unanswered: Mutex::default(),
    });
    let live = Live::new(Arc::clone(&store) as Arc<dyn Store>);
    live.refresh(|_| ());
    assert!(live.current().is_none());
    assert_eq!(*store.unanswered.lock().unwrap(), [3, 2].map(ObjectKey::manifest));
    assert_eq!(live.refused().unwrap().sequence, 3);

    store.is_away.store(false, Ordering::Relaxed);
    // Something serves at once; and then the newest, without waiting until it would have been tried again.
    live.refresh(|_| ());
    assert!(live.current().is_some());
    live.refresh(|_| ());
    assert_eq!(live.current().unwrap().manifest.sequence, 3);
    assert!(live.refused().is_none());
}
