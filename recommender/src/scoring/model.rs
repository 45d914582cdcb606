//! The published similarities, laid out for serving: by target to explain, by source to score.

use thiserror::Error;

use crate::rating_weight::RatingWeight;
use crate::similarity::{Neighbour, Neighbours};

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

/// A source that speaks for more than one item in this many has a dense row: adding it up from end to end is then
/// faster than going from target to target, though most of it is zeros.
const DENSE_FROM_ONE_IN: usize = 4;

/// The targets that one source speaks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Targets<'a> {
    /// The targets with their similarities, by target.
    Sparse(&'a [(u32, f32)]),
    /// The similarity of every item, 0 where there is none.
    Dense(&'a [f32]),
}

/// Where a source's targets lie.
#[derive(Debug, Clone, Copy)]
enum Place {
    Sparse { begin: usize, end: usize },
    Dense { begin: usize },
}

/// A version's similarities in memory. Size: 20 bytes a pair; up to 28 where a source
/// speaks for a quarter of all items, less from a half on.
#[derive(Debug, Clone)]
pub struct Model {
    by_target: Neighbours,
    /// For each source.
    places: Vec<Place>,
    sparse: Vec<(u32, f32)>,
    dense: Vec<f32>,
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
        let mut target_counts = vec![0usize; items];
        for target in 0..items {
            for neighbour in by_target.row(target) {
                let Some(count) = target_counts.get_mut(neighbour.item as usize) else {
                    return Err(ModelError::UnknownNeighbour { target, neighbour: neighbour.item });
                };
                *count += 1;
            }
        }
        let (mut sparse_end, mut dense_end) = (0, 0);
        let place = |&count: &usize| {
            if count > items / DENSE_FROM_ONE_IN {
                dense_end += items;
                Place::Dense { begin: dense_end - items }
            } else {
                sparse_end += count;
                Place::Sparse { begin: sparse_end - count, end: sparse_end }
            }
        };
        let places: Vec<Place> = target_counts.iter().map(place).collect();
        let mut sparse = vec![(0, 0.0); sparse_end];
        let mut dense = vec![0.0; dense_end];
        let mut filled = target_counts;
        filled.fill(0);
        for target in 0..items {
            for neighbour in by_target.row(target) {
                let source = neighbour.item as usize;
                match places[source] {
                    Place::Sparse { begin, .. } => {
                        sparse[begin + filled[source]] = (target as u32, neighbour.score);
                        filled[source] += 1;
                    }
                    Place::Dense { begin } => dense[begin + target] = neighbour.score,
                }
            }
        }
        let mut popular: Vec<u32> = (0..items as u32).collect();
        popular.sort_by_key(|&item| std::cmp::Reverse(rating_counts[item as usize]));
        Ok(Self { by_target, places, sparse, dense, popular, weight: RatingWeight::VALUE })
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
    pub fn neighbours(&self, target: u32) -> &[Neighbour] {
        self.by_target.row(target as usize)
    }

    /// The targets that an item speaks for.
    pub(super) fn targets(&self, source: u32) -> Targets<'_> {
        match self.places[source as usize] {
            Place::Sparse { begin, end } => Targets::Sparse(&self.sparse[begin..end]),
            Place::Dense { begin } => Targets::Dense(&self.dense[begin..begin + self.item_count()]),
        }
    }

    /// All items, the most rated first; ties by item number.
    pub fn popular(&self) -> &[u32] {
        &self.popular
    }
}
