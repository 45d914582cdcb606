//! The published version in memory, and how a newer one takes its place.

mod candidates;
mod filter;
mod genres;
mod items;
mod last_run;
mod live;
mod load;
mod profiles;
mod titles;

pub use filter::Filter;
pub use items::{Item, ItemStatistics};
pub use live::Live;
pub use load::Haste;

use std::collections::HashMap;
use std::ops::Range;

use akin_recommender::profile::{Entry, Profile};
use akin_recommender::scoring::{Before, Candidates, Model, fetch};
use akin_schemas::http::Options;
use akin_schemas::{ItemId, Manifest};
use chrono::{DateTime, Utc};

use candidates::KeptCandidates;
use genres::Genres;
use items::Statistics;
use profiles::{PackedEntry, PackedProfile, Profiles};
use titles::Titles;

/// Most profiles have no more ratings.
const USUAL_RATINGS: usize = 256;

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
    statistics: Statistics,
    genres: Genres,
    titles: Titles,
    profiles: Profiles,
    candidates: KeptCandidates,
}

/// What is known of a user's ratings.
pub struct KnownRatings<'a> {
    /// By item number.
    pub ratings: Vec<(u32, f32)>,
    /// What the ledger's entries changed.
    changes: Vec<(u32, Option<f32>)>,
    candidates: Option<Candidates<'a>>,
}

impl KnownRatings<'_> {
    /// What is known of the time before the ledger's entries.
    pub fn before(&self) -> Option<Before<'_>> {
        Some(Before { candidates: self.candidates?, changes: &self.changes })
    }
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
    pub fn title(&self, number: u32) -> Option<&str> {
        self.item(number).title.as_deref()
    }

    /// An item's genres, as the catalogue spells them, in its order.
    pub fn genres_of(&self, number: u32) -> impl Iterator<Item = &str> {
        self.item(number).genres.iter().map(|&genre| self.genres.name(genre))
    }

    /// How an item was rated.
    pub fn statistics(&self, number: u32) -> ItemStatistics {
        self.statistics.of(number)
    }

    /// The items whose titles have, for each word of the query, a word that begins with it (whatever the case and the
    /// accents), from one place in the order of popularity to another. An item without a title is found by its id.
    pub fn find(&self, query: &str, places: Range<usize>) -> Vec<u32> {
        self.titles.find(query, places)
    }

    /// All genres, and how many items have each, in the order of their names.
    pub fn genres(&self) -> Vec<(&str, u32)> {
        let mut counts = vec![0; self.genres.len()];
        self.items
            .iter()
            .flat_map(|item| &item.genres)
            .for_each(|&genre| counts[genre as usize] += 1);
        let mut genres: Vec<_> =
            (0..).zip(counts).map(|(genre, count)| (self.genres.name(genre), count)).collect();
        genres.sort_unstable();
        genres
    }

    /// The genres that options name and no item has, each once.
    pub fn unknown_genres(&self, options: &Options) -> Vec<String> {
        let mut unknown: Vec<String> = Vec::new();
        for name in options.genres.iter().chain(&options.exclude_genres) {
            if self.genres.of(name).is_empty() && !unknown.contains(name) {
                unknown.push(name.clone());
            }
        }
        unknown
    }

    /// Has what names some items [fetched](fetch), to be written next.
    pub fn fetch_names(&self, items: impl Iterator<Item = u32>) {
        let first = |text: &str| u32::from(text.as_bytes().first().copied().unwrap_or(0));
        let names = |number: u32| {
            let Item { id, title, .. } = self.item(number);
            first(id) + title.as_deref().map_or(0, first)
        };
        fetch(items.map(names));
    }

    /// What is known of a user, by item: the version's entries and the ledger's, whichever are later. Items that the
    /// version does not know have no number and are left out; they count from the next version on.
    pub fn profile(&self, user: &str, ledger: &Profile<ItemId>) -> Vec<(u32, Entry)> {
        let mut profile = Vec::new();
        let parts: Vec<_> = self.profiles.of(user).map(|(_, part)| part).collect();
        self.visit(&parts, ledger, |item, known| {
            let entry = match known {
                Known::Published(packed) => packed.entry(),
                Known::Newer { entry, .. } => entry,
            };
            profile.push((item, entry));
        });
        profile
    }

    /// The ratings of a user's [`Snapshot::profile`].
    pub fn ratings(&self, user: &str, ledger: &Profile<ItemId>) -> KnownRatings<'_> {
        let mut ratings = Vec::with_capacity(USUAL_RATINGS);
        let mut changes = Vec::new();
        let (places, parts): (Vec<_>, Vec<_>) = self.profiles.of(user).unzip();
        self.visit(&parts, ledger, |item, known| {
            let rating = match known {
                Known::Published(packed) => packed.rating(),
                Known::Newer { entry, instead_of } => {
                    let before = instead_of.and_then(|packed| packed.rating());
                    if before != entry.rating {
                        changes.push((item, before));
                    }
                    entry.rating
                }
            };
            ratings.extend(rating.map(|rating| (item, rating)));
        });
        let candidates = match *places {
            [place] => self.candidates.get(place),
            _ => None,
        };
        KnownRatings { ratings, changes, candidates }
    }

    fn visit<'a>(
        &self,
        parts: &'a [PackedProfile<'a>],
        ledger: &Profile<ItemId>,
        visit: impl FnMut(u32, Known<PackedEntry<'a>>),
    ) {
        let numbered = ledger.entries().filter_map(|(id, entry)| Some((self.number(id)?, *entry)));
        let published = parts.iter().flat_map(PackedProfile::entries);
        merge(published, PackedEntry::entry, numbered, visit);
    }

    /// All that is known of a user, by item id, with the items that the version does not know.
    pub fn profile_by_id(&self, user: &str, ledger: &Profile<ItemId>) -> Profile<ItemId> {
        let mut profile = ledger.clone();
        for (_, part) in self.profiles.of(user) {
            for (number, packed) in part.entries() {
                // Ids were checked when the version was loaded.
                if let Ok(item) = ItemId::try_from(&*self.item(number).id) {
                    profile.apply(item, packed.entry());
                }
            }
        }
        profile
    }
}

/// The entry of an item that stands.
enum Known<P> {
    Published(P),
    /// And what was published of the same item.
    Newer {
        entry: Entry,
        instead_of: Option<P>,
    },
}

/// Two lists of entries, each by item, as one. (Numbers follow the order of ids.) Only those published entries that newer
/// ones stand against are unpacked.
fn merge<P>(
    published: impl Iterator<Item = (u32, P)>,
    unpacked: impl Fn(&P) -> Entry,
    newer: impl Iterator<Item = (u32, Entry)>,
    mut visit: impl FnMut(u32, Known<P>),
) {
    let mut published = published.peekable();
    for (item, entry) in newer {
        while let Some((before, packed)) = published.next_if(|(other, _)| *other < item) {
            visit(before, Known::Published(packed));
        }
        match published.next_if(|(other, _)| *other == item) {
            Some((_, packed)) if !entry.replaces(&unpacked(&packed)) => {
                visit(item, Known::Published(packed));
            }
            other => {
                let instead_of = other.map(|(_, packed)| packed);
                visit(item, Known::Newer { entry, instead_of });
            }
        }
    }
    published.for_each(|(item, packed)| visit(item, Known::Published(packed)));
}

#[cfg(test)]
mod tests {
    use akin_recommender::profile::{OrderKey, Origin};
    use proptest::prelude::*;

    use super::*;

    fn entries(sequence: u64) -> impl Strategy<Value = Vec<(u32, Entry)>> {
        let entry = (0i64..4, proptest::option::of(1u8..10)).prop_map(move |(micros, rating)| {
            let order = OrderKey { micros, origin: Origin::FILES, sequence };
            Entry { rating: rating.map(f32::from), rated_at: micros, order }
        });
        proptest::collection::btree_map(0u32..12, entry, 0..12)
            .prop_map(|entries| entries.into_iter().collect())
    }

    proptest! {
        #[test]
        fn merged_lists_hold_what_the_merged_profiles_do(
            published in entries(1),
            newer in entries(2),
        ) {
            let mut profile: Profile<u32> = published.iter().copied().collect();
            profile.merge(newer.iter().copied().collect());
            let expected: Vec<_> = profile.entries().map(|(&item, &entry)| (item, entry)).collect();
            let mut merged = Vec::new();
            let unpacked = |entry: &Entry| *entry;
            merge(published.into_iter(), unpacked, newer.into_iter(), |item, known| {
                let (Known::Published(entry) | Known::Newer { entry, .. }) = known;
                merged.push((item, entry));
            });
            prop_assert_eq!(merged, expected);
        }
    }
}
