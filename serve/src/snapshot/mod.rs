//! The published version in memory, and how a newer one takes its place.

mod filter;
mod live;
mod load;
mod profiles;

pub use filter::Filter;
pub use live::Live;

use std::collections::HashMap;

use akin_recommender::profile::Profile;
use akin_recommender::scoring::Model;
use akin_schemas::{ItemId, Manifest};
use chrono::{DateTime, Utc};

use profiles::Profiles;

/// An item as the server knows it.
#[derive(Debug)]
pub struct Item {
    /// Its identifier.
    pub id: Box<str>,
    /// Its title, when the catalogue has one.
    pub title: Option<Box<str>>,
    /// The numbers of its genres.
    pub genres: Box<[u32]>,
}

/// One version, ready to serve. Immutable.
pub struct Snapshot {
    /// What it consists of.
    pub manifest: Manifest,
    /// When it was loaded.
    pub loaded_at: DateTime<Utc>,
    /// Its similarities.
    pub model: Model,
    items: Vec<Item>,
    numbers: HashMap<Box<str>, u32>,
    genres: HashMap<Box<str>, u32>,
    profiles: Profiles,
}

impl Snapshot {
    /// An item's number.
    pub fn number(&self, item_id: &str) -> Option<u32> {
        self.numbers.get(item_id).copied()
    }

    /// An item by its number.
    pub fn item(&self, number: u32) -> &Item {
        &self.items[number as usize]
    }

    /// An item's title by its number.
    pub fn title(&self, number: u32) -> Option<String> {
        self.item(number).title.as_deref().map(str::to_owned)
    }

    /// What is known of a user: the version's entries, and the ledger's, whichever are later. Items that the version
    /// does not know have no number and are left out; they count from the next version on.
    pub fn profile(&self, user: &str, ledger: &Profile<ItemId>) -> Profile<u32> {
        let mut profile = self.profiles.profile(user);
        for (item, entry) in ledger.entries() {
            if let Some(number) = self.number(item) {
                profile.apply(number, *entry);
            }
        }
        profile
    }

    /// The same by item ids, and with the items that the version does not know.
    pub fn profile_by_id(&self, user: &str, ledger: &Profile<ItemId>) -> Profile<ItemId> {
        let mut profile = ledger.clone();
        for (number, entry) in self.profiles.profile(user).entries() {
            // Ids were checked when the version was loaded.
            if let Ok(item) = ItemId::try_from(&*self.item(*number).id) {
                profile.apply(item, *entry);
            }
        }
        profile
    }
}
