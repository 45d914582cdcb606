//! Which ratings a model learns from, which it is shown, and which it has to find.

use std::cmp::Reverse;

use thiserror::Error;

use crate::chance::{IdHashes, share_of};

/// One rating with its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatedRating {
    /// The user's number.
    pub user: u32,
    /// The item's number.
    pub item: u32,
    /// When it was given, microseconds since 1970.
    pub rated_at: i64,
}

/// What a rating is used for. Every rating is on exactly one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The model learns from it, and it is part of the user's profile.
    Train,
    /// The model has not seen it, but it is part of the user's profile.
    FoldIn,
    /// It is to be found.
    Test,
}

/// How to split. Shares lie above 0 and below 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Split {
    /// Each rating is held out with this probability, independently of all others.
    Random {
        /// The share that is held out.
        share: f64,
        /// The same seed holds out the same ratings.
        seed: u64,
    },
    /// Each user's newest ratings are held out; which of several equally old ones is decided by chance, so that no item
    /// is held out for its identifier. A user with no more ratings than that keeps all of them.
    LeaveLastOut {
        /// How many ratings of a user are held out.
        count: usize,
        /// The same seed holds out the same ones of equally old ratings.
        seed: u64,
    },
    /// The newest ratings of all users together are held out. Ratings of the same time stay together, so more than the
    /// share may be held out.
    GlobalTime {
        /// The least share that is held out.
        share: f64,
    },
    /// A share of the users is kept from the model altogether; of these users' ratings a share is held out, the rest
    /// is folded in (Marlin 2004: strong generalisation).
    StrongGeneralisation {
        /// The probability of a user to be kept from the model.
        users: f64,
        /// The probability of such a user's rating to be held out.
        share: f64,
        /// The same seed keeps back the same users and ratings.
        seed: u64,
    },
}

/// Why a split makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SplitError {
    /// A share is outside 0..1, a bound, or no number.
    #[error("the share {0} is not above 0 and below 1")]
    Share(f64),
    /// Nothing would be held out.
    #[error("leave-last-out has to hold out at least 1 rating of a user, not 0")]
    NothingHeldOut,
}

impl Split {
    /// Puts each rating on its side; the result is in the order of `ratings`, which may be any. `ids` holds every user
    /// and item that the ratings name.
    ///
    /// # Errors
    /// When a share is not above 0 and below 1, or a count is 0.
    pub fn sides(self, ratings: &[DatedRating], ids: &IdHashes) -> Result<Vec<Side>, SplitError> {
        match self {
            Self::Random { share, seed } => {
                let share = checked(share)?;
                let is_test = |r: &DatedRating| share_of(ids.draw(seed, r.user, r.item)) < share;
                Ok(ratings.iter().map(|r| test_if(is_test(r), Side::Train)).collect())
            }
            Self::LeaveLastOut { count: 0, .. } => Err(SplitError::NothingHeldOut),
            Self::LeaveLastOut { count, seed } => Ok(leave_last_out(ratings, ids, count, seed)),
            Self::GlobalTime { share } => Ok(global_time(ratings, checked(share)?)),
            Self::StrongGeneralisation { users, share, seed } => {
                let (users, share) = (checked(users)?, checked(share)?);
                let side = |r: &DatedRating| {
                    // Drawn with another seed, or a user's first rating would decide about the user.
                    if share_of(ids.draw_of_user(!seed, r.user)) >= users {
                        Side::Train
                    } else {
                        let is_test = share_of(ids.draw(seed, r.user, r.item)) < share;
                        test_if(is_test, Side::FoldIn)
                    }
                };
                Ok(ratings.iter().map(side).collect())
            }
        }
    }
}

fn checked(share: f64) -> Result<f64, SplitError> {
    // Not the negation of two comparisons with `or`: NaN has to fail.
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err(SplitError::Share(share)) }
}

fn test_if(is_test: bool, otherwise: Side) -> Side {
    if is_test { Side::Test } else { otherwise }
}

fn leave_last_out(ratings: &[DatedRating], ids: &IdHashes, count: usize, seed: u64) -> Vec<Side> {
    let mut sides = vec![Side::Train; ratings.len()];
    let mut newest_first: Vec<usize> = (0..ratings.len()).collect();
    newest_first.sort_by_cached_key(|&at| {
        let DatedRating { user, item, rated_at } = ratings[at];
        (user, Reverse(rated_at), ids.draw(seed, user, item), item)
    });
    for of_one_user in newest_first.chunk_by(|&a, &b| ratings[a].user == ratings[b].user) {
        if of_one_user.len() > count {
            for &at in &of_one_user[..count] {
                sides[at] = Side::Test;
            }
        }
    }
    sides
}

fn global_time(ratings: &[DatedRating], share: f64) -> Vec<Side> {
    let mut times: Vec<i64> = ratings.iter().map(|rating| rating.rated_at).collect();
    times.sort_unstable();
    let kept = (times.len() as f64 * (1.0 - share)).floor() as usize;
    let first_held_out = times.get(kept).copied();
    let is_test = |r: &DatedRating| first_held_out.is_some_and(|first| r.rated_at >= first);
    ratings.iter().map(|r| test_if(is_test(r), Side::Train)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn any_ratings() -> impl Strategy<Value = Vec<DatedRating>> {
        proptest::collection::btree_map((0u32..12, 0u32..30), 0i64..20, 0..150).prop_map(
            |ratings| {
                let dated = |((user, item), rated_at)| DatedRating { user, item, rated_at };
                ratings.into_iter().map(dated).collect()
            },
        )
    }

    /// Of 200 users and 100 items, whose identifiers begin somewhere.
    fn ids(from: u32) -> IdHashes {
        let names = |count| (from..from + count).map(|id| id.to_string()).collect::<Vec<_>>();
        IdHashes::of(&names(200), &names(100))
    }

    fn any_split() -> impl Strategy<Value = Split> {
        (any::<u64>(), 0.01f64..0.99, 0.01f64..0.99, 1usize..4, 0..4).prop_map(
            |(seed, users, share, count, kind)| match kind {
                0 => Split::Random { share, seed },
                1 => Split::LeaveLastOut { count, seed },
                2 => Split::GlobalTime { share },
                _ => Split::StrongGeneralisation { users, share, seed },
            },
        )
    }

    proptest! {
        #[test]
        fn a_rating_keeps_its_side_in_any_order(ratings in any_ratings(), split in any_split()) {
            let sides = split.sides(&ratings, &ids(0))?;
            prop_assert_eq!(sides.len(), ratings.len());
            let mut reversed = ratings.clone();
            reversed.reverse();
            let mut again = split.sides(&reversed, &ids(0))?;
            again.reverse();
            prop_assert_eq!(sides, again);
        }

        #[test]
        fn leave_last_out_holds_out_the_newest_of_each_user(
            ratings in any_ratings(),
            count in 1usize..4,
            seed in any::<u64>(),
        ) {
            let sides = Split::LeaveLastOut { count, seed }.sides(&ratings, &ids(0))?;
            let mut users = BTreeMap::<u32, (Vec<_>, Vec<_>)>::new();
            for (r, side) in ratings.iter().zip(sides) {
                let (train, test) = users.entry(r.user).or_default();
                if side == Side::Test { test } else { train }.push(r.rated_at);
            }
            for (train, test) in users.values() {
                let total = train.len() + test.len();
                prop_assert_eq!(test.len(), if total > count { count } else { 0 });
                prop_assert!(test.is_empty() || train.iter().max() <= test.iter().min());
            }
        }

        #[test]
        fn global_time_never_trains_on_what_came_later(ratings in any_ratings(), share in 0.01f64..0.99) {
            let sides = Split::GlobalTime { share }.sides(&ratings, &ids(0))?;
            let times = |wanted| {
                let of_side = ratings.iter().zip(&sides).filter(move |(_, side)| **side == wanted);
                of_side.map(|(r, _)| r.rated_at).collect::<Vec<_>>()
            };
            let (train, test) = (times(Side::Train), times(Side::Test));
            prop_assert!(test.len() as f64 >= share * ratings.len() as f64 - 1e-9);
            prop_assert!(test.is_empty() || train.iter().max() < test.iter().min());
        }

        #[test]
        fn strong_generalisation_keeps_users_whole(ratings in any_ratings(), seed in any::<u64>()) {
            let sides = Split::StrongGeneralisation { users: 0.4, share: 0.3, seed }.sides(&ratings, &ids(0))?;
            let mut is_trained = BTreeMap::new();
            for (r, side) in ratings.iter().zip(sides) {
                let trained = side == Side::Train;
                prop_assert_eq!(*is_trained.entry(r.user).or_insert(trained), trained);
            }
        }
    }

    fn many() -> Vec<DatedRating> {
        let dated = |at: u32| DatedRating { user: at / 100, item: at % 100, rated_at: 0 };
        (0..20_000).map(dated).collect()
    }

    #[test]
    fn about_the_share_is_held_out_and_the_seed_decides_which() -> Result<(), SplitError> {
        let count = |sides: &[Side], wanted| sides.iter().filter(|&&side| side == wanted).count();
        let random = |seed| Split::Random { share: 0.2, seed }.sides(&many(), &ids(0));
        let held_out = count(&random(1)?, Side::Test);
        assert!((3_800..4_200).contains(&held_out), "{held_out}");
        assert_ne!(random(1)?, random(2)?);

        let strong = |seed| {
            Split::StrongGeneralisation { users: 0.5, share: 0.2, seed }.sides(&many(), &ids(0))
        };
        let sides = strong(1)?;
        let (train, fold_in) = (count(&sides, Side::Train), count(&sides, Side::FoldIn));
        assert!(
            (7_000..13_000).contains(&train) && (5_000..10_500).contains(&fold_in),
            "{train} {fold_in}"
        );
        assert_ne!(sides, strong(2)?);
        Ok(())
    }

    #[test]
    fn of_equally_old_ratings_none_is_held_out_for_its_name() -> Result<(), SplitError> {
        // Each of 200 users rated 100 items, all at once.
        let held_out = |seed| -> Result<Vec<u32>, SplitError> {
            let sides = Split::LeaveLastOut { count: 1, seed }.sides(&many(), &ids(0))?;
            let sides = many().into_iter().zip(sides);
            Ok(sides.filter(|(_, side)| *side == Side::Test).map(|(r, _)| r.item).collect())
        };
        let items = held_out(1)?;
        assert_eq!(items.len(), 200);
        let of_a_quarter =
            |from: u32| items.iter().filter(|&&item| (from..from + 25).contains(&item)).count();
        for quarter in [0, 25, 50, 75] {
            assert!((30..=70).contains(&of_a_quarter(quarter)), "{quarter}: {items:?}");
        }
        let mut different = items.clone();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() > 60, "{items:?}");
        assert_eq!(items, held_out(1)?);
        assert_ne!(items, held_out(2)?);
        Ok(())
    }

    #[test]
    fn new_users_and_items_move_no_old_rating() -> Result<(), SplitError> {
        // The identifiers 10 to 99 have other numbers when they are counted from 10.
        let numbered_from = |from: u32| {
            let at = |n: u32| DatedRating {
                user: n / 90 + 10 - from,
                item: n % 90 + 10 - from,
                rated_at: 0,
            };
            (0..8_100).map(at).collect::<Vec<_>>()
        };
        for split in [
            Split::Random { share: 0.2, seed: 1 },
            Split::StrongGeneralisation { users: 0.5, share: 0.2, seed: 1 },
            // All of the same time.
            Split::LeaveLastOut { count: 3, seed: 1 },
        ] {
            let sides = |from| split.sides(&numbered_from(from), &ids(from));
            assert_eq!(sides(0)?, sides(10)?);
        }
        Ok(())
    }

    #[test]
    fn splits_that_make_no_sense_are_refused() {
        for share in [0.0, 1.0, -0.5, f64::INFINITY] {
            let refused = Some(SplitError::Share(share));
            assert_eq!(Split::Random { share, seed: 0 }.sides(&[], &ids(0)).err(), refused);
            assert_eq!(Split::GlobalTime { share }.sides(&[], &ids(0)).err(), refused);
            let strong = Split::StrongGeneralisation { users: share, share: 0.5, seed: 0 };
            assert_eq!(strong.sides(&[], &ids(0)).err(), refused);
        }
        assert!(Split::Random { share: f64::NAN, seed: 0 }.sides(&[], &ids(0)).is_err());
        let none = Split::LeaveLastOut { count: 0, seed: 0 }.sides(&[], &ids(0));
        assert_eq!(none.err(), Some(SplitError::NothingHeldOut));
    }
}
