//! From verified parts to a snapshot.

mod pace;
mod tables;

use std::collections::HashMap;

use akin_allocator::give_back;
use akin_recommender::rating_weight::{RatingWeight, WeightRuleError};
use akin_recommender::scoring::{Model, ModelError};
use akin_schemas::Measure;
use akin_schemas::tables::TableError;
use akin_store::{ErrorKind, OpenError, Part, Store, read_manifest};
use chrono::Utc;
use rayon::prelude::*;
use thiserror::Error;

use super::Snapshot;
use super::candidates::KeptCandidates;
use super::profiles::{Chunk, ChunkBuilder, ItemNumbering, Profiles};
use super::titles::Titles;
pub use pace::Haste;
use pace::{Pace, at_least_with_a_share};
use tables::{
    ReadItems, UnknownItems, join_neighbours, out_of_order, read_items, read_neighbours,
    read_profiles,
};

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
        let ReadItems { items, rating_counts, statistics, genres } = read;
        let searched = (0..).zip(&rating_counts).zip(&items).map(|((number, &count), item)| {
            (number, count, item.title.as_deref().unwrap_or(&item.id))
        });
        let titles = Titles::new(searched.collect());
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
        let statistics = statistics.finish();
        Ok(Self {
            manifest,
            loaded_at,
            model,
            items,
            numbers,
            statistics,
            genres,
            titles,
            profiles,
            candidates,
        })
    }
}

fn rating_weight(measure: &Measure) -> Result<RatingWeight, WeightRuleError> {
    let Some(weights) = &measure.rating_weights else { return Ok(RatingWeight::VALUE) };
    let rule = weights.profiles.parse()?;
    Ok(RatingWeight { rule, mean: weights.mean, deviation: weights.deviation })
}

#[cfg(test)]
mod tests {
    use akin_recommender::rating_weight::WeightRule;

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
}
