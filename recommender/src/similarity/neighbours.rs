//! The result of a similarity computation: each target's best sources.

use super::fit::Cut;
use super::top_k::keep_best;

/// One source of a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The source item.
    pub item: u32,
    /// The similarity.
    pub score: f32,
    /// Users who rated both.
    pub co_count: u32,
}

/// For each target item its sources, best first; ties by item number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Neighbours {
    offsets: Vec<usize>,
    entries: NeighbourList,
}

/// Neighbours one after the other, each property by itself: scoring looks at items and similarities alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NeighbourList {
    items: Vec<u32>,
    scores: Vec<f32>,
    co_counts: Vec<u32>,
}

impl NeighbourList {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds one.
    pub fn push(&mut self, neighbour: Neighbour) {
        self.items.push(neighbour.item);
        self.scores.push(neighbour.score);
        self.co_counts.push(neighbour.co_count);
    }

    /// Puts those of several after each other, in no more memory than they need.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        let all: usize = parts.iter().map(Self::len).sum();
        let mut parts = parts.into_iter();
        let mut joined = parts.next().unwrap_or_default();
        let more = all - joined.len();
        joined.items.reserve_exact(more);
        joined.scores.reserve_exact(more);
        joined.co_counts.reserve_exact(more);
        for part in parts {
            joined.items.extend(part.items);
            joined.scores.extend(part.scores);
            joined.co_counts.extend(part.co_counts);
        }
        joined.items.shrink_to_fit();
        joined.scores.shrink_to_fit();
        joined.co_counts.shrink_to_fit();
        joined
    }
}

/// Some of a [`NeighbourList`]: the sources of one target, best first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeighbourSlice<'a> {
    /// The source items.
    pub items: &'a [u32],
    /// The similarity of each.
    pub scores: &'a [f32],
    /// For each how many users rated both.
    pub co_counts: &'a [u32],
}

impl<'a> NeighbourSlice<'a> {
    /// How many sources there are.
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }

    /// One after the other.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Neighbour> + Clone + 'a {
        let columns = self.items.iter().zip(self.scores).zip(self.co_counts);
        columns.map(|((&item, &score), &co_count)| Neighbour { item, score, co_count })
    }
}

impl Neighbours {
    /// Joins the rows of items 0, 1, 2, ...
    pub fn from_rows(rows: impl IntoIterator<Item = Vec<Neighbour>>) -> Self {
        let (mut offsets, mut entries) = (vec![0], NeighbourList::default());
        for row in rows {
            row.into_iter().for_each(|neighbour| entries.push(neighbour));
            offsets.push(entries.len());
        }
        Self { offsets, entries }
    }

    /// The rows of items 0, 1, 2, ..., one after the other: how long each is, and all of their entries.
    ///
    /// # Panics
    /// When the lengths do not add up to the entries.
    pub fn from_counts(counts: &[usize], entries: NeighbourList) -> Self {
        let ends = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        let offsets: Vec<usize> = std::iter::once(0).chain(ends).collect();
        assert_eq!(offsets.last(), Some(&entries.len()), "as many entries as the rows are long");
        Self { offsets, entries }
    }

    /// Joins the rows of items 0, 1, 2, ..., whose entries name the other side: the sources of a target, or the targets of
    /// a source.
    pub(super) fn from_cut_rows(rows: Vec<Vec<Neighbour>>, cut: Cut) -> Self {
        match cut {
            Cut::Target => Self::from_rows(rows),
            Cut::Source => Self::from_rows(turned(rows)),
        }
    }

    /// These targets alone, as targets 0, 1, 2, ...
    pub(super) fn of_targets(&self, targets: std::ops::Range<usize>) -> Self {
        Self::from_rows(targets.map(|target| self.row(target).iter().collect()))
    }

    /// How many targets there are.
    pub fn item_count(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// How many neighbours all targets have together.
    pub fn pair_count(&self) -> usize {
        self.entries.len()
    }

    /// The sources of one target.
    #[inline]
    pub fn row(&self, target: usize) -> NeighbourSlice<'_> {
        let row = self.offsets[target]..self.offsets[target + 1];
        NeighbourSlice {
            items: &self.entries.items[row.clone()],
            scores: &self.entries.scores[row.clone()],
            co_counts: &self.entries.co_counts[row],
        }
    }
}

/// Rows of one side as rows of the other, best first.
pub(super) fn turned(by_own: Vec<Vec<Neighbour>>) -> Vec<Vec<Neighbour>> {
    let mut rows = vec![Vec::new(); by_own.len()];
    for (own, row) in (0u32..).zip(by_own) {
        for other in row {
            rows[other.item as usize].push(Neighbour { item: own, ..other });
        }
    }
    for row in &mut rows {
        keep_best(row, usize::MAX);
    }
    rows
}
