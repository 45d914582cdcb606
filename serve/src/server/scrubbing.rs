//! When the ledger is looked through for damage, and what is done about it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use akin_store::Store;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::forget::REST;
use crate::giving_way::Patience;
use crate::ledger::Ledger;
use crate::mend::put_back_from_store;

/// How often it is looked whether something is due.
pub const TICK: Duration = Duration::from_secs(5);
/// From one look through everything to the next.
const INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks through the ledger once it is open, and every day.
pub struct Scrubbing {
    ledger: Arc<dyn Ledger>,
    store: Arc<dyn Store>,
    draining: watch::Receiver<bool>,
    looked: Option<Instant>,
    /// So many damaged records were known when the store was asked last.
    asked_for: u64,
}

impl Scrubbing {
    /// With everything due.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        store: Arc<dyn Store>,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self { ledger, store, draining, looked: None, asked_for: 0 }
    }

    /// To be called every [`TICK`].
    pub fn tick(&mut self) {
        if self.ledger.is_poisoned() {
            return;
        }
        self.put_back();
        if self.looked.is_some_and(|looked| looked.elapsed() < INTERVAL) {
            return;
        }
        // No more: it holds what commits wait for, now and then.
        Patience::Some.begin();
        let draining = self.draining.clone();
        let goes_on = move || {
            thread::sleep(REST);
            !*draining.borrow()
        };
        if let Err(error) = self.ledger.scrub(&goes_on) {
            warn!(%error, "the ledger could not be looked through for damage");
        }
        self.looked = Some(Instant::now());
        self.put_back();
    }

    fn put_back(&mut self) {
        let damaged = self.ledger.damaged_records();
        if damaged == self.asked_for {
            return;
        }
        match put_back_from_store(self.ledger.as_ref(), self.store.as_ref()) {
            Ok(entries) => {
                self.asked_for = damaged;
                if entries > 0 {
                    info!(
                        entries,
                        "entries that were damaged in the ledger are taken from the store"
                    );
                }
            }
            Err(error) => {
                let error = error.chain();
                warn!(
                    error,
                    "damaged entries could not be taken from the store, and are tried again"
                );
            }
        }
    }
}
