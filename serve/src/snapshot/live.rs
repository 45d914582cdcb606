//! The version that serves now, and the watch for a newer one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use akin_allocator::give_back;
use akin_schemas::LastRun;
use akin_store::{Store, published_sequences};
use tracing::{info, warn};

use super::last_run::LastRunSeen;
use super::load::LoadError;
use super::{Haste, Snapshot};
use crate::giving_way::Patience;

/// How long a publication that did not load is left alone, at first and at most.
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_LONGEST: Duration = Duration::from_secs(300);
/// When the store gave no answer for so many publications, a look is over: it would ask for each in vain. Those that it gave
/// none for before do not count: files that cannot be read must not keep the versions before them from serving for ever.
const UNANSWERED: usize = 2;

/// A publication that would not load.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its number.
    pub sequence: u64,
    /// Why.
    pub reason: String,
}

struct Failure {
    reason: String,
    is_outage: bool,
    retry_at: Instant,
    delay: Duration,
}

/// Holds the current snapshot. Whoever asks gets one that stays whole for as long as it is held.
pub struct Live {
    store: Arc<dyn Store>,
    current: RwLock<Option<Arc<Snapshot>>>,
    failures: Mutex<HashMap<u64, Failure>>,
    unreachable: Mutex<Option<String>>,
    load_failures: AtomicU64,
    last_run: LastRunSeen,
    /// Whether it was said that nothing is published yet.
    is_waiting: AtomicBool,
}

impl Live {
    /// Starts without a version.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            current: RwLock::new(None),
            failures: Mutex::default(),
            unreachable: Mutex::default(),
            load_failures: AtomicU64::default(),
            last_run: LastRunSeen::default(),
            is_waiting: AtomicBool::default(),
        }
    }

    /// The version that serves now.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a snapshot is the current one.
    pub fn serves(&self, snapshot: &Arc<Snapshot>) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|current| Arc::ptr_eq(current, snapshot))
    }

    /// The newest publication that is newer than the current one and would not load.
    pub fn refused(&self) -> Option<Refused> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = failures.iter().max_by_key(|(sequence, _)| **sequence)?;
        Some(Refused { sequence: *newest.0, reason: newest.1.reason.clone() })
    }

    /// Why the store could not be listed at the last look; none when it could.
    pub fn unreachable(&self) -> Option<String> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Times that a publication did not load; each try counts.
    pub fn load_failures(&self) -> u64 {
        self.load_failures.load(Ordering::Relaxed)
    }

    /// The last run that ended well, as far as the store's record tells.
    pub fn last_run(&self) -> Option<LastRun> {
        self.last_run.get()
    }

    /// Looks for publications newer than the current one and loads the newest that loads, beside the current one.
    /// Gives the new snapshot before it serves to `prepare`.
    pub fn refresh(&self, prepare: impl Fn(&Snapshot)) {
        let after = self.current().map(|snapshot| snapshot.manifest.sequence);
        let listed = published_sequences(self.store.as_ref(), after);
        let sequences = match listed {
            Ok(sequences) => sequences,
            Err(error) => {
                let text = error.chain();
                warn!(error = text, "the store cannot be listed; {}", self.what_serves());
                *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                return;
            }
        };
        *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if after.is_none() && sequences.is_empty() && !self.is_waiting.swap(true, Ordering::Relaxed)
        {
            let store = self.store.location();
            info!(
                store,
                "no version is published there yet; the server waits for one and is not ready until then"
            );
        }
        let (snapshot, unanswered) = self.load_newest(sequences);
        if let Some(snapshot) = snapshot {
            prepare(&snapshot);
            self.swap(snapshot);
        }
        // Before there is a version no run ended well; and a store that gives no answer is not asked for what matters less.
        if unanswered == 0 && self.current().is_some() {
            self.last_run.look(self.store.as_ref());
        }
    }

    fn what_serves(&self) -> &'static str {
        if self.current().is_some() { "the current version serves on" } else { "no version serves" }
    }

    /// The last of `sequences` that is due and loads; and for how many the store gave no answer that it gave one for before.
    fn load_newest(&self, sequences: Vec<u64>) -> (Option<Snapshot>, usize) {
        let current = self.current();
        let haste = if current.is_some() { Haste::Spare } else { Haste::Whole };
        let mut unanswered = 0;
        for sequence in sequences.into_iter().rev().filter(|&sequence| self.is_due(sequence)) {
            match Snapshot::load(self.store.as_ref(), sequence, haste, current.as_deref()) {
                Ok(snapshot) => return (Some(snapshot), unanswered),
                Err(error) => {
                    warn!(sequence, %error, "a version is refused; {}", self.what_serves());
                    let is_new = error.is_outage() && !self.was_unanswered(sequence);
                    unanswered += usize::from(is_new);
                    self.note_failure(sequence, &error);
                }
            }
            if unanswered == UNANSWERED {
                break;
            }
        }
        (None, unanswered)
    }

    fn is_due(&self, sequence: u64) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&sequence).is_none_or(|failure| failure.retry_at <= Instant::now())
    }

    fn was_unanswered(&self, sequence: u64) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&sequence).is_some_and(|failure| failure.is_outage)
    }

    fn note_failure(&self, sequence: u64, error: &LoadError) {
        self.load_failures.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let delay = failures
            .get(&sequence)
            .map_or(RETRY_FIRST, |failure| (failure.delay * 2).min(RETRY_LONGEST));
        let (reason, is_outage) = (error.to_string(), error.is_outage());
        let retry_at = Instant::now() + delay;
        failures.insert(sequence, Failure { reason, is_outage, retry_at, delay });
    }

    fn swap(&self, snapshot: Snapshot) {
        let (version, sequence) = (snapshot.manifest.version.clone(), snapshot.manifest.sequence);
        let old = self
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(Arc::new(snapshot));
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        // The store answers: what it kept back is asked for at the next look, however long it was away.
        failures.retain(|&failed, failure| failed > sequence && !failure.is_outage);
        drop(failures);
        info!(%version, sequence, "a version serves");
        match old {
            Some(old) => let_go(old),
            None => give_back(),
        }
    }
}

/// Frees a version, if nobody holds it any more, on nobody's time: that takes a processor some ten milliseconds at once.
fn let_go(snapshot: Arc<Snapshot>) {
    let free = || {
        Patience::Much.begin();
        drop(snapshot);
        give_back();
    };
    // Without a thread it is freed here, with what was to run on one.
    if thread::Builder::new().name("let-go".to_owned()).spawn(free).is_err() {
        give_back();
    }
}
