//! How many of a run's ratings servers accepted.

use std::collections::BTreeMap;

use akin_schemas::Manifest;
use serde::Serialize;

use crate::ingest::Ratings;

use super::base::is_ledger;

/// The ratings of a run that servers accepted, as far as no later entry stands in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FromServers {
    /// All of them.
    pub ratings: u64,
    /// Those that the version before does not contain.
    pub new: u64,
}

impl FromServers {
    /// Counts them, `before` being the version before.
    pub fn of(ratings: &Ratings, before: Option<&Manifest>) -> Self {
        Self::beyond(ratings, before.map(|manifest| &manifest.watermark))
    }

    fn beyond(ratings: &Ratings, contained: Option<&BTreeMap<String, u64>>) -> Self {
        // By origin: the number up to which the version before contains its entries; none for what is no ledger.
        let through: Vec<Option<u64>> = ratings
            .origins
            .iter()
            .map(|origin| {
                let through = || contained.and_then(|map| map.get(origin.as_str())).copied();
                is_ledger(origin.as_str()).then(|| through().unwrap_or(0))
            })
            .collect();
        let mut count = Self { ratings: 0, new: 0 };
        for row in ratings.rows.iter().filter(|row| row.rating().is_some()) {
            if let Some(through) = through.get(usize::from(row.origin)).copied().flatten() {
                count.ratings += 1;
                count.new += u64::from(row.sequence > through);
            }
        }
        count
    }
}
