//! Writing the tables of a version as parts.

use akin_recommender::similarity::Neighbours as NeighbourRows;
use akin_schemas::tables::{
    ItemRow, Items, NeighbourRow, Neighbours, PartWriter, ProfileRow, Profiles, Table, TableError,
};
use akin_schemas::{ObjectKey, PartEntry, Parts, VersionName};
use akin_store::Publication;

use crate::failure::Failure;
use crate::ingest::Ratings;

use super::item_statistics::ItemStatistics;

/// Rows of a part: some tens of megabytes, so that a part fits in memory and an upload can be tried again.
const PART_ROWS: u64 = 4 << 20;

/// Splits a table into parts and stores each one as it gets full. There is at least one, so that a reader of an empty
/// table still finds its columns.
struct TableSink<'a, T: Table> {
    publication: &'a Publication<'a>,
    key: fn(&VersionName, usize) -> ObjectKey,
    writer: PartWriter<T>,
    parts: Vec<PartEntry>,
}

impl<'a, T: Table> TableSink<'a, T> {
    fn new(
        publication: &'a Publication<'a>,
        key: fn(&VersionName, usize) -> ObjectKey,
    ) -> Result<Self, Failure> {
        let writer = PartWriter::new().map_err(internal)?;
        Ok(Self { publication, key, writer, parts: Vec::new() })
    }

    fn push(&mut self, row: &T::Row<'_>) -> Result<(), Failure> {
        if self.writer.rows() == PART_ROWS {
            let full = std::mem::replace(&mut self.writer, PartWriter::new().map_err(internal)?);
            self.store(full)?;
        }
        self.writer.push(row).map_err(internal)
    }

    fn store(&mut self, writer: PartWriter<T>) -> Result<(), Failure> {
        let key = (self.key)(self.publication.version(), self.parts.len());
        let part = writer.finish().map_err(internal)?;
        self.parts.push(self.publication.put_part(key, part)?);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<PartEntry>, Failure> {
        let last = std::mem::replace(&mut self.writer, PartWriter::new().map_err(internal)?);
        self.store(last)?;
        Ok(self.parts)
    }
}

fn internal(error: TableError) -> Failure {
    Failure::internal(error)
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
    let neighbours = put_neighbours(publication, ratings, neighbours)?;
    step();
    let items = put_items(publication, ratings, statistics)?;
    step();
    let profiles = put_profiles(publication, ratings)?;
    step();
    Ok(Parts { neighbours, items, profiles })
}

fn put_neighbours(
    publication: &Publication<'_>,
    ratings: &Ratings,
    neighbours: &NeighbourRows,
) -> Result<Vec<PartEntry>, Failure> {
    let mut sink = TableSink::<Neighbours>::new(publication, ObjectKey::neighbours_part)?;
    for (target, item_id) in ratings.items.iter().enumerate() {
        for (neighbour, rank) in neighbours.row(target).iter().zip(1..) {
            sink.push(&NeighbourRow {
                item_id,
                neighbour_id: &ratings.items[neighbour.item as usize],
                rank,
                score: neighbour.score,
                // A user count beyond 2^31 has no users to go with it.
                co_count: i32::try_from(neighbour.co_count).unwrap_or(i32::MAX),
            })?;
        }
    }
    sink.finish()
}

fn put_items(
    publication: &Publication<'_>,
    ratings: &Ratings,
    statistics: &ItemStatistics,
) -> Result<Vec<PartEntry>, Failure> {
    let mut sink = TableSink::<Items>::new(publication, ObjectKey::items_part)?;
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

fn put_profiles(
    publication: &Publication<'_>,
    ratings: &Ratings,
) -> Result<Vec<PartEntry>, Failure> {
    let mut sink = TableSink::<Profiles>::new(publication, ObjectKey::profiles_part)?;
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
