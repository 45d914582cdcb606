//! Which items a client's options let through.

use std::collections::HashSet;

use akin_schemas::ItemId;
use akin_schemas::http::Options;

use super::Snapshot;

/// Options in a version's numbers.
pub struct Filter<'a> {
    snapshot: &'a Snapshot,
    exclude: HashSet<u32>,
    /// None when every item may be recommended; what the version does not know cannot be.
    only: Option<HashSet<u32>>,
    genres: Option<HashSet<u32>>,
    exclude_genres: HashSet<u32>,
}

impl<'a> Filter<'a> {
    /// None when the options let every item through.
    pub fn new(snapshot: &'a Snapshot, options: &Options) -> Option<Self> {
        let Options { exclude, only, genres, exclude_genres, .. } = options;
        if exclude.is_empty() && only.is_empty() && genres.is_empty() && exclude_genres.is_empty() {
            return None;
        }
        let items = |ids: &[ItemId]| ids.iter().filter_map(|id| snapshot.number(id)).collect();
        let names = |names: &[String]| {
            names.iter().flat_map(|name| snapshot.genres.of(name)).copied().collect()
        };
        Some(Self {
            snapshot,
            exclude: items(exclude),
            only: (!only.is_empty()).then(|| items(only)),
            genres: (!genres.is_empty()).then(|| names(genres)),
            exclude_genres: names(exclude_genres),
        })
    }

    /// Whether an item may be recommended.
    pub fn allows(&self, item: u32) -> bool {
        let has_any = |wanted: &HashSet<u32>| {
            self.snapshot.item(item).genres.iter().any(|genre| wanted.contains(genre))
        };
        !self.exclude.contains(&item)
            && self.only.as_ref().is_none_or(|only| only.contains(&item))
            && self.genres.as_ref().is_none_or(has_any)
            && !has_any(&self.exclude_genres)
    }
}
