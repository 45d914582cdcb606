//! Batches that overlap: 1,000 seeded schedules of 2 to 4 runs that take turns call by call, with stalls, deaths and a
//! zombie that goes on after others have published, while servers flush.
//!
//! The runs are whole ones, on a store in memory that lets one of them make one call at a time. After each call: of all
//! manifests each has one writer, the newest version opens whole, the watermark has not gone back but where the run said
//! `--without-ledger`, and the profiles are what the oracle says, entry by entry.

mod stepped_store;

use std::collections::BTreeMap;

use akin_batch::run::{RunOptions, run_on};
use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::tables::{PartWriter, ProfileRow, Profiles};
use akin_schemas::{Manifest, ObjectKey};
use akin_store::{Store, open_version, published_sequences};
use chrono::{DateTime, Utc};
use clap::{Args, FromArgMatches};

use stepped_store::{MemoryStore, SteppedStore, Turns};

const SEEDS: u64 = 1_000;
const FRESH_SEEDS: u64 = 20;
const USERS: u64 = 3;
const ITEMS: u64 = 4;
const LEDGERS: [&str; 2] = ["ledger-a", "ledger-b"];
const SECOND: i64 = 1_000_000;
/// What the input files hold: user, item, rating, second.
const FILES: [&[(u64, u64, f32, i64)]; 2] = [
    &[(0, 0, 5.0, 10), (0, 1, 4.0, 20), (1, 0, 3.0, 30), (1, 1, 1.0, 40), (2, 3, 2.0, 12)],
    &[(0, 0, 1.0, 10), (1, 2, 4.5, 45), (2, 0, 2.5, 5), (0, 1, 4.5, 20)],
];

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// What a run takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Files,
    FilesAndLedger,
    SinceLast,
    FilesSinceLast,
}

/// A run, as the schedule plans it and as the oracle watches it.
#[derive(Debug, Clone)]
struct Batch {
    input: Input,
    file: usize,
    if_changed: bool,
    /// The number it goes for, and how much of each ledger was in the store: as it began.
    began: Option<(u64, Vec<u64>)>,
}

type Map = BTreeMap<(String, String), Entry>;

/// An entry of a ledger, with its user and item.
type Logged = (String, String, Entry);

struct World<'a> {
    folder: &'a str,
    store: &'a MemoryStore,
    /// What is in the segments, by ledger.
    flushed: Vec<Vec<Logged>>,
    /// What each version holds, and its manifest.
    versions: Vec<(Manifest, Map)>,
    tally: Tally,
}

/// How many runs ended in which way.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    published: u64,
    unchanged: u64,
    superseded: u64,
    died: u64,
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |one, other| Self {
            published: one.published + other.published,
            unchanged: one.unchanged + other.unchanged,
            superseded: one.superseded + other.superseded,
            died: one.died + other.died,
        })
    }
}

fn take(map: &mut Map, (user, item, entry): &Logged) {
    let standing = map.entry((user.clone(), item.clone())).or_insert(*entry);
    if entry.order > standing.order {
        *standing = *entry;
    }
}

impl World<'_> {
    fn options(&self, batch: &Batch) -> RunOptions {
        let file = format!("{}/{}.csv", self.folder, batch.file);
        let mut words =
            vec!["run", "--store", "memory", "--threads", "1", "--top-k", "5", "--no-report"];
        words.push(match batch.input {
            Input::Files => "--without-ledger",
            Input::FilesAndLedger => "--with-ledger",
            Input::SinceLast | Input::FilesSinceLast => "--since-last",
        });
        if batch.input != Input::SinceLast {
            words.extend(["--ratings", &file]);
        }
        if batch.if_changed {
            words.push("--if-changed");
        }
        let matches = RunOptions::augment_args(clap::Command::new("run")).get_matches_from(words);
        RunOptions::from_arg_matches(&matches).unwrap()
    }

    /// A server writes a segment.
    fn flush(&mut self, random: &mut Random) {
        let ledger = random.below(LEDGERS.len() as u64) as usize;
        let origin: Origin = LEDGERS[ledger].parse().unwrap();
        let first = self.flushed[ledger].len() as u64 + 1;
        let mut writer = PartWriter::<Profiles>::new().unwrap();
        for sequence in first..=first + random.below(3) {
            let (user, item) = (random.below(USERS).to_string(), random.below(ITEMS).to_string());
            let rating = (!random.one_in(4)).then(|| (1 + random.below(10)) as f32 / 2.0);
            let micros = random.below(60) as i64 * SECOND;
            let entry = Entry { rating, rated_at: 7, order: OrderKey { micros, origin, sequence } };
            let row = ProfileRow {
                user_id: &user,
                item_id: &item,
                rating,
                rated_at: entry.rated_at,
                order_micros: micros,
                order_origin: origin.as_str(),
                order_sequence: sequence,
            };
            writer.push(&row).unwrap();
            self.flushed[ledger].push((user, item, entry));
        }
        let key = ObjectKey::segment(DateTime::UNIX_EPOCH.date_naive(), LEDGERS[ledger], first);
        self.store.create(&key, writer.finish().unwrap().bytes).unwrap();
    }

    fn flushed_now(&self) -> Vec<u64> {
        self.flushed.iter().map(|entries| entries.len() as u64).collect()
    }

    /// Looks whether this batch's last call published something, and whether that is right. Says so.
    fn check(&mut self, batch: &Batch) -> bool {
        let published = published_sequences(self.store, None).unwrap();
        let known = self.versions.len() as u64;
        assert_eq!(published, (1..=published.len() as u64).collect::<Vec<_>>());
        if published.len() as u64 == known {
            return false;
        }
        assert_eq!(published.len() as u64, known + 1, "one call published twice");
        let opened = open_version(self.store, known + 1).expect("the newest version is whole");
        let (number, visible) = batch.began.as_ref().unwrap();
        assert_eq!(opened.manifest.sequence, *number, "a run took another number than its own");
        let watermark = |origin: &str| opened.manifest.watermark.get(origin).copied().unwrap_or(0);
        let before = self.versions.last();
        for ((ledger, &visible), entries) in LEDGERS.iter().zip(visible).zip(&self.flushed) {
            let through = watermark(ledger);
            if batch.input == Input::Files {
                assert_eq!(through, 0, "{ledger} was left out");
                continue;
            }
            let former =
                before.map_or(0, |(before, _)| *before.watermark.get(*ledger).unwrap_or(&0));
            assert!(through >= former, "{ledger}: the watermark went back");
            assert!(through >= visible, "{ledger}: what was in the store is left out");
            assert!(through <= entries.len() as u64, "{ledger}: the watermark claims too much");
        }
        let found = entries_of(&opened.profiles);
        assert_eq!(found, self.expected(batch, &watermark));
        assert_eq!(watermark("files"), self.files_before(batch) + given(batch).len() as u64);
        self.versions.push((opened.manifest, found));
        true
    }

    fn files_before(&self, batch: &Batch) -> u64 {
        let continued = matches!(batch.input, Input::SinceLast | Input::FilesSinceLast);
        let before = self.versions.last().filter(|_| continued);
        before.map_or(0, |(before, _)| before.watermark["files"])
    }

    /// The files, the ledgers up to the watermark, and where it is continued the version before.
    fn expected(&self, batch: &Batch, watermark: &dyn Fn(&str) -> u64) -> Map {
        let continued = matches!(batch.input, Input::SinceLast | Input::FilesSinceLast);
        let before = self.versions.last().filter(|_| continued);
        let mut map = before.map(|(_, map)| map.clone()).unwrap_or_default();
        for (&(user, item, rating, second), sequence) in
            given(batch).iter().zip(self.files_before(batch) + 1..)
        {
            let micros = second * SECOND;
            let order = OrderKey { micros, origin: Origin::FILES, sequence };
            let entry = Entry { rating: Some(rating), rated_at: micros, order };
            take(&mut map, &(user.to_string(), item.to_string(), entry));
        }
        if batch.input != Input::Files {
            for (ledger, entries) in LEDGERS.iter().zip(&self.flushed) {
                let contained = usize::try_from(watermark(ledger)).unwrap();
                entries[..contained].iter().for_each(|entry| take(&mut map, entry));
            }
        }
        map
    }
}

/// The records of the files that a batch is given.
fn given(batch: &Batch) -> &'static [(u64, u64, f32, i64)] {
    if batch.input == Input::SinceLast { &[] } else { FILES[batch.file] }
}

fn entries_of(parts: &[akin_store::Part]) -> Map {
    let mut map = Map::new();
    for part in parts {
        part.read::<Profiles>(|row| {
            let origin = row.order_origin.parse().unwrap();
            let (micros, sequence) = (row.order_micros, row.order_sequence);
            let order = OrderKey { micros, origin, sequence };
            let entry = Entry { rating: row.rating, rated_at: row.rated_at, order };
            let key = (row.user_id.to_owned(), row.item_id.to_owned());
            assert!(map.insert(key, entry).is_none(), "two entries of one user and item");
        })
        .unwrap();
    }
    map
}

fn plan(random: &mut Random) -> Batch {
    let input = match random.below(8) {
        0 => Input::Files,
        1..=3 => Input::FilesAndLedger,
        4 | 5 => Input::SinceLast,
        _ => Input::FilesSinceLast,
    };
    let file = random.below(FILES.len() as u64) as usize;
    Batch { input, file, if_changed: random.one_in(3), began: None }
}

/// What became of a run: the number and whether it was published; or its exit code. None for one that was killed.
type Outcome = Option<Result<(u64, bool), u8>>;

/// Runs batches at once, turn by turn.
fn overlap(world: &mut World, batches: &mut [Batch], start: DateTime<Utc>, random: &mut Random) {
    let (turns, store) = (Turns::new(batches.len()), world.store);
    let options: Vec<RunOptions> = batches.iter().map(|batch| world.options(batch)).collect();
    let outcomes: Vec<(Outcome, bool)> = std::thread::scope(|scope| {
        // However this ends, nobody may wait for a turn for ever.
        let _last = at_the_end(|| turns.kill_all());
        let threads = options.iter().enumerate().map(|(worker, options)| {
            let store = SteppedStore { inner: store, turns: &turns, worker };
            let (turns, moment) = (&turns, start + chrono::Duration::seconds(worker as i64));
            scope.spawn(move || {
                turns.run(worker, || match run_on(&store, options, moment) {
                    Ok(summary) => {
                        let summary = serde_json::to_value(&summary).unwrap();
                        Ok((summary["sequence"].as_u64().unwrap(), summary["published"] == true))
                    }
                    Err(failure) => Err(failure.exit() as u8),
                })
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut published = vec![false; batches.len()];
        let mut running: Vec<usize> =
            (0..batches.len()).filter(|&worker| turns.stands(worker)).collect();
        // The zombie stops somewhere, and goes on when the others have ended; or never.
        let many = batches.len() > 1;
        let zombie =
            (many && random.one_in(2)).then(|| random.below(batches.len() as u64) as usize);
        let mut until_it_stops = random.below(25);
        let mut stalled = (0, 0);
        while !running.is_empty() {
            if random.one_in(6) {
                world.flush(random);
            }
            if random.one_in(10) {
                stalled = (random.below(batches.len() as u64) as usize, random.below(15));
            }
            let awake = |&&worker: &&usize| {
                (Some(worker) != zombie || until_it_stops > 0)
                    && (worker != stalled.0 || stalled.1 == 0)
            };
            let candidates: Vec<usize> =
                match running.iter().filter(awake).copied().collect::<Vec<_>>() {
                    some if !some.is_empty() => some,
                    _ => running.clone(),
                };
            stalled.1 = stalled.1.saturating_sub(1);
            let worker = candidates[random.below(candidates.len() as u64) as usize];
            if Some(worker) == zombie {
                if until_it_stops == 0 && random.one_in(4) {
                    running.retain(|&other| other != worker);
                    continue;
                }
                until_it_stops = until_it_stops.saturating_sub(1);
            }
            // The first call asks for the highest number.
            if batches[worker].began.is_none() {
                batches[worker].began =
                    Some((world.versions.len() as u64 + 1, world.flushed_now()));
            }
            let goes_on = turns.step(worker);
            published[worker] |= world.check(&batches[worker]);
            if !goes_on {
                running.retain(|&other| other != worker);
            }
        }
        turns.kill_all();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.zip(published).collect()
    });
    for (batch, (outcome, published)) in batches.iter().zip(outcomes) {
        match outcome {
            // It died before or after it published.
            None => world.tally.died += 1,
            Some(Ok((number, true))) => {
                world.tally.published += 1;
                assert!(published);
                assert_eq!(Some(number), batch.began.as_ref().map(|began| began.0));
            }
            // Nothing new: the version that it names holds all that the run could see.
            Some(Ok((number, false))) => {
                world.tally.unchanged += 1;
                assert!(batch.if_changed && !published);
                let (manifest, _) = &world.versions[number as usize - 1];
                for (ledger, visible) in LEDGERS.iter().zip(&batch.began.as_ref().unwrap().1) {
                    let through = manifest.watermark.get(*ledger).copied().unwrap_or(0);
                    assert!(batch.input == Input::Files || through >= *visible);
                }
            }
            Some(Err(code)) => {
                world.tally.superseded += 1;
                assert!(!published, "a run that published says that it failed");
                assert_eq!(code, 4, "superseded and nothing else: {batch:?}");
                let (number, _) = batch.began.as_ref().unwrap();
                assert!(world.versions.len() as u64 >= *number, "nobody has its number");
            }
        }
    }
}

/// Does something however a scope ends.
struct AtTheEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtTheEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn at_the_end<F: FnMut()>(last: F) -> AtTheEnd<F> {
    AtTheEnd(last)
}

fn simulate(folder: &str, seed: u64) -> Tally {
    let mut random = Random(seed);
    let store = MemoryStore::default();
    let flushed = LEDGERS.map(|_| Vec::new()).into();
    let mut world =
        World { folder, store: &store, flushed, versions: Vec::new(), tally: Tally::default() };
    let mut moment = Utc::now();
    let mut overlapping = |world: &mut World, mut batches: Vec<Batch>, random: &mut Random| {
        moment += chrono::Duration::seconds(10);
        overlap(world, &mut batches, moment, random);
    };
    let alone = Batch { input: Input::FilesAndLedger, file: 0, if_changed: false, began: None };
    overlapping(&mut world, vec![alone.clone()], &mut random);
    let batches = (0..2 + random.below(3)).map(|_| plan(&mut random)).collect();
    overlapping(&mut world, batches, &mut random);
    // Whatever is left behind hinders nobody.
    let before = world.versions.len();
    overlapping(&mut world, vec![alone], &mut random);
    assert_eq!(world.versions.len(), before + 1);
    world.tally
}

fn simulate_all(seeds: std::ops::Range<u64>) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    for (number, rows) in FILES.iter().enumerate() {
        let lines = rows
            .iter()
            .map(|(user, item, rating, second)| format!("{user},{item},{rating},{second}\n"));
        let text = format!("userId,movieId,rating,timestamp\n{}", lines.collect::<String>());
        std::fs::write(folder.path().join(format!("{number}.csv")), text).unwrap();
    }
    let folder = folder.path().to_str().unwrap();
    let halves = std::thread::scope(|scope| {
        let half = |odd: u64| {
            let seeds = seeds.clone().filter(move |seed| seed % 2 == odd);
            scope.spawn(move || -> Tally {
                let one = |seed: u64| {
                    let _named = at_the_end(move || {
                        if std::thread::panicking() {
                            eprintln!("the schedule of seed {seed} failed");
                        }
                    });
                    simulate(folder, seed)
                };
                seeds.map(one).sum()
            })
        };
        let halves = [half(0), half(1)];
        halves.map(|half| half.join().unwrap())
    });
    halves.into_iter().sum()
}

#[test]
fn of_batches_that_overlap_in_any_way_one_wins_each_number_and_nothing_accepted_is_lost() {
    let tally = simulate_all(0..SEEDS);
    eprintln!("{SEEDS} schedules: {tally:?}");
    let Tally { published, unchanged, superseded, died } = tally;
    assert!(published > 5 * SEEDS / 2 && superseded > SEEDS / 2 && died > 10 && unchanged > 10);
    let fresh = Utc::now().timestamp_micros().unsigned_abs();
    eprintln!("fresh seeds from {fresh} on");
    simulate_all(fresh..fresh + FRESH_SEEDS);
}
