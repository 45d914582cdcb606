//! Tens of millions of ratings and tombstones in little memory: some 13 bytes for one that a file gave, a third of a
//! [`Row`], because what is worked with at once is unpacked and nothing else.

mod block;
mod numbers;
mod row;
mod sort;

pub use block::Block;
pub use row::Row;
pub(super) use sort::{Renumbering, sorted};

/// Rows of a block: unpacked they fit into a processor's second cache.
pub(super) const BLOCK_ROWS: usize = 1 << 14;

/// Rows in an order.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    blocks: Vec<Block>,
    /// For each block the number of its first row, and last the number of all rows.
    starts: Vec<usize>,
}

impl Rows {
    pub(super) fn of(blocks: Vec<Block>) -> Self {
        let mut starts = Vec::with_capacity(blocks.len() + 1);
        starts.push(0);
        let mut rows = 0;
        for block in &blocks {
            rows += block.len();
            starts.push(rows);
        }
        Self { blocks, starts }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that they take, in bytes.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(Block::bytes).sum()
    }

    /// What they consist of, in order: for whoever works on several at once.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Each row, in order.
    pub fn iter(&self) -> Unpacking<'_, Row> {
        Unpacking::new(&self.blocks, Block::unpack)
    }

    /// User, item and rating of each row that is no tombstone, in order.
    pub fn rated(&self) -> impl Iterator<Item = (u32, u32, f32)> + Clone + '_ {
        Unpacking::new(&self.blocks, Block::unpack_rated).filter(|(_, _, rating)| !rating.is_nan())
    }

    /// Adds the rows with the numbers in `range` to `into`.
    ///
    /// # Panics
    /// When the range reaches beyond the last row.
    pub fn unpack(&self, range: std::ops::Range<usize>, into: &mut Vec<Row>) {
        if range.is_empty() {
            return;
        }
        let first = self.starts.partition_point(|start| *start <= range.start) - 1;
        let begin = into.len();
        let mut at = first;
        while self.starts[at] < range.end {
            self.blocks[at].unpack(into);
            at += 1;
        }
        into.truncate(begin + range.end - self.starts[first]);
        into.drain(begin..begin + range.start - self.starts[first]);
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = Row;
    type IntoIter = Unpacking<'a, Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Goes through rows, of which a block is unpacked at a time.
#[derive(Debug, Clone)]
pub struct Unpacking<'a, T> {
    blocks: std::slice::Iter<'a, Block>,
    unpack: fn(&Block, &mut Vec<T>),
    unpacked: Vec<T>,
    at: usize,
}

impl<'a, T> Unpacking<'a, T> {
    fn new(blocks: &'a [Block], unpack: fn(&Block, &mut Vec<T>)) -> Self {
        Self { blocks: blocks.iter(), unpack, unpacked: Vec::new(), at: 0 }
    }
}

impl<T: Copy> Iterator for Unpacking<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(next) = self.unpacked.get(self.at) {
                self.at += 1;
                return Some(*next);
            }
            let block = self.blocks.next()?;
            self.unpacked.clear();
            (self.unpack)(block, &mut self.unpacked);
            self.at = 0;
        }
    }
}
