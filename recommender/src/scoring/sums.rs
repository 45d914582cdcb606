//! A sum for every item: adding up, and finding who may be among the best.

use super::by_source::{LeftOut, Packing, Pair, STRETCH};

/// What a processor of any kind can do at once.
const LANES: usize = 4;

/// The sum so far for each item; 0 for what nothing speaks of, less than anything for what is excluded.
#[derive(Default)]
pub(super) struct Sums {
    /// With room for whatever number a pair can have.
    room: Vec<f32>,
    item_count: usize,
    /// Which stretches of it may hold anything but 0.
    used: Used,
    /// The greatest of each stretch of items, once all is added.
    of_stretch: Vec<f32>,
}

#[derive(Default)]
struct Used {
    /// Any.
    all: bool,
    /// Those for which this is set.
    stretches: Vec<bool>,
}

/// How far an item's score can be above its sum.
#[derive(Clone, Copy)]
pub(super) struct Doubt<'a> {
    /// What is left out of the sum; nothing when all is summed.
    pub left_out: Option<&'a LeftOut>,
    /// What that counts at most.
    pub greatest_weight: f32,
    /// That sums are rounded.
    pub rounding: f32,
}

impl Doubt<'_> {
    fn of_stretch(&self, stretch: usize) -> f32 {
        self.left_out.map_or(0.0, |left| left.of_stretch[stretch] * self.greatest_weight)
            + self.rounding
    }

    fn of_item(&self, item: usize) -> f32 {
        self.left_out.map_or(0.0, |left| left.of_target[item] * self.greatest_weight)
            + self.rounding
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
            for (sums, used) in self.room.chunks_mut(STRETCH).zip(&mut self.used.stretches) {
                if std::mem::take(used) {
                    sums.fill(0.0);
                }
            }
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
        let greater = |a: f32, b: f32| if b > a { b } else { a };
        let greatest = |stretch: &[f32; STRETCH]| {
            let (lanes, _) = stretch.as_chunks::<LANES>();
            let of_lanes = lanes.iter().fold([f32::NEG_INFINITY; LANES], |greatest, sums| {
                std::array::from_fn(|lane| greater(greatest[lane], sums[lane]))
            });
            of_lanes.into_iter().fold(f32::NEG_INFINITY, greater)
        };
        let (whole, rest) = self.room[..self.item_count].as_chunks::<STRETCH>();
        self.of_stretch.clear();
        if self.used.all {
            self.of_stretch.extend(whole.iter().map(greatest));
        } else {
            let used = whole.iter().zip(&self.used.stretches);
            let of_used = |(stretch, &used)| if used { greatest(stretch) } else { 0.0 };
            self.of_stretch.extend(used.map(of_used));
        }
        if !rest.is_empty() {
            self.of_stretch.push(rest.iter().copied().fold(f32::NEG_INFINITY, greater));
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

    /// Items that never follow, whatever is added.
    pub fn exclude(&mut self, items: &[u32]) {
        let sums = self.of_items_mut();
        items.iter().for_each(|&item| sums[item as usize] = f32::NEG_INFINITY);
    }

    /// The `count` items with the greatest sums above 0, of those that `may_follow`, in no order; ties by item number.
    pub fn best(&self, count: usize, may_follow: impl Fn(u32) -> bool) -> Vec<u32> {
        let Some(last) = count.checked_sub(1) else { return Vec::new() };
        // If `count` stretches hold something that great, so many items do, unless they may not follow.
        if count < self.of_stretch.len() {
            let mut greatest = self.of_stretch.clone();
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
        for (stretch, &greatest) in self.of_stretch.iter().enumerate() {
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

    /// The items whose score may reach `least`, by number, of those that `may_follow`. None when there are more than
    /// `limit`. When nothing is left out of the sums, only items of which something speaks.
    pub fn reaching(
        &self,
        least: f32,
        doubt: Doubt<'_>,
        limit: usize,
        may_follow: impl Fn(u32) -> bool,
    ) -> Option<Vec<u32>> {
        let is_whole = doubt.left_out.is_none();
        let mut found = Vec::new();
        for (stretch, &greatest) in self.of_stretch.iter().enumerate() {
            if greatest + doubt.of_stretch(stretch) < least
                || !self.any_reaches(stretch, least, doubt)
            {
                continue;
            }
            for (item, sum) in self.stretch(stretch) {
                let may_reach =
                    sum + doubt.of_item(item as usize) >= least && !(is_whole && sum == 0.0);
                if may_reach && may_follow(item) {
                    if found.len() == limit {
                        return None;
                    }
                    found.push(item);
                }
            }
        }
        Some(found)
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
        let reaches = |(sum, left): (&f32, &f32)| {
            sum + (left * doubt.greatest_weight + doubt.rounding) >= least
        };
        sums.iter().zip(left_out).fold(false, |any, pair| any | reaches(pair))
    }

    /// The items whose sums are not 0, by number.
    pub fn not_zero(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(self.of_items()).filter(|(_, sum)| **sum != 0.0).map(|(item, _)| item)
    }

    fn stretch(&self, stretch: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let begin = stretch * STRETCH;
        let end = self.item_count.min(begin + STRETCH);
        (begin as u32..).zip(self.room[begin..end].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums(values: &[f32]) -> Sums {
        let mut sums = Sums { room: values.to_vec(), item_count: values.len(), ..Sums::default() };
        sums.used.all = true;
        sums.finish();
        sums
    }

    proptest! {
        #[test]
        fn the_best_are_those_of_a_whole_sort(
            // Few different values, so that there are ties; and now and then a great one, so that what may not follow sets
            // the mark.
            values in proptest::collection::vec(prop_oneof![19 => -3i8..12, 1 => 90i8..93], 0..600),
            count in 0usize..70,
            left_out in 1u32..7,
        ) {
            let may_follow = |item: u32| !item.is_multiple_of(left_out);
            let of = |item: u32| f32::from(values[item as usize]);
            let mut expected: Vec<u32> =
                (0..values.len() as u32).filter(|&item| of(item) > 0.0 && may_follow(item)).collect();
            // Stable: ties stay by number.
            expected.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
            expected.truncate(count);
            expected.sort_unstable();
            let values: Vec<f32> = values.iter().map(|&value| f32::from(value)).collect();
            let mut found = sums(&values).best(count, may_follow);
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn whoever_may_reach_a_score_is_found(
            values in proptest::collection::vec((-30i8..90, 0u8..20), 1..400),
            least in 0i8..100,
            limit in 0usize..50,
            is_whole: bool,
        ) {
            let of_target: Vec<f32> = values.iter().map(|&(_, left)| f32::from(left)).collect();
            let of_stretch = of_target.chunks(STRETCH).map(|stretch| stretch.iter().copied().fold(0.0, f32::max));
            let left_out = LeftOut { of_stretch: of_stretch.collect(), of_target };
            let left_out = (!is_whole).then_some(&left_out);
            let doubt = Doubt { left_out, greatest_weight: 0.5, rounding: 0.25 };
            let may_reach = |&(sum, left): &(i8, u8)| {
                let above = if is_whole { 0.0 } else { f32::from(left) * 0.5 };
                f32::from(sum) + above + 0.25 >= f32::from(least) && !(is_whole && sum == 0)
            };
            let numbered = (0u32..).zip(&values);
            let expected: Vec<u32> =
                numbered.filter(|(item, value)| may_reach(value) && item % 3 != 0).map(|(item, _)| item).collect();
            let values: Vec<f32> = values.iter().map(|&(sum, _)| f32::from(sum)).collect();
            let found = sums(&values).reaching(f32::from(least), doubt, limit, |item| item % 3 != 0);
            prop_assert_eq!(found, (expected.len() <= limit).then_some(expected));
        }
    }
}
