//! From verified parts to a snapshot.

use std::collections::HashMap;

use akin_recommender::profile::{Entry, OrderKey};
use akin_recommender::rating_weight::{RatingWeight, WeightRuleError};
use akin_recommender::scoring::{Model, ModelError};
use akin_recommender::similarity::{Neighbour, Neighbours};
use akin_schemas::{Measure, tables};
use akin_store::{OpenError, OpenedVersion, Part, Store, open_version};
use chrono::Utc;
use thiserror::Error;

use super::profiles::Profiles;
use super::{Item, Snapshot};

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
    /// Fetches, verifies and lays out one publication.
    ///
    /// # Errors
    /// When a file does not open, or the tables contradict each other.
    pub fn load(store: &dyn Store, sequence: u64) -> Result<Self, LoadError> {
        let OpenedVersion { manifest, neighbours, items, profiles } =
            open_version(store, sequence)?;
        let ReadItems { items, rating_counts, genres } = read_items(&items)?;
        let numbers: HashMap<Box<str>, u32> =
            items.iter().map(|item| item.id.clone()).zip(0..).collect();
        let neighbours = read_neighbours(&neighbours, &items, &numbers)?;
        let weight = rating_weight(&manifest.measure)?;
        let model = Model::new(neighbours, &rating_counts)?.weighing(weight);
        // After a rollback the profiles are newer than the items. What they say of items that the older version does
        // not know stays in the store and counts again from the next run on, as with a ledger's entries.
        let unknown_items = match manifest.rollback_of {
            Some(_) => UnknownItems::LeftOut,
            None => UnknownItems::Refused,
        };
        let profiles = read_profiles(&profiles, &numbers, unknown_items)?;
        Ok(Self { manifest, loaded_at: Utc::now(), model, items, numbers, genres, profiles })
    }
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

fn read_items(parts: &[Part]) -> Result<ReadItems, LoadError> {
    let mut read = ReadItems::default();
    let mut problem = Problem::default();
    for part in parts {
        part.read::<tables::Items>(|row| {
            // Numbers stand for the order of identifiers: ties are broken by them.
            let ReadItems { items, rating_counts, genres } = &mut read;
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
    }
    problem.into_result()?;
    Ok(read)
}

fn read_neighbours(
    parts: &[Part],
    items: &[Item],
    numbers: &HashMap<Box<str>, u32>,
) -> Result<Neighbours, LoadError> {
    let mut rows: Vec<Vec<Neighbour>> = vec![Vec::new(); items.len()];
    let mut problem = Problem::default();
    let mut current = 0;
    for part in parts {
        part.read::<tables::Neighbours>(|row| {
            // Rows come by target, so that the same one is the likely one.
            while current < items.len() && *items[current].id < *row.item_id {
                current += 1;
            }
            let is_target = items.get(current).is_some_and(|item| *item.id == *row.item_id);
            match numbers.get(row.neighbour_id) {
                Some(&item) if is_target && row.score.is_finite() => {
                    let co_count = u32::try_from(row.co_count).unwrap_or(0);
                    rows[current].push(Neighbour { item, score: row.score, co_count });
                }
                _ => problem.note(|| {
                    let (target, source) = (row.item_id, row.neighbour_id);
                    format!("neighbours: {target:?} with {source:?} is unknown or out of order")
                }),
            }
        })?;
    }
    problem.into_result()?;
    Ok(Neighbours::from_rows(rows))
}

/// What becomes of profile entries whose items are not in the items table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownItems {
    LeftOut,
    Refused,
}

fn read_profiles(
    parts: &[Part],
    numbers: &HashMap<Box<str>, u32>,
    unknown_items: UnknownItems,
) -> Result<Profiles, LoadError> {
    let mut profiles = Profiles::default();
    let mut problem = Problem::default();
    for part in parts {
        part.read::<tables::Profiles>(|row| {
            let number = numbers.get(row.item_id);
            if number.is_none() && unknown_items == UnknownItems::LeftOut {
                return;
            }
            let pushed =
                number.zip(row.order_origin.parse().ok()).is_some_and(|(&item, origin)| {
                    let (micros, sequence) = (row.order_micros, row.order_sequence);
                    let order = OrderKey { micros, origin, sequence };
                    let entry = Entry { rating: row.rating, rated_at: row.rated_at, order };
                    profiles.push(row.user_id, item, &entry)
                });
            if !pushed {
                let (user, item, origin) = (row.user_id, row.item_id, row.order_origin);
                problem.note(|| {
                    format!(
                        "profiles: {user:?} with {item:?} of {origin:?} is unknown or out of order"
                    )
                });
            }
        })?;
    }
    problem.into_result()?;
    Ok(profiles)
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
