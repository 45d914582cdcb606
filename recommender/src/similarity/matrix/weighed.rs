//! The same pairs with other values.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::fixed_point::{Power, Unit, bits_for_norm, common_bits};
use super::{Cell, Place, RatingMatrix};

/// Of a value that is smaller than the largest of a matrix by this or more, what a difference leaves of rounding cannot be
/// told from something; it counts as 0.
const NOTHING: f64 = 1.0 / (1u64 << 40) as f64;

/// The largest value is taken for no less than this.
const LEAST: f64 = 1.0 / (1u64 << 30) as f64;

/// A value that fades: `value * 2^-halvings`, which may be less than any floating-point number but 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faded {
    /// What it was.
    pub value: f64,
    /// How many half-lives ago; 0 or more.
    pub halvings: f64,
}

impl RatingMatrix {
    /// The same pairs with other values: `value(place, rating)`, which must be finite. Values are held as finely as their
    /// exact sums allow, in one unit for all items.
    #[must_use]
    pub fn reweighted(&self, value: impl Fn(Place, f64) -> f64 + Sync) -> Self {
        let value = &value;
        let values =
            |user| self.places_of(user).map(move |(place, rating)| (place, value(place, rating)));
        let of_user = |user| values(user).fold(LEAST, |most, (_, value)| most.max(value.abs()));
        let largest =
            (0..self.user_count()).into_par_iter().map(of_user).reduce(|| LEAST, f64::max);
        let of_items = (0..self.user_count()).flat_map(values);
        let of_items = of_items.map(|(place, value)| (place.item as u32, value));
        let bits = self.bits_for(largest, of_items);
        let to_fixed = 2f64.powi(bits);
        let cells = (0..self.user_count()).into_par_iter().flat_map_iter(|user| {
            values(user).map(|(place, value)| fixed_cell(place.item as u32, value * to_fixed))
        });
        self.with_cells(Unit::Common(Power::of(-i64::from(bits))), cells.collect())
    }

    /// What [`Self::reweighted`] would make of a value a user, in fixed point, and the power of two that is its unit.
    pub fn user_values_fixed(&self, values: &[f64]) -> (Vec<i32>, i64) {
        let active = || (0..self.user_count()).filter(|&user| !self.user_row(user).is_empty());
        let largest = active().fold(LEAST, |most, user| most.max(values[user].abs()));
        let of_items = active().flat_map(|user| {
            self.user_row(user).iter().map(move |cell| (cell.index, values[user]))
        });
        let bits = self.bits_for(largest, of_items);
        let to_fixed = 2f64.powi(bits);
        let mut fixed = vec![0; self.user_count()];
        active().for_each(|user| fixed[user] = fixed_cell(0, values[user] * to_fixed).fixed);
        (fixed, -i64::from(bits))
    }

    /// Bits after the point for values up to `largest`, each of an item.
    fn bits_for(&self, largest: f64, of_items: impl Iterator<Item = (u32, f64)>) -> i32 {
        let terms = self.user_count().max(self.item_count());
        common_bits(largest, terms, self.item_count(), of_items)
    }

    /// The same pairs with values that fade: `value(place, rating)`, which must be finite.
    ///
    /// What is decades old is worth less than any unit that all items could share. So each item has a unit of its own, by
    /// its norm: an item that only old ratings name is held as finely as one that new ones name. Beside the rounding of its
    /// values, each by half a unit, nothing is lost. With `n` ratings of an item the root of the sum of its squared values
    /// is at least 2^29 units, so that rounding moves it by less than a share of `sqrt(n) / 2^30`, and a cosine of items
    /// with `n` and `m` ratings by less than `(sqrt(n) + sqrt(m)) / 2^29`. Of one item's ratings those that are some 30
    /// half-lives older than its newest count nothing.
    #[must_use]
    pub fn faded(&self, value: impl Fn(Place, f64) -> Faded) -> Self {
        let mut values: Vec<Faded> =
            self.places().map(|(place, rating)| value(place, rating)).collect();
        let largest = values.iter().fold(0.0f64, |largest, faded| largest.max(faded.value.abs()));
        for faded in &mut values {
            if faded.value.abs() <= largest * NOTHING {
                faded.value = 0.0;
            }
        }
        // From the newest of each item on, so that squares stay within double precision.
        let item = |position: usize| self.user_cells[position].index as usize;
        let mut newest = vec![f64::INFINITY; self.item_count()];
        for (position, faded) in values.iter().enumerate().filter(|(_, faded)| faded.value != 0.0) {
            let newest = &mut newest[item(position)];
            *newest = newest.min(faded.halvings.floor());
        }
        let since_newest = |position: usize, faded: &Faded| {
            if faded.value == 0.0 {
                // It may be far newer than what counts, and where nothing counts there is no newest.
                return 0.0;
            }
            faded.value * (newest[item(position)] - faded.halvings).exp2()
        };
        let mut squared_norms = vec![0.0; self.item_count()];
        for (position, faded) in values.iter().enumerate() {
            squared_norms[item(position)] += since_newest(position, faded).powi(2);
        }
        let bits: Vec<i32> = squared_norms.into_iter().map(bits_for_norm).collect();
        let exponent = |(&bits, &newest): (&i32, &f64)| {
            let newest = if newest.is_finite() { newest as i64 } else { 0 };
            Power::of(-i64::from(bits) - newest)
        };
        let unit = Unit::OfItems(bits.iter().zip(&newest).map(exponent).collect());
        let fixed = values.iter().enumerate().map(|(position, faded)| {
            let value = since_newest(position, faded) * 2f64.powi(bits[item(position)]);
            fixed_cell(self.user_cells[position].index, value)
        });
        self.with_cells(unit, fixed.collect())
    }

    /// The same pairs with these values in fixed point, by user and then item.
    fn with_cells(&self, unit: Unit, user_cells: Vec<Cell>) -> Self {
        Self {
            user_cells,
            user_offsets: self.user_offsets.clone(),
            item_count: self.item_count,
            by_item: OnceLock::new(),
            unit,
            dates: self.dates.clone(),
        }
    }
}

fn fixed_cell(index: u32, value: f64) -> Cell {
    Cell { index, fixed: value.round() as i32 }
}
