//! How many items each user rates: log-normal, with an exact sum.

use super::chance::{Chance, exp2};

/// The stream that activities are drawn from. No user has this number.
const STREAM: u64 = u64::MAX;
/// What each user rates at least, where there are enough ratings.
const FLOOR: u64 = 5;
/// Deviation of the binary logarithm of activity: 1.1 for the natural one, as in MovieLens.
const SPREAD: f64 = 1.6;

/// The most ratings that can be asked for: half of all pairs. Beyond, taste would hardly decide
/// what is rated.
pub fn limit(users: u32, items: u32) -> u64 {
    (u64::from(users) * u64::from(items)).div_ceil(2)
}

/// Shares `ratings`, at most [`limit`], out to the users. No user gets more than three items of
/// four.
pub fn activities(users: u32, items: u32, ratings: u64, seed: u64) -> Vec<u32> {
    let most = (u64::from(items) * 3).div_ceil(4);
    let floor = FLOOR.min(ratings / u64::from(users.max(1))).min(most);
    let room = most - floor;
    let rest = ratings - floor * u64::from(users);

    let mut chance = Chance::stream(seed, STREAM);
    let weights: Vec<f64> = (0..users).map(|_| exp2(SPREAD * chance.normal())).collect();
    let share = |weight: f64, scale: f64| ((weight * scale) as u64).min(room);
    // The largest scale that does not give too much away, by bisection.
    let (mut low, mut high) = (0.0, exp2(12.0 * SPREAD) * (room as f64 + 1.0));
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        if weights.iter().map(|&weight| share(weight, middle)).sum::<u64>() <= rest {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut given: Vec<u32> =
        weights.iter().map(|&weight| (floor + share(weight, low)) as u32).collect();

    let mut left = ratings - given.iter().map(|&count| u64::from(count)).sum::<u64>();
    while left > 0 {
        let open = given.iter_mut().filter(|count| u64::from(**count) < most);
        for count in open.take(usize::try_from(left).unwrap_or(usize::MAX)) {
            *count += 1;
            left -= 1;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_users_rate_far_more_than_most() {
        let mut counts = activities(1_000, 10_000, 100_000, 1);
        counts.sort_unstable();
        assert!(counts[0] >= 5);
        assert!((30..80).contains(&counts[500]), "{}", counts[500]);
        assert!(counts[990] > 400, "{}", counts[990]);
    }

    proptest! {
        #[test]
        fn the_sum_is_exact_and_nobody_gets_too_much_or_too_little(
            users in 1..60u32, items in 1..60u32, part in 0..=1_000u64, seed in any::<u64>(),
        ) {
            let ratings = limit(users, items) * part / 1_000;
            let counts = activities(users, items, ratings, seed);
            prop_assert_eq!(counts.iter().map(|&count| u64::from(count)).sum::<u64>(), ratings);
            let least = 5.min(ratings / u64::from(users)).min(u64::from(items) * 3 / 4);
            for count in counts {
                prop_assert!(u64::from(count) >= least);
                prop_assert!(count <= (items * 3).div_ceil(4));
            }
        }
    }
}
