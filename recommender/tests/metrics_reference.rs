//! Metrics against numbers of independent implementations: pytrec_eval-terrier 0.5.11, whose NDCG scikit-learn 1.7.2
//! confirmed, by `metrics_reference.py` beside this file.

use akin_recommender::evaluation::{Metric, user_metrics};

const USERS: u32 = 8;
const ITEMS: u32 = 20;
const N: usize = 5;

const METRICS: [Metric; 6] = [
    Metric::Recall,
    Metric::Ndcg,
    Metric::AveragePrecision,
    Metric::ReciprocalRank,
    Metric::HitRate,
    Metric::Precision,
];

/// A row a user, in the order of `METRICS`.
const EXPECTED: [[f64; 6]; USERS as usize] = [
    [0.333333333, 0.469278726, 0.333333333, 1.000000000, 1.000000000, 0.200000000],
    [0.000000000, 0.000000000, 0.000000000, 0.000000000, 0.000000000, 0.000000000],
    [0.250000000, 0.360054615, 0.200000000, 0.500000000, 1.000000000, 0.400000000],
    [0.272727273, 0.616433633, 0.420000000, 1.000000000, 1.000000000, 0.600000000],
    [0.666666667, 0.477623704, 0.300000000, 0.500000000, 1.000000000, 0.400000000],
    [0.400000000, 0.360054615, 0.200000000, 0.500000000, 1.000000000, 0.400000000],
    [0.250000000, 0.508740308, 0.333333333, 1.000000000, 1.000000000, 0.400000000],
    [0.272727273, 0.639945385, 0.453333333, 1.000000000, 1.000000000, 0.600000000],
];

#[test]
fn metrics_agree_with_pytrec_eval_and_scikit_learn() {
    for (user, expected) in (0..USERS).zip(EXPECTED) {
        let ranked: Vec<u32> =
            (0..ITEMS).map(|position| (user * 3 + position * 7) % ITEMS).collect();
        let relevant: Vec<u32> =
            (0..ITEMS).filter(|item| (item * 7 + user * 5) % 19 < user % 4 * 3 + 2).collect();
        let found = user_metrics(&ranked, &relevant, N);
        for (metric, expected) in METRICS.into_iter().zip(expected) {
            let found = found.map_or(f64::NAN, |found| found.get(metric));
            assert!((found - expected).abs() < 1e-8, "user {user}, {}: {found}", metric.name());
        }
    }
}
