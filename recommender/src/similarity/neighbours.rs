//! The result of a similarity computation: each target's best sources.

use super::product::Entry;
use super::relabelled::Relabelled;
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
    fn with_capacity(count: usize) -> Self {
        Self {
            items: Vec::with_capacity(count),
            scores: Vec::with_capacity(count),
            co_counts: Vec::with_capacity(count),
        }
    }

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

    /// The rows of all items from those of all ranks, whose entries are best first.
    pub(super) fn of_ranks<'a>(
        ratings: &Relabelled,
        best: impl ExactSizeIterator<Item = &'a [Entry]>,
    ) -> Self {
        let mut by_item = vec![[].as_slice(); best.len()];
        for (&item, row) in ratings.item_of().iter().zip(best) {
            by_item[item as usize] = row;
        }
        let mut found =
            Self::with_capacity(by_item.len(), by_item.iter().map(|row| row.len()).sum());
        for row in by_item {
            found.push_row(row.iter().map(|entry| Neighbour {
                item: entry.item(),
                score: entry.score(),
                co_count: entry.count,
            }));
        }
        found
    }

    pub(super) fn with_capacity(rows: usize, pairs: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, entries: NeighbourList::with_capacity(pairs) }
    }

    /// Adds the row of the next item.
    pub(super) fn push_row(&mut self, row: impl Iterator<Item = Neighbour>) {
        row.for_each(|neighbour| self.entries.push(neighbour));
        self.offsets.push(self.entries.len());
    }

    /// Rows of one side, whose entries name the other, as rows of the other.
    pub(super) fn turned(&self) -> Self {
        let mut rows = vec![Vec::new(); self.item_count()];
        for own in 0..self.item_count() {
            for other in self.row(own).iter() {
                rows[other.item as usize].push(Neighbour { item: own as u32, ..other });
            }
        }
        let mut turned = Self::with_capacity(rows.len(), self.pair_count());
        for mut row in rows {
            keep_best(&mut row, usize::MAX);
            turned.push_row(row.into_iter());
        }
        turned
    }

    /// At most this many of each row.
    pub(super) fn truncated(&self, most: usize) -> Self {
        Self::from_rows(
            (0..self.item_count()).map(|target| self.row(target).iter().take(most).collect()),
        )
    }

    /// These targets alone, as targets 0, 1, 2, ...
    pub(super) fn of_targets(self, targets: std::ops::Range<usize>) -> Self {
        if targets == (0..self.item_count()) {
            return self;
        }
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
