//! The metrics of one user's ranked list against the items held out for that user.
//!
//! Conventions: an item is relevant or not; the list is cut at N; a list shorter than N is not padded. A relevant item
//! that the model does not know still counts in every denominator. Users with nothing relevant have no metrics.

/// How many metrics there are.
pub const METRIC_COUNT: usize = 7;

/// One number about a list of N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Hits divided by the relevant items.
    Recall,
    /// Hits divided by the smaller of N and the relevant items: 1 can always be reached.
    CappedRecall,
    /// Discounted cumulative gain, gain 1 and discount `1 / log2(rank + 1)`, divided by that of the best possible list
    /// of N (Jarvelin and Kekalainen 2002).
    Ndcg,
    /// Average precision: the sum of the precisions at the ranks of hits, divided by the smaller of N and the relevant
    /// items. Its mean over users is MAP.
    AveragePrecision,
    /// One divided by the rank of the first hit, 0 without a hit. Its mean over users is MRR.
    ReciprocalRank,
    /// 1 with at least one hit, else 0.
    HitRate,
    /// Hits divided by N, also when the list is shorter.
    Precision,
}

impl Metric {
    /// All metrics, in the order of [`UserMetrics`].
    pub const ALL: [Self; METRIC_COUNT] = [
        Self::Recall,
        Self::CappedRecall,
        Self::Ndcg,
        Self::AveragePrecision,
        Self::ReciprocalRank,
        Self::HitRate,
        Self::Precision,
    ];

    /// The name in tables, JSON and manifests, without `@N`; of a mean over users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::CappedRecall => "recall_capped",
            Self::Ndcg => "ndcg",
            Self::AveragePrecision => "map",
            Self::ReciprocalRank => "mrr",
            Self::HitRate => "hit_rate",
            Self::Precision => "precision",
        }
    }
}

/// One user's metrics at one N; each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserMetrics(pub [f64; METRIC_COUNT]);

impl UserMetrics {
    /// One of the metrics.
    pub fn get(&self, metric: Metric) -> f64 {
        self.0[metric as usize]
    }
}

/// Rates a ranked list, best first, no item twice, against `relevant`, sorted by item, no item twice.
///
/// `None` when nothing is relevant or `n` is 0: there is nothing to measure.
pub fn user_metrics(ranked: &[u32], relevant: &[u32], n: usize) -> Option<UserMetrics> {
    debug_assert!(relevant.is_sorted_by(|a, b| a < b), "sorted, each item once");
    if relevant.is_empty() || n == 0 {
        return None;
    }
    let reachable = n.min(relevant.len());
    let (mut hits, mut gain, mut precisions, mut first) = (0usize, 0.0, 0.0, 0.0);
    for (position, item) in ranked.iter().take(n).enumerate() {
        if relevant.binary_search(item).is_ok() {
            hits += 1;
            gain += discount(position);
            precisions += hits as f64 / (position + 1) as f64;
            if hits == 1 {
                first = 1.0 / (position + 1) as f64;
            }
        }
    }
    let ideal: f64 = (0..reachable).map(discount).sum();
    Some(UserMetrics([
        hits as f64 / relevant.len() as f64,
        hits as f64 / reachable as f64,
        gain / ideal,
        precisions / reachable as f64,
        first,
        f64::from(u8::from(hits > 0)),
        hits as f64 / n as f64,
    ]))
}

/// `position` counts from 0, so that `rank + 1` is `position + 2`.
fn discount(position: usize) -> f64 {
    1.0 / ((position + 2) as f64).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_close(found: Option<UserMetrics>, expected: [f64; METRIC_COUNT]) {
        let found = found.map(|metrics| metrics.0).unwrap_or([f64::NAN; METRIC_COUNT]);
        for ((metric, found), expected) in Metric::ALL.iter().zip(found).zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{}: {found}, {expected}", metric.name());
        }
    }

    #[test]
    fn hits_at_ranks_two_and_four_of_three_relevant_by_hand() {
        // Ideal: 1 + 1/log2(3) + 1/2. Gain: 1/log2(3) + 1/log2(5). Average precision: (1/2 + 2/4) / 3.
        let (l3, l5) = (3f64.log2(), 5f64.log2());
        let ndcg = (1.0 / l3 + 1.0 / l5) / (1.0 + 1.0 / l3 + 0.5);
        assert_close(
            user_metrics(&[9, 1, 8, 2, 3], &[1, 2, 3], 4),
            [2.0 / 3.0, 2.0 / 3.0, ndcg, 1.0 / 3.0, 0.5, 1.0, 0.5],
        );
    }

    #[test]
    fn two_recalls_differ_when_more_is_relevant_than_the_list_holds() {
        assert_close(user_metrics(&[1, 2], &[1, 2, 3, 4], 2), [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_short_list_keeps_the_precision_divided_by_n() {
        assert_close(user_metrics(&[5], &[5], 10), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.1]);
    }

    #[test]
    fn no_hit_is_zero_and_nothing_relevant_is_no_number() {
        assert_close(user_metrics(&[1, 2], &[3], 2), [0.0; METRIC_COUNT]);
        assert_eq!(user_metrics(&[1], &[], 5), None);
        assert_eq!(user_metrics(&[1], &[1], 0), None);
    }

    proptest! {
        #[test]
        fn metrics_are_shares_and_perfect_lists_are_perfect(
            ranked in Just((0u32..20).collect::<Vec<_>>()).prop_shuffle(),
            relevant in proptest::collection::btree_set(0u32..25, 1..12),
            n in 1usize..25,
        ) {
            let relevant: Vec<u32> = relevant.into_iter().collect();
            let metrics = user_metrics(&ranked, &relevant, n);
            prop_assert!(metrics.is_some_and(|m| m.0.iter().all(|v| (0.0..=1.0 + 1e-12).contains(v))));
            let perfect = user_metrics(&relevant, &relevant, n);
            prop_assert!(perfect.is_some_and(|m| (m.get(Metric::Ndcg) - 1.0).abs() < 1e-12));
            prop_assert!(perfect.is_some_and(|m| m.get(Metric::CappedRecall) == 1.0));
        }
    }
}
