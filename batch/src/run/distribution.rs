//! How the ratings are distributed over values, months and users. It names nobody: users are only counted.

use akin_schemas::RatingFigures;
use chrono::{DateTime, Datelike};
use foldhash::{HashMap, HashMapExt};
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use crate::ingest::{Block, Ratings};
use crate::report::ValueCounts;

/// Counts all ratings that stand, on the current rayon pool.
pub(crate) fn rating_figures(ratings: &Ratings) -> RatingFigures {
    let blocks = ratings.rows.blocks();
    let share = blocks.len().div_ceil(rayon::current_num_threads()).max(1);
    let shares: Vec<_> = blocks.par_chunks(share).map(Distribution::of).collect();
    let mut all = Distribution::default();
    shares.into_iter().for_each(|later| all.append(later));
    all.figures()
}

const MICROS_A_DAY: i64 = 86_400_000_000;

/// That of some rows which follow each other.
#[derive(Default)]
struct Distribution {
    values: ValueCounts,
    /// Ratings by day since 1970.
    days: HashMap<i64, u64>,
    /// Users by how many ratings they gave, without the first and the last one, whose rows may go on before and after.
    users: HashMap<u64, u64>,
    first: Option<User>,
    last: Option<User>,
}

#[derive(Clone, Copy)]
struct User {
    number: u32,
    ratings: u64,
}

impl Distribution {
    fn of(blocks: &[Block]) -> Self {
        let (mut all, mut rows) = (Self::default(), Vec::new());
        // A user's ratings are mostly of few days.
        let (mut day, mut of_day) = (0, 0);
        for block in blocks {
            rows.clear();
            block.unpack(&mut rows);
            for row in &rows {
                let Some(rating) = row.rating() else { continue };
                all.values.add(rating);
                all.push(User { number: row.user, ratings: 1 });
                let today = row.rated_at.div_euclid(MICROS_A_DAY);
                if today != day {
                    all.add_day(day, of_day);
                    (day, of_day) = (today, 0);
                }
                of_day += 1;
            }
        }
        all.add_day(day, of_day);
        all
    }

    fn add_day(&mut self, day: i64, ratings: u64) {
        if ratings > 0 {
            *self.days.entry(day).or_default() += ratings;
        }
    }

    /// Ratings of the last user, or of the one that comes next.
    fn push(&mut self, user: User) {
        match &mut self.last {
            Some(last) if last.number == user.number => last.ratings += user.ratings,
            last => {
                if let Some(done) = last.replace(user) {
                    if self.first.is_none() {
                        self.first = Some(done);
                    } else {
                        *self.users.entry(done.ratings).or_default() += 1;
                    }
                }
            }
        }
    }

    fn append(&mut self, later: Self) {
        self.values.append(later.values);
        later.days.into_iter().for_each(|(day, ratings)| self.add_day(day, ratings));
        // The first one is the last, too, where there is one only.
        later.first.into_iter().chain(later.last).for_each(|user| self.push(user));
        for (ratings, users) in later.users {
            *self.users.entry(ratings).or_default() += users;
        }
    }

    fn figures(mut self) -> RatingFigures {
        for user in self.first.into_iter().chain(self.last) {
            *self.users.entry(user.ratings).or_default() += 1;
        }
        let mut months: HashMap<i64, u64> = HashMap::new();
        for (day, ratings) in self.days {
            *months.entry(month_of(day)).or_default() += ratings;
        }
        RatingFigures {
            values: self.values.sorted(),
            months: ascending(months),
            activity: ascending(self.users),
        }
    }
}

fn ascending<K: Ord, V: Ord>(counts: HashMap<K, V>) -> Vec<(K, V)> {
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_unstable();
    sorted
}

/// The month that a day lies in, both counted from January 1970.
fn month_of(day: i64) -> i64 {
    let moment = DateTime::from_timestamp(day.saturating_mul(86_400), 0).unwrap_or_default();
    (i64::from(moment.year()) - 1970) * 12 + i64::from(moment.month0())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{CatalogueFile, Collector};
    use akin_recommender::profile::{OrderKey, Origin};

    #[test]
    fn a_user_counts_once_however_many_blocks_and_threads_the_ratings_fill()
    -> Result<(), Box<dyn std::error::Error>> {
        let mut collector = Collector::new(1 << 30);
        let mut push = |user: &str, item: u32, rating, day: i64| {
            let order = OrderKey { micros: 7, origin: Origin::FILES, sequence: item.into() };
            collector.push(user, &item.to_string(), rating, day * MICROS_A_DAY, order)?;
            Ok::<_, Box<dyn std::error::Error>>(())
        };
        for item in 0..60_000 {
            push("b", item, Some(2.5), 0)?;
        }
        push("a", 1, Some(1.0), 31)?;
        push("c", 1, None, 400)?;
        push("c", 2, Some(1.0), 365)?;
        push("d", 3, Some(-0.5), 30)?;
        let ratings = collector.finish(CatalogueFile::default())?;
        assert!(ratings.rows.blocks().len() > 3);
        let expected = RatingFigures {
            values: vec![(-0.5, 1), (1.0, 2), (2.5, 60_000)],
            months: vec![(0, 60_001), (1, 1), (12, 1)],
            activity: vec![(1, 3), (60_000, 1)],
        };
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            assert_eq!(pool.install(|| rating_figures(&ratings)), expected, "{threads}");
        }
        Ok(())
    }
}
