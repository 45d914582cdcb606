//! Writing the tables of a version as parts.

use std::ops::Range;

use akin_recommender::similarity::Neighbours as NeighbourRows;
use akin_schemas::tables::{
    EncodedPart, GroupWriter, ItemRow, Items, NeighbourRow, Neighbours, PartWriter, ProfileRow,
    Profiles, ROW_GROUP_ROWS, Table, TableError, part_of_groups,
};
use akin_schemas::{ObjectKey, PartEntry, VersionName};
use akin_store::Publication;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::failure::Failure;
use crate::ingest::Ratings;

use super::item_statistics::ItemStatistics;

/// Rows of a part: some 10 to 20 megabytes, so that an upload can be tried again, and that servers, which have a part for
/// each processor in memory while they load a version, need little more than the version takes.
const PART_ROWS: usize = 1 << 20;
/// Rows that are unpacked at once.
const UNPACKED_ROWS: usize = 1 << 14;

/// Where a finished part goes: its number within the table, and the part. Several threads put parts away.
pub type Put<'a> = dyn Fn(usize, EncodedPart) -> Result<PartEntry, Failure> + Sync + 'a;

/// Adds the rows with these numbers to a row group.
type PushRows<'a, T> =
    dyn Fn(Range<usize>, &mut GroupWriter<T>) -> Result<(), TableError> + Sync + 'a;

/// A table whose rows can be asked for in any order.
struct Source<'a, T: Table> {
    rows: usize,
    push: &'a PushRows<'a, T>,
}

impl<T: Table> Source<'_, T> {
    /// Encodes row groups on the current rayon pool, and puts away each part as soon as it is whole: the parts, and their
    /// bytes, are those that a [`TableSink`] makes.
    fn put(&self, put: &Put<'_>, step: &(dyn Fn() + Sync)) -> Result<Vec<PartEntry>, Failure> {
        let parts = self.rows.div_ceil(PART_ROWS).max(1);
        let part = |number: usize| {
            let begin = number * PART_ROWS;
            let end = self.rows.min(begin + PART_ROWS);
            let groups: Vec<usize> = (begin..end).step_by(ROW_GROUP_ROWS).collect();
            let group = |begin: usize| {
                let mut writer = GroupWriter::new()?;
                (self.push)(begin..end.min(begin + ROW_GROUP_ROWS), &mut writer)?;
                let encoded = writer.finish();
                step();
                encoded
            };
            let groups: Result<Vec<_>, TableError> = groups.into_par_iter().map(group).collect();
            let part = groups.and_then(part_of_groups::<T>).map_err(internal)?;
            put(number, part)
        };
        (0..parts).into_par_iter().map(part).collect()
    }
}

/// How many steps writing a table of so many rows takes.
pub fn steps(rows: usize) -> u64 {
    rows.div_ceil(ROW_GROUP_ROWS) as u64
}

/// Splits a table into parts and puts each one away as it gets full. There is at least one, so that a reader of an empty
/// table still finds its columns. Where a part ends depends on the rows alone.
pub struct TableSink<'a, T: Table> {
    put: &'a Put<'a>,
    writer: PartWriter<T>,
    parts: Vec<PartEntry>,
}

impl<'a, T: Table> TableSink<'a, T> {
    /// Starts a table.
    ///
    /// # Errors
    /// When the Parquet writer refuses the table's schema.
    pub fn new(put: &'a Put<'a>) -> Result<Self, Failure> {
        Ok(Self { put, writer: PartWriter::new().map_err(internal)?, parts: Vec::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a full part cannot be put away.
    pub fn push(&mut self, row: &T::Row<'_>) -> Result<(), Failure> {
        if self.writer.rows() == PART_ROWS as u64 {
            let full = std::mem::replace(&mut self.writer, PartWriter::new().map_err(internal)?);
            self.store(full)?;
        }
        self.writer.push(row).map_err(internal)
    }

    fn store(&mut self, writer: PartWriter<T>) -> Result<(), Failure> {
        let part = writer.finish().map_err(internal)?;
        self.parts.push((self.put)(self.parts.len(), part)?);
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// When the last part cannot be put away.
    pub fn finish(mut self) -> Result<Vec<PartEntry>, Failure> {
        let last = std::mem::replace(&mut self.writer, PartWriter::new().map_err(internal)?);
        self.store(last)?;
        Ok(self.parts)
    }
}

fn internal(error: TableError) -> Failure {
    Failure::internal(error)
}

/// Puts parts where a publication's tables are.
pub fn into_table<'a>(
    publication: &'a Publication<'a>,
    key: fn(&VersionName, usize) -> ObjectKey,
) -> impl Fn(usize, EncodedPart) -> Result<PartEntry, Failure> + 'a {
    move |number, part| Ok(publication.put_part(key(publication.version(), number), part)?)
}

/// Writes the neighbours of the targets from item number `first` on. `step` is called after each row group.
///
/// # Errors
/// When a part cannot be put away.
pub fn put_neighbours(
    put: &Put<'_>,
    items: &[String],
    first: usize,
    neighbours: &NeighbourRows,
    step: &(dyn Fn() + Sync),
) -> Result<Vec<PartEntry>, Failure> {
    // By target: the number of its first row.
    let mut rows = 0;
    let starts: Vec<usize> = (0..neighbours.item_count())
        .map(|target| {
            let start = rows;
            rows += neighbours.row(target).len();
            start
        })
        .collect();
    let push = |range: Range<usize>, into: &mut GroupWriter<Neighbours>| {
        let mut target = starts.partition_point(|start| *start <= range.start).saturating_sub(1);
        let mut at = range.start;
        while at < range.end {
            let begin = starts[target];
            let of_target = neighbours.row(target).iter().zip(1..);
            for (neighbour, rank) in of_target.skip(at - begin).take(range.end - at) {
                into.push(&NeighbourRow {
                    item_id: &items[first + target],
                    neighbour_id: &items[neighbour.item as usize],
                    rank,
                    score: neighbour.score,
                    // A user count beyond 2^31 has no users to go with it.
                    co_count: i32::try_from(neighbour.co_count).unwrap_or(i32::MAX),
                })?;
                at += 1;
            }
            target += 1;
        }
        Ok(())
    };
    Source { rows, push: &push }.put(put, step)
}

/// Writes the items. `step` is called after each row group.
///
/// # Errors
/// When a part cannot be put away.
pub fn put_items(
    put: &Put<'_>,
    ratings: &Ratings,
    statistics: &ItemStatistics,
    step: &(dyn Fn() + Sync),
) -> Result<Vec<PartEntry>, Failure> {
    let push = |range: Range<usize>, into: &mut GroupWriter<Items>| {
        for at in range {
            let described = ratings.catalogue.items.get(at).and_then(Option::as_ref);
            let is_rated = statistics.count[at] > 0;
            into.push(&ItemRow {
                item_id: &ratings.items[at],
                title: described.map(|item| item.title.as_str()).filter(|title| !title.is_empty()),
                genres: described
                    .map_or_else(Vec::new, |item| item.genres.iter().map(String::as_str).collect()),
                rating_count: statistics.count[at].cast_signed(),
                rating_mean: is_rated.then(|| statistics.mean[at]),
                rated_between: is_rated.then(|| statistics.rated_between[at]),
            })?;
        }
        Ok(())
    };
    Source { rows: ratings.items.len(), push: &push }.put(put, step)
}

/// Writes the profiles. `step` is called after each row group.
///
/// # Errors
/// When a part cannot be put away.
pub fn put_profiles(
    put: &Put<'_>,
    ratings: &Ratings,
    step: &(dyn Fn() + Sync),
) -> Result<Vec<PartEntry>, Failure> {
    let push = |range: Range<usize>, into: &mut GroupWriter<Profiles>| {
        let mut rows = Vec::with_capacity(2 * UNPACKED_ROWS);
        for begin in range.clone().step_by(UNPACKED_ROWS) {
            rows.clear();
            ratings.rows.unpack(begin..range.end.min(begin + UNPACKED_ROWS), &mut rows);
            for row in &rows {
                into.push(&ProfileRow {
                    user_id: &ratings.users[row.user as usize],
                    item_id: &ratings.items[row.item as usize],
                    rating: row.rating(),
                    rated_at: row.rated_at,
                    order_micros: row.order_micros,
                    order_origin: ratings.origins[usize::from(row.origin)].as_str(),
                    order_sequence: row.sequence,
                })?;
            }
        }
        Ok(())
    };
    Source { rows: ratings.rows.len(), push: &push }.put(put, step)
}
