//! All pieces together, and what the model says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use akin_batch::run::{RunOptions, run};
use akin_recommender::profile::{Entry, OrderKey, Origin, Profile};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_serve::flush::FlushError;
use akin_serve::forget::{forget_contained, forgettable};
use akin_serve::ledger::{Ledger, Submission};
use akin_serve::snapshot::Snapshot;
use akin_store::{Store, open_store, published_sequences};
use clap::{Args, FromArgMatches};
use proptest::prelude::*;

use super::model::{Logged, Map, half_stars, in_file, last_writers};
use super::operations::{FileRow, Input, Operation};
use super::server::{Server, by_item};
use super::{BASE, ITEMS, USERS};
pub struct World {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    servers: [Server; 2],
    /// Every entry of every segment.
    segments: Vec<Logged>,
    /// By sequence number, every entry that went into the version.
    versions: BTreeMap<u64, Vec<Logged>>,
    /// The number of the last record that the newest version took from files.
    files_through: u64,
    replays: u8,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(folder.path().join("store").to_str().unwrap()).unwrap();
        let servers = ["a", "b"].map(|name| Server::start(folder.path().join(name), &store));
        let catalogue = ITEMS.map(|item| format!("{item},Title,Drama\n")).concat();
        std::fs::write(
            folder.path().join("movies.csv"),
            format!("movieId,title,genres\n{catalogue}"),
        )
        .unwrap();
        let (segments, versions) = (Vec::new(), BTreeMap::new());
        Self { folder, store, servers, segments, versions, files_through: 0, replays: 0 }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Submit { server, user, item, rating, second } => {
                let submission = Submission {
                    user: UserId::try_from(USERS[user]).unwrap(),
                    item: ItemId::try_from(ITEMS[item]).unwrap(),
                    rating: rating.map(half_stars),
                    input: "{}".to_owned(),
                };
                self.servers[server].submit(submission, second);
            }
            Operation::Repeat { server, second } => {
                if let Some(last) = self.servers[server].last.clone() {
                    self.servers[server].submit(last, second);
                }
            }
            Operation::Flush { server } => self.flush(server),
            Operation::FlushAndDie { server } => self.flush_and_die(server),
            Operation::Restart { server } => {
                self.servers[server].ledger = None;
                self.servers[server].open(&self.store);
            }
            Operation::Backup { server } => {
                let server = &mut self.servers[server];
                server.ledger = None;
                std::fs::copy(server.file(), server.backup_file()).unwrap();
                server.backup = Some(server.log.clone());
                server.open(&self.store);
            }
            Operation::Restore { server } => self.restore(server),
            Operation::Replay { segment } => self.replay(segment),
            Operation::Publish { rows, split, input } => {
                self.publish(&rows, split.index(rows.len()), input);
            }
            Operation::Forget { server } => self.forget(server),
            Operation::Swap { server, version } => {
                let sequences: Vec<u64> = self.versions.keys().copied().collect();
                if !sequences.is_empty() {
                    self.servers[server].swap(&*self.store, *version.get(&sequences));
                }
            }
        }
    }

    fn flush(&mut self, server: usize) {
        let Server { log, ledger, flusher, .. } = &mut self.servers[server];
        let ledger = ledger.as_ref().unwrap();
        let former = ledger.origin();
        if self.versions.is_empty() {
            // Beside nothing published nothing is written.
            let refused = flusher.flush(ledger).err();
            let waits = log.flushed < log.entries.len();
            assert_eq!(
                waits,
                matches!(refused, Some(FlushError::NothingPublished(_))),
                "{refused:?}"
            );
            return;
        }
        flusher.flush(ledger).unwrap();
        if ledger.origin() != former {
            // What was not flushed has moved under the new name.
            for ((_, _, entry), sequence) in log.entries[log.flushed..].iter_mut().zip(1..) {
                entry.order = OrderKey { origin: ledger.origin(), sequence, ..entry.order };
            }
        }
        self.segments.extend(&log.entries[log.flushed..]);
        log.flushed = log.entries.len();
    }

    fn flush_and_die(&mut self, server: usize) {
        // What is to be forgotten may be written once more; what is written stays.
        let before = self.servers[server].file().with_file_name("before");
        let file = self.servers[server].file();
        let log = self.servers[server].log.clone();
        self.reopen_with(server, &file, &before);
        self.flush(server);
        self.reopen_with(server, &before, &file);
        self.servers[server].log = log;
    }

    fn reopen_with(&mut self, server: usize, from: &Path, to: &Path) {
        let server = &mut self.servers[server];
        server.ledger = None;
        std::fs::copy(from, to).unwrap();
        server.open(&self.store);
    }

    /// As the server does once the newest version serves. Whoever serves that version, or the one before it, must not
    /// notice. (What went earlier may be missing from a version that was published without the ledger since then.)
    fn forget(&mut self, server: usize) {
        let Some(&newest) = self.versions.keys().last() else { return };
        let server = &mut self.servers[server];
        server.swap(&*self.store, newest);
        let serving = &server.snapshot.as_ref().unwrap().manifest;
        let through = forgettable(&*self.store, serving).unwrap();
        let kept = server.log.kept().to_vec();
        let (gone, _) = forget_contained(server.ledger(), &through, || false).unwrap();
        server.log.forgotten += usize::try_from(gone).unwrap();
        assert!(server.log.forgotten <= server.log.flushed);
        for (_, version) in self.versions.iter().rev().take(2) {
            let before = last_writers(version.iter().chain(&kept));
            assert_eq!(last_writers(version.iter().chain(server.log.kept())), before);
        }
    }

    fn restore(&mut self, server: usize) {
        let server = &mut self.servers[server];
        if let Some(log) = server.backup.clone() {
            server.ledger = None;
            std::fs::copy(server.backup_file(), server.file()).unwrap();
            server.log = log;
            server.open(&self.store);
        }
    }

    fn replay(&mut self, segment: prop::sample::Index) {
        let segments = self.store.list(ObjectKey::RATINGS, None).unwrap();
        if segments.is_empty() {
            return;
        }
        let key = &segment.get(&segments).key;
        let (origin, first) = key.segment_start().unwrap();
        self.replays += 1;
        let date = chrono::NaiveDate::from_ymd_opt(2001, 1, 1).unwrap()
            + chrono::Days::new(self.replays.into());
        let copy = ObjectKey::segment(date, origin, first);
        self.store.create(&copy, self.store.get(key).unwrap()).unwrap();
    }

    /// Publishes two files of ratings, cut at `split`.
    fn publish(&mut self, rows: &[FileRow], split: usize, input: Input) {
        let line = |row: &FileRow| {
            let (user, item) = (USERS[row.user], ITEMS[row.item]);
            format!("{user},{item},{},{}\n", half_stars(row.rating), BASE + row.second)
        };
        let files = [("first.csv", &rows[..split]), ("second.csv", &rows[split..])];
        for (name, rows) in files {
            let lines: String = rows.iter().map(line).collect();
            let text = format!("userId,movieId,rating,timestamp\n{lines}");
            std::fs::write(self.path(name), text).unwrap();
        }
        let before = self.versions.last_key_value().map(|(_, entries)| entries.clone());
        if before.is_none() && input == Input::SinceLast {
            return;
        }
        let since_last = matches!(input, Input::SinceLast | Input::FilesSinceLast);
        let mut entries = before.filter(|_| since_last).unwrap_or_default();
        let mut files_through = if since_last { self.files_through } else { 0 };
        if input != Input::SinceLast {
            entries.extend(rows.iter().zip(files_through + 1..).map(in_file));
            files_through += rows.len() as u64;
        }
        if input != Input::Files {
            entries.extend(&self.segments);
        }
        let published = run(&self.options(input));
        if last_writers(&entries).values().all(|entry| entry.rating.is_none()) {
            assert!(published.is_err(), "nothing but tombstones was published");
            return;
        }
        published.unwrap();
        let sequence = *published_sequences(&*self.store, None).unwrap().last().unwrap();
        assert!(self.versions.insert(sequence, entries).is_none(), "a number was taken twice");
        self.files_through = files_through;
    }

    fn options(&self, input: Input) -> RunOptions {
        let [first, second, store, items] =
            ["first.csv", "second.csv", "store", "movies.csv"].map(|name| self.path(name));
        let mut words =
            vec!["run", "--store", &store, "--items", &items, "--threads", "1", "--top-k", "5"];
        words.push("--no-report");
        words.extend(match input {
            Input::Files => ["--without-ledger"],
            Input::FilesAndLedger => ["--with-ledger"],
            Input::SinceLast | Input::FilesSinceLast => ["--since-last"],
        });
        if input != Input::SinceLast {
            words.extend(["--ratings", &first, &second]);
        }
        let matches = RunOptions::augment_args(clap::Command::new("run")).get_matches_from(words);
        RunOptions::from_arg_matches(&matches).unwrap()
    }

    pub fn check(&self) {
        for server in &self.servers {
            let Some(snapshot) = &server.snapshot else { continue };
            let version = &self.versions[&snapshot.manifest.sequence];
            let published = last_writers(version);
            let expected = last_writers(version.iter().chain(server.log.kept()));
            for user in USERS {
                let of_user = |map: &Map| -> BTreeMap<String, Entry> {
                    let map = map.iter().filter(|((whose, _), _)| *whose == user);
                    map.map(|((_, item), entry)| ((*item).to_owned(), as_served(entry))).collect()
                };
                assert_eq!(server.served(snapshot, user), of_user(&expected), "{user}, served");
                let alone = snapshot.profile(user, &Profile::default());
                assert_eq!(by_item(snapshot, &alone), of_user(&published), "{user}, published");
            }
            self.check_watermark(snapshot, version);
        }
    }

    /// Up to the watermark, nothing that exists anywhere is missing from the version.
    fn check_watermark(&self, snapshot: &Snapshot, version: &[Logged]) {
        // What a restored ledger has not flushed yet is still to get another name.
        let logs = self.servers.iter().flat_map(|server| &server.log.entries[..server.log.flushed]);
        for entry in logs.chain(&self.segments) {
            let OrderKey { origin, sequence, .. } = entry.2.order;
            let through = snapshot.manifest.watermark.get(origin.as_str()).copied().unwrap_or(0);
            assert!(sequence > through || version.contains(entry), "{entry:?} up to {through}");
        }
    }
}

/// Servers keep no sequences of what files said: nothing would be compared with them.
fn as_served(entry: &Entry) -> Entry {
    let mut served = *entry;
    if served.order.origin == Origin::FILES {
        served.order.sequence = 0;
    }
    served
}
