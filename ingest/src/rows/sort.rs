//! Sorts rows by user and item and keeps the last entry of each pair, in little more memory than the rows take.
//!
//! Users are divided into ranges of some hundred thousand rows, each of which is sorted by itself. What was read by user, as
//! most files are, lies in such ranges block by block already, and is not touched before its range is sorted.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{BLOCK_ROWS, Block, Row, Rows};

/// Rows that are unpacked and sorted at once, about.
const RANGE_ROWS: usize = 1 << 18;
/// The most ranges: each has rows unpacked while they are divided.
const MOST_RANGES: usize = 256;
/// Rows of a range that are kept unpacked while they are divided.
const DIVIDED_ROWS: usize = 1 << 11;

/// New numbers, by the old ones.
#[derive(Debug)]
pub(crate) struct Renumbering {
    pub(crate) users: Vec<u32>,
    pub(crate) items: Vec<u32>,
    pub(crate) origins: Vec<u16>,
}

/// Renumbers the rows of all blocks, sorts them by user and item, and keeps the last of each pair. Runs on the current rayon
/// pool; the result does not depend on the order of the blocks or rows.
pub(crate) fn sorted(blocks: Vec<Block>, numbers: &Renumbering) -> Rows {
    let ranges = Ranges::of(&blocks, &numbers.users);
    let divided = if ranges.count > 1 { ranges.divide(blocks, numbers) } else { vec![blocks] };
    let sorted: Vec<Vec<Block>> =
        divided.into_par_iter().map(|blocks| sorted_range(blocks, numbers)).collect();
    Rows::of(sorted.into_iter().flatten().collect())
}

/// Which users, by their new number, are sorted together.
struct Ranges {
    of_user: Vec<u16>,
    count: usize,
}

impl Ranges {
    fn of(blocks: &[Block], users: &[u32]) -> Self {
        let mut rows_of = vec![0_usize; users.len()];
        for block in blocks {
            block.for_each_user(|user, rows| rows_of[users[user as usize] as usize] += rows);
        }
        let all: usize = rows_of.iter().sum();
        let most = RANGE_ROWS.max(all.div_ceil(MOST_RANGES));
        let (mut count, mut in_range) = (0_u16, 0);
        let range = |rows: &usize| {
            // A user with more rows than that has a range alone.
            if in_range > 0 && in_range + rows > most {
                (count, in_range) = (count + 1, 0);
            }
            in_range += rows;
            count
        };
        let of_user: Vec<u16> = rows_of.iter().map(range).collect();
        let count = of_user.last().map_or(0, |last| usize::from(*last) + 1);
        Self { of_user, count }
    }

    /// The blocks of each range.
    fn divide(&self, blocks: Vec<Block>, numbers: &Renumbering) -> Vec<Vec<Block>> {
        let range = |user: u32| usize::from(self.of_user[numbers.users[user as usize] as usize]);
        let divided = blocks.into_par_iter().fold(
            || Divided::new(self.count),
            |mut divided, block| {
                let mut of_all = None;
                let mut is_of_one = true;
                block.for_each_user(|user, _| {
                    let range = range(user);
                    is_of_one &= *of_all.get_or_insert(range) == range;
                });
                match of_all {
                    Some(range) if is_of_one => divided.blocks[range].push(block),
                    _ => divided.add(&block, range),
                }
                divided
            },
        );
        divided.map(Divided::finish).reduce(
            || vec![Vec::new(); self.count],
            |mut joined, more| {
                for (joined, more) in joined.iter_mut().zip(more) {
                    joined.extend(more);
                }
                joined
            },
        )
    }
}

/// What one thread has divided so far.
struct Divided {
    blocks: Vec<Vec<Block>>,
    open: Vec<Vec<Row>>,
    unpacked: Vec<Row>,
}

impl Divided {
    fn new(count: usize) -> Self {
        Self {
            blocks: vec![Vec::new(); count],
            open: vec![Vec::new(); count],
            unpacked: Vec::new(),
        }
    }

    fn add(&mut self, block: &Block, range: impl Fn(u32) -> usize) {
        self.unpacked.clear();
        block.unpack(&mut self.unpacked);
        for of_user in self.unpacked.chunk_by(|a, b| a.user == b.user) {
            let range = range(of_user[0].user);
            let open = &mut self.open[range];
            open.extend_from_slice(of_user);
            if open.len() >= DIVIDED_ROWS {
                self.blocks[range].push(Block::pack(open));
                open.clear();
            }
        }
    }

    fn finish(mut self) -> Vec<Vec<Block>> {
        for (blocks, open) in self.blocks.iter_mut().zip(&self.open) {
            if !open.is_empty() {
                blocks.push(Block::pack(open));
            }
        }
        self.blocks
    }
}

/// Renumbers and sorts the rows of one range.
fn sorted_range(blocks: Vec<Block>, numbers: &Renumbering) -> Vec<Block> {
    let mut rows = Vec::with_capacity(blocks.iter().map(Block::len).sum());
    for block in blocks {
        block.unpack(&mut rows);
    }
    for row in &mut rows {
        row.user = numbers.users[row.user as usize];
        row.item = numbers.items[row.item as usize];
        row.origin = numbers.origins[usize::from(row.origin)];
    }
    let pair = |row: &Row| (row.user, row.item);
    if rows.is_sorted_by(|a, b| pair(a) < pair(b)) {
        return rows.chunks(BLOCK_ROWS).map(Block::pack).collect();
    }
    let mut packed = Vec::with_capacity(rows.len().div_ceil(BLOCK_ROWS));
    let mut standing: Vec<Row> = Vec::with_capacity(BLOCK_ROWS.min(rows.len()));
    for at in order(&rows) {
        let row = rows[at as usize];
        match standing.last_mut() {
            Some(last) if pair(last) == pair(&row) => {
                // The later entry sorts first.
                if row.sort_key() < last.sort_key() {
                    *last = row;
                }
            }
            _ => {
                if standing.len() == BLOCK_ROWS {
                    packed.push(Block::pack(&standing));
                    standing.clear();
                }
                standing.push(row);
            }
        }
    }
    if !standing.is_empty() {
        packed.push(Block::pack(&standing));
    }
    packed
}

/// The positions of rows in the order of users and items. What decides is packed into one number with the position: those
/// are sorted in a third of the time that rows take.
fn order(rows: &[Row]) -> Vec<u32> {
    let least = rows.iter().map(|row| row.user).min().unwrap_or(0);
    let bits = |most: Option<u32>| u32::BITS - most.unwrap_or(0).leading_zeros();
    let users = bits(rows.iter().map(|row| row.user - least).max());
    let items = bits(rows.iter().map(|row| row.item).max());
    let places = usize::BITS - rows.len().leading_zeros();
    if users + items + places > u64::BITS {
        let key = |(row, at): (&Row, u32)| (row.user, row.item, at);
        let mut keys: Vec<_> = rows.iter().zip(0..).map(key).collect();
        keys.sort_unstable();
        return keys.into_iter().map(|(_, _, at)| at).collect();
    }
    let key = |(row, at): (&Row, u64)| {
        (u64::from(row.user - least) << items | u64::from(row.item)) << places | at
    };
    let mut keys: Vec<u64> = rows.iter().zip(0..).map(key).collect();
    keys.sort_unstable();
    let place = (1_u64 << places) - 1;
    keys.into_iter().map(|key| (key & place) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use akin_recommender::profile::{OrderKey, Origin};

    /// Users and items from a small generator, some pairs twice, and in no order.
    fn rows(count: u32, users: u32, items: u32) -> Vec<Row> {
        let mut state = 1_u64;
        let mut next = move |below: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32 % below
        };
        let row = |sequence: u32| {
            let micros = i64::from(next(1 << 20)) * 1_000_000;
            let order = OrderKey { micros, origin: Origin::FILES, sequence: u64::from(sequence) };
            Row::new([next(users), next(items)], next(2) as u16, Some(1.0), micros, order)
        };
        (0..count).map(row).collect()
    }

    fn reversed(count: u32) -> Vec<u32> {
        (0..count).rev().collect()
    }

    #[test]
    fn ranges_that_are_sorted_apart_are_sorted_as_a_whole() {
        let (users, items) = (5_000, 40);
        let mut rows = rows(3 * RANGE_ROWS as u32, users, items);
        for is_by_user in [false, true] {
            if is_by_user {
                rows.sort_by_key(|row| row.user);
            }
            let numbers =
                Renumbering { users: reversed(users), items: reversed(items), origins: vec![1, 0] };
            let blocks: Vec<Block> = rows.chunks(BLOCK_ROWS).map(Block::pack).collect();
            let ranges = Ranges::of(&blocks, &numbers.users);
            assert!((3..6).contains(&ranges.count), "{}", ranges.count);
            let mut expected = rows.clone();
            for row in &mut expected {
                (row.user, row.item) = (users - 1 - row.user, items - 1 - row.item);
                row.origin = 1 - row.origin;
            }
            expected.sort_unstable_by_key(Row::sort_key);
            expected.dedup_by_key(|row| (row.user, row.item));
            let found = sorted(blocks, &numbers);
            assert!(found.len() < rows.len() && found.iter().eq(expected.iter().copied()));
            let mut some = vec![Row::default()];
            found.unpack(7..70_000, &mut some);
            assert_eq!(some[1..], expected[7..70_000]);
            found.unpack(5..5, &mut some);
            found.unpack(found.len()..found.len(), &mut some);
            assert_eq!(some.len(), 69_994);
        }
    }

    #[test]
    fn numbers_of_any_size_are_put_in_order() {
        let mut some = rows(100, 3, 3);
        (some[5].user, some[9].item, some[7].user) = (u32::MAX, u32::MAX, u32::MAX);
        for rows in [some, rows(100, 3, 3), Vec::new()] {
            let order = order(&rows);
            let pairs: Vec<_> =
                order.iter().map(|at| (rows[*at as usize].user, rows[*at as usize].item)).collect();
            assert!(pairs.is_sorted() && pairs.len() == rows.len());
        }
    }
}
