//! A store that gives no answer: at a start, or when it has listed its versions and is asked for one.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use akin_schemas::ObjectKey;
use akin_serve::snapshot::Live;
use akin_store::{ErrorKind, FolderStore, Listed, Store, StoreError};
use bytes::Bytes;

use crate::harness::{Server, Workplace, emulator, get, wait_for};

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

/// Passes connections on to the S3 of the tests once it is told to; before, it ends each at once.
struct Gate {
    address: SocketAddr,
    is_open: Arc<AtomicBool>,
}

impl Gate {
    fn closed() -> Self {
        let endpoint = emulator().endpoint();
        let behind = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, is_open) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let may_pass = is_open.clone();
        // It ends with the program: a connection may come at any time.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !may_pass.load(Ordering::Relaxed) {
                    continue;
                }
                let server = TcpStream::connect(&behind).unwrap();
                for (mut from, mut to) in
                    [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    thread::spawn(move || {
                        // Either side may end it in any way.
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        Self { address, is_open }
    }
}

#[test]
fn a_server_that_starts_before_its_store_answers_waits_for_it() {
    let workplace = Workplace::on_s3();
    workplace.publish(&[]).summary();
    let gate = Gate::closed();
    let endpoint = format!("http://{}", gate.address);
    let server = Server::start_where(&workplace, ("AWS_ENDPOINT_URL", &endpoint), &[]);
    assert!(server.log_text().contains("S3 cannot be reached"), "{}", server.log_text());
    let health = wait_for("the reason", || {
        let health = get(&server, "/health/ready");
        health.body.contains("the store cannot be listed").then_some(health)
    });
    assert_eq!(health.status, 503, "{health:?}");
    gate.is_open.store(true, Ordering::Relaxed);
    server.wait_until_ready();
    assert!(server.stop().success());
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
