//! The catalogue: titles and genres of items, rated or not.

mod overlap;
mod text;

#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use tracing::warn;

use super::error::IngestError;
use super::rejects::{Reason, Rejects};

pub use overlap::Overlap;
pub(super) use text::{genres_of, read as read_text};

/// What is known of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueItem {
    /// Its title; empty where it has none.
    pub title: String,
    /// Its genres, in the order of the file.
    pub genres: Vec<String>,
}

/// What a catalogue's row says of its item. What it leaves empty it does not say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) title: String,
    pub(super) genres: Option<Vec<String>>,
}

#[derive(Debug)]
struct Known {
    said: Said,
    /// Whether an earlier version added what it knows, so that still older ones add nothing.
    is_settled: bool,
}

/// A catalogue as it was read: items by id, and what earlier versions knew of them and of others.
#[derive(Debug)]
pub struct CatalogueFile {
    items: IndexMap<String, Known>,
    /// How many of the items, from the first on, are from files.
    given: usize,
    /// Rows that could not be used.
    rejects: Rejects,
    /// Rows, those among them.
    read: u64,
    /// Rows that a later one for the same item replaced.
    pub replaced: u64,
    bytes: u64,
    max_memory: u64,
}

/// The catalogue in the order of [`Ratings::items`](super::Ratings::items).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// For each item what is known of it; none where nobody named it.
    pub items: Vec<Option<CatalogueItem>>,
    /// Rows that could not be used.
    pub skipped: u64,
    /// Rows that a later one for the same item replaced.
    pub replaced: u64,
}

/// What an item costs beside its texts, rounded up.
const OVERHEAD: u64 = 256;
/// What a genre costs beside its text.
const GENRE: u64 = 48;

impl Default for CatalogueFile {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl CatalogueFile {
    /// An empty one, which takes at most `max_memory` bytes.
    pub fn new(max_memory: u64) -> Self {
        Self {
            items: IndexMap::new(),
            given: 0,
            rejects: Rejects::default(),
            read: 0,
            replaced: 0,
            bytes: 0,
            max_memory,
        }
    }

    /// Takes a row of a file in. `shown` is the row for a person to look at.
    pub(super) fn take(
        &mut self,
        file: &str,
        line: u64,
        row: Result<(String, Said), Reason>,
        shown: impl FnOnce() -> String,
    ) -> Result<(), IngestError> {
        self.read += 1;
        match row {
            Ok((id, said)) => {
                self.make_room(&id, &said)?;
                let known = Known { said, is_settled: false };
                self.replaced += u64::from(self.items.insert(id, known).is_some());
                self.given = self.items.len();
            }
            Err(reason) => {
                let text = shown();
                if self.rejects.total() == 0 {
                    warn!(file, line, %reason, text, "first catalogue row that is skipped");
                }
                self.rejects.add(file, line, reason, || text);
            }
        }
        Ok(())
    }

    /// Checks that so many bytes can be used beside what is held.
    pub(super) fn check_room_for(&self, bytes: u64) -> Result<(), IngestError> {
        let needed = self.bytes.saturating_add(bytes);
        if needed <= self.max_memory {
            return Ok(());
        }
        Err(IngestError::TooLarge { needed, limit: self.max_memory })
    }

    fn make_room(&mut self, id: &str, said: &Said) -> Result<(), IngestError> {
        let genres = said.genres.iter().flatten();
        let genres: u64 = genres.map(|genre| genre.len() as u64 + GENRE).sum();
        self.bytes += OVERHEAD + (2 * id.len() + said.title.len()) as u64 + genres;
        self.check_room_for(0)
    }

    /// Makes sure that few of the rows could not be used, once all are taken in.
    pub(super) fn check(&self, max_reject_share: f64) -> Result<(), IngestError> {
        let (read, skipped, replaced) = (self.read, self.skipped(), self.replaced);
        if skipped + replaced > 0 {
            warn!(read, skipped, replaced, "catalogue rows were skipped or replaced");
        }
        self.rejects.check(read, max_reject_share)
    }

    /// Rows that could not be used.
    pub fn skipped(&self) -> u64 {
        self.rejects.total()
    }

    /// Adds what a version says of an item, and the item if it is not there. Versions are to be asked from the newest to
    /// the oldest: what the catalogue says stands, then what the newest version says that knows anything of the item.
    ///
    /// # Errors
    /// When memory does not suffice.
    pub fn keep(
        &mut self,
        id: &str,
        title: Option<&str>,
        genres: &[&str],
    ) -> Result<(), IngestError> {
        let title = title.unwrap_or_default();
        let is_settled = !title.is_empty() || !genres.is_empty();
        let known = self.items.get(id);
        if known.is_some_and(|known| known.is_settled || !is_settled) {
            return Ok(());
        }
        let genres = || genres.iter().map(|genre| (*genre).to_owned()).collect();
        let Some(Known { said, .. }) = known else {
            let said = Said { title: title.to_owned(), genres: is_settled.then(genres) };
            self.make_room(id, &said)?;
            self.items.insert(id.to_owned(), Known { said, is_settled });
            return Ok(());
        };
        let more = Said {
            title: if said.title.is_empty() { title.to_owned() } else { String::new() },
            genres: said.genres.is_none().then(genres),
        };
        self.make_room(id, &more)?;
        if let Some(known) = self.items.get_mut(id) {
            known.is_settled = true;
            if !more.title.is_empty() {
                known.said.title = more.title;
            }
            known.said.genres = more.genres.or(known.said.genres.take());
        }
        Ok(())
    }

    /// How many items it holds.
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// How many of its items have a title.
    pub fn title_count(&self) -> u64 {
        self.items.values().filter(|known| !known.said.title.is_empty()).count() as u64
    }

    /// The ids of its items.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(String::as_str)
    }

    /// The ids of the items that files gave, in their order.
    pub(super) fn given(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.keys().take(self.given).map(String::as_str)
    }

    /// Puts the catalogue into the order of `ids`.
    pub(super) fn aligned_with(mut self, ids: &[String]) -> Catalogue {
        let (skipped, replaced) = (self.skipped(), self.replaced);
        let known = |id| {
            let Said { title, genres } = self.items.swap_remove(id)?.said;
            Some(CatalogueItem { title, genres: genres.unwrap_or_default() })
        };
        let items = ids.iter().map(known).collect();
        Catalogue { items, skipped, replaced }
    }
}
