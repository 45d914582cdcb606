//! What changed since the version before: which items, and how far their nearest neighbours are the same ones.

use std::cmp::Reverse;

use super::tables::{Item, NOBODY, Tables};

/// Items of a kind that are listed.
pub const LISTED: usize = 10;
/// Neighbours of an item that are shown.
const SHOWN: usize = 3;

/// The difference of two versions. Items are named by their numbers.
#[derive(Debug, Default)]
pub struct Change {
    /// How many items are new, and the most rated of them.
    pub added: (u64, Vec<u32>),
    /// How many items are gone, and the most rated of them.
    pub removed: (u64, Vec<u32>),
    /// Items by how many tenths of their nearest neighbours are the same ones, from none to all.
    pub same_tenths: [u64; 11],
    /// The mean share of the nearest neighbours that are the same ones; none where no item has any in both.
    pub mean_same: Option<f64>,
    /// Items whose nearest neighbour is the same one.
    pub same_nearest: u64,
    /// The items whose neighbours changed most; of equals, the most rated first.
    pub largest: Vec<Changed>,
    /// The items that gained most ratings, and how many.
    pub gained: Vec<(u32, u64)>,
}

/// An item whose nearest neighbours are others.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The item.
    pub item: u32,
    /// The share of its nearest neighbours that stayed.
    pub same: f64,
    /// The nearest before.
    pub before: Vec<u32>,
    /// The nearest now.
    pub now: Vec<u32>,
}

impl Change {
    /// Compares a version with the one before it.
    pub fn of(before: &Tables, now: &Tables) -> Self {
        let mut change =
            Self { added: without(now, before), removed: without(before, now), ..Self::default() };
        let (mut sum, mut compared, mut largest) = (0.0, 0_u64, Vec::new());
        for (number, item) in now.present() {
            let Some(then) = before.get(number) else { continue };
            if item.ratings > then.ratings {
                change.gained.push((number, item.ratings - then.ratings));
            }
            let Some(same) = same(then, item) else { continue };
            compared += 1;
            sum += same;
            // Shares of at most ten are tenths mostly; of a shorter list, the tenth below.
            change.same_tenths[(same * 10.0 + 1e-9) as usize] += 1;
            change.same_nearest += u64::from(then.nearest[0] == item.nearest[0]);
            if same < 1.0 {
                largest.push((same, Reverse(item.ratings), number));
            }
        }
        change.mean_same = (compared > 0).then(|| sum / compared as f64);
        largest
            .sort_by(|(a, rated_a, _), (b, rated_b, _)| a.total_cmp(b).then(rated_a.cmp(rated_b)));
        let nearest = |tables: &Tables, number| {
            let item = tables.get(number);
            item.into_iter().flat_map(nearest).take(SHOWN).collect()
        };
        let changed = largest.into_iter().take(LISTED).map(|(same, _, item)| Changed {
            item,
            same,
            before: nearest(before, item),
            now: nearest(now, item),
        });
        change.largest = changed.collect();
        change.gained.sort_by_key(|(_, more)| Reverse(*more));
        change.gained.truncate(LISTED);
        change
    }

    /// Items with neighbours in one of the versions at least.
    pub fn compared(&self) -> u64 {
        self.same_tenths.iter().sum()
    }

    /// All items that are named.
    pub fn named(&self) -> impl Iterator<Item = u32> {
        let listed = [&self.added.1, &self.removed.1].into_iter().flatten().copied();
        let changed = self.largest.iter().flat_map(|changed| {
            let nearest = changed.before.iter().chain(&changed.now).copied();
            nearest.chain([changed.item])
        });
        listed.chain(changed).chain(self.gained.iter().map(|(number, _)| *number))
    }
}

/// The neighbours among the nearest of both, as a share of the longer list; none when both have none.
fn same(then: &Item, now: &Item) -> Option<f64> {
    let longer = nearest(then).count().max(nearest(now).count());
    let both = nearest(now).filter(|neighbour| then.nearest.contains(neighbour)).count();
    (longer > 0).then(|| both as f64 / longer as f64)
}

/// The nearest neighbours that there are, nearest first.
fn nearest(item: &Item) -> impl Iterator<Item = u32> {
    item.nearest.into_iter().filter(|neighbour| *neighbour != NOBODY)
}

fn without(of: &Tables, other: &Tables) -> (u64, Vec<u32>) {
    let mut items: Vec<_> = of
        .present()
        .filter(|(number, _)| other.get(*number).is_none())
        .map(|(number, item)| (Reverse(item.ratings), number))
        .collect();
    items.sort_unstable();
    (items.len() as u64, items.into_iter().take(LISTED).map(|(_, number)| number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tables::NEAREST;

    fn item(ratings: u64, nearest: &[u32]) -> Item {
        let mut of = [NOBODY; NEAREST];
        of[..nearest.len()].copy_from_slice(nearest);
        let neighbours = nearest.len() as u32;
        Item { is_there: true, is_titled: false, ratings, neighbours, nearest: of }
    }

    fn tables(items: Vec<Item>) -> Tables {
        Tables { items, similarities: Vec::new() }
    }

    #[test]
    fn what_changed_most_comes_first_and_of_equals_the_most_rated() {
        let gone = Item { is_there: false, ..item(0, &[]) };
        let before = tables(vec![
            item(5, &[1, 2]),
            item(9, &[0, 2]),
            item(3, &[0, 1]),
            item(2, &[]),
            item(1, &[0]),
        ]);
        let now = tables(vec![
            item(6, &[1, 2]),
            item(9, &[2, 5]),
            item(7, &[5]),
            item(2, &[]),
            gone,
            item(4, &[2]),
            item(8, &[]),
        ]);
        let change = Change::of(&before, &now);
        assert_eq!((change.added, change.removed), ((2, vec![6, 5]), (1, vec![4])));
        // All of the first, half of the second, none of the third; the fourth has none in either.
        let mut tenths = [0; 11];
        (tenths[10], tenths[5], tenths[0]) = (1, 1, 1);
        assert_eq!((change.same_tenths, change.mean_same), (tenths, Some(0.5)));
        assert_eq!(change.same_nearest, 1);
        let third = Changed { item: 2, same: 0.0, before: vec![0, 1], now: vec![5] };
        let second = Changed { item: 1, same: 0.5, before: vec![0, 2], now: vec![2, 5] };
        assert_eq!(change.largest, [third, second]);
        assert_eq!(change.gained, [(2, 4), (0, 1)]);
    }

    #[test]
    fn thirds_fall_into_the_tenth_below() {
        let (before, now) = (tables(vec![item(1, &[1, 2, 3])]), tables(vec![item(1, &[1, 2, 4])]));
        let change = Change::of(&before, &now);
        assert_eq!((change.same_tenths[6], change.compared()), (1, 1));
    }
}
