//! The best of a profile, kept, so that what comes after a few changes of it need not be found from nothing.
//!
//! A changed rating speaks for the targets of its item alone; and where weights depend on a user's mean, all of them shift
//! by as much. So what each other item's score can have become is known but for little: the best after the change are
//! among those before it and the targets of what changed, or else this says so.

use super::by_source::{PORTIONS, Packing, Pair, STRETCH};
use super::model::Model;
use super::scorer::{Scorer, exact_limit};
use super::selection::Selection;
use super::sums::{Doubt, Sums};

/// With fewer similarities, a profile is as quickly scored from nothing.
const ENOUGH: usize = 2_000;
/// In longer profiles one more rating moves the mean so little that it need not be known what that does.
const LONG: usize = 40;
/// How much scores grow and fall where it was not looked up. Finite, so that it is nothing where no weight moves.
const UNKNOWN: [f32; 2] = [f32::MAX; 2];
/// So many changes are worth it; more are scored from nothing.
const MOST_CHANGES: usize = 16;

/// The best of one profile.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    /// No other item has a greater score.
    others: f32,
    /// What a unit of the pairs is.
    unit: f32,
    /// How much the score of any other item grows, and falls, at most for each unit by which all weights grow: the greatest sum
    /// of an item's similarities to the profile, and the least with its sign turned.
    support: [f32; 2],
    /// The items, and how far their scores are above `others`.
    pairs: &'a [Pair],
}

/// The best of many profiles, each found by its place. Size: 24 bytes a profile, and 4 a candidate.
#[derive(Debug, Default)]
pub struct CandidateLists {
    heads: Vec<Head>,
    pairs: Vec<Pair>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    others: f32,
    unit: f32,
    support: [f32; 2],
    end: usize,
}

impl Head {
    /// Of what nothing is kept: anything may have a greater score.
    const NOTHING: Self = Self { others: f32::INFINITY, unit: 0.0, support: UNKNOWN, end: 0 };
}

impl CandidateLists {
    /// With room for so many profiles with `count` candidates each.
    pub fn with_room(profiles: usize, count: usize) -> Self {
        let pairs = Vec::with_capacity(profiles.saturating_mul(count));
        Self { heads: Vec::with_capacity(profiles), pairs }
    }

    /// Adds a profile's best with their scores, best first: all that score above 0, or the first `full` of them.
    pub(super) fn push(
        &mut self,
        packing: Packing,
        best: &[(u32, f32)],
        full: usize,
        support: [f32; 2],
    ) {
        let score = |of: Option<&(u32, f32)>| of.map_or(0.0, |of| of.1);
        let first = score(best.first());
        let last = if best.len() < full { 0.0 } else { score(best.last()) };
        let unit = packing.unit(first - last);
        let above = |score: f32| f64::from(score - last) / f64::from(unit);
        let mut pairs: Vec<Pair> =
            best.iter().map(|&(item, score)| packing.pack(item as usize, above(score))).collect();
        pairs.sort_unstable_by_key(|&pair| packing.target(pair));
        self.pairs.extend(pairs);
        self.heads.push(Head { others: last, unit, support, end: self.pairs.len() });
    }

    /// Those of the profile that was added as number `place`, from 0; none when it was too short, or was not added.
    pub fn get(&self, place: usize) -> Option<Candidates<'_>> {
        let Head { others, unit, support, end } = *self.heads.get(place)?;
        let begin = place.checked_sub(1).map_or(0, |before| self.heads[before].end);
        let pairs = &self.pairs[begin..end];
        others.is_finite().then_some(Candidates { others, unit, support, pairs })
    }
}

/// What is known of a profile as it was.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The best at that time, of the same model.
    pub candidates: Candidates<'a>,
    /// The items whose ratings are others now, or are gone or new, with what they were rated; each once.
    pub changes: &'a [(u32, Option<f32>)],
}

/// How the weights of what did not change moved, because they depend on a user's mean.
struct Shift {
    /// All of them by so much, but for `apart`; 0 where some grew and some fell.
    of_all: f32,
    apart: f32,
    /// None by more, up or down.
    greatest: f32,
}

impl Shift {
    /// Of weights of which each moved by something from `least` to `most`; there are none when `most` is less.
    fn between(least: f32, most: f32) -> Self {
        if least > most {
            return Self { of_all: 0.0, apart: 0.0, greatest: 0.0 };
        }
        let of_all = if least >= 0.0 {
            most
        } else if most <= 0.0 {
            least
        } else {
            0.0
        };
        Self { of_all, apart: most - least, greatest: most.max(-least) }
    }

    /// How much it adds at most to the score of an item that is no candidate: `sum of d_i S_ij = d T_j + sum of (d_i - d) S_ij`
    /// over what was rated before, d being how much all moved. `support` bounds T_j, and `greatest_row` the sum of all
    /// magnitudes of a target.
    fn most(&self, [growth, fall]: [f32; 2], greatest_row: f32) -> f32 {
        let of_all = if self.of_all < 0.0 { fall * -self.of_all } else { growth * self.of_all };
        of_all + self.apart * greatest_row
    }
}

impl Scorer {
    /// Adds the `count` best of a profile to `lists`; none when it speaks through so little that they spare no work.
    pub fn keep_candidates(
        &mut self,
        model: &Model,
        profile: &[(u32, f32)],
        count: usize,
        lists: &mut CandidateLists,
    ) {
        self.start(model, profile);
        if self.similarities(model) < ENOUGH {
            lists.heads.push(Head { end: lists.pairs.len(), ..Head::NOTHING });
        } else {
            self.keep_started(model, count, lists);
        }
    }

    /// Of the profile that was started with.
    fn keep_started(&mut self, model: &Model, count: usize, lists: &mut CandidateLists) {
        let begin = self.first_look(model, count);
        let best = self.best(model, count, begin, &Selection::default());
        let support = self.support(model, &best);
        lists.push(model.by_source().packing(), &best, count, support);
    }

    /// How much any item's score grows, and falls, at most for each unit by which all weights grow; those of some items apart.
    fn support(&mut self, model: &Model, apart: &[(u32, f32)]) -> [f32; 2] {
        if !model.weight().rule.is_signed() || self.rated.len() > LONG {
            return UNKNOWN;
        }
        let by_source = model.by_source();
        self.sums.start(model.item_count());
        for &source in &self.rated {
            for portion in 0..PORTIONS {
                let targets = by_source.targets(source, portion);
                self.sums.add(targets, by_source.packing(), by_source.unit(source));
            }
        }
        for &item in self.rated.iter().chain(apart.iter().map(|(item, _)| item)) {
            self.sums.set(item, 0.0);
        }
        let [least, most] = self.sums.range();
        let units = self.rated.iter().map(|&source| by_source.unit(source)).sum();
        let rounding = by_source.rounding_of(units, self.rated.len(), 1.0);
        [most + rounding, rounding - least]
    }

    /// The `count` best with their scores, best first, found by what they were before. None when that does not tell.
    pub(super) fn best_after(
        &mut self,
        model: &Model,
        profile: &[(u32, f32)],
        before: Before<'_>,
        count: usize,
        selection: &Selection<'_>,
    ) -> Option<Vec<(u32, f32)>> {
        let Before { candidates, changes } = before;
        if count > candidates.pairs.len() || changes.len() > MOST_CHANGES {
            return None;
        }
        let by_source = model.by_source();
        let packing = by_source.packing();
        if changes.iter().any(|&(item, _)| !self.is_rated(item)) {
            // How an item scores that was rated is not known.
            return None;
        }
        let is_changed = |item: u32| changes.iter().any(|&(changed, _)| changed == item);
        let unchanged = || profile.iter().filter(|&&(item, _)| !is_changed(item));
        let ratings = unchanged().map(|&(_, rating)| rating);
        let ratings = ratings.chain(changes.iter().filter_map(|&(_, rating)| rating));
        let weight = model.weight().of_user(ratings.map(f64::from));
        let weigh = |rating: f32| weight.weigh(f64::from(rating)) as f32;
        let (mut least, mut most, mut greatest) = (f32::INFINITY, f32::NEG_INFINITY, 0.0f32);
        for &(item, rating) in unchanged() {
            let now = self.weights[item as usize];
            let before = weigh(rating);
            (least, most) = (least.min(now - before), most.max(now - before));
            greatest = greatest.max(now.abs()).max(before.abs());
        }
        let shift = Shift::between(least, most);
        let mut units = candidates.unit;
        self.sums.start(model.item_count());
        let targets: usize = changes.iter().map(|&(item, _)| by_source.count(item)).sum();
        // To note where sums are costs less than to go through all of them while there are fewer than stretches.
        let are_few = targets < model.item_count() / STRETCH;
        let add = if are_few { Sums::add_few } else { Sums::add };
        for &(item, rating) in changes {
            let now = self.weights[item as usize];
            let before = rating.map_or(0.0, |rating| weigh(rating) + shift.of_all);
            greatest = greatest.max(now.abs()).max(before.abs());
            let weight = (now - before) * by_source.unit(item);
            units += weight.abs();
            for portion in 0..PORTIONS {
                add(&mut self.sums, by_source.targets(item, portion), packing, weight);
            }
        }
        self.sums.add_few(candidates.pairs, packing, candidates.unit);
        self.sums.finish();
        let terms = profile.len() + changes.len();
        let rounding = by_source.rounding_of(units, terms, 2.0 * greatest);
        let may_follow = |item: u32| !self.is_rated(item) && selection.allows(item);
        let best = self.scores(model, &self.sums.best(count, may_follow));
        if best.len() < count {
            return None;
        }
        let worst = best.iter().fold(f32::INFINITY, |worst, &(_, score)| worst.min(score));
        let left_out = by_source.whole();
        let most = shift.most(candidates.support, by_source.greatest_row());
        let doubt =
            Doubt { left_out: Some(left_out), greatest_weight: shift.greatest, most, rounding };
        let least = worst - candidates.others;
        let is_candidate = |item: u32| {
            let target = |pair: &Pair| packing.target(*pair);
            candidates.pairs.binary_search_by_key(&(item as usize), target).is_ok()
        };
        let is_other = |item: u32| may_follow(item) && !is_candidate(item);
        let mut more = self.sums.reaching(least, doubt, exact_limit(count), is_other)?;
        let items = candidates.pairs.iter().map(|pair| packing.target(*pair) as u32);
        let doubt = Doubt { most: f32::INFINITY, ..doubt };
        more.extend(items.filter(|&item| {
            self.sums.of(item) + doubt.of_item(item as usize) >= least && may_follow(item)
        }));
        Some(self.with_more(model, best, more, count))
    }
}

#[cfg(test)]
mod tests;
