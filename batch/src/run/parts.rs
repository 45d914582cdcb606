//! Writing the tables of a version as parts.

use akin_recommender::similarity::Neighbours as NeighbourRows;
use akin_schemas::tables::{
    EncodedPart, ItemRow, Items, NeighbourRow, Neighbours, PartWriter, ProfileRow, Profiles, Table,
    TableError,
};
use akin_schemas::{ObjectKey, PartEntry, Parts, VersionName};
use akin_store::Publication;

use crate::failure::Failure;
use crate::ingest::Ratings;

use super::item_statistics::ItemStatistics;

/// Rows of a part: some 10 to 20 megabytes, so that an upload can be tried again, and that servers, which have a part for
/// each processor in memory while they load a version, need little more than the version takes.
const PART_ROWS: u64 = 1 << 20;

/// Where a finished part goes: its number within the table, and the part.
pub type Put<'a> = dyn Fn(usize, EncodedPart) -> Result<PartEntry, Failure> + 'a;

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
        if self.writer.rows() == PART_ROWS {
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

/// Stores all tables. `step` is called after each.
///
/// # Errors
/// When the store fails.
pub fn put_all(
    publication: &Publication<'_>,
    ratings: &Ratings,
    statistics: &ItemStatistics,
    neighbours: &NeighbourRows,
    step: &dyn Fn(),
) -> Result<Parts, Failure> {
    let to = |key| into_table(publication, key);
    let neighbours =
        put_neighbours(&to(ObjectKey::neighbours_part), &ratings.items, 0, neighbours)?;
    step();
    let items = put_items(&to(ObjectKey::items_part), ratings, statistics)?;
    step();
    let profiles = put_profiles(&to(ObjectKey::profiles_part), ratings)?;
    step();
    Ok(Parts { neighbours, items, profiles })
}

/// Writes the neighbours of the targets from item number `first` on.
///
/// # Errors
/// When a part cannot be put away.
pub fn put_neighbours(
    put: &Put<'_>,
    items: &[String],
    first: usize,
    neighbours: &NeighbourRows,
) -> Result<Vec<PartEntry>, Failure> {
    let mut sink = TableSink::<Neighbours>::new(put)?;
    for target in 0..neighbours.item_count() {
        for (neighbour, rank) in neighbours.row(target).iter().zip(1..) {
            sink.push(&NeighbourRow {
                item_id: &items[first + target],
                neighbour_id: &items[neighbour.item as usize],
                rank,
                score: neighbour.score,
                // A user count beyond 2^31 has no users to go with it.
                co_count: i32::try_from(neighbour.co_count).unwrap_or(i32::MAX),
            })?;
        }
    }
    sink.finish()
}

/// Writes the items.
///
/// # Errors
/// When a part cannot be put away.
pub fn put_items(
    put: &Put<'_>,
    ratings: &Ratings,
    statistics: &ItemStatistics,
) -> Result<Vec<PartEntry>, Failure> {
    let mut sink = TableSink::<Items>::new(put)?;
    for (at, item_id) in ratings.items.iter().enumerate() {
        let described = ratings.catalogue.items.get(at).and_then(Option::as_ref);
        let is_rated = statistics.count[at] > 0;
        sink.push(&ItemRow {
            item_id,
            title: described.map(|item| item.title.as_str()).filter(|title| !title.is_empty()),
            genres: described
                .map_or_else(Vec::new, |item| item.genres.iter().map(String::as_str).collect()),
            rating_count: statistics.count[at].cast_signed(),
            rating_mean: is_rated.then(|| statistics.mean[at]),
            rated_between: is_rated.then(|| statistics.rated_between[at]),
        })?;
    }
    sink.finish()
}

/// Writes the profiles.
///
/// # Errors
/// When a part cannot be put away.
pub fn put_profiles(put: &Put<'_>, ratings: &Ratings) -> Result<Vec<PartEntry>, Failure> {
    let mut sink = TableSink::<Profiles>::new(put)?;
    for row in &ratings.rows {
        sink.push(&ProfileRow {
            user_id: &ratings.users[row.user as usize],
            item_id: &ratings.items[row.item as usize],
            rating: row.rating(),
            rated_at: row.rated_at,
            order_micros: row.order_micros,
            order_origin: ratings.origins[usize::from(row.origin)].as_str(),
            order_sequence: row.sequence,
        })?;
    }
    sink.finish()
}

/// Users with at least one rating that stands.
pub fn rating_users(ratings: &Ratings) -> u64 {
    let by_user = ratings.rows.chunk_by(|a, b| a.user == b.user);
    by_user.filter(|rows| rows.iter().any(|row| row.rating().is_some())).count() as u64
}
