//! The fold-in: one profile scored against the model.

use super::diversity::{CANDIDATES_EACH, diversify};
use super::model::Model;
use super::selection::Selection;
use super::sums::Sums;
use crate::rating_weight::UserWeight;

/// What a recommendation rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Similarities to what the user rated.
    Neighbours,
    /// Popularity: the profile said nothing (more).
    Popular,
}

/// A rated item that speaks for a recommendation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    /// The rated item.
    pub item: u32,
    /// The user's rating of it.
    pub rating: f32,
    /// Its share of the score: weight times similarity.
    pub contribution: f32,
}

/// One recommended item.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// The item.
    pub item: u32,
    /// The sum of the contributions; 0 for popular items.
    pub score: f32,
    /// What it rests on.
    pub source: Source,
    /// The rated items that contributed most, greatest first. Those that speak against the item are not named.
    pub because: Vec<Reason>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// How many recommendations.
    pub count: usize,
    /// How many reasons each, at most.
    pub reasons: usize,
}

/// One thread's accumulators; keep it and use it again. Size: 8 bytes an item.
#[derive(Default)]
pub struct Scorer {
    sums: Sums,
    /// What this profile gave each item; NaN for what it has not rated.
    ratings: Vec<f32>,
    rated: Vec<u32>,
}

impl Scorer {
    /// Scores every item that a rated item speaks for and returns the best, seen items removed:
    /// `score(j) = sum over rated i of weight(r_i) * S[i,j]` (Deshpande and Karypis 2004), ties by item number. When
    /// fewer than `count` items have a score above 0, the most rated unseen items follow, those that the profile speaks
    /// against last of all. The weight is [`Model::weight`].
    ///
    /// `profile` holds each rated item once, sorted by item number: sums run in that order, so that the same profile
    /// gives the same bits.
    pub fn recommend(
        &mut self,
        model: &Model,
        profile: &[(u32, f32)],
        request: Request,
    ) -> Vec<Recommendation> {
        self.recommend_selected(model, profile, request, &Selection::default())
    }

    /// The same from a selection: always as many as asked for, when that many unseen items are allowed.
    pub fn recommend_selected(
        &mut self,
        model: &Model,
        profile: &[(u32, f32)],
        request: Request,
        selection: &Selection<'_>,
    ) -> Vec<Recommendation> {
        debug_assert!(profile.is_sorted_by(|a, b| a.0 < b.0), "sorted, each item once");
        self.start(model.item_count(), profile);
        let weight = model.weight().of_user(profile.iter().map(|&(_, rating)| f64::from(rating)));
        if selection.min_support > 1 {
            self.sum_supported(model, &weight, selection.min_support);
        } else {
            for &(source, rating) in profile {
                self.sums.add(model.targets(source), weight.weigh(f64::from(rating)) as f32);
            }
        }
        let count = request.count;
        let may_follow = |item: u32| !self.is_rated(item) && selection.allows(item);
        let best = if selection.diversity > 0.0 {
            let candidates = self.sums.best(count.saturating_mul(CANDIDATES_EACH), may_follow);
            diversify(model, &candidates, count, selection.diversity)
        } else {
            self.sums.best(count, may_follow)
        };
        best.into_iter()
            .map(|(item, score)| Recommendation {
                item,
                score,
                source: Source::Neighbours,
                because: self.reasons(model, &weight, item, selection.min_support, request.reasons),
            })
            .chain(self.popular(model, count, selection))
            .take(count)
            .collect()
    }

    fn start(&mut self, item_count: usize, profile: &[(u32, f32)]) {
        self.sums.start(item_count);
        if self.ratings.len() == item_count {
            for &item in &self.rated {
                self.ratings[item as usize] = f32::NAN;
            }
        } else {
            self.ratings = vec![f32::NAN; item_count];
        }
        self.rated.clear();
        for &(item, rating) in profile {
            self.rated.push(item);
            self.ratings[item as usize] = rating;
        }
    }

    /// Sums every score from the similarities that enough users support, which the rows by target tell, in the order of
    /// rated items, as it is otherwise.
    fn sum_supported(&mut self, model: &Model, weight: &UserWeight, min_support: u32) {
        for &source in &self.rated {
            self.sums.mark(model.targets(source));
        }
        let mut supported: Vec<(u32, f32)> = Vec::new();
        for target in 0..model.item_count() as u32 {
            if self.sums.of(target) == 0.0 {
                continue;
            }
            let row = model.neighbours(target).iter();
            let row = row.filter(|n| n.co_count >= min_support && self.is_rated(n.item));
            supported.clear();
            supported.extend(row.map(|n| (n.item, n.score)));
            supported.sort_unstable_by_key(|&(item, _)| item);
            let mut score = 0.0;
            for &(item, similarity) in &supported {
                let rating = self.ratings[item as usize];
                score += weight.weigh(f64::from(rating)) as f32 * similarity;
            }
            self.sums.set(target, score);
        }
    }

    fn is_rated(&self, item: u32) -> bool {
        !self.ratings[item as usize].is_nan()
    }

    fn reasons(
        &self,
        model: &Model,
        weight: &UserWeight,
        item: u32,
        min_support: u32,
        count: usize,
    ) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = model
            .neighbours(item)
            .iter()
            .filter(|neighbour| neighbour.co_count >= min_support && self.is_rated(neighbour.item))
            .map(|neighbour| {
                let rating = self.ratings[neighbour.item as usize];
                Reason {
                    item: neighbour.item,
                    rating,
                    contribution: weight.weigh(f64::from(rating)) as f32 * neighbour.score,
                }
            })
            // What speaks against an item is no reason for it.
            .filter(|reason| reason.contribution > 0.0)
            .collect();
        reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution).then(a.item.cmp(&b.item)));
        reasons.truncate(count);
        reasons
    }

    /// The items without a score above 0, the most rated first; after them, those with a score below 0.
    fn popular<'a>(
        &'a self,
        model: &'a Model,
        count: usize,
        selection: &'a Selection<'a>,
    ) -> impl Iterator<Item = Recommendation> + 'a {
        let score = |item: u32| self.sums.of(item);
        let unseen = || {
            let may_follow = |&item: &u32| !self.is_rated(item) && selection.allows(item);
            model.popular().iter().copied().filter(may_follow)
        };
        let neither = unseen().filter(move |&item| score(item) == 0.0);
        let against = unseen().filter(move |&item| score(item) < 0.0);
        neither.chain(against).take(count).map(|item| Recommendation {
            item,
            score: 0.0,
            source: Source::Popular,
            because: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating_weight::{RatingWeight, WeightRule};
    use crate::scoring::ModelError;
    use crate::similarity::{Neighbour, Neighbours};
    use proptest::prelude::*;

    const ALL: Request = Request { count: 100, reasons: 100 };

    fn neighbour(item: u32, score: f32) -> Neighbour {
        Neighbour { item, score, co_count: 1 }
    }

    /// Item 0 has neighbours 1 and 2, item 1 has 0, item 2 has 0, item 3 none; 3 is the most popular.
    fn small_model() -> Result<Model, ModelError> {
        let rows = vec![
            vec![neighbour(1, 0.5), neighbour(2, 0.25)],
            vec![neighbour(0, 0.5)],
            vec![neighbour(0, 0.25)],
            vec![],
        ];
        Model::new(Neighbours::from_rows(rows), &[5, 1, 2, 9])
    }

    #[test]
    fn a_score_is_the_sum_of_its_reasons_and_the_rest_is_popular() -> Result<(), ModelError> {
        let found = Scorer::default().recommend(&small_model()?, &[(1, 4.0), (2, 2.0)], ALL);
        let reason = |item, rating, contribution| Reason { item, rating, contribution };
        assert_eq!(
            found,
            [
                Recommendation {
                    item: 0,
                    score: 2.5,
                    source: Source::Neighbours,
                    because: vec![reason(1, 4.0, 2.0), reason(2, 2.0, 0.5)],
                },
                Recommendation { item: 3, score: 0.0, source: Source::Popular, because: vec![] },
            ]
        );
        Ok(())
    }

    #[test]
    fn what_speaks_against_an_item_counts_but_is_no_reason() -> Result<(), ModelError> {
        let rows = vec![vec![neighbour(1, 0.5), neighbour(2, -0.25)], vec![], vec![]];
        let model = Model::new(Neighbours::from_rows(rows), &[1, 1, 1])?;
        let found = Scorer::default().recommend(&model, &[(1, 4.0), (2, 2.0)], ALL);
        let reason = Reason { item: 1, rating: 4.0, contribution: 2.0 };
        assert_eq!((found[0].score, &found[0].because), (1.5, &vec![reason]));
        Ok(())
    }

    /// Item 1 is like 0 and 2; 3 is like 2. By popularity 1, 3, 0, 2.
    #[test]
    fn a_low_rating_does_not_recommend_more_of_the_same() -> Result<(), ModelError> {
        let rows =
            [vec![neighbour(2, 0.5)], vec![neighbour(0, 0.9)], vec![], vec![neighbour(2, 0.4)]];
        let model = Model::new(Neighbours::from_rows(rows), &[2, 9, 1, 5])?;
        let profile = [(0, 0.5), (2, 5.0)];
        let items = |model: &Model| -> Vec<(u32, Source)> {
            let found = Scorer::default().recommend(model, &profile, ALL);
            found.iter().map(|r| (r.item, r.source)).collect()
        };
        // By value, half a star still recommends what is like it, and first.
        assert_eq!(items(&model), [(3, Source::Neighbours), (1, Source::Neighbours)]);
        for rule in [WeightRule::AtLeast(3.0), WeightRule::MinusMean, WeightRule::Relative(1.5)] {
            let weight = RatingWeight { rule, mean: 3.5, deviation: 1.0 };
            let found = items(&model.clone().weighing(weight));
            assert_eq!(found, [(3, Source::Neighbours), (1, Source::Popular)], "{rule}");
        }
        Ok(())
    }

    #[test]
    fn what_the_profile_speaks_against_comes_after_everything_else() -> Result<(), ModelError> {
        let rows = [vec![], vec![neighbour(0, 0.9)], vec![], vec![]];
        let model = Model::new(Neighbours::from_rows(rows), &[2, 9, 1, 5])?;
        let weight = RatingWeight { rule: WeightRule::MinusMean, mean: 3.5, deviation: 1.0 };
        let found = Scorer::default().recommend(&model.weighing(weight), &[(0, 0.5)], ALL);
        // 1 is the most rated.
        assert_eq!(found.iter().map(|r| r.item).collect::<Vec<_>>(), [3, 2, 1]);
        Ok(())
    }

    #[test]
    fn nobody_gets_the_most_rated_items_with_ties_by_number() -> Result<(), ModelError> {
        let model = Model::new(Neighbours::from_rows(vec![vec![]; 4]), &[3, 9, 9, 1])?;
        let found = Scorer::default().recommend(&model, &[], Request { count: 3, reasons: 1 });
        assert_eq!(found.iter().map(|r| r.item).collect::<Vec<_>>(), [1, 2, 0]);
        assert!(found.iter().all(|r| r.source == Source::Popular));
        Ok(())
    }

    #[test]
    fn neighbours_that_do_not_exist_are_refused() {
        let rows = || Neighbours::from_rows(vec![vec![neighbour(7, 1.0)]]);
        let refused = |counts: &[u64]| Model::new(rows(), counts).err();
        assert_eq!(refused(&[1]), Some(ModelError::UnknownNeighbour { target: 0, neighbour: 7 }));
        assert_eq!(refused(&[1, 1]), Some(ModelError::ItemCount { neighbours: 1, items: 2 }));
    }

    proptest! {
        #[test]
        fn recommendations_equal_the_naive_sums(
            pairs in proptest::collection::btree_map((0u32..10, 0u32..10), 1u8..9, 0..50),
            profiles in proptest::collection::vec(proptest::collection::btree_map(0u32..10, 1u8..11, 0..6), 1..4),
            count in 0usize..12,
        ) {
            let row = |target: u32| -> Vec<Neighbour> {
                pairs
                    .iter()
                    .filter(|((t, source), _)| *t == target && *source != target)
                    .map(|((_, source), score)| neighbour(*source, f32::from(*score) / 8.0))
                    .collect()
            };
            let model = Model::new(Neighbours::from_rows((0..10).map(row)), &[1; 10])?;
            // One scorer for all: what a round leaves behind must not show in the next.
            let mut scorer = Scorer::default();
            for profile in profiles {
                let profile: Vec<(u32, f32)> =
                    profile.into_iter().map(|(item, half)| (item, f32::from(half) / 2.0)).collect();
                let rating = |item| profile.iter().find(|(i, _)| *i == item).map(|(_, r)| *r);
                let mut expected: Vec<(u32, f32)> = (0..10)
                    .filter(|&item| rating(item).is_none())
                    .map(|item| (item, row(item).iter().filter_map(|n| Some(rating(n.item)? * n.score)).sum()))
                    .collect();
                expected.sort_by(|a, b| b.1.total_cmp(&a.1));
                expected.truncate(count);
                let found = scorer.recommend(&model, &profile, Request { count, reasons: 2 });
                prop_assert_eq!(found.iter().map(|r| (r.item, r.score)).collect::<Vec<_>>(), expected);
                for r in &found {
                    prop_assert!(r.because.len() <= 2);
                    prop_assert_eq!(r.source == Source::Neighbours, r.score > 0.0);
                }
            }
        }
    }
}
