//! A sum for every item: adding up, and finding who may be among the best.

use std::ops::Range;

use super::by_source::{LeftOut, Packing, Pair, STRETCH};

/// What a processor of any kind can do at once.
const LANES: usize = 4;
/// Of so many stretches it is seen at once that none is used.
const USED_AT_ONCE: usize = 16;

/// The sum so far for each item; 0 for what nothing speaks of, less than anything for what is excluded.
#[derive(Default)]
pub(super) struct Sums {
    /// With room for whatever number a pair can have.
    room: Vec<f32>,
    item_count: usize,
    /// Which stretches of it may hold anything but 0.
    used: Used,
    /// The stretches that may hold anything but 0, by number, and the greatest of each, once all is added.
    greatest: Vec<(usize, f32)>,
}

#[derive(Default)]
struct Used {
    /// Any.
    all: bool,
    /// Those for which this is set.
    stretches: Vec<bool>,
}

impl Used {
    /// Those of the first `count` that may hold something, though not all do, by number.
    fn few(&self, count: usize) -> impl Iterator<Item = usize> + '_ {
        let (many, rest) = self.stretches[..count].as_chunks::<USED_AT_ONCE>();
        let any = |(_, used): &(usize, &[bool; USED_AT_ONCE])| **used != [false; USED_AT_ONCE];
        let many = many.iter().enumerate().filter(any);
        let many = many.flat_map(|(at, used)| numbered(at * USED_AT_ONCE, used));
        many.chain(numbered(count - rest.len(), rest))
    }
}

/// The numbers from `begin` on of those that are set.
fn numbered(begin: usize, used: &[bool]) -> impl Iterator<Item = usize> + '_ {
    (begin..).zip(used).filter(|(_, used)| **used).map(|(number, _)| number)
}

/// How far an item's score can be above its sum.
#[derive(Clone, Copy)]
pub(super) struct Doubt<'a> {
    /// What is left out of the sum; nothing when all is summed.
    pub left_out: Option<&'a LeftOut>,
    /// What that counts at most.
    pub greatest_weight: f32,
    /// What is left out of no item can count more.
    pub most: f32,
    /// That sums are rounded.
    pub rounding: f32,
}

impl Doubt<'_> {
    fn of_stretch(&self, stretch: usize) -> f32 {
        self.left_out.map_or(0.0, |left| self.at_most(left.of_stretch[stretch])) + self.rounding
    }

    /// For an item by number.
    pub fn of_item(&self, item: usize) -> f32 {
        self.left_out.map_or(0.0, |left| self.at_most(left.of_target[item])) + self.rounding
    }

    fn at_most(&self, left_out: f32) -> f32 {
        (left_out * self.greatest_weight).min(self.most)
    }
}

impl Sums {
    /// Nothing speaks of any of `item_count` items.
    pub fn start(&mut self, item_count: usize) {
        let room = Packing::of(item_count).target_mask() + 1;
        let used = std::mem::take(&mut self.used.all);
        if used || self.room.len() != room {
            self.room.clear();
            self.room.resize(room, 0.0);
            self.used.stretches.clear();
            self.used.stretches.resize(room.div_ceil(STRETCH), false);
        } else {
            for stretch in self.used.few(self.used.stretches.len()) {
                self.room[places(stretch, room)].fill(0.0);
            }
            self.used.stretches.fill(false);
        }
        self.item_count = item_count;
    }

    fn of_items(&self) -> &[f32] {
        &self.room[..self.item_count]
    }

    fn of_items_mut(&mut self) -> &mut [f32] {
        self.used.all = true;
        &mut self.room[..self.item_count]
    }

    /// Adds a source's similarities; a unit of them counts `weight`.
    pub fn add(&mut self, targets: &[Pair], packing: Packing, weight: f32) {
        self.used.all = true;
        // So long that no target needs to be checked.
        let sums = &mut self.room[..=packing.target_mask()];
        for &pair in targets {
            sums[packing.target(pair)] += pair.units() * weight;
        }
    }

    /// The same, where only few items are added to in all: the others then cost nothing.
    pub fn add_few(&mut self, targets: &[Pair], packing: Packing, weight: f32) {
        let sums = &mut self.room[..=packing.target_mask()];
        let used = &mut self.used.stretches[..=packing.target_mask() / STRETCH];
        for &pair in targets {
            let target = packing.target(pair);
            sums[target] += pair.units() * weight;
            used[target / STRETCH] = true;
        }
    }

    /// Sets the sums of a source's targets to something that is not 0.
    pub fn mark(&mut self, targets: &[Pair], packing: Packing) {
        self.used.all = true;
        for &pair in targets {
            self.room[packing.target(pair)] = 1.0;
        }
    }

    /// To be called when all is added, before the best are asked for.
    pub fn finish(&mut self) {
        let sums = &self.room[..self.item_count];
        let with_greatest =
            |stretch: usize| (stretch, greatest(&sums[places(stretch, sums.len())]));
        let stretches = sums.len().div_ceil(STRETCH);
        self.greatest.clear();
        if self.used.all {
            self.greatest.extend((0..stretches).map(with_greatest));
        } else {
            self.greatest.extend(self.used.few(stretches).map(with_greatest));
        }
    }

    /// The sum for an item.
    pub fn of(&self, item: u32) -> f32 {
        self.of_items()[item as usize]
    }

    /// Replaces the sum for an item.
    pub fn set(&mut self, item: u32, sum: f32) {
        self.of_items_mut()[item as usize] = sum;
    }

    /// The least and the greatest sum, or 0 where that is beyond it, once all is added.
    pub fn range(&self) -> [f32; 2] {
        let sums = self.of_items().iter();
        sums.fold([0.0, 0.0], |[least, most], &sum| [least.min(sum), most.max(sum)])
    }

    /// Items that never follow, whatever is added.
    pub fn exclude(&mut self, items: &[u32]) {
        let sums = self.of_items_mut();
        items.iter().for_each(|&item| sums[item as usize] = f32::NEG_INFINITY);
    }

    /// The `count` items with the greatest sums above 0, of those that `may_follow`, in no order; ties by item number.
    pub fn best(&self, count: usize, may_follow: impl Fn(u32) -> bool) -> Vec<u32> {
        let Some(last) = count.checked_sub(1) else { return Vec::new() };
        // If `count` stretches hold something that great, so many items do, unless they may not follow.
        if count < self.greatest.len() {
            let mut greatest: Vec<f32> = self.greatest.iter().map(|of| of.1).collect();
            let mark = greatest.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1.next_down();
            let found = if mark > 0.0 { self.above(mark, count, &may_follow) } else { Vec::new() };
            if found.len() == count {
                return found;
            }
        }
        self.above(0.0, count, &may_follow)
    }

    /// The same of sums above `mark` alone.
    fn above(&self, mut mark: f32, count: usize, may_follow: &impl Fn(u32) -> bool) -> Vec<u32> {
        let best_first = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        // When twice as many are found, half of them are let go, and the worst that is left is the mark to pass. Items
        // come by number, so that one that only equals the mark comes after all that are left.
        let full = count.saturating_mul(2).max(STRETCH);
        let mut found: Vec<(u32, f32)> = Vec::new();
        for &(stretch, greatest) in &self.greatest {
            if greatest <= mark {
                continue;
            }
            for (item, sum) in self.stretch(stretch) {
                if sum > mark && may_follow(item) {
                    found.push((item, sum));
                    if found.len() == full {
                        found.select_nth_unstable_by(count - 1, best_first);
                        found.truncate(count);
                        mark = found[count - 1].1;
                    }
                }
            }
        }
        if found.len() > count {
            found.select_nth_unstable_by(count - 1, best_first);
            found.truncate(count);
        }
        found.into_iter().map(|(item, _)| item).collect()
    }

    /// The items whose score may reach `least`, in no order, of those that `may_follow`. None when there are more than
    /// `limit`. When nothing is left out of the sums, only items of which something speaks.
    pub fn reaching(
        &self,
        least: f32,
        doubt: Doubt<'_>,
        limit: usize,
        may_follow: impl Fn(u32) -> bool,
    ) -> Option<Vec<u32>> {
        let mut found = Vec::new();
        for &(stretch, greatest) in &self.greatest {
            if greatest + doubt.of_stretch(stretch) >= least
                && self.any_reaches(stretch, least, doubt)
            {
                self.add_reaching(stretch, least, doubt, &may_follow, &mut found);
                if found.len() > limit {
                    return None;
                }
            }
        }
        // Of the others nothing is added up: what may be left out alone is left, and where that is little, nobody follows.
        if let (false, Some(left_out)) = (self.used.all, doubt.left_out) {
            for &stretch in &left_out.greatest_first {
                if doubt.of_stretch(stretch) < least {
                    break;
                }
                if !self.used.stretches[stretch] {
                    self.add_reaching(stretch, least, doubt, &may_follow, &mut found);
                    if found.len() > limit {
                        return None;
                    }
                }
            }
        }
        Some(found)
    }

    fn add_reaching(
        &self,
        stretch: usize,
        least: f32,
        doubt: Doubt<'_>,
        may_follow: &impl Fn(u32) -> bool,
        found: &mut Vec<u32>,
    ) {
        let is_whole = doubt.left_out.is_none();
        let may_reach = |&(item, sum): &(u32, f32)| {
            sum + doubt.of_item(item as usize) >= least && !(is_whole && sum == 0.0)
        };
        let reaching = self.stretch(stretch).filter(may_reach).map(|(item, _)| item);
        found.extend(reaching.filter(|&item| may_follow(item)));
    }

    /// Whether the score of any of a stretch may reach `least`. All are looked at, because the processor can do several
    /// at once.
    fn any_reaches(&self, stretch: usize, least: f32, doubt: Doubt<'_>) -> bool {
        let sums = self.of_items().as_chunks::<STRETCH>().0.get(stretch);
        let left_out = doubt.left_out.map(|left| left.of_target.as_chunks::<STRETCH>().0);
        let (Some(sums), Some(Some(left_out))) = (sums, left_out.map(|all| all.get(stretch)))
        else {
            // Not a whole stretch, or nothing left out.
            return true;
        };
        let reaches =
            |(sum, left): (&f32, &f32)| sum + (doubt.at_most(*left) + doubt.rounding) >= least;
        sums.iter().zip(left_out).fold(false, |any, pair| any | reaches(pair))
    }

    /// The items whose sums are not 0, by number.
    pub fn not_zero(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(self.of_items()).filter(|(_, sum)| **sum != 0.0).map(|(item, _)| item)
    }

    fn stretch(&self, stretch: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let places = places(stretch, self.item_count);
        (places.start as u32..).zip(self.room[places].iter().copied())
    }
}

/// Where a stretch is, of `count` in all.
fn places(stretch: usize, count: usize) -> Range<usize> {
    let begin = stretch * STRETCH;
    begin..count.min(begin + STRETCH)
}

/// The greatest of some sums.
pub(super) fn greatest(sums: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let (lanes, rest) = sums.as_chunks::<LANES>();
    let of_lanes = lanes.iter().fold([f32::NEG_INFINITY; LANES], |greatest, sums| {
        std::array::from_fn(|lane| greater(greatest[lane], sums[lane]))
    });
    of_lanes.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, greater)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// With all stretches used, or those alone that hold anything.
    fn sums(values: &[f32], all: bool) -> Sums {
        let stretches = values.chunks(STRETCH).map(|sums| sums.iter().any(|sum| *sum != 0.0));
        let used = Used { all, stretches: stretches.collect() };
        let room = values.to_vec();
        let mut sums = Sums { room, item_count: values.len(), used, ..Sums::default() };
        sums.finish();
        sums
    }

    /// Few different values, so that there are ties; now and then a great one, so that what may not follow sets the mark;
    /// and stretches that hold nothing.
    fn values() -> impl Strategy<Value = Vec<f32>> {
        let value = prop_oneof![19 => -3i8..12, 1 => 90i8..93].prop_map(f32::from);
        let of_stretch = proptest::collection::vec(value, STRETCH);
        let of_stretch = prop_oneof![of_stretch, Just(vec![0.0; STRETCH])];
        let stretches = proptest::collection::vec(of_stretch, 0..40);
        (stretches, 0..STRETCH).prop_map(|(stretches, fewer)| {
            let mut values = stretches.concat();
            values.truncate(values.len().saturating_sub(fewer));
            values
        })
    }

    proptest! {
        #[test]
        fn the_best_are_those_of_a_whole_sort(
            values in values(),
            all: bool,
            count in 0usize..70,
            left_out in 1u32..7,
        ) {
            let may_follow = |item: u32| !item.is_multiple_of(left_out);
            let of = |item: u32| values[item as usize];
            let mut expected: Vec<u32> =
                (0..values.len() as u32).filter(|&item| of(item) > 0.0 && may_follow(item)).collect();
            // Stable: ties stay by number.
            expected.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
            expected.truncate(count);
            expected.sort_unstable();
            let mut found = sums(&values, all).best(count, may_follow);
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn whoever_may_reach_a_score_is_found(
            (values, left) in values().prop_flat_map(|values| {
                let left = proptest::collection::vec(0u8..20, values.len());
                (Just(values), left)
            }),
            all: bool,
            least in 0i8..100,
            limit in prop_oneof![0usize..50, Just(usize::MAX)],
            is_whole: bool,
            most in prop_oneof![1u8..6, Just(u8::MAX)].prop_map(f32::from),
        ) {
            let left: Vec<f32> = left.into_iter().map(f32::from).collect();
            let left_out = LeftOut::of(left.clone());
            let left_out = (!is_whole).then_some(&left_out);
            let doubt = Doubt { left_out, greatest_weight: 0.5, most, rounding: 0.25 };
            let may_reach = |(&sum, left): (&f32, f32)| {
                let above = if is_whole { 0.0 } else { (left * 0.5).min(most) };
                sum + above + 0.25 >= f32::from(least) && !(is_whole && sum == 0.0)
            };
            let numbered = (0u32..).zip(values.iter().zip(left));
            let expected: Vec<u32> =
                numbered.filter(|&(item, value)| may_reach(value) && item % 3 != 0).map(|(item, _)| item).collect();
            let found = sums(&values, all).reaching(f32::from(least), doubt, limit, |item| item % 3 != 0);
            let by_number = found.map(|mut found| {
                found.sort_unstable();
                found
            });
            prop_assert_eq!(by_number, (expected.len() <= limit).then_some(expected));
        }
    }
}
