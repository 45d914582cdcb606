//! Drawing items in proportion to weights in constant time.
//!
//! The alias method (Walker 1977; built as in Vose 1991): each slot holds one item and the item
//! that fills what this one leaves of the slot.

use super::chance::{Chance, scaled};

struct Slot {
    item: u32,
    other: u32,
    /// The item's own part of its slot, in 2^-32.
    share: u32,
}

/// Items with weights.
pub struct Alias(Vec<Slot>);

impl Alias {
    /// Makes ready for drawing. Weights are positive; `weigh` is asked once an item.
    pub fn new(items: impl Iterator<Item = u32>, weigh: impl Fn(u32) -> f64) -> Self {
        let mut slots: Vec<Slot> =
            items.map(|item| Slot { item, other: item, share: u32::MAX }).collect();
        let mut left: Vec<f64> = slots.iter().map(|slot| weigh(slot.item)).collect();
        let mean = left.iter().sum::<f64>() / left.len() as f64;
        left.iter_mut().for_each(|weight| *weight /= mean);
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..left.len()).partition(|&n| left[n] < 1.0);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            slots[poor].share = (left[poor] * 4_294_967_296.0) as u32;
            slots[poor].other = slots[rich].item;
            left[rich] -= 1.0 - left[poor];
            if left[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What is left over weighs 1, but for rounding, and keeps its slot to itself.
        Self(slots)
    }

    /// Draws an item; none when there are no items.
    pub fn draw(&self, chance: &mut Chance) -> Option<u32> {
        let bits = chance.word();
        let slot = self.0.get(scaled((bits >> 32) as u32, self.0.len() as u32) as usize)?;
        Some(if bits as u32 <= slot.share { slot.item } else { slot.other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_come_in_proportion_to_the_weights() {
        let weights = [5.0, 1.0, 0.001, 10.0, 4.0];
        let alias = Alias::new(0..5, |item| weights[item as usize]);
        let mut chance = Chance::stream(3, 0);
        let mut drawn = [0.0; 5];
        (0..40_000).filter_map(|_| alias.draw(&mut chance)).for_each(|n| drawn[n as usize] += 1.0);
        for (count, weight) in drawn.iter().zip(weights) {
            assert!((count / 2_000.0 - weight).abs() < 0.2, "{drawn:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        let alias = Alias::new(std::iter::empty(), |_| 1.0);
        assert_eq!(alias.draw(&mut Chance::stream(3, 0)), None);
    }
}
