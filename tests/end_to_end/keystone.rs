//! The keystone: after any sequence of posts, deletions, repeats, replays, restarts and version swaps, what a server knows
//! of a user is the last-writer-wins map of all that its version and its ledger contain.
//!
//! The pieces are the real ones (ledger, flush, batch run, snapshot), called as libraries: hundreds of steps with programs
//! would take minutes, and no door deletes a rating yet.

use std::collections::BTreeMap;
use std::path::Path;

use akin_batch::run::{RunOptions, run};
use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::{ItemId, UserId};
use akin_serve::flush::flush;
use akin_serve::ledger::{Ledger, Opening, RedbLedger, Submission};
use akin_serve::snapshot::Snapshot;
use akin_store::{FolderStore, published_sequences};
use chrono::Utc;
use clap::{Args, FromArgMatches};
use proptest::prelude::*;

const USERS: [&str; 3] = ["ann", "bob", "cat"];
const ITEMS: [&str; 4] = ["1", "2", "3", "4"];
const SERVERS: usize = 2;
const SECOND: i64 = 1_000_000;

/// Something that happens to one of the servers, or to the store.
#[derive(Debug, Clone)]
enum Step {
    /// A rating, or none to delete one, by a clock that is this many seconds off.
    Submit {
        server: usize,
        user: usize,
        item: usize,
        rating: Option<u8>,
        skew: i64,
    },
    /// The same submission once more.
    Repeat {
        server: usize,
    },
    Flush {
        server: usize,
    },
    /// Every segment that is in the store is there a second time.
    ReplaySegments,
    /// The process ends and starts again.
    Restart {
        server: usize,
    },
    /// As after a restoration from a backup.
    RenewOrigin {
        server: usize,
    },
    Publish {
        input: Input,
    },
    /// The server loads some published version, maybe an older one.
    Swap {
        server: usize,
        version: prop::sample::Index,
    },
}

/// What a run takes in.
#[derive(Debug, Clone, Copy)]
enum Input {
    FileAlone,
    WithLedger,
    SinceLast,
}

fn any_step() -> impl Strategy<Value = Step> {
    let server = 0..SERVERS;
    let rating = proptest::option::weighted(0.7, 1u8..=10);
    prop_oneof![
        6 => (server.clone(), 0..USERS.len(), 0..ITEMS.len(), rating, -30i64..30)
            .prop_map(|(server, user, item, rating, skew)| Step::Submit { server, user, item, rating, skew }),
        1 => server.clone().prop_map(|server| Step::Repeat { server }),
        2 => server.clone().prop_map(|server| Step::Flush { server }),
        1 => Just(Step::ReplaySegments),
        1 => server.clone().prop_map(|server| Step::Restart { server }),
        1 => server.clone().prop_map(|server| Step::RenewOrigin { server }),
        2 => prop_oneof![Just(Input::FileAlone), Just(Input::WithLedger), Just(Input::SinceLast)]
            .prop_map(|input| Step::Publish { input }),
        2 => (server, any::<prop::sample::Index>())
            .prop_map(|(server, version)| Step::Swap { server, version }),
    ]
}

/// A line of the input file; `ahead` dates it after everything that servers accept, within what a file may claim.
fn any_line() -> impl Strategy<Value = (usize, usize, u8, bool)> {
    (0..USERS.len(), 0..ITEMS.len(), 1u8..=10, proptest::bool::weighted(0.3))
}

/// An entry of one user and item, as the oracle keeps them: all of them, in no order.
type Known = (usize, usize, Entry);

struct Server {
    ledger: Option<RedbLedger>,
    snapshot: Snapshot,
    accepted: Vec<Known>,
    flushed: usize,
    last: Option<(Submission, usize, usize)>,
}

impl Server {
    fn ledger(&self) -> &RedbLedger {
        self.ledger.as_ref().unwrap()
    }

    fn load(&mut self, store: &FolderStore, sequence: u64) {
        self.snapshot = Snapshot::load(store, sequence).unwrap();
        self.ledger().observe_clock(self.snapshot.manifest.latest_order_micros);
    }

    fn submit(&mut self, submission: Submission, user: usize, item: usize, now: i64) {
        let accepted = self.ledger().accept(std::slice::from_ref(&submission), &[], now).unwrap();
        let mut entries = accepted[0].entries.entries();
        let (_, entry) = entries.find(|(id, _)| **id == submission.item).unwrap();
        assert_eq!(entry.rating, submission.rating);
        let entry = *entry;
        drop(entries);
        self.accepted.push((user, item, entry));
        self.last = Some((submission, user, item));
    }
}

struct World {
    folder: tempfile::TempDir,
    store: FolderStore,
    servers: Vec<Server>,
    /// What each published version contains, by sequence number from 1 on.
    versions: Vec<Vec<Known>>,
    file: Vec<Known>,
    began: i64,
}

impl World {
    fn new(lines: &[(usize, usize, u8, bool)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path().join("store")).unwrap();
        let began = Utc::now().timestamp_micros();
        // Every item is in the file, so that every version knows it.
        let baseline = (0..ITEMS.len()).map(|item| (USERS.len() - 1, item, 2, false));
        let lines: Vec<_> = baseline.chain(lines.iter().copied()).collect();
        let mut text = "userId,movieId,rating,timestamp\n".to_owned();
        let mut file = Vec::new();
        for (&(user, item, halves, ahead), number) in lines.iter().zip(1..) {
            let seconds = if ahead { began / SECOND + 3600 } else { 1000 };
            let rating = f32::from(halves) / 2.0;
            text += &format!("{},{},{rating},{seconds}\n", USERS[user], ITEMS[item]);
            let micros = seconds * SECOND;
            let order = OrderKey { micros, origin: Origin::FILES, sequence: number };
            file.push((user, item, Entry { rating: Some(rating), rated_at: micros, order }));
        }
        std::fs::write(folder.path().join("ratings.csv"), text).unwrap();
        let mut world = Self { folder, store, servers: vec![], versions: vec![], file, began };
        world.publish(Input::FileAlone);
        for number in 0..SERVERS {
            let ledger = Some(open(&world.data(number)));
            let snapshot = Snapshot::load(&world.store, 1).unwrap();
            let mut server = Server { ledger, snapshot, accepted: vec![], flushed: 0, last: None };
            server.load(&world.store, 1);
            world.servers.push(server);
        }
        world
    }

    fn data(&self, server: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("data-{server}"))
    }

    fn publish(&mut self, input: Input) {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (ratings, store) = (path("ratings.csv"), path("store"));
        let mut words = vec!["run", "--store", &store, "--threads", "1"];
        words.push(match input {
            Input::FileAlone => "--without-ledger",
            Input::WithLedger => "--with-ledger",
            Input::SinceLast => "--since-last",
        });
        if !matches!(input, Input::SinceLast) {
            words.extend(["--ratings", &ratings]);
        }
        let matches = RunOptions::augment_args(clap::Command::new("run")).get_matches_from(words);
        let options = RunOptions::from_arg_matches(&matches).unwrap();
        run(&options).unwrap();
        let mut contained = match input {
            Input::SinceLast => self.versions.last().unwrap().clone(),
            Input::FileAlone | Input::WithLedger => self.file.clone(),
        };
        if !matches!(input, Input::FileAlone) {
            for server in &self.servers {
                contained.extend(&server.accepted[..server.flushed]);
            }
        }
        self.versions.push(contained);
        let published = published_sequences(&self.store, None).unwrap();
        assert_eq!(published.len(), self.versions.len());
    }

    fn take(&mut self, step: &Step) {
        let now = self.began;
        match step {
            Step::Submit { server, user, item, rating, skew } => {
                let submission = Submission {
                    user: UserId::try_from(USERS[*user]).unwrap(),
                    item: ItemId::try_from(ITEMS[*item]).unwrap(),
                    rating: rating.map(|halves| f32::from(halves) / 2.0),
                    input: "{}".to_owned(),
                };
                self.servers[*server].submit(submission, *user, *item, now + skew * SECOND);
            }
            Step::Repeat { server } => {
                let server = &mut self.servers[*server];
                if let Some((submission, user, item)) = server.last.clone() {
                    server.submit(submission, user, item, now);
                }
            }
            Step::Flush { server } => {
                let server = &mut self.servers[*server];
                flush(server.ledger(), &self.store).unwrap();
                server.flushed = server.accepted.len();
            }
            Step::ReplaySegments => self.replay_segments(),
            Step::Restart { server } => {
                let data = self.data(*server);
                let server = &mut self.servers[*server];
                server.ledger = None;
                server.ledger = Some(open(&data));
                server.ledger().observe_clock(server.snapshot.manifest.latest_order_micros);
            }
            Step::RenewOrigin { server } => {
                self.servers[*server].ledger().renew_origin().unwrap();
            }
            Step::Publish { input } => self.publish(*input),
            Step::Swap { server, version } => {
                let sequence = version.index(self.versions.len()) as u64 + 1;
                self.servers[*server].load(&self.store, sequence);
            }
        }
    }

    fn replay_segments(&self) {
        let ratings = self.folder.path().join("store/ratings");
        let again = ratings.join("date=1999-12-31");
        let Ok(dates) = std::fs::read_dir(&ratings) else { return };
        for date in dates.map(|date| date.unwrap().path()).filter(|date| *date != again) {
            std::fs::create_dir_all(&again).unwrap();
            for segment in std::fs::read_dir(date).unwrap().map(|segment| segment.unwrap()) {
                std::fs::copy(segment.path(), again.join(segment.file_name())).unwrap();
            }
        }
    }

    /// What each server has to know: for each user and item the entry with the greatest order key.
    fn check(&self) {
        for server in &self.servers {
            let version = &self.versions[server.snapshot.manifest.sequence as usize - 1];
            let mut expected: BTreeMap<(usize, usize), Entry> = BTreeMap::new();
            for &(user, item, entry) in version.iter().chain(&server.accepted) {
                let standing = expected.entry((user, item)).or_insert(entry);
                if entry.order > standing.order {
                    *standing = entry;
                }
            }
            let mut found = BTreeMap::new();
            for (number, name) in USERS.iter().enumerate() {
                let user = UserId::try_from(*name).unwrap();
                let profile =
                    server.snapshot.profile(name, &server.ledger().entries(&user).unwrap());
                for (&item, entry) in profile.entries() {
                    let id = &*server.snapshot.item(item).id;
                    let item = ITEMS.iter().position(|known| *known == id).unwrap();
                    found.insert((number, item), *entry);
                }
            }
            assert_eq!(found, expected);
        }
    }
}

fn open(folder: &Path) -> RedbLedger {
    RedbLedger::open(folder, Opening::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_served_profile_is_the_last_writer_wins_map(
        lines in proptest::collection::vec(any_line(), 0..8),
        steps in proptest::collection::vec(any_step(), 1..30),
    ) {
        let mut world = World::new(&lines);
        world.check();
        for step in &steps {
            world.take(step);
            world.check();
        }
    }
}
