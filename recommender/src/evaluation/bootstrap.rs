//! How sure a mean over users is: the percentile bootstrap (Efron 1979), with users as the unit that is drawn.

use rayon::prelude::*;

use super::metrics::{METRIC_COUNT, UserMetrics};
use crate::chance::Chance;

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// How many resamples; 1,000 or more give stable bounds.
    pub rounds: usize,
    /// The share of resampled means that lies within the bounds, in 0..1, such as 0.95.
    pub confidence: f64,
    /// The same seed gives the same bounds, with any number of threads.
    pub seed: u64,
}

/// A mean over users and the bounds of its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean over all users, each counting once.
    pub mean: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// The mean of every metric, in the order of [`super::Metric::ALL`], with its bounds. `None` without users or rounds.
///
/// Work: `rounds` times the users. Every round draws with a seed of its own, so threads do not change the result.
pub fn mean_intervals(
    users: &[UserMetrics],
    resampling: Resampling,
) -> Option<[Interval; METRIC_COUNT]> {
    if users.is_empty() || resampling.rounds == 0 {
        return None;
    }
    let mut seeds = Chance::new(resampling.seed);
    let seeds: Vec<u64> = (0..resampling.rounds).map(|_| seeds.next()).collect();
    let means: Vec<[f64; METRIC_COUNT]> = seeds
        .into_par_iter()
        .map(|seed| {
            let mut chance = Chance::new(seed);
            mean((0..users.len()).map(|_| users[chance.below(users.len())]))
        })
        .collect();
    let all = mean(users.iter().copied());
    let outside = (1.0 - resampling.confidence) / 2.0;
    let last = means.len() - 1;
    let low = ((outside * means.len() as f64).floor() as usize).min(last);
    Some(std::array::from_fn(|metric| {
        let mut sorted: Vec<f64> = means.iter().map(|means| means[metric]).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Interval { mean: all[metric], low: sorted[low], high: sorted[(last - low).max(low)] }
    }))
}

fn mean(users: impl ExactSizeIterator<Item = UserMetrics>) -> [f64; METRIC_COUNT] {
    let count = users.len() as f64;
    let mut sums = [0.0; METRIC_COUNT];
    for user in users {
        for (sum, value) in sums.iter_mut().zip(user.0) {
            *sum += value;
        }
    }
    sums.map(|sum| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESAMPLING: Resampling = Resampling { rounds: 2_000, confidence: 0.95, seed: 1 };

    /// `hits` users of 400 with every metric 1, the others with 0.
    fn users(hits: usize) -> Vec<UserMetrics> {
        let value = |user| f64::from(u8::from(user < hits));
        (0..400).map(|user| UserMetrics([value(user); METRIC_COUNT])).collect()
    }

    #[test]
    fn the_bounds_of_a_share_are_those_of_the_normal_approximation() {
        assert!(mean_intervals(&users(120), RESAMPLING).is_some());
        // Share 0.3 of 400: standard error sqrt(0.3 * 0.7 / 400) = 0.0229, so 0.3 -+ 1.96 * 0.0229 = 0.2551, 0.3449.
        for interval in mean_intervals(&users(120), RESAMPLING).into_iter().flatten() {
            assert!((interval.mean - 0.3).abs() < 1e-12, "{interval:?}");
            assert!((interval.low - 0.2551).abs() < 0.006, "{interval:?}");
            assert!((interval.high - 0.3449).abs() < 0.006, "{interval:?}");
        }
    }

    #[test]
    fn a_seed_decides_the_bounds_and_threads_do_not() -> Result<(), rayon::ThreadPoolBuildError> {
        let with = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let resampling = Resampling { rounds: 99, seed, ..RESAMPLING };
            Ok(pool.install(|| mean_intervals(&users(120), resampling)))
        };
        let one = with(1, 1)?;
        assert_eq!(one, with(2, 1)?);
        assert_eq!(one, with(7, 1)?);
        assert_ne!(one, with(2, 2)?);
        Ok(())
    }

    #[test]
    fn equal_users_leave_no_doubt_and_no_users_no_number() {
        let interval = Interval { mean: 1.0, low: 1.0, high: 1.0 };
        assert_eq!(mean_intervals(&users(400), RESAMPLING), Some([interval; METRIC_COUNT]));
        assert_eq!(mean_intervals(&[], RESAMPLING), None);
        assert_eq!(mean_intervals(&users(1), Resampling { rounds: 0, ..RESAMPLING }), None);
    }
}
