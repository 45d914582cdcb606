//! The keystone property: whatever is posted, deleted, repeated, replayed, restarted, restored, published and swapped,
//! a profile is what the last-writer-wins map says.
//!
//! The pieces are the real ones (a ledger in a file, segments and versions in a folder, whole runs of the batch, loaded
//! snapshots), but called as libraries: a case takes some ten operations, and starting processes and polling for each
//! of them would leave time for a handful of cases only. The programs around the pieces are driven by the other tests.
//! The model beside them keeps every entry as a plain list, and knows nothing of how the pieces merge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use akin_batch::run::{RunOptions, run};
use akin_recommender::profile::{Entry, OrderKey, Origin, Profile};
use akin_schemas::{ItemId, ObjectKey, UserId};
use akin_serve::flush::Flusher;
use akin_serve::forget::{forget_contained, forgettable};
use akin_serve::ledger::{Ledger, Opening, RedbLedger, Submission};
use akin_serve::snapshot::{Haste, Snapshot};
use akin_store::{Store, open_store, published_sequences};
use clap::{Args, FromArgMatches};
use proptest::prelude::*;

const USERS: [&str; 2] = ["ann", "bob"];
const ITEMS: [&str; 3] = ["1", "2", "3"];
/// Every clock starts here, in seconds, and differs by a few seconds at most: ties are the rule.
const BASE: i64 = 1_700_000_000;

#[derive(Debug, Clone)]
enum Operation {
    /// A rating or, without one, its deletion; the server's clock may run backwards.
    Submit {
        server: usize,
        user: usize,
        item: usize,
        rating: Option<u8>,
        second: i64,
    },
    /// The last submission to this server again.
    Repeat {
        server: usize,
        second: i64,
    },
    Flush {
        server: usize,
    },
    /// The flush reaches the store, and the process dies before the ledger knows.
    FlushAndDie {
        server: usize,
    },
    Restart {
        server: usize,
    },
    Backup {
        server: usize,
    },
    /// The last backup takes the place of the ledger. Nobody says so: the next flush has to find out.
    Restore {
        server: usize,
    },
    /// A segment turns up a second time, under another date.
    Replay {
        segment: prop::sample::Index,
    },
    Publish {
        rows: Vec<FileRow>,
        split: prop::sample::Index,
        input: Input,
    },
    /// A server turns to any published version, older ones too.
    Swap {
        server: usize,
        version: prop::sample::Index,
    },
    /// The server lets go of what the newest version and the one before it contain.
    Forget {
        server: usize,
    },
}

/// What a run takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Files,
    FilesAndLedger,
    SinceLast,
    FilesSinceLast,
}

#[derive(Debug, Clone, Copy)]
struct FileRow {
    user: usize,
    item: usize,
    rating: u8,
    second: i64,
}

fn any_operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let server = 0..2usize;
    let second = 0..3i64;
    let pair = (0..USERS.len(), 0..ITEMS.len());
    let rating = prop_oneof![3 => (1..=10u8).prop_map(Some), 1 => Just(None)];
    let row = (pair.clone(), 1..=10u8, second.clone())
        .prop_map(|((user, item), rating, second)| FileRow { user, item, rating, second });
    let rows = prop::collection::vec(row, 1..6);
    let index = any::<prop::sample::Index>;
    let input = prop_oneof![
        1 => Just(Input::Files),
        3 => Just(Input::FilesAndLedger),
        2 => Just(Input::SinceLast),
        2 => Just(Input::FilesSinceLast),
    ];
    prop_oneof![
        8 => (server.clone(), pair, rating, second.clone()).prop_map(
            |(server, (user, item), rating, second)| Submit { server, user, item, rating, second }
        ),
        1 => (server.clone(), second).prop_map(|(server, second)| Repeat { server, second }),
        3 => server.clone().prop_map(|server| Flush { server }),
        1 => server.clone().prop_map(|server| FlushAndDie { server }),
        1 => server.clone().prop_map(|server| Restart { server }),
        1 => server.clone().prop_map(|server| Backup { server }),
        1 => server.clone().prop_map(|server| Restore { server }),
        1 => index().prop_map(|segment| Replay { segment }),
        4 => (rows, index(), input).prop_map(|(rows, split, input)| Publish { rows, split, input }),
        2 => server.clone().prop_map(|server| Forget { server }),
        2 => (server, index()).prop_map(|(server, version)| Swap { server, version }),
    ]
}

/// An entry as the model keeps it.
type Logged = (&'static str, &'static str, Entry);
type Map = BTreeMap<(&'static str, &'static str), Entry>;

/// The oracle: of all entries for a user and an item, the one with the greatest key.
fn last_writers<'a>(entries: impl IntoIterator<Item = &'a Logged>) -> Map {
    let key = |entry: &Entry| {
        (entry.order.micros, entry.order.origin.as_str().to_owned(), entry.order.sequence)
    };
    let mut map = Map::new();
    for (user, item, entry) in entries {
        let standing = map.entry((user, item)).or_insert(*entry);
        if key(entry) > key(standing) {
            *standing = *entry;
        }
    }
    map
}

/// What the model knows of a ledger.
#[derive(Debug, Clone, Default)]
struct Log {
    entries: Vec<Logged>,
    flushed: usize,
    /// The oldest entries are not in the ledger any more.
    forgotten: usize,
}

impl Log {
    fn kept(&self) -> &[Logged] {
        &self.entries[self.forgotten..]
    }
}

struct Server {
    folder: PathBuf,
    /// None only while its file is exchanged.
    ledger: Option<RedbLedger>,
    flusher: Flusher,
    snapshot: Option<Snapshot>,
    log: Log,
    backup: Option<Log>,
    last: Option<Submission>,
}

impl Server {
    fn start(folder: PathBuf, store: &Arc<dyn Store>) -> Self {
        let (log, ledger, flusher) = (Log::default(), None, Flusher::new(store.clone()));
        let mut server =
            Self { folder, ledger, flusher, snapshot: None, log, backup: None, last: None };
        server.open(store);
        server
    }

    /// As a starting server does: opens the ledger, loads the newest version.
    fn open(&mut self, store: &Arc<dyn Store>) {
        self.ledger = Some(RedbLedger::open(&self.folder, Opening::default()).unwrap());
        self.flusher = Flusher::new(store.clone());
        self.snapshot = None;
        if let Some(newest) = published_sequences(&**store, None).unwrap().last() {
            self.swap(&**store, *newest);
        }
    }

    fn swap(&mut self, store: &dyn Store, sequence: u64) {
        let snapshot = Snapshot::load(store, sequence, Haste::Whole).unwrap();
        self.ledger().observe_clock(snapshot.manifest.latest_order_micros);
        self.snapshot = Some(snapshot);
    }

    fn ledger(&self) -> &RedbLedger {
        self.ledger.as_ref().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.folder.join("ledger.redb")
    }

    fn backup_file(&self) -> PathBuf {
        self.folder.join("backup")
    }

    fn submit(&mut self, submission: Submission, second: i64) {
        let now = (BASE + second) * 1_000_000;
        let accepted = self.ledger().accept(std::slice::from_ref(&submission), &[], now).unwrap();
        let (user, item) = (name_of(&USERS, &submission.user), name_of(&ITEMS, &submission.item));
        let found = accepted[0].entries.entries().find(|(found, _)| found.as_str() == item);
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
    fn served(&self, snapshot: &Snapshot, user: &str) -> BTreeMap<String, Entry> {
        let entries = self.ledger().entries(&UserId::try_from(user).unwrap()).unwrap();
        by_item(snapshot, &snapshot.profile(user, &entries))
    }
}

fn by_item(snapshot: &Snapshot, profile: &[(u32, Entry)]) -> BTreeMap<String, Entry> {
    profile.iter().map(|(item, entry)| (snapshot.item(*item).id.to_string(), *entry)).collect()
}

fn name_of(names: &[&'static str], name: &str) -> &'static str {
    names.iter().find(|known| **known == name).unwrap()
}

fn half_stars(halves: u8) -> f32 {
    f32::from(halves) / 2.0
}

struct World {
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
    fn new() -> Self {
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

    fn perform(&mut self, operation: Operation) {
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
        let gone = forget_contained(server.ledger(), &through).unwrap();
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

    fn check(&self) {
        for server in &self.servers {
            let Some(snapshot) = &server.snapshot else { continue };
            let version = &self.versions[&snapshot.manifest.sequence];
            let published = last_writers(version);
            let expected = last_writers(version.iter().chain(server.log.kept()));
            for user in USERS {
                let of_user = |map: &Map| -> BTreeMap<String, Entry> {
                    let map = map.iter().filter(|((whose, _), _)| *whose == user);
                    map.map(|((_, item), entry)| ((*item).to_owned(), *entry)).collect()
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

fn in_file((row, sequence): (&FileRow, u64)) -> Logged {
    let micros = (BASE + row.second) * 1_000_000;
    let order = OrderKey { micros, origin: Origin::FILES, sequence };
    let entry = Entry { rating: Some(half_stars(row.rating)), rated_at: micros, order };
    (USERS[row.user], ITEMS[row.item], entry)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn profiles_are_the_last_writer_wins_map_whatever_happens(
        operations in prop::collection::vec(any_operation(), 1..40),
    ) {
        let mut world = World::new();
        for operation in operations {
            world.perform(operation);
            world.check();
        }
    }
}
