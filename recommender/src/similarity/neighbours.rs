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
    entries: Vec<Neighbour>,
}

impl Neighbours {
    /// Joins the rows of items 0, 1, 2, ...
    pub fn from_rows(rows: impl IntoIterator<Item = Vec<Neighbour>>) -> Self {
        let (mut offsets, mut entries) = (vec![0], Vec::new());
        for row in rows {
            entries.extend(row);
            offsets.push(entries.len());
        }
        Self { offsets, entries }
    }

    /// The rows of items 0, 1, 2, ..., one after the other: how long each is, and all of their entries.
    ///
    /// # Panics
    /// When the lengths do not add up to the entries.
    pub fn from_counts(counts: &[usize], entries: Vec<Neighbour>) -> Self {
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
        Self::from_rows(targets.map(|target| self.row(target).to_vec()))
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
    pub fn row(&self, target: usize) -> &[Neighbour] {
        &self.entries[self.offsets[target]..self.offsets[target + 1]]
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
