//! From verified parts to a snapshot.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use akin_allocator::give_back;
use akin_recommender::rating_weight::{RatingWeight, WeightRuleError};
use akin_recommender::scoring::{Model, ModelError};
use akin_recommender::similarity::{Neighbour, NeighbourList, Neighbours};
use akin_schemas::tables::{TableError, TextLookup};
use akin_schemas::{Measure, PartEntry, tables};
use akin_store::{ErrorKind, OpenError, Part, Store, read_manifest};
use chrono::Utc;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;
use tracing::info;

use super::candidates::KeptCandidates;
use super::profiles::{Chunk, ChunkBuilder, Found, ItemNumbering, Profiles, Rows};
use super::{Item, Snapshot};
use crate::giving_way::{Patience, Resting, Starved};

/// Why a version does not load. Its files are the ones that were published; or else they would not have opened.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file is missing, damaged, or not of its table.
    #[error("{}", with_cause(.0))]
    Open(#[from] OpenError),
    /// The tables contradict each other.
    #[error("the tables do not fit together: {0}")]
    Inconsistent(String),
    /// The manifest asks for a way to weigh ratings that this program does not know.
    #[error("{0}; upgrade this program")]
    RatingWeight(#[from] WeightRuleError),
    /// The system refused a thread.
    #[error("the system refused a thread: {0}")]
    Threads(String),
}

impl LoadError {
    /// Whether loading was given up because the processors had nothing to spare.
    fn is_starved(&self) -> bool {
        matches!(self, Self::Open(OpenError::Table { source: TableError::Stopped, .. }))
    }

    /// Whether the store did not answer, which it may do later. What it answered with may be bad then, or good.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Open(OpenError::Store(error)) if error.kind() == ErrorKind::Failed)
    }
}

fn with_cause(error: &OpenError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl From<ModelError> for LoadError {
    fn from(error: ModelError) -> Self {
        Self::Inconsistent(error.to_string())
    }
}

/// How much of the machine a load may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// All of it: nothing serves yet.
    Whole,
    /// What requests leave of one processor; or a share of it, should they leave nothing.
    Spare,
    /// A share of one processor.
    Share,
}

impl Snapshot {
    /// Fetches, verifies and lays out one publication. Beside the result, as many files are in memory at a time as there
    /// are threads; and neighbours twice while their parts are joined, where there are several. What is known of users is
    /// shared with the version `before`, where it is the same.
    ///
    /// # Errors
    /// When a file does not open, or the tables contradict each other.
    pub fn load(
        store: &dyn Store,
        sequence: u64,
        haste: Haste,
        before: Option<&Self>,
    ) -> Result<Self, LoadError> {
        at_least_with_a_share(haste, sequence, |haste| {
            let pool = haste.pool()?;
            let loaded = pool.install(|| Self::load_here(store, sequence, haste, before));
            // The threads end, but nobody knows when.
            pool.broadcast(|_| give_back());
            loaded
        })
    }

    fn load_here(
        store: &dyn Store,
        sequence: u64,
        haste: Haste,
        before: Option<&Self>,
    ) -> Result<Self, LoadError> {
        let pace = Pace::of(haste);
        let manifest = read_manifest(store, sequence)?;
        let weight = rating_weight(&manifest.measure)?;
        let mut read = ReadItems::default();
        for entry in &manifest.parts.items {
            read_items(&Part::fetch(store, entry)?, &mut read)?;
        }
        let ReadItems { items, rating_counts, genres } = read;
        let numbers: HashMap<Box<str>, u32> =
            items.iter().map(|item| item.id.clone()).zip(0..).collect();
        // After a rollback the profiles are newer than the items. What they say of items that the older version does
        // not know stays in the store and counts again from the next run on, as with a ledger's entries.
        let unknown_items = match manifest.rollback_of {
            Some(_) => UnknownItems::LeftOut,
            None => UnknownItems::Refused,
        };
        let numbering = before.map_or_else(
            || ItemNumbering::new(items.len()),
            |before| {
                let ids = items.iter().map(|item| &*item.id);
                before.profiles.numbering().after(&before.numbers, ids)
            },
        );
        let before = before.map(|before| &before.profiles);
        let profiles = || {
            let parts = &manifest.parts.profiles;
            let read = |entry| {
                let part = pace.fetch(store, entry)?;
                let chunk = ChunkBuilder::new(&numbering, before);
                read_profiles(&part, &numbers, unknown_items, &pace, chunk)
            };
            parts.par_iter().map(read).collect::<Result<Vec<Chunk>, LoadError>>()
        };
        let model = || {
            let parts = &manifest.parts.neighbours;
            let read = |entry| read_neighbours(&pace.fetch(store, entry)?, &numbers, &pace);
            let parts: Vec<_> = parts.par_iter().map(read).collect::<Result<_, LoadError>>()?;
            let neighbours = join_neighbours(parts, items.len())?;
            Ok::<_, LoadError>(Model::new(neighbours, &rating_counts)?.weighing(weight))
        };
        let (model, chunks) = if haste == Haste::Whole {
            let (model, chunks) = rayon::join(model, profiles);
            (model?, chunks?)
        } else {
            // The model first: while its neighbours are in memory twice there are no profiles beside them, which take the most.
            (model()?, profiles()?)
        };
        let profiles = Profiles::join(chunks, numbering).ok_or_else(|| out_of_order("profiles"))?;
        let candidates = KeptCandidates::none_yet(&profiles);
        let loaded_at = Utc::now();
        Ok(Self { manifest, loaded_at, model, items, numbers, genres, profiles, candidates })
    }
}

/// Loads, and once more with a share of the processors where they had nothing to spare.
fn at_least_with_a_share<T>(
    haste: Haste,
    sequence: u64,
    load: impl Fn(Haste) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    match load(haste) {
        Err(error) if error.is_starved() => {
            let reason = "the processors had nothing to spare";
            info!(sequence, reason, "loading a version begins again, with a share of them");
            load(Haste::Share)
        }
        loaded => loaded,
    }
}

impl Haste {
    fn pool(self) -> Result<ThreadPool, LoadError> {
        let builder = ThreadPoolBuilder::new().thread_name(|number| format!("load-{number}"));
        let builder = match self {
            Self::Whole => builder,
            Self::Spare => builder.num_threads(1).start_handler(|_| Patience::Much.begin()),
            Self::Share => builder.num_threads(1).start_handler(|_| Patience::Some.begin()),
        };
        builder.build().map_err(|error| LoadError::Threads(error.to_string()))
    }
}

/// When a load rests.
struct Pace(Option<Mutex<Resting>>);

impl Pace {
    /// On the thread that loads, if it is one.
    fn of(haste: Haste) -> Self {
        Self((haste == Haste::Spare).then(|| Mutex::new(Resting::begin())))
    }

    fn resting(&self) -> Option<MutexGuard<'_, Resting>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches a part. How long the store takes says nothing of the processors.
    fn fetch(&self, store: &dyn Store, entry: &PartEntry) -> Result<Part, OpenError> {
        let part = Part::fetch(store, entry);
        self.resting().iter_mut().for_each(|resting| resting.go_on());
        part
    }

    /// To be called between two pieces.
    ///
    /// # Errors
    /// When the thread gets too little to go on.
    fn rest(&self) -> Result<(), TableError> {
        let Some(mut resting) = self.resting() else { return Ok(()) };
        resting.rest_unless_starved().map_err(|Starved| TableError::Stopped)
    }
}

fn out_of_order(table: &str) -> LoadError {
    LoadError::Inconsistent(format!("{table}: its parts are out of order"))
}

fn rating_weight(measure: &Measure) -> Result<RatingWeight, WeightRuleError> {
    let Some(weights) = &measure.rating_weights else { return Ok(RatingWeight::VALUE) };
    let rule = weights.profiles.parse()?;
    Ok(RatingWeight { rule, mean: weights.mean, deviation: weights.deviation })
}

/// Remembers the first problem of a table that is read row by row.
#[derive(Default)]
struct Problem(Option<String>);

impl Problem {
    fn note(&mut self, describe: impl FnOnce() -> String) {
        if self.0.is_none() {
            self.0 = Some(describe());
        }
    }

    fn into_result(self) -> Result<(), LoadError> {
        self.0.map_or(Ok(()), |problem| Err(LoadError::Inconsistent(problem)))
    }
}

#[derive(Default)]
struct ReadItems {
    items: Vec<Item>,
    rating_counts: Vec<u64>,
    /// Numbers of genres, in the order in which they were met.
    genres: HashMap<Box<str>, u32>,
}

fn read_items(part: &Part, read: &mut ReadItems) -> Result<(), LoadError> {
    let mut problem = Problem::default();
    part.read::<tables::Items>(|row| {
        // Numbers stand for the order of identifiers: ties are broken by them.
        let ReadItems { items, rating_counts, genres } = &mut *read;
        if items.last().is_some_and(|last| *last.id >= *row.item_id) {
            problem.note(|| format!("items: {:?} is out of order", row.item_id));
        }
        let number = |genre: &str| match genres.get(genre) {
            Some(&number) => number,
            None => {
                let number = genres.len() as u32;
                genres.insert(genre.into(), number);
                number
            }
        };
        let of_item = row.genres.into_iter().map(number).collect();
        let title = row.title.map(Into::into);
        items.push(Item { id: row.item_id.into(), title, genres: of_item });
        rating_counts.push(u64::try_from(row.rating_count).unwrap_or(0));
    })?;
    problem.into_result()
}

/// A part's neighbours, and how many of them each of its targets has.
#[derive(Default)]
struct ReadNeighbours {
    targets: Vec<(u32, usize)>,
    neighbours: NeighbourList,
}

fn read_neighbours(
    part: &Part,
    numbers: &HashMap<Box<str>, u32>,
    pace: &Pace,
) -> Result<ReadNeighbours, LoadError> {
    let mut read = ReadNeighbours::default();
    let mut problem = Problem::default();
    let (mut targets, mut sources) = (TextLookup::default(), TextLookup::default());
    part.read_columns::<tables::Neighbours>(|rows, columns| {
        pace.rest()?;
        let targets = targets.find(&columns.item_id, |id| numbers.get(id).copied());
        let sources = sources.find(&columns.neighbour_id, |id| numbers.get(id).copied());
        for at in 0..rows {
            let row = columns.row(at);
            let target = targets[columns.item_id.position(at)];
            let source = sources[columns.neighbour_id.position(at)];
            let last = read.targets.last().map(|&(target, _)| target);
            let (true, Some(target), Some(item)) =
                (row.score.is_finite() && target >= last, target, source)
            else {
                problem.note(|| {
                    let (target, source) = (row.item_id, row.neighbour_id);
                    format!("neighbours: {target:?} with {source:?} is unknown or out of order")
                });
                continue;
            };
            if last != Some(target) {
                read.targets.push((target, 0));
            }
            if let Some((_, count)) = read.targets.last_mut() {
                *count += 1;
            }
            let co_count = u32::try_from(row.co_count).unwrap_or(0);
            read.neighbours.push(Neighbour { item, score: row.score, co_count });
        }
        Ok(())
    })?;
    problem.into_result()?;
    Ok(read)
}

fn join_neighbours(parts: Vec<ReadNeighbours>, items: usize) -> Result<Neighbours, LoadError> {
    let mut counts = vec![0; items];
    let mut last = None;
    for &(target, count) in parts.iter().flat_map(|part| &part.targets) {
        if Some(target) < last {
            return Err(out_of_order("neighbours"));
        }
        last = Some(target);
        counts[target as usize] += count;
    }
    let neighbours = NeighbourList::joined(parts.into_iter().map(|part| part.neighbours));
    Ok(Neighbours::from_counts(&counts, neighbours))
}

/// What becomes of profile entries whose items are not in the items table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownItems {
    LeftOut,
    Refused,
}

fn read_profiles(
    part: &Part,
    numbers: &HashMap<Box<str>, u32>,
    unknown_items: UnknownItems,
    pace: &Pace,
    mut chunk: ChunkBuilder<'_>,
) -> Result<Chunk, LoadError> {
    let mut problem = Problem::default();
    let (mut items, mut origins) = (TextLookup::default(), TextLookup::default());
    let mut user: Option<String> = None;
    let mut found = Vec::new();
    part.read_columns::<tables::Profiles>(|rows, columns| {
        pace.rest()?;
        let items = items.find(&columns.item_id, |id| numbers.get(id).copied());
        let origins = origins.find(&columns.order_origin, |name| {
            name.parse().ok().map(|origin| chunk.origin(origin))
        });
        let mut begin = 0;
        while begin < rows {
            // As many as are of this user, and known.
            let place = columns.user_id.position(begin);
            found.clear();
            found.extend((begin..rows).map_while(|at| {
                let item = items[columns.item_id.position(at)]?;
                let origin = origins[columns.order_origin.position(at)]?;
                (columns.user_id.position(at) == place).then_some(Found { item, origin })
            }));
            let end = begin + found.len();
            if end == begin {
                let is_unknown = items[columns.item_id.position(begin)].is_none();
                if !(is_unknown && unknown_items == UnknownItems::LeftOut) {
                    problem.note(|| misplaced(&columns.row(begin)));
                }
                begin += 1;
                continue;
            }
            let user_id = columns.user_id.value(begin);
            if user.as_deref() != Some(user_id) {
                user = Some(user_id.to_owned());
                if !chunk.begin(user_id) {
                    problem.note(|| misplaced(&columns.row(begin)));
                }
            }
            let rows = Rows {
                found: &found,
                rated_at: &columns.rated_at[begin..end],
                micros: &columns.order_micros[begin..end],
                sequences: &columns.order_sequence[begin..end],
            };
            let ratings = (begin..end).map(|at| columns.rating(at));
            if let Err(row) = chunk.extend(rows, ratings) {
                problem.note(|| misplaced(&columns.row(begin + row)));
            }
            begin = end;
        }
        Ok(())
    })?;
    problem.into_result()?;
    Ok(chunk.finish())
}

fn misplaced(row: &tables::ProfileRow<'_>) -> String {
    let tables::ProfileRow { user_id, item_id, order_origin, .. } = row;
    format!("profiles: {user_id:?} with {item_id:?} of {order_origin:?} is unknown or out of order")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use akin_recommender::rating_weight::WeightRule;
    use akin_schemas::ObjectKey;

    use super::*;

    fn measure(weights: &str) -> Result<Measure, serde_json::Error> {
        let text = format!(
            r#"{{"name": "cosine", "parameters": {{}}, "cut": "target", "top_k": 1{weights}}}"#
        );
        serde_json::from_str(&text)
    }

    #[test]
    fn ratings_weigh_what_the_manifest_says_and_their_value_when_it_says_nothing()
    -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(rating_weight(&measure("")?)?, RatingWeight::VALUE);
        let weights = |profiles| {
            let rest = r#""similarities": "value", "mean": 3.5, "deviation": 1"#;
            measure(&format!(r#", "rating_weights": {{"profiles": "{profiles}", {rest}}}"#))
        };
        let expected = RatingWeight { rule: WeightRule::Relative(2.0), mean: 3.5, deviation: 1.0 };
        assert_eq!(rating_weight(&weights("relative:2")?)?, expected);
        let refused = rating_weight(&weights("vibes")?).map_err(LoadError::from);
        assert!(
            matches!(refused, Err(error) if error.to_string().ends_with("upgrade this program"))
        );
        Ok(())
    }

    #[test]
    fn a_load_that_was_given_up_begins_again_with_a_share() {
        let stopped = |haste| match haste {
            Haste::Spare => {
                let (key, source) = (ObjectKey::manifest(1), TableError::Stopped);
                Err(LoadError::Open(OpenError::Table { key, source }))
            }
            _ => Ok(()),
        };
        let broken = |_| Err(LoadError::Inconsistent("as it is".to_owned()));
        let hastes = |load: &dyn Fn(Haste) -> Result<(), LoadError>| {
            let asked = RefCell::new(Vec::new());
            let loaded = at_least_with_a_share(Haste::Spare, 1, |haste| {
                asked.borrow_mut().push(haste);
                load(haste)
            });
            (loaded.is_ok(), asked.into_inner())
        };
        assert_eq!(hastes(&stopped), (true, vec![Haste::Spare, Haste::Share]));
        assert_eq!(hastes(&broken), (false, vec![Haste::Spare]));
    }
}
