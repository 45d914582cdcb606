//! What items are called in packed entries: an item keeps its number there from one version to the next, so that an
//! unchanged user is packed into the same bytes although new items have moved the numbers of all that come after them.

use std::collections::HashMap;

/// When more than so many times as many numbers were given as there are items, all are given anew.
const SPARSE: usize = 2;

/// Numbers of one version's items (0 for the first in the order of ids) and their lasting ones, either from the other.
#[derive(Debug, Default)]
pub struct ItemNumbering {
    /// None where both are the same.
    moved: Option<Moved>,
    /// How many lasting numbers were given.
    given: usize,
}

#[derive(Debug)]
struct Moved {
    lasting: Box<[u32]>,
    /// By lasting number; any number for those that no item has any more.
    current: Box<[u32]>,
}

impl ItemNumbering {
    /// Of so many items, without a version before.
    pub fn new(items: usize) -> Self {
        Self { moved: None, given: items }
    }

    /// Of items that partly were there before: each keeps its lasting number, and the others get new ones.
    pub fn after<'i>(
        &self,
        before: &HashMap<Box<str>, u32>,
        items: impl ExactSizeIterator<Item = &'i str>,
    ) -> Self {
        let count = items.len();
        let mut given = self.given;
        let lasting: Box<[u32]> = items
            .map(|item| match before.get(item) {
                Some(&number) => self.lasting(number),
                None => {
                    given += 1;
                    (given - 1) as u32
                }
            })
            .collect();
        if given > count.saturating_mul(SPARSE) || u32::try_from(given).is_err() {
            return Self::new(count);
        }
        let mut current = vec![0; given].into_boxed_slice();
        for (&lasting, number) in lasting.iter().zip(0..) {
            current[lasting as usize] = number;
        }
        let is_moved = lasting.iter().zip(0..).any(|(&lasting, number)| lasting != number);
        Self { moved: is_moved.then_some(Moved { lasting, current }), given }
    }

    /// The lasting number of an item.
    pub fn lasting(&self, number: u32) -> u32 {
        self.moved.as_ref().map_or(number, |moved| moved.lasting[number as usize])
    }

    /// The number of the item that has a lasting one.
    pub fn current(&self, lasting: u32) -> u32 {
        self.moved.as_ref().map_or(lasting, |moved| moved.current[lasting as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(items: &[&str]) -> HashMap<Box<str>, u32> {
        items.iter().map(|item| (*item).into()).zip(0..).collect()
    }

    fn lasting(numbering: &ItemNumbering, items: usize) -> Vec<u32> {
        let lasting: Vec<u32> = (0..items as u32).map(|item| numbering.lasting(item)).collect();
        let back: Vec<u32> = lasting.iter().map(|&lasting| numbering.current(lasting)).collect();
        assert_eq!(back, (0..items as u32).collect::<Vec<_>>());
        lasting
    }

    #[test]
    fn items_keep_their_numbers_until_too_few_of_them_are_left() {
        let first = ["a", "c", "e", "g"];
        let numbering = ItemNumbering::new(first.len());
        assert_eq!(lasting(&numbering, 4), [0, 1, 2, 3]);
        let second = ["a", "b", "c", "g", "h"];
        let numbering = numbering.after(&numbers(&first), second.iter().copied());
        assert_eq!(lasting(&numbering, 5), [0, 4, 1, 3, 5]);
        // What went away is new when it comes back.
        let third = ["a", "b", "c", "e"];
        let numbering = numbering.after(&numbers(&second), third.iter().copied());
        assert_eq!(lasting(&numbering, 4), [0, 4, 1, 6]);
        let fourth = ["b", "c", "e", "g", "h"];
        let kept = numbering.after(&numbers(&third), fourth.iter().copied());
        assert_eq!(lasting(&kept, 5), [4, 1, 6, 7, 8]);
        let fewer = numbering.after(&numbers(&third), ["b", "c", "g"].into_iter());
        assert_eq!(lasting(&fewer, 3), [0, 1, 2]);
    }
}
