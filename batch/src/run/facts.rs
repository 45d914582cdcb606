//! What a run says of its ratings, counted once: they are let go of before similarities need the room.

use akin_schemas::{Manifest, VersionCounts};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::ingest::{Block, Ratings, Row};

use super::from_servers::{Contained, FromServers};

/// Figures of all ratings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Facts {
    /// Entries, tombstones included.
    pub entries: u64,
    /// Ratings that stand.
    pub ratings: u64,
    /// Users with at least one of them.
    pub users: u64,
    /// Items, rated or not.
    pub items: u64,
    /// The latest order clock; 0 without entries.
    pub latest_order_micros: i64,
    /// Those that servers accepted.
    pub from_servers: FromServers,
    /// The greatest magnitude of a rating, and at least 1.
    pub largest: f32,
}

impl Facts {
    /// Counts, `before` being the version before. Works on the current rayon pool.
    pub fn of(ratings: &Ratings, before: Option<&Manifest>) -> Self {
        let contained = Contained::of(&ratings.origins, before.map(|m| &m.watermark));
        let of_blocks: Vec<OfBlock> =
            ratings.rows.blocks().par_iter().map(|block| OfBlock::of(block, &contained)).collect();
        let mut facts = Self {
            entries: ratings.rows.len() as u64,
            items: ratings.items.len() as u64,
            largest: 1.0,
            latest_order_micros: of_blocks.iter().map(|of| of.latest).max().unwrap_or(0),
            ..Self::default()
        };
        let mut last = None;
        for of in of_blocks {
            facts.ratings += of.ratings;
            facts.largest = facts.largest.max(of.largest);
            facts.from_servers.ratings += of.from_servers.ratings;
            facts.from_servers.new += of.from_servers.new;
            if let Some((first, until)) = of.raters {
                // A user's rows may go on from block to block.
                facts.users += of.users - u64::from(last == Some(first));
                last = Some(until);
            }
        }
        facts
    }

    /// Ratings, users and items; no pairs yet.
    pub fn counts(&self) -> VersionCounts {
        let Self { ratings, users, items, .. } = *self;
        VersionCounts { ratings, users, items, pairs: 0 }
    }
}

/// The same of some rows that follow each other.
struct OfBlock {
    ratings: u64,
    users: u64,
    /// The first and the last user with a rating.
    raters: Option<(u32, u32)>,
    latest: i64,
    from_servers: FromServers,
    largest: f32,
}

impl OfBlock {
    fn of(block: &Block, contained: &Contained) -> Self {
        let mut rows = Vec::with_capacity(block.len());
        block.unpack(&mut rows);
        let mut of = Self {
            ratings: 0,
            users: 0,
            raters: None,
            latest: rows.iter().map(|row: &Row| row.order_micros).max().unwrap_or(0),
            from_servers: FromServers::default(),
            largest: 1.0,
        };
        for row in &rows {
            let Some(rating) = row.rating() else { continue };
            of.ratings += 1;
            of.largest = of.largest.max(rating.abs());
            let last = of.raters.map(|(_, last)| last);
            of.users += u64::from(last != Some(row.user));
            of.raters = Some((of.raters.map_or(row.user, |(first, _)| first), row.user));
            contained.count(row, &mut of.from_servers);
        }
        of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{CatalogueFile, Collector};
    use akin_recommender::profile::OrderKey;

    #[test]
    fn users_count_once_however_many_blocks_their_ratings_fill()
    -> Result<(), Box<dyn std::error::Error>> {
        let mut collector = Collector::new(1 << 30);
        let mut push = |user: &str, item: u32, rating, origin: &str| {
            let sequence = u64::from(item);
            let order = OrderKey { micros: i64::from(item), origin: origin.parse()?, sequence };
            collector.push(user, &item.to_string(), rating, 7, order)?;
            Ok::<_, Box<dyn std::error::Error>>(())
        };
        for item in 0..40_000 {
            push("b", item, Some(-2.5), "files")?;
        }
        push("a", 1, None, "ledger-a")?;
        push("c", 1, None, "ledger-a")?;
        push("c", 50_000, Some(1.0), "ledger-a")?;
        push("d", 3, Some(0.5), "files")?;
        let ratings = collector.finish(CatalogueFile::default())?;
        assert!(ratings.rows.blocks().len() > 2);
        let facts = Facts::of(&ratings, None);
        let expected = Facts {
            entries: 40_004,
            ratings: 40_002,
            users: 3,
            items: 40_001,
            latest_order_micros: 50_000,
            from_servers: FromServers { ratings: 1, new: 1 },
            largest: 2.5,
        };
        assert_eq!(facts, expected);
        Ok(())
    }
}
