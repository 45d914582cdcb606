//! A server's pieces, and what the model knows of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use akin_recommender::profile::Entry;
use akin_schemas::UserId;
use akin_serve::flush::Flusher;
use akin_serve::ledger::{Ledger, Opening, RedbLedger, Submission};
use akin_serve::snapshot::{Haste, Snapshot};
use akin_store::{Store, published_sequences};

use super::model::Log;
use super::{BASE, ITEMS, USERS};
pub struct Server {
    pub folder: PathBuf,
    /// None only while its file is exchanged.
    pub ledger: Option<RedbLedger>,
    pub flusher: Flusher,
    pub snapshot: Option<Snapshot>,
    pub log: Log,
    pub backup: Option<Log>,
    pub last: Option<Submission>,
}

impl Server {
    pub fn start(folder: PathBuf, store: &Arc<dyn Store>) -> Self {
        let (log, ledger, flusher) = (Log::default(), None, Flusher::new(store.clone()));
        let mut server =
            Self { folder, ledger, flusher, snapshot: None, log, backup: None, last: None };
        server.open(store);
        server
    }

    /// As a starting server does: opens the ledger, loads the newest version.
    pub fn open(&mut self, store: &Arc<dyn Store>) {
        // So few that most entries are settled, some early and some late.
        let opening = Opening { recent_entries: 3, ..Opening::default() };
        self.ledger = Some(RedbLedger::open(&self.folder, opening).unwrap());
        self.flusher = Flusher::new(store.clone());
        self.snapshot = None;
        if let Some(newest) = published_sequences(&**store, None).unwrap().last() {
            self.swap(&**store, *newest);
        }
    }

    pub fn swap(&mut self, store: &dyn Store, sequence: u64) {
        let before = self.snapshot.as_ref();
        let snapshot = Snapshot::load(store, sequence, Haste::Whole, before).unwrap();
        self.ledger().observe_clock(snapshot.manifest.latest_order_micros);
        self.snapshot = Some(snapshot);
    }

    pub fn ledger(&self) -> &RedbLedger {
        self.ledger.as_ref().unwrap()
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join("ledger.redb")
    }

    pub fn backup_file(&self) -> PathBuf {
        self.folder.join("backup")
    }

    pub fn submit(&mut self, submission: Submission, second: i64) {
        let now = (BASE + second) * 1_000_000;
        let accepted = self.ledger().accept(std::slice::from_ref(&submission), &[], now).unwrap();
        let (user, item) = (name_of(&USERS, &submission.user), name_of(&ITEMS, &submission.item));
        let found =
            accepted[0].entries.get().unwrap().entries().find(|(found, _)| found.as_str() == item);
        let entry = *found.unwrap().1;
        assert_eq!(entry.rating, submission.rating);
        assert_eq!(entry.order.origin, self.ledger().origin());
        self.log.entries.push((user, item, entry));
        if let Some(snapshot) = &self.snapshot {
            let served = self.served(snapshot, user);
            assert_eq!(served.get(item), Some(&entry), "who rates sees the rating");
        }
        self.last = Some(submission);
    }

    /// A user's profile, by item.
    pub fn served(&self, snapshot: &Snapshot, user: &str) -> BTreeMap<String, Entry> {
        let entries = self.ledger().entries(&UserId::try_from(user).unwrap()).unwrap();
        by_item(snapshot, &snapshot.profile(user, &entries))
    }
}

pub fn by_item(snapshot: &Snapshot, profile: &[(u32, Entry)]) -> BTreeMap<String, Entry> {
    profile.iter().map(|(item, entry)| (snapshot.item(*item).id.to_string(), *entry)).collect()
}

fn name_of(names: &[&'static str], name: &str) -> &'static str {
    names.iter().find(|known| **known == name).unwrap()
}
