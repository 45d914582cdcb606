//! What the tables of a version say of its items, read as streams and kept in few bytes an item.

use akin_schemas::tables::{ItemRow, Items, Neighbours, TextLookup};
use akin_schemas::{Manifest, PartEntry};
use akin_store::{OpenError, Part, Store};
use indexmap::IndexSet;

use super::ValueCounts;

/// The neighbours of an item that are compared with those before: those that matter most.
pub const NEAREST: usize = 10;
/// Stands for no item.
pub const NOBODY: u32 = u32::MAX;
/// The ranks whose similarities are shown, as far as a version has them.
const RANKS: [u32; 22] =
    [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500, 700, 1_000, 2_000];

/// The numbers of items, the same for all versions that are compared.
#[derive(Default)]
pub struct Ids(IndexSet<Box<str>, foldhash::fast::RandomState>);

impl Ids {
    fn number(&mut self, id: &str) -> u32 {
        let known = self.0.get_index_of(id);
        let number = known.unwrap_or_else(|| self.0.insert_full(id.into()).0);
        u32::try_from(number).unwrap_or(NOBODY)
    }

    /// The id of an item.
    pub fn id(&self, number: u32) -> &str {
        self.0.get_index(number as usize).map_or("", |id| id)
    }
}

/// One item of a version.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Whether the version has it.
    pub is_there: bool,
    /// Whether it has a title.
    pub is_titled: bool,
    /// Users who rated it.
    pub ratings: u64,
    /// Neighbours with a score above 0.
    pub neighbours: u32,
    /// The nearest of them, nearest first, then [`NOBODY`].
    pub nearest: [u32; NEAREST],
}

impl Item {
    const NONE: Self = Self {
        is_there: false,
        is_titled: false,
        ratings: 0,
        neighbours: 0,
        nearest: [NOBODY; NEAREST],
    };
}

/// The items of a version, by number, and how similar their neighbours are.
pub struct Tables {
    /// By number; versions that were read before this one may have had more.
    pub items: Vec<Item>,
    /// Some ranks, ascending, and the similarities of all items' neighbours of that rank.
    pub similarities: Vec<(u32, ValueCounts)>,
}

impl Tables {
    /// Reads a version's items and neighbours.
    ///
    /// # Errors
    /// When a file is gone or damaged.
    pub fn read(store: &dyn Store, manifest: &Manifest, ids: &mut Ids) -> Result<Self, OpenError> {
        let mut tables = Self { items: Vec::new(), similarities: Vec::new() };
        tables.similarities.extend(RANKS.map(|rank| (rank, ValueCounts::default())));
        each_item(store, &manifest.parts.items, |row| {
            let item = tables.item(ids.number(row.item_id));
            item.is_there = true;
            item.is_titled = row.title.is_some();
            item.ratings = row.rating_count.unsigned_abs();
        })?;
        let (mut targets, mut sources) = (TextLookup::default(), TextLookup::default());
        for entry in &manifest.parts.neighbours {
            Part::fetch(store, entry)?.read_columns::<Neighbours>(|rows, columns| {
                let targets = targets.find(&columns.item_id, |id| ids.number(id));
                let sources = sources.find(&columns.neighbour_id, |id| ids.number(id));
                for at in 0..rows {
                    let row = columns.row(at);
                    let target = targets[columns.item_id.position(at)];
                    let source = sources[columns.neighbour_id.position(at)];
                    tables.neighbour(target, source, row.rank, row.score);
                }
                Ok(())
            })?;
        }
        tables.similarities.retain(|(_, counts)| !counts.is_empty());
        Ok(tables)
    }

    fn item(&mut self, number: u32) -> &mut Item {
        let at = number as usize;
        if at >= self.items.len() {
            self.items.resize(at + 1, Item::NONE);
        }
        &mut self.items[at]
    }

    fn neighbour(&mut self, target: u32, source: u32, rank: i32, score: f32) {
        let shown = RANKS.binary_search_by_key(&i64::from(rank), |rank| i64::from(*rank));
        if let Ok(at) = shown {
            self.similarities[at].1.add(score);
        }
        // Rows come by rank, and what speaks against an item is not near it.
        if score > 0.0 {
            let item = self.item(target);
            if let Some(place) = item.nearest.get_mut(item.neighbours as usize) {
                *place = source;
            }
            item.neighbours += 1;
        }
    }

    /// The items that the version has, with their numbers.
    pub fn present(&self) -> impl Iterator<Item = (u32, &Item)> {
        (0..).zip(&self.items).filter(|(_, item)| item.is_there)
    }

    /// The item with this number, if the version has it.
    pub fn get(&self, number: u32) -> Option<&Item> {
        self.items.get(number as usize).filter(|item| item.is_there)
    }

    /// Items that have a title.
    pub fn titled(&self) -> u64 {
        self.present().filter(|(_, item)| item.is_titled).count() as u64
    }
}

/// Hands every row of items to `visit`.
///
/// # Errors
/// When a file is gone or damaged.
pub fn each_item(
    store: &dyn Store,
    entries: &[PartEntry],
    mut visit: impl FnMut(&ItemRow<'_>),
) -> Result<(), OpenError> {
    entries.iter().try_for_each(|entry| Part::fetch(store, entry)?.read::<Items>(|row| visit(&row)))
}
