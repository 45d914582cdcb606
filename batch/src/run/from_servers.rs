//! How many of a run's ratings servers accepted.

use std::collections::BTreeMap;

use akin_recommender::profile::Origin;
use serde::Serialize;

use crate::ingest::Row;

use super::base::is_ledger;

/// The ratings of a run that servers accepted, as far as no later entry stands in their place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FromServers {
    /// All of them.
    pub ratings: u64,
    /// Those that the version before does not contain.
    pub new: u64,
}

/// For each origin the number up to which the version before contains its entries; none for what is no ledger.
pub struct Contained(Vec<Option<u64>>);

impl Contained {
    /// Of the origins of some rows, by the version before's watermark.
    pub fn of(origins: &[Origin], before: Option<&BTreeMap<String, u64>>) -> Self {
        let through = origins.iter().map(|origin| {
            let through = || before.and_then(|map| map.get(origin.as_str())).copied();
            is_ledger(origin.as_str()).then(|| through().unwrap_or(0))
        });
        Self(through.collect())
    }

    /// Counts a rating that stands.
    pub fn count(&self, row: &Row, into: &mut FromServers) {
        if let Some(through) = self.0.get(usize::from(row.origin)).copied().flatten() {
            into.ratings += 1;
            into.new += u64::from(row.sequence > through);
        }
    }
}
