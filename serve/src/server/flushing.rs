//! When accepted ratings go to the store, and what becomes of them when the ledger's file is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use akin_store::Store;
use chrono::Utc;
use tracing::{error, info, warn};

use crate::flush::Flusher;
use crate::ledger::{GroupCommit, Ledger};
use crate::metrics::Metrics;
use crate::options::Options;

/// How often it is looked whether something is due.
pub const TICK: Duration = Duration::from_millis(200);
/// How long a store that took no ratings is left alone, when many wait for it.
const RETRY: Duration = Duration::from_secs(5);
/// The same at the end, when there is no other copy of them.
const LAST_RETRY: Duration = Duration::from_secs(1);

/// Writes accepted ratings to the store when it is time.
pub struct Flushing {
    ledger: Arc<dyn Ledger>,
    commit: Arc<GroupCommit>,
    metrics: Arc<Metrics>,
    flusher: Flusher,
    interval: Duration,
    many: u64,
    last: Instant,
    /// Whether it was said that a restart loses nothing, after the ledger's file was gone.
    is_rescue_told: bool,
}

impl Flushing {
    /// With nothing due yet.
    pub fn new(
        options: &Options,
        store: Arc<dyn Store>,
        ledger: Arc<dyn Ledger>,
        commit: Arc<GroupCommit>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            ledger,
            commit,
            metrics,
            flusher: Flusher::new(store),
            interval: options.flush_interval,
            many: u64::from(options.flush_ratings),
            last: Instant::now(),
            is_rescue_told: false,
        }
    }

    /// To be called every [`TICK`].
    pub fn tick(&mut self) {
        let has_lost_file = self.look_for_file();
        let is_failing = self.metrics.is_flush_failing.load(Ordering::Relaxed);
        let may_hurry = !is_failing || self.last.elapsed() >= RETRY;
        let must_hurry = || match has_lost_file {
            true => !self.is_rescue_told,
            false => self.ledger.unflushed_count().is_ok_and(|count| count >= self.many),
        };
        if self.last.elapsed() >= self.interval || (may_hurry && must_hurry()) {
            self.flush();
            self.last = Instant::now();
        }
    }

    /// Writes at once what was accepted: somebody has asked for it.
    pub fn flush_when_asked(&mut self) {
        info!("what was accepted is written to the store, as SIGUSR1 asks");
        self.flush();
        self.last = Instant::now();
    }

    /// Whether the ledger's file is gone. Then nothing more is accepted, and it is said when all that was is in the store.
    fn look_for_file(&mut self) -> bool {
        if !self.commit.has_lost_file() {
            if self.ledger.is_in_place() {
                return false;
            }
            self.commit.lose_file();
            error!(
                "the ledger's file was removed or replaced while this server wrote to it: nothing is accepted any more; \
                 do not restart before what was accepted is in the store"
            );
        }
        if !self.is_rescue_told && !self.is_something_left() {
            self.is_rescue_told = true;
            warn!("everything that was accepted is in the store; restart the server");
        }
        true
    }

    fn is_something_left(&self) -> bool {
        self.ledger.unflushed_count().is_ok_and(|count| count > 0)
    }

    /// Writes what is left before the server ends: for so long again and again if the ledger's file is gone, because there
    /// is no other copy then.
    pub fn finish(&mut self, patience: Duration) {
        let began = Instant::now();
        self.flush();
        while self.commit.has_lost_file()
            && !self.ledger.is_poisoned()
            && self.is_something_left()
            && began.elapsed() < patience
        {
            thread::sleep(LAST_RETRY);
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.ledger.is_poisoned() {
            // What is in the store could not be noted: the next start looks what is there.
            return;
        }
        let flushed = self.flusher.flush(self.ledger.as_ref());
        self.metrics.is_flush_failing.store(flushed.is_err(), Ordering::Relaxed);
        match flushed {
            Ok(entries) => {
                self.metrics.flushed.inc_by(entries);
                self.metrics.flushed_at.set(Utc::now().timestamp());
            }
            Err(error) => {
                self.metrics.flush_failures.inc();
                let error = error.chain();
                warn!(
                    error,
                    "accepted ratings could not be written to the store; the ledger keeps them and tries again"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use akin_schemas::{ItemId, ObjectKey, UserId};
    use akin_store::open_store;
    use bytes::Bytes;
    use clap::Parser;

    use super::*;
    use crate::ledger::{Executions, Opening, RedbLedger, Submission};

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A flushing of a ledger with one rating, into a store that takes none as long as there is a file in its way.
    fn hindered(folder: &std::path::Path) -> (Flushing, std::path::PathBuf) {
        let location = folder.join("store");
        let store = open_store(location.to_str().unwrap()).unwrap();
        store.create(&ObjectKey::manifest(1), Bytes::from_static(b"{}")).unwrap();
        let in_the_way = location.join("ratings");
        std::fs::write(&in_the_way, "no folder").unwrap();

        let ledger: Arc<dyn Ledger> =
            Arc::new(RedbLedger::open(&folder.join("data"), Opening::default()).unwrap());
        let user = UserId::try_from("abby").unwrap();
        let item = ItemId::try_from("1").unwrap();
        let submission = Submission { user, item, rating: Some(4.0), input: "{}".to_owned() };
        ledger.accept(&[submission], &[], 0).unwrap();
        let metrics = Arc::new(Metrics::default());
        let executions = Arc::new(Executions::new(ledger.clone()));
        let commit = GroupCommit::start(
            ledger.clone(),
            executions,
            9,
            metrics.commit.clone(),
            Box::new(|_| {}),
        );
        let options = Options::parse_from(["akin-serve", "--store", "s", "--data-dir", "d"]);
        let commit = Arc::new(commit.unwrap());
        (Flushing::new(&options, store, ledger, commit, metrics), in_the_way)
    }

    #[test]
    fn a_server_that_ends_tries_on_only_when_there_is_no_other_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (mut flushing, in_the_way) = hindered(folder.path());
        let (ledger, metrics) = (flushing.ledger.clone(), flushing.metrics.clone());
        flushing.finish(PATIENCE);
        assert_eq!(metrics.flush_failures.get(), 1, "the ledger has it");

        std::fs::remove_dir_all(folder.path().join("data")).unwrap();
        assert!(flushing.look_for_file() && !flushing.is_rescue_told);
        flushing.finish(Duration::ZERO);
        assert_eq!(metrics.flush_failures.get(), 2);
        let ending = thread::spawn(move || {
            flushing.finish(PATIENCE);
            flushing
        });
        let began = Instant::now();
        while metrics.flush_failures.get() < 3 {
            assert!(began.elapsed() < PATIENCE, "waited too long");
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(ledger.unflushed_count().unwrap(), 1);
        std::fs::remove_file(in_the_way).unwrap();
        let mut flushing = ending.join().unwrap();
        assert_eq!(ledger.unflushed_count().unwrap(), 0);
        assert!(flushing.look_for_file() && flushing.is_rescue_told);
    }
}
