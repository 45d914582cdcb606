//! The fold-in: one profile scored against the model.

use super::by_source::{LAST, PORTIONS};
use super::candidates::Before;
use super::diversity::{diversify, pool_end};
use super::model::Model;
use super::selection::Selection;
use super::sums::{Doubt, Sums, greatest};
use crate::similarity::NeighbourSlice;

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
    /// How many of the best are passed over.
    pub offset: usize,
    /// How many recommendations.
    pub count: usize,
    /// How many reasons each, at most.
    pub reasons: usize,
}

/// A list of up to so many is found by the first portion of the similarities, mostly; a longer one by the first two, and
/// one of more than so many by the first three.
const FEW: usize = 60;
const MANY: usize = 200;
/// With up to so many similarities an item, all are summed at once: too little is left out to be worth a second look.
const FEW_EACH: usize = 1;
/// With up to so many, and a short list, the first two portions: the best scores are not far above what is left out.
const SOME_EACH: usize = 4;
/// For each one that is wanted so many may be scored exactly, and some more, before more is summed.
const EXACT_EACH: usize = 4;
const EXACT_BESIDE: usize = 100;
/// So many sources or targets are fetched from memory at a time.
const AHEAD: usize = 8;
/// Words that come from memory together: 64 bytes.
const LINE: usize = 16;
/// Of so many neighbours it is seen at once that none is among the reasons.
const TOGETHER: usize = 16;

/// One thread's accumulators; keep it and use it again. Size: up to 16 bytes an item.
#[derive(Default)]
pub struct Scorer {
    pub(super) sums: Sums,
    /// What this profile gave each item; NaN for what it has not rated.
    ratings: Vec<f32>,
    /// What each rating weighs; 0 for what is not rated.
    pub(super) weights: Vec<f32>,
    pub(super) rated: Vec<u32>,
    /// How far a sum of all similarities can be from the score.
    rounding: f32,
    /// Whether candidates were enough for the last list.
    sufficed: bool,
}

impl Scorer {
    /// Scores every item that a rated item speaks for and returns the best, seen items removed:
    /// `score(j) = sum over rated i of weight(r_i) * S[i,j]` (Deshpande and Karypis 2004), ties by item number. When
    /// too few items have a score above 0, the most rated unseen items follow, those that the profile speaks
    /// against last of all. The weight is [`Model::weight`].
    ///
    /// `profile` holds each rated item once, sorted by item number. A score is always summed in the same order, so that
    /// the same profile gives the same bits.
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
        self.recommend_after(model, None, profile, request, selection)
    }

    /// The same, mostly with less work when it is known what was best before some of the ratings.
    pub fn recommend_after(
        &mut self,
        model: &Model,
        before: Option<Before<'_>>,
        profile: &[(u32, f32)],
        request: Request,
        selection: &Selection<'_>,
    ) -> Vec<Recommendation> {
        debug_assert!(profile.is_sorted_by(|a, b| a.0 < b.0), "sorted, each item once");
        self.start(model, profile);
        self.sufficed = false;
        let Request { offset, count, reasons } = request;
        let places = offset..offset.saturating_add(count);
        let wanted =
            if selection.diversity > 0.0 { pool_end(places.end, count) } else { places.end };
        let mut best = if selection.min_support > 0 {
            self.best_supported(model, wanted, selection)
        } else {
            let after = |before| self.best_after(model, profile, before, wanted, selection);
            let after = before.and_then(after);
            self.sufficed = after.is_some();
            after.unwrap_or_else(|| {
                let begin = self.first_look(model, wanted);
                self.best(model, wanted, begin, selection)
            })
        };
        let spoken_for = best.len();
        if selection.diversity > 0.0 {
            best = diversify(model, &best, places, count, selection.diversity);
        } else {
            best.drain(..offset.min(spoken_for));
        }
        let recommended = best.into_iter().take(count).map(|(item, score)| Recommendation {
            item,
            score,
            source: Source::Neighbours,
            because: self.reasons(model, item, selection.min_support, reasons),
        });
        let mut list: Vec<Recommendation> = recommended.collect();
        if list.len() < count {
            // Then all similarities are summed: what was before tells of full lists alone, and leaves differences behind.
            debug_assert!(!self.sufficed, "the sums are no scores");
            let popular = self.popular(model, selection).skip(offset.saturating_sub(spoken_for));
            list.extend(popular.take(count - list.len()));
        }
        list
    }

    /// Whether the last list was found from candidates. Said once.
    pub fn candidates_sufficed(&mut self) -> bool {
        std::mem::take(&mut self.sufficed)
    }

    pub(super) fn start(&mut self, model: &Model, profile: &[(u32, f32)]) {
        let item_count = model.item_count();
        if self.ratings.len() == item_count {
            for &item in &self.rated {
                self.ratings[item as usize] = f32::NAN;
                self.weights[item as usize] = 0.0;
            }
        } else {
            self.ratings = vec![f32::NAN; item_count];
            self.weights = vec![0.0; item_count];
        }
        self.rated.clear();
        let weight = model.weight().of_user(profile.iter().map(|&(_, rating)| f64::from(rating)));
        for &(item, rating) in profile {
            self.rated.push(item);
            self.ratings[item as usize] = rating;
            self.weights[item as usize] = weight.weigh(f64::from(rating)) as f32;
        }
    }

    /// Through how many similarities the profile speaks.
    pub(super) fn similarities(&self, model: &Model) -> usize {
        self.rated.iter().map(|&source| model.by_source().count(source)).sum()
    }

    /// Up to which portion to sum at first.
    pub(super) fn first_look(&self, model: &Model, wanted: usize) -> usize {
        let each = |count: usize| count * model.item_count();
        match self.similarities(model) {
            few if few <= each(FEW_EACH) => LAST,
            _ if wanted > MANY => 2,
            some if some <= each(SOME_EACH) || wanted > FEW => 1,
            _ => 0,
        }
    }

    /// The `count` best with their scores, best first, having summed up to a portion, and as many more as it takes.
    pub(super) fn best(
        &mut self,
        model: &Model,
        count: usize,
        begin: usize,
        selection: &Selection<'_>,
    ) -> Vec<(u32, f32)> {
        let by_source = model.by_source();
        let packing = by_source.packing();
        let weight = |&source: &u32| self.weights[source as usize].abs();
        let greatest_weight = self.rated.iter().map(weight).fold(0.0, f32::max);
        self.rounding = by_source.rounding(&self.rated, &self.weights, greatest_weight);
        let limit = exact_limit(count);
        self.sums.start(model.item_count());
        self.sums.exclude(&self.rated);
        for portion in 0..PORTIONS {
            for sources in self.rated.chunks(AHEAD) {
                let pairs = |&source: &u32| by_source.targets(source, portion).iter();
                let words = sources.iter().flat_map(|source| pairs(source).step_by(LINE));
                fetch(words.map(|pair| packing.target(*pair) as u32));
                for &source in sources {
                    let weight = self.weights[source as usize] * by_source.unit(source);
                    self.sums.add(by_source.targets(source, portion), packing, weight);
                }
            }
            if portion < begin {
                continue;
            }
            self.sums.finish();
            let may_follow = |item: u32| selection.allows(item);
            let best = self.scores(model, &self.sums.best(count, may_follow));
            let left_out = by_source.left_out(portion);
            // Who is among the best scores no less than the worst of these.
            let is_full = best.len() == count;
            let worst = best.iter().fold(f32::INFINITY, |worst, &(_, score)| worst.min(score));
            if left_out.is_none() || is_full {
                let least = if is_full { worst } else { 0.0 };
                let limit = if left_out.is_none() { usize::MAX } else { limit };
                let (most, rounding) = (f32::INFINITY, self.rounding);
                let doubt = Doubt { left_out, greatest_weight, most, rounding };
                if let Some(more) = self.sums.reaching(least, doubt, limit, may_follow) {
                    return self.with_more(model, best, more, count);
                }
            }
        }
        Vec::new()
    }

    /// The `count` best of those whose scores are known and of `more` items, which may be among them; best first.
    pub(super) fn with_more(
        &self,
        model: &Model,
        mut best: Vec<(u32, f32)>,
        mut more: Vec<u32>,
        count: usize,
    ) -> Vec<(u32, f32)> {
        best.sort_unstable_by_key(|&(item, _)| item);
        more.retain(|item| best.binary_search_by_key(item, |best| best.0).is_err());
        best.extend(self.scores(model, &more));
        greatest_first(best, count)
    }

    /// The same from the similarities that enough users support, which only the rows by target tell.
    fn best_supported(
        &mut self,
        model: &Model,
        count: usize,
        selection: &Selection<'_>,
    ) -> Vec<(u32, f32)> {
        self.sums.start(model.item_count());
        for &source in &self.rated {
            let by_source = model.by_source();
            for portion in 0..PORTIONS {
                self.sums.mark(by_source.targets(source, portion), by_source.packing());
            }
        }
        self.rounding = 0.0;
        let spoken_of: Vec<u32> = self.sums.not_zero().collect();
        let mut best = Vec::new();
        for item in spoken_of {
            let is_supported = |co_count| co_count >= selection.min_support;
            let score = self.weighted(model.neighbours(item), is_supported);
            self.sums.set(item, score);
            if score > 0.0 && !self.is_rated(item) && selection.allows(item) {
                best.push((item, score));
            }
        }
        greatest_first(best, count)
    }

    pub(super) fn is_rated(&self, item: u32) -> bool {
        !self.ratings[item as usize].is_nan()
    }

    /// The items with a score above 0, and their scores.
    pub(super) fn scores(&self, model: &Model, items: &[u32]) -> Vec<(u32, f32)> {
        let mut scores = Vec::with_capacity(items.len());
        for items in items.chunks(AHEAD) {
            let words = |&item: &u32| {
                let row = model.neighbours(item);
                let scores = row.scores.iter().step_by(LINE).map(|score| score.to_bits());
                row.items.iter().step_by(LINE).copied().chain(scores)
            };
            fetch(items.iter().flat_map(words));
            let scored = items.iter().map(|&item| (item, self.score(model, item)));
            scores.extend(scored.filter(|&(_, score)| score > 0.0));
        }
        scores
    }

    /// An item's score.
    fn score(&self, model: &Model, item: u32) -> f32 {
        self.weighted(model.neighbours(item), |_| true)
    }

    /// What the neighbours that count, by how many users rated both, say together. What is not rated weighs 0, and adding
    /// it changes nothing. Summed in four sums, of every fourth neighbour, so that no addition waits for the one before.
    fn weighted(&self, row: NeighbourSlice<'_>, counts: impl Fn(u32) -> bool) -> f32 {
        const SUMS: usize = 4;
        let contribution = |source: u32, score: f32, co_count: u32| {
            if counts(co_count) { self.weights[source as usize] * score } else { 0.0 }
        };
        let (sources, last_sources) = row.items.as_chunks::<SUMS>();
        let (scores, last_scores) = row.scores.as_chunks::<SUMS>();
        let (co_counts, last_co_counts) = row.co_counts.as_chunks::<SUMS>();
        let mut sums = [0.0; SUMS];
        for ((sources, scores), co_counts) in sources.iter().zip(scores).zip(co_counts) {
            for at in 0..SUMS {
                sums[at] += contribution(sources[at], scores[at], co_counts[at]);
            }
        }
        let last = last_sources.iter().zip(last_scores).zip(last_co_counts);
        for (sum, ((&source, &score), &co_count)) in sums.iter_mut().zip(last) {
            *sum += contribution(source, score, co_count);
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }

    fn reasons(&self, model: &Model, item: u32, min_support: u32, count: usize) -> Vec<Reason> {
        let row = model.neighbours(item);
        let mut reasons: Vec<Reason> = Vec::with_capacity(count.min(row.len()));
        if count == 0 {
            return reasons;
        }
        // What speaks against an item is no reason for it.
        let mut least = f32::MIN_POSITIVE;
        for begin in (0..row.len()).step_by(TOGETHER) {
            let sources = row.items[begin..].iter().zip(&row.scores[begin..]);
            let mut contributions = [0.0; TOGETHER];
            for (contribution, (&source, &score)) in contributions.iter_mut().zip(sources) {
                *contribution = self.weights[source as usize] * score;
            }
            // Mostly none of these is among the greatest.
            if greatest(&contributions) < least {
                continue;
            }
            for (at, contribution) in (begin..).zip(contributions) {
                // How many rated both is looked up only if anybody asks: it lies elsewhere in memory.
                let is_supported = || min_support == 0 || row.co_counts[at] >= min_support;
                if contribution < least || !is_supported() {
                    continue;
                }
                let source = row.items[at];
                let rating = self.ratings[source as usize];
                let reason = Reason { item: source, rating, contribution };
                let comes_before = |other: &Reason| {
                    let by_share = other.contribution.total_cmp(&contribution);
                    by_share.reverse().then(other.item.cmp(&reason.item)).is_lt()
                };
                let place = reasons.partition_point(comes_before);
                if place < count {
                    reasons.truncate(count - 1);
                    reasons.insert(place, reason);
                }
                if reasons.len() == count {
                    least = reasons[count - 1].contribution;
                }
            }
        }
        reasons
    }

    /// The items without a score above 0, the most rated first; after them, those with a score below 0.
    fn popular<'a>(
        &'a self,
        model: &'a Model,
        selection: &'a Selection<'a>,
    ) -> impl Iterator<Item = Recommendation> + 'a {
        let score = |item: u32| match self.sums.of(item) {
            // Cannot be trusted with the sign.
            sum if sum != 0.0 && sum.abs() <= self.rounding => self.score(model, item),
            sum => sum,
        };
        let unseen = || {
            let may_follow = |&item: &u32| !self.is_rated(item) && selection.allows(item);
            model.popular().iter().copied().filter(may_follow)
        };
        let neither = unseen().filter(move |&item| score(item) == 0.0);
        let against = unseen().filter(move |&item| score(item) < 0.0);
        neither.chain(against).map(|item| Recommendation {
            item,
            score: 0.0,
            source: Source::Popular,
            because: Vec::new(),
        })
    }
}

/// How many may be scored exactly, beside those that seem best, to find `count`.
pub(super) fn exact_limit(count: usize) -> usize {
    count.saturating_mul(EXACT_EACH).saturating_add(EXACT_BESIDE)
}

/// Looks at what lies anywhere in memory, a word from each place, so that the processor fetches many places at a time
/// and need not wait for each when it gets there.
pub fn fetch(words: impl Iterator<Item = u32>) {
    std::hint::black_box(words.fold(0, u32::wrapping_add));
}

/// The `count` greatest, greatest first; ties by item number.
fn greatest_first(mut scored: Vec<(u32, f32)>, count: usize) -> Vec<(u32, f32)> {
    scored.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate(count);
    scored
}

#[cfg(test)]
mod tests;
