//! A ledger for tests that stops before each commit while its gate is closed, and lets something happen before entries are
//! read.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use akin_recommender::profile::{Origin, Profile};
use akin_schemas::{ItemId, UserId};

use super::{
    Answered, EndRecord, ExecutionId, ExecutionRecord, Filter, Finished, Ledger, LedgerEntry,
    LedgerError, Page, Request, RequestName, Retention,
};

type BeforeEntries<L> = Box<dyn FnOnce(&L) + Send>;

pub(crate) struct Gated<L> {
    pub(super) inner: L,
    open: Mutex<bool>,
    changed: Condvar,
    commits: AtomicUsize,
    before_entries: Mutex<Option<BeforeEntries<L>>>,
}

impl<L> Gated<L> {
    pub(crate) fn open(inner: L) -> Self {
        let (open, changed) = (Mutex::new(true), Condvar::new());
        let (commits, before_entries) = (AtomicUsize::new(0), Mutex::new(None));
        Self { inner, open, changed, commits, before_entries }
    }

    /// What happens when entries are asked for next.
    pub(crate) fn before_entries(&self, happens: impl FnOnce(&L) + Send + 'static) {
        *self.before_entries.lock().unwrap() = Some(Box::new(happens));
    }

    pub(super) fn set_open(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.changed.notify_all();
    }

    /// How many commits were begun.
    pub(super) fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

impl<L: Ledger> Ledger for Gated<L> {
    fn record(&self, finished: &Finished) -> EndRecord {
        self.inner.record(finished)
    }

    fn commit(
        &self,
        requests: &[Request],
        ended: &[EndRecord],
        now: i64,
    ) -> Result<Vec<Answered>, LedgerError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        drop(self.changed.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
        self.inner.commit(requests, ended, now)
    }

    fn entries(&self, user: &UserId) -> Result<Profile<ItemId>, LedgerError> {
        let happens = self.before_entries.lock().unwrap().take();
        if let Some(happens) = happens {
            happens(&self.inner);
        }
        self.inner.entries(user)
    }

    fn execution(&self, id: &ExecutionId) -> Result<Option<ExecutionRecord>, LedgerError> {
        self.inner.execution(id)
    }

    fn named(&self, name: &RequestName) -> Result<Option<ExecutionId>, LedgerError> {
        self.inner.named(name)
    }

    fn list(&self, filter: &Filter, limit: usize) -> Result<Page, LedgerError> {
        self.inner.list(filter, limit)
    }

    fn unfinished(&self) -> Result<Vec<(ExecutionId, ExecutionRecord)>, LedgerError> {
        self.inner.unfinished()
    }

    fn created_at(&self) -> i64 {
        self.inner.created_at()
    }

    fn origin(&self) -> Origin {
        self.inner.origin()
    }

    fn renew_origin(&self) -> Result<Origin, LedgerError> {
        self.inner.renew_origin()
    }

    fn unflushed(&self, limit: usize) -> Result<Vec<LedgerEntry>, LedgerError> {
        self.inner.unflushed(limit)
    }

    fn unflushed_count(&self) -> Result<u64, LedgerError> {
        self.inner.unflushed_count()
    }

    fn mark_flushed(&self, through: u64) -> Result<(), LedgerError> {
        self.inner.mark_flushed(through)
    }

    fn forget_contained(
        &self,
        through: &BTreeMap<Origin, u64>,
        limit: usize,
    ) -> Result<u64, LedgerError> {
        self.inner.forget_contained(through, limit)
    }

    fn observe_clock(&self, micros: i64) {
        self.inner.observe_clock(micros);
    }

    fn forget_executions(&self, retention: Retention, limit: usize) -> Result<u64, LedgerError> {
        self.inner.forget_executions(retention, limit)
    }

    fn is_in_place(&self) -> bool {
        self.inner.is_in_place()
    }

    fn scrub(&self, goes_on: &dyn Fn() -> bool) -> Result<(), LedgerError> {
        self.inner.scrub(goes_on)
    }

    fn damaged_entries(&self) -> Result<Vec<(Origin, u64)>, LedgerError> {
        self.inner.damaged_entries()
    }

    fn put_back(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        self.inner.put_back(entries)
    }

    fn damaged_records(&self) -> u64 {
        self.inner.damaged_records()
    }

    fn file_bytes(&self) -> Option<u64> {
        self.inner.file_bytes()
    }

    fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }
}
