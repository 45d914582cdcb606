//! The result of a similarity computation: each target's best sources.

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
