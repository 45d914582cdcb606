//! What a model learns from, and what it has to find.

use akin_recommender::evaluation::{Case, IdHashes, Side};
use akin_recommender::similarity::{MatrixError, Measure, RatingMatrix, counts_any};
use serde::Serialize;

use crate::failure::Failure;

use super::input::{SidedRating, SidedRatings};
use super::nothing::Nothing;

/// Numbers that nothing has yet.
const NONE: u32 = u32::MAX;

/// A split in the form in which models are fitted and tested. Users and items are numbered anew, those that are learnt
/// from alone, so that nothing about a model shows what is held out.
#[derive(Debug)]
pub struct Experiment {
    /// The ratings to learn from.
    pub matrix: RatingMatrix,
    /// How many users rated each item, of those to learn from.
    pub rating_counts: Vec<u64>,
    /// The users to serve, those with something to find.
    pub cases: Vec<Case>,
    /// How large it is.
    pub size: ExperimentSize,
}

/// How large an experiment is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ExperimentSize {
    /// Ratings to learn from.
    pub train_ratings: u64,
    /// Their users.
    pub train_users: u64,
    /// Their items.
    pub train_items: u64,
    /// Ratings that are shown, but not learnt from.
    pub fold_in_ratings: u64,
    /// Ratings that are held out.
    pub held_out_ratings: u64,
    /// Those of them that count as worth finding.
    pub relevant: u64,
    /// Those of these whose item nobody rated in training: they cannot be found, and count.
    pub relevant_unknown: u64,
    /// Those whose item is in the same user's profile: they are never recommended, and count.
    pub relevant_seen: u64,
    /// Users with something to find.
    pub test_users: u64,
    /// Those of them with an empty profile: they are served what is popular.
    pub test_users_without_profile: u64,
}

impl Experiment {
    /// Lays the ratings out. A held-out rating is worth finding from `relevant_from` on.
    ///
    /// # Errors
    /// Never for ratings in order, which [`SidedRatings`] are.
    pub fn new(ratings: &SidedRatings, relevant_from: Option<f32>) -> Result<Self, MatrixError> {
        let trained = || ratings.rows.iter().filter(|row| row.side == Side::Train);
        let (users, user_count) = numbered(ratings.users.len(), trained().map(|row| row.user));
        let (mut items, item_count) = numbered(ratings.items.len(), trained().map(|row| row.item));
        let rated =
            trained().map(|row| (users[row.user as usize], items[row.item as usize], row.rating));
        let rated: Vec<_> = rated.collect();
        let matrix = RatingMatrix::new(user_count, item_count, rated.iter().copied())?
            .dated(trained().map(|row| row.rated_at), ids(ratings, &users, &items));
        // What the model does not know comes after what it knows.
        for (item, next) in items.iter_mut().filter(|item| **item == NONE).zip(item_count as u32..)
        {
            *item = next;
        }
        let mut size = ExperimentSize {
            train_ratings: rated.len() as u64,
            train_users: user_count as u64,
            train_items: item_count as u64,
            ..ExperimentSize::default()
        };
        let mut cases = Vec::new();
        for rows in ratings.rows.chunk_by(|a, b| a.user == b.user) {
            let case = case(rows, &items, item_count as u32, relevant_from);
            size.add(rows, &case, item_count as u32);
            if !case.relevant.is_empty() {
                cases.push(case);
            }
        }
        let rating_counts = matrix.rating_counts();
        Ok(Self { matrix, rating_counts, cases, size })
    }

    /// Whether it says anything: why not, if it does not.
    pub fn nothing(&self) -> Option<Nothing> {
        if self.cases.is_empty() {
            Some(Nothing::ToFind)
        } else if self.size.train_ratings == 0 {
            Some(Nothing::ToLearnFrom)
        } else {
            None
        }
    }

    /// Makes sure that it says something of a measure.
    ///
    /// # Errors
    /// When there is nothing to find, or to learn from.
    pub fn check_learns(&self, measure: &Measure) -> Result<(), Failure> {
        let (ratings, rule) = (self.size.train_ratings, measure.rating_weight());
        let none_counts = || !counts_any(&self.matrix, measure);
        let nothing = self.nothing();
        match nothing.or_else(|| none_counts().then_some(Nothing::Counts { ratings, rule })) {
            Some(nothing) => Err(Failure::Nothing(nothing)),
            None => Ok(()),
        }
    }
}

/// Of the users and items that are learnt from.
fn ids(ratings: &SidedRatings, users: &[u32], items: &[u32]) -> IdHashes {
    fn named<'a>(ids: &'a [String], numbers: &'a [u32]) -> impl Iterator<Item = &'a String> {
        ids.iter().zip(numbers).filter(|(_, number)| **number != NONE).map(|(id, _)| id)
    }
    IdHashes::of(named(&ratings.users, users), named(&ratings.items, items))
}

/// At most so many of the cases, evenly spaced.
pub fn spaced(cases: Vec<Case>, most: usize) -> Vec<Case> {
    let every = cases.len().div_ceil(most.max(1)).max(1);
    cases.into_iter().step_by(every).collect()
}

/// Numbers what is named, in order, and counts it.
fn numbered(length: usize, named: impl Iterator<Item = u32>) -> (Vec<u32>, usize) {
    let mut is_named = vec![false; length];
    for name in named {
        is_named[name as usize] = true;
    }
    let mut next = 0;
    let number = |is_named: bool| {
        let number = if is_named { next } else { NONE };
        next += u32::from(is_named);
        number
    };
    (is_named.into_iter().map(number).collect(), next as usize)
}

fn case(rows: &[SidedRating], items: &[u32], known: u32, relevant_from: Option<f32>) -> Case {
    let is_relevant = |rating: f32| relevant_from.is_none_or(|least| rating >= least);
    let mut case = Case { profile: Vec::new(), relevant: Vec::new() };
    for row in rows {
        let item = items[row.item as usize];
        match row.side {
            Side::Test if is_relevant(row.rating) => case.relevant.push(item),
            Side::Test => {}
            // Serving accepts what it does not know, and scores without it.
            _ if item < known => case.profile.push((item, row.rating)),
            _ => {}
        }
    }
    // Unknown items are out of order; a made split may show an item twice.
    case.relevant.sort_unstable();
    case.profile.dedup_by_key(|rated| rated.0);
    case
}

impl ExperimentSize {
    fn add(&mut self, rows: &[SidedRating], case: &Case, known: u32) {
        let on = |side| rows.iter().filter(|row| row.side == side).count() as u64;
        self.fold_in_ratings += on(Side::FoldIn);
        self.held_out_ratings += on(Side::Test);
        self.relevant += case.relevant.len() as u64;
        let count = |is: &dyn Fn(u32) -> bool| case.relevant.iter().filter(|&&i| is(i)).count();
        let is_seen = |item| case.profile.binary_search_by_key(&item, |rated| rated.0).is_ok();
        self.relevant_unknown += count(&|item| item >= known) as u64;
        self.relevant_seen += count(&is_seen) as u64;
        let is_served = !case.relevant.is_empty();
        self.test_users += u64::from(is_served);
        self.test_users_without_profile += u64::from(is_served && case.profile.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Users 0 to 2, items 0 to 3; item 1 and user 1 are not learnt from.
    fn experiment(relevant_from: Option<f32>) -> Result<Experiment, MatrixError> {
        let rows = [
            (0, 0, 5.0, Side::Train),
            (0, 1, 2.0, Side::Test),
            (0, 2, 4.0, Side::Train),
            (0, 2, 4.0, Side::Test),
            (0, 3, 3.0, Side::Test),
            (1, 1, 1.0, Side::FoldIn),
            (1, 2, 2.0, Side::FoldIn),
            (1, 3, 1.0, Side::Test),
            (2, 3, 2.0, Side::Train),
        ];
        let row =
            |(user, item, rating, side)| SidedRating { user, item, rating, rated_at: 0, side };
        let names = |count: u32| (0..count).map(|id| id.to_string()).collect();
        let rows = rows.into_iter().map(row).collect();
        Experiment::new(&SidedRatings { users: names(3), items: names(4), rows }, relevant_from)
    }

    #[test]
    fn the_model_knows_what_it_learns_from_and_nothing_else() -> Result<(), MatrixError> {
        let found = experiment(None)?;
        // Items 0, 2 and 3 are 0, 1 and 2; the unknown item 1 comes after them.
        assert_eq!((found.matrix.user_count(), found.matrix.item_count()), (2, 3));
        assert_eq!(found.rating_counts, [1, 1, 1]);
        let case = |profile: &[(u32, f32)], relevant: &[u32]| Case {
            profile: profile.to_vec(),
            relevant: relevant.to_vec(),
        };
        let expected = [case(&[(0, 5.0), (1, 4.0)], &[1, 2, 3]), case(&[(1, 2.0)], &[2])];
        assert_eq!(found.cases, expected);
        assert_eq!(
            found.size,
            ExperimentSize {
                train_ratings: 3,
                train_users: 2,
                train_items: 3,
                fold_in_ratings: 2,
                held_out_ratings: 4,
                relevant: 4,
                relevant_unknown: 1,
                relevant_seen: 1,
                test_users: 2,
                test_users_without_profile: 0,
            }
        );
        Ok(())
    }

    #[test]
    fn low_ratings_are_not_worth_finding_where_a_threshold_is_set() -> Result<(), MatrixError> {
        let found = experiment(Some(3.0))?;
        assert_eq!(found.cases.iter().map(|c| c.relevant.clone()).collect::<Vec<_>>(), [[1, 2]]);
        assert_eq!((found.size.held_out_ratings, found.size.relevant), (4, 2));
        Ok(())
    }
}
