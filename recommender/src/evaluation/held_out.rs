//! Ranks all items for every user of a test, by the function that serves, and rates the lists.

use rayon::prelude::*;

use super::metrics::{UserMetrics, user_metrics};
use crate::scoring::{Model, Request, Scorer};

/// One user's part of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What is known of the user: rated items, sorted by item, each once. They are never recommended.
    pub profile: Vec<(u32, f32)>,
    /// What is to be found, sorted by item, each once. May hold items that the model does not know: those are never
    /// found, and count.
    pub relevant: Vec<u32>,
}

/// One user's result.
#[derive(Debug, Clone, PartialEq)]
pub struct UserResult {
    /// The position of the user's case.
    pub case: usize,
    /// The recommended items, best first, as many as the greatest N.
    pub ranked: Vec<u32>,
    /// The metrics at each N, in the order in which they were asked for.
    pub at: Vec<UserMetrics>,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    /// Every user with something relevant, in the order of the cases. A user without a profile is among them: serving
    /// answers such users too, with what is popular.
    pub users: Vec<UserResult>,
}

impl Evaluation {
    /// The share of the model's items that is in at least one user's list of `n`.
    pub fn coverage(&self, item_count: usize, n: usize) -> f64 {
        let mut is_covered = vec![false; item_count];
        for item in self.users.iter().flat_map(|user| user.ranked.iter().take(n)) {
            is_covered[*item as usize] = true;
        }
        let covered = is_covered.iter().filter(|&&covered| covered).count();
        covered as f64 / item_count.max(1) as f64
    }
}

/// Tests a model. The popularity baseline is a model without neighbours.
///
/// `cutoffs` holds the Ns, each above 0. `on_user` is called once a case, from any thread, to show progress.
pub fn evaluate(
    model: &Model,
    cases: &[Case],
    cutoffs: &[usize],
    on_user: &(dyn Fn() + Sync),
) -> Evaluation {
    let request =
        Request { offset: 0, count: cutoffs.iter().copied().max().unwrap_or(0), reasons: 0 };
    let result = |scorer: &mut Scorer, (position, case): (usize, &Case)| {
        on_user();
        if case.relevant.is_empty() {
            return None;
        }
        let found = scorer.recommend(model, &case.profile, request);
        let ranked: Vec<u32> = found.iter().map(|recommendation| recommendation.item).collect();
        let at = cutoffs.iter().map(|&n| user_metrics(&ranked, &case.relevant, n));
        Some(UserResult { case: position, at: at.collect::<Option<_>>()?, ranked })
    };
    let results = cases.par_iter().enumerate().map_init(Scorer::default, result);
    Evaluation { users: results.flatten().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Metric;
    use crate::scoring::ModelError;
    use crate::similarity::{
        Cut, MatrixError, Measure, Neighbour, Neighbours, Preset, RatingMatrix, Selection, fit,
    };

    fn case(profile: &[(u32, f32)], relevant: &[u32]) -> Case {
        Case { profile: profile.to_vec(), relevant: relevant.to_vec() }
    }

    /// Item 1 speaks for 0; by popularity 3, 2, 1, 0.
    fn model() -> Result<Model, ModelError> {
        let neighbour = Neighbour { item: 1, score: 0.5, co_count: 1 };
        let rows = [vec![neighbour], vec![], vec![], vec![]];
        Model::new(Neighbours::from_rows(rows), &[1, 2, 3, 4])
    }

    #[test]
    fn lists_metrics_and_coverage_by_hand() -> Result<(), ModelError> {
        // The list of the first: 0 by its neighbour, then 3, 2 by popularity; the item 9 is unknown to the model.
        let cases = [case(&[(1, 4.0)], &[2, 9]), case(&[(0, 1.0)], &[]), case(&[], &[3])];
        let found = evaluate(&model()?, &cases, &[1, 3], &|| ());
        let lists: Vec<_> = found.users.iter().map(|u| (u.case, u.ranked.clone())).collect();
        assert_eq!(lists, [(0, vec![0, 3, 2]), (2, vec![3, 2, 1])]);
        let recall = |user: usize, at: usize| found.users[user].at[at].get(Metric::Recall);
        assert_eq!((recall(0, 0), recall(0, 1)), (0.0, 0.5));
        assert_eq!((recall(1, 0), recall(1, 1)), (1.0, 1.0));
        assert_eq!((found.coverage(4, 1), found.coverage(4, 3)), (0.5, 1.0));
        Ok(())
    }

    #[test]
    fn the_ranking_is_the_one_that_is_served() -> Result<(), Box<dyn std::error::Error>> {
        let rated = |user: u32, item: u32| (user * 7 + item * 5) % 11 < 4;
        let rating = |user: u32, item: u32| ((user + 2 * item) % 10 + 1) as f32 / 2.0;
        let profile = |user: u32| -> Vec<(u32, f32)> {
            (0..20).filter(|&i| rated(user, i)).map(|i| (i, rating(user, i))).collect()
        };
        let all = (0..40).flat_map(|u| profile(u).into_iter().map(move |(i, r)| (u, i, r)));
        let matrix = RatingMatrix::new(40, 20, all.collect::<Vec<_>>().into_iter())
            .map_err(|error: MatrixError| error.to_string())?;
        let counts: Vec<u64> = (0..20).map(|item| matrix.item_row(item).len() as u64).collect();
        let model = Model::new(
            fit(
                &matrix,
                &Measure::new(Preset::Cosine),
                Selection { cut: Cut::Target, top_k: 3 },
                &|| (),
            )?,
            &counts,
        )?;
        let cases: Vec<Case> = (0..40).map(|u| case(&profile(u)[..2], &[u % 20])).collect();
        for result in evaluate(&model, &cases, &[15], &|| ()).users {
            // As a server asks: with reasons, and a scorer of its own.
            let request = Request { offset: 0, count: 15, reasons: 3 };
            let served = Scorer::default().recommend(&model, &cases[result.case].profile, request);
            assert_eq!(result.ranked, served.iter().map(|r| r.item).collect::<Vec<_>>());
        }
        Ok(())
    }
}
