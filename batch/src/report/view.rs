//! Everything that a report is made from.

use std::collections::{BTreeMap, BTreeSet};

use akin_schemas::Manifest;
use akin_store::{Store, published_sequences, read_manifest};

use crate::failure::{Failure, chain};

use super::change::{Change, LISTED};
use super::observed::Observed;
use super::rejects::{RejectedAt, rejected};
use super::tables::{Ids, Tables, each_item};

/// Versions whose metrics stand beside each other.
const VERSIONS: usize = 10;

/// A version, and what it is compared with.
pub struct View {
    /// The version.
    pub manifest: Manifest,
    /// It and those before it that can be read, newest first.
    pub versions: Vec<Manifest>,
    /// Its items and neighbours.
    pub tables: Tables,
    /// Items that had titles in the version before; none without one that can be read.
    pub titled_before: Option<u64>,
    /// What changed since that.
    pub change: Option<Change>,
    /// Why that cannot be told, where there is a version before.
    pub incomparable: Option<String>,
    /// The most rated items.
    pub most_rated: Vec<u32>,
    /// The first records that were rejected.
    pub rejects: Vec<RejectedAt>,
    /// What only the run knew.
    pub observed: Observed,
    /// What the items that are named are called.
    names: BTreeMap<u32, String>,
}

impl View {
    /// Reads a publication and the one before it.
    ///
    /// # Errors
    /// When its own manifest or tables cannot be read, or the store fails.
    pub fn read(store: &dyn Store, sequence: u64, observed: Observed) -> Result<Self, Failure> {
        let manifest = read_manifest(store, sequence)?;
        let older = published_sequences(store, None)?.into_iter().rev().filter(|&n| n < sequence);
        let older = older.filter_map(|number| read_manifest(store, number).ok());
        let versions: Vec<_> =
            std::iter::once(manifest.clone()).chain(older).take(VERSIONS).collect();
        let mut ids = Ids::default();
        let tables = Tables::read(store, &manifest, &mut ids)?;
        let before = versions.get(1).map(|before| Tables::read(store, before, &mut ids));
        let (before, incomparable) = match before.transpose() {
            Ok(before) => (before, None),
            Err(error) => (None, Some(chain(&error))),
        };
        let change = before.as_ref().map(|before| Change::of(before, &tables));
        let mut view = Self {
            titled_before: before.as_ref().map(Tables::titled),
            most_rated: most_rated(&tables),
            rejects: rejected(store, &manifest.version)?,
            names: BTreeMap::new(),
            manifest,
            versions,
            change,
            incomparable,
            tables,
            observed,
        };
        view.name(store, &ids)?;
        Ok(view)
    }

    /// The version before.
    pub fn before(&self) -> Option<&Manifest> {
        self.versions.get(1)
    }

    /// What an item is called: its title, or else its id.
    pub fn title(&self, item: u32) -> &str {
        self.names.get(&item).map_or("", String::as_str)
    }

    /// Looks up what is named, because the titles of all would take more room than all else.
    fn name(&mut self, store: &dyn Store, ids: &Ids) -> Result<(), Failure> {
        let changed = self.change.iter().flat_map(Change::named);
        let named: BTreeSet<u32> = changed.chain(self.most_rated.iter().copied()).collect();
        self.names = named.iter().map(|number| (*number, ids.id(*number).to_owned())).collect();
        let numbers: BTreeMap<&str, u32> =
            named.iter().map(|number| (ids.id(*number), *number)).collect();
        // What is gone has its title from the version before.
        let compared = if self.change.is_some() { 2 } else { 1 };
        for manifest in self.versions.iter().take(compared).rev() {
            each_item(store, &manifest.parts.items, |row| {
                if let (Some(number), Some(title)) = (numbers.get(row.item_id), row.title) {
                    self.names.insert(*number, title.to_owned());
                }
            })?;
        }
        Ok(())
    }
}

fn most_rated(tables: &Tables) -> Vec<u32> {
    let mut rated: Vec<(u64, u32)> = tables
        .present()
        .filter(|(_, item)| item.ratings > 0)
        .map(|(number, item)| (item.ratings, number))
        .collect();
    rated.sort_unstable_by_key(|(ratings, number)| (std::cmp::Reverse(*ratings), *number));
    rated.into_iter().take(LISTED / 2).map(|(_, number)| number).collect()
}
