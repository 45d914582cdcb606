//! The tables' rows, checked and laid out. What contradicts another table is an error that names the first such row.

use std::collections::HashMap;

use akin_recommender::similarity::{Neighbour, NeighbourList, Neighbours};
use akin_schemas::tables;
use akin_schemas::tables::TextLookup;
use akin_store::Part;

use super::super::genres::Genres;
use super::super::items::{Item, Statistics};
use super::super::profiles::{Chunk, ChunkBuilder, Found, Rows};
use super::LoadError;
use super::pace::Pace;

/// That the parts of a table do not follow each other.
pub fn out_of_order(table: &str) -> LoadError {
    LoadError::Inconsistent(format!("{table}: its parts are out of order"))
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
pub struct ReadItems {
    pub items: Vec<Item>,
    /// How many ratings each has.
    pub rating_counts: Vec<u64>,
    pub statistics: Statistics,
    pub genres: Genres,
}

pub fn read_items(part: &Part, read: &mut ReadItems) -> Result<(), LoadError> {
    let mut problem = Problem::default();
    part.read::<tables::Items>(|row| {
        // Numbers stand for the order of identifiers: ties are broken by them.
        let ReadItems { items, rating_counts, statistics, genres } = &mut *read;
        if items.last().is_some_and(|last| *last.id >= *row.item_id) {
            problem.note(|| format!("items: {:?} is out of order", row.item_id));
        }
        statistics.push(&row);
        let of_item = row.genres.into_iter().map(|genre| genres.meet(genre)).collect();
        let title = row.title.map(Into::into);
        items.push(Item { id: row.item_id.into(), title, genres: of_item });
        rating_counts.push(u64::try_from(row.rating_count).unwrap_or(0));
    })?;
    problem.into_result()
}

/// A part's neighbours, and how many of them each of its targets has.
#[derive(Default)]
pub struct ReadNeighbours {
    targets: Vec<(u32, usize)>,
    neighbours: NeighbourList,
}

pub fn read_neighbours(
    part: &Part,
    numbers: &HashMap<Box<str>, u32>,
    pace: &Pace,
) -> Result<ReadNeighbours, LoadError> {
    let mut read = ReadNeighbours::default();
    let mut problem = Problem::default();
    let (mut targets, mut sources) = (TextLookup::default(), TextLookup::default());
    part.read_columns::<tables::Neighbours>(|rows, columns| {
        pace.rest()?;
        let targets = targets.find(&columns.item_id, |id| numbers.get(id).copied());
        let sources = sources.find(&columns.neighbour_id, |id| numbers.get(id).copied());
        for at in 0..rows {
            let row = columns.row(at);
            let target = targets[columns.item_id.position(at)];
            let source = sources[columns.neighbour_id.position(at)];
            let last = read.targets.last().map(|&(target, _)| target);
            let (true, Some(target), Some(item)) =
                (row.score.is_finite() && target >= last, target, source)
            else {
                problem.note(|| {
                    let (target, source) = (row.item_id, row.neighbour_id);
                    format!("neighbours: {target:?} with {source:?} is unknown or out of order")
                });
                continue;
            };
            if last != Some(target) {
                read.targets.push((target, 0));
            }
            if let Some((_, count)) = read.targets.last_mut() {
                *count += 1;
            }
            let co_count = u32::try_from(row.co_count).unwrap_or(0);
            read.neighbours.push(Neighbour { item, score: row.score, co_count });
        }
        Ok(())
    })?;
    problem.into_result()?;
    Ok(read)
}

pub fn join_neighbours(parts: Vec<ReadNeighbours>, items: usize) -> Result<Neighbours, LoadError> {
    let mut counts = vec![0; items];
    let mut last = None;
    for &(target, count) in parts.iter().flat_map(|part| &part.targets) {
        if Some(target) < last {
            return Err(out_of_order("neighbours"));
        }
        last = Some(target);
        counts[target as usize] += count;
    }
    let neighbours = NeighbourList::joined(parts.into_iter().map(|part| part.neighbours));
    Ok(Neighbours::from_counts(&counts, neighbours))
}

/// What becomes of profile entries whose items are not in the items table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnknownItems {
    LeftOut,
    Refused,
}

pub fn read_profiles(
    part: &Part,
    numbers: &HashMap<Box<str>, u32>,
    unknown_items: UnknownItems,
    pace: &Pace,
    mut chunk: ChunkBuilder<'_>,
) -> Result<Chunk, LoadError> {
    let mut problem = Problem::default();
    let (mut items, mut origins) = (TextLookup::default(), TextLookup::default());
    let mut user: Option<String> = None;
    let mut found = Vec::new();
    part.read_columns::<tables::Profiles>(|rows, columns| {
        pace.rest()?;
        let items = items.find(&columns.item_id, |id| numbers.get(id).copied());
        let origins = origins.find(&columns.order_origin, |name| {
            name.parse().ok().map(|origin| chunk.origin(origin))
        });
        let mut begin = 0;
        while begin < rows {
            // As many as are of this user, and known.
            let place = columns.user_id.position(begin);
            found.clear();
            found.extend((begin..rows).map_while(|at| {
                let item = items[columns.item_id.position(at)]?;
                let origin = origins[columns.order_origin.position(at)]?;
                (columns.user_id.position(at) == place).then_some(Found { item, origin })
            }));
            let end = begin + found.len();
            if end == begin {
                let is_unknown = items[columns.item_id.position(begin)].is_none();
                if !(is_unknown && unknown_items == UnknownItems::LeftOut) {
                    problem.note(|| misplaced(&columns.row(begin)));
                }
                begin += 1;
                continue;
            }
            let user_id = columns.user_id.value(begin);
            if user.as_deref() != Some(user_id) {
                user = Some(user_id.to_owned());
                if !chunk.begin(user_id) {
                    problem.note(|| misplaced(&columns.row(begin)));
                }
            }
            let rows = Rows {
                found: &found,
                rated_at: &columns.rated_at[begin..end],
                micros: &columns.order_micros[begin..end],
                sequences: &columns.order_sequence[begin..end],
            };
            let ratings = (begin..end).map(|at| columns.rating(at));
            if let Err(row) = chunk.extend(rows, ratings) {
                problem.note(|| misplaced(&columns.row(begin + row)));
            }
            begin = end;
        }
        Ok(())
    })?;
    problem.into_result()?;
    Ok(chunk.finish())
}

fn misplaced(row: &tables::ProfileRow<'_>) -> String {
    let tables::ProfileRow { user_id, item_id, order_origin, .. } = row;
    format!("profiles: {user_id:?} with {item_id:?} of {order_origin:?} is unknown or out of order")
}
