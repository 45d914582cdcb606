//! Reads ratings and says of each one what it is used for.

use akin_recommender::evaluation::{DatedRating, IdHashes, Side, Split};
use chrono::Utc;
use tracing::warn;

use crate::failure::Failure;
use crate::ingest::{
    CatalogueFile, Collector, IngestOptions, Ratings, read_files, read_user_items,
};
use crate::memory;
use crate::progress::StageProgress;
use crate::s3::S3;

use super::options::InputOptions;

/// A rating with its side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SidedRating {
    /// The user's number.
    pub user: u32,
    /// The item's number.
    pub item: u32,
    /// The rating.
    pub rating: f32,
    /// When it was given, microseconds since 1970.
    pub rated_at: i64,
    /// What it is used for.
    pub side: Side,
}

/// All ratings of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct SidedRatings {
    /// User ids, sorted bytewise; a rating's `user` is an index into it.
    pub users: Vec<String>,
    /// Item ids, likewise.
    pub items: Vec<String>,
    /// Sorted by user and item. A made split may use a pair twice.
    pub rows: Vec<SidedRating>,
}

impl SidedRatings {
    /// Reads what the options name; `split` is for ratings that nobody has split.
    ///
    /// # Errors
    /// When input cannot be used, or a part of a made split is empty.
    pub fn read(
        options: &InputOptions,
        split: Split,
        progress: &StageProgress,
    ) -> Result<Self, Failure> {
        if options.train.is_empty() {
            let ratings = read(&options.ratings, options, progress)?;
            let usage =
                |error: akin_recommender::evaluation::SplitError| Failure::Usage(error.to_string());
            return Self::one(&ratings, Side::Train).split(split).map_err(usage);
        }
        let mut sides = vec![(&options.train, Side::Train), (&options.test, Side::Test)];
        if !options.fold_in.is_empty() {
            sides.push((&options.fold_in, Side::FoldIn));
        }
        let mut parts = Vec::new();
        for (sources, side) in sides {
            parts.push(Self::one(&read(sources, options, progress)?, side));
        }
        Ok(Self::join(parts))
    }

    /// Ratings that are all on one side.
    pub fn one(ratings: &Ratings, side: Side) -> Self {
        let rows = ratings.rows.iter().filter_map(|row| {
            let (user, item, rated_at) = (row.user, row.item, row.rated_at);
            Some(SidedRating { user, item, rating: row.rating()?, rated_at, side })
        });
        Self { rows: rows.collect(), users: ratings.users.clone(), items: ratings.items.clone() }
    }

    /// Those on one side.
    pub fn only(mut self, side: Side) -> Self {
        self.rows.retain(|row| row.side == side);
        self
    }

    /// Splits the ratings to learn from; the others keep their sides.
    ///
    /// # Errors
    /// When the split makes no sense.
    pub fn split(mut self, split: Split) -> Result<Self, akin_recommender::evaluation::SplitError> {
        let ids = IdHashes::of(&self.users, &self.items);
        let trained = self.rows.iter().filter(|row| row.side == Side::Train);
        let dated = trained.map(|row| {
            let SidedRating { user, item, rated_at, .. } = *row;
            DatedRating { user, item, rated_at }
        });
        let sides = split.sides(&dated.collect::<Vec<_>>(), &ids)?;
        let trained = self.rows.iter_mut().filter(|row| row.side == Side::Train);
        for (row, side) in trained.zip(sides) {
            row.side = side;
        }
        Ok(self)
    }

    fn join(parts: Vec<Self>) -> Self {
        let users = union(parts.iter().map(|part| &part.users));
        let items = union(parts.iter().map(|part| &part.items));
        let mut rows = Vec::new();
        for part in &parts {
            let (user_at, item_at) = (places(&part.users, &users), places(&part.items, &items));
            rows.extend(part.rows.iter().map(|row| SidedRating {
                user: user_at[row.user as usize],
                item: item_at[row.item as usize],
                ..*row
            }));
        }
        // Stable: a pair that is used twice keeps the order of the parts.
        rows.sort_by_key(|row| (row.user, row.item));
        Self { users, items, rows }
    }
}

fn union<'a>(lists: impl Iterator<Item = &'a Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = lists.flatten().cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Where each of `ids` stands in `all`; both are sorted, and all of them do.
fn places(ids: &[String], all: &[String]) -> Vec<u32> {
    let mut place = 0;
    let next = |id: &String| {
        while all[place] != *id {
            place += 1;
        }
        place as u32
    };
    ids.iter().map(next).collect()
}

fn read(
    sources: &[String],
    options: &InputOptions,
    progress: &StageProgress,
) -> Result<Ratings, Failure> {
    let max_memory = memory::allowed_bytes(options.max_memory);
    let ingest = IngestOptions {
        sources: sources.to_vec(),
        remote: &S3,
        reading: options.reading.clone(),
        items: None,
        range: options.rating_range.0,
        now: Utc::now(),
        max_reject_share: options.max_reject_share,
        max_memory,
        threads: rayon::current_num_threads(),
    };
    let mut collector = Collector::new(max_memory);
    if options.user_items {
        read_user_items(&ingest, &mut collector, progress)?;
    } else {
        read_files(&ingest, &mut collector, progress)?;
    }
    progress.clear();
    let ratings = collector.finish(CatalogueFile::default())?;
    ratings.rejects.check(ratings.read, options.max_reject_share)?;
    ratings.check_not_empty()?;
    let rejected = ratings.rejects.total();
    if rejected > 0 {
        warn!(rejected, of = ratings.read, "records were rejected");
    }
    Ok(ratings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(side: Side, rows: &[(&str, &str)]) -> SidedRatings {
        let users = union(std::iter::once(&rows.iter().map(|row| row.0.to_owned()).collect()));
        let items = union(std::iter::once(&rows.iter().map(|row| row.1.to_owned()).collect()));
        let at = |ids: &[String], id: &str| ids.iter().position(|i| i == id).unwrap_or(99) as u32;
        let row = |&(user, item): &(&str, &str)| SidedRating {
            user: at(&users, user),
            item: at(&items, item),
            rating: 1.0,
            rated_at: 0,
            side,
        };
        SidedRatings { rows: rows.iter().map(row).collect(), users, items }
    }

    #[test]
    fn parts_of_a_made_split_share_their_numbers() {
        let joined = SidedRatings::join(vec![
            part(Side::Train, &[("b", "y"), ("b", "z")]),
            part(Side::Test, &[("a", "x"), ("b", "y")]),
        ]);
        assert_eq!(
            (joined.users, joined.items),
            (
                vec!["a".to_owned(), "b".to_owned()],
                vec!["x".to_owned(), "y".to_owned(), "z".to_owned()],
            )
        );
        let rows: Vec<_> = joined.rows.iter().map(|r| (r.user, r.item, r.side)).collect();
        let expected =
            [(0, 0, Side::Test), (1, 1, Side::Train), (1, 1, Side::Test), (1, 2, Side::Train)];
        assert_eq!(rows, expected);
    }
}
