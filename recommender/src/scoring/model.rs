//! The published similarities, laid out for serving: by target to explain, by source to score.

use thiserror::Error;

use super::by_source::BySource;
use crate::rating_weight::RatingWeight;
use crate::similarity::{NeighbourSlice, Neighbours};

/// Why neighbours do not make a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The neighbours cover another number of items than the rating counts.
    #[error("neighbours of {neighbours} items, but {items} items")]
    ItemCount {
        /// Targets in the neighbours.
        neighbours: usize,
        /// Items in the items table.
        items: usize,
    },
    /// A neighbour's number is not an item's.
    #[error("item {target} has neighbour {neighbour}, which does not exist")]
    UnknownNeighbour {
        /// The target.
        target: usize,
        /// The neighbour.
        neighbour: u32,
    },
}

/// A version's similarities in memory. Size: 16 bytes a pair, and 68 an item.
#[derive(Debug, Clone)]
pub struct Model {
    by_target: Neighbours,
    by_source: BySource,
    popular: Vec<u32>,
    weight: RatingWeight,
}

impl Model {
    /// Lays out the neighbours of `rating_counts.len()` items; the counts rank the fallback.
    ///
    /// # Errors
    /// When the two do not fit together.
    pub fn new(by_target: Neighbours, rating_counts: &[u64]) -> Result<Self, ModelError> {
        let items = rating_counts.len();
        if by_target.item_count() != items {
            return Err(ModelError::ItemCount { neighbours: by_target.item_count(), items });
        }
        for target in 0..items {
            let mut sources = by_target.row(target).items.iter().copied();
            if let Some(neighbour) = sources.find(|&item| item as usize >= items) {
                return Err(ModelError::UnknownNeighbour { target, neighbour });
            }
        }
        let by_source = BySource::new(&by_target);
        let mut popular: Vec<u32> = (0..items as u32).collect();
        popular.sort_by_key(|&item| std::cmp::Reverse(rating_counts[item as usize]));
        Ok(Self { by_target, by_source, popular, weight: RatingWeight::VALUE })
    }

    /// The same similarities, with ratings in a profile weighed in this way rather than by their value.
    #[must_use]
    pub fn weighing(self, weight: RatingWeight) -> Self {
        Self { weight, ..self }
    }

    /// What a rating in a profile counts.
    pub fn weight(&self) -> &RatingWeight {
        &self.weight
    }

    /// How many items there are.
    pub fn item_count(&self) -> usize {
        self.popular.len()
    }

    /// The neighbours of an item, best first: the sources that speak for it.
    pub fn neighbours(&self, target: u32) -> NeighbourSlice<'_> {
        self.by_target.row(target as usize)
    }

    /// The targets that each item speaks for.
    pub(super) fn by_source(&self) -> &BySource {
        &self.by_source
    }

    /// All items, the most rated first; ties by item number.
    pub fn popular(&self) -> &[u32] {
        &self.popular
    }
}
