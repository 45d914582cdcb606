//! All users' profiles of a version, [packed] user by user.

mod block;
mod column;
mod item_numbering;
mod packed;
mod times;
mod user_ids;

use akin_recommender::profile::Origin;

use block::{Block, BlockBuilder};
pub use item_numbering::ItemNumbering;
pub use packed::{Found, PackedEntry, PackedProfile, Rows};
use user_ids::UserIds;

/// Some users that follow each other, in the order of their ids: those of one file.
#[derive(Default)]
pub struct Chunk {
    blocks: Vec<Block>,
    /// The first user of each block.
    firsts: UserIds,
    /// How many users there are before each block, and in all.
    starts: Vec<usize>,
    last_item: Option<u32>,
}

impl Chunk {
    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn last_user(&self) -> Option<&str> {
        self.blocks.last()?.users().last()
    }

    /// The block that a user is in, if any is, and its number.
    fn block_of(&self, user: &str) -> Option<(usize, &Block)> {
        let number = self.firsts.up_to(user).checked_sub(1)?;
        Some((number, &self.blocks[number]))
    }

    /// A user's position, and entries.
    fn find<'a>(
        &'a self,
        user: &str,
        numbering: &'a ItemNumbering,
    ) -> Option<(usize, PackedProfile<'a>)> {
        let (number, block) = self.block_of(user)?;
        let position = block.users().position(user)?;
        Some((self.starts[number] + position, block.profile(position, numbering)?))
    }

    fn user(&self, position: usize) -> &str {
        let block = self.starts.partition_point(|&start| start <= position) - 1;
        self.blocks[block].users().get(position - self.starts[block])
    }
}

/// A chunk that grows, and what the version before it has.
pub struct ChunkBuilder<'a> {
    chunk: Chunk,
    block: BlockBuilder,
    origins: Vec<Origin>,
    numbering: &'a ItemNumbering,
    before: Option<&'a Profiles>,
}

impl<'a> ChunkBuilder<'a> {
    /// Without users, of items that have this numbering. What is the same as in `before` is shared with it.
    pub fn new(numbering: &'a ItemNumbering, before: Option<&'a Profiles>) -> Self {
        let chunk = Chunk { starts: vec![0], ..Chunk::default() };
        let block = BlockBuilder::default();
        Self { chunk, block, origins: Vec::new(), numbering, before }
    }

    /// Begins the next user. Says `false` when its id does not come after the one before.
    pub fn begin(&mut self, user: &str) -> bool {
        let is_next = self.last_user().is_none_or(|last| last < user);
        if !self.block.is_empty() && self.block.ends_before(user) {
            self.finish_block();
        }
        self.block.begin(user);
        is_next
    }

    fn last_user(&self) -> Option<&str> {
        self.block.last_user().or_else(|| self.chunk.last_user())
    }

    fn finish_block(&mut self) {
        self.chunk.last_item = self.block.last_item();
        let Some(first) = self.block.first_user() else { return };
        let before = self.before.iter().flat_map(|before| before.blocks_beginning_with(first));
        let before: Vec<&Block> = before.collect();
        let block = self.block.finish(before.into_iter());
        let first = block.users().first().unwrap_or_default();
        self.chunk.firsts.push(first);
        self.chunk.starts.push(self.chunk.len() + block.users().len());
        self.chunk.blocks.push(block);
    }

    /// The position of an origin, which [`Found`] takes.
    pub fn origin(&mut self, origin: Origin) -> u32 {
        block::position(&mut self.origins, origin)
    }

    /// Adds entries to the user begun last.
    ///
    /// # Errors
    /// The first row whose item does not come after the one before. Then none is added.
    pub fn extend(
        &mut self,
        rows: Rows<'_>,
        ratings: impl Iterator<Item = Option<f32>>,
    ) -> Result<(), usize> {
        let mut last = self.block.last_item();
        for (row, Found { item, .. }) in rows.found.iter().enumerate() {
            if self.block.is_empty() || last.is_some_and(|last| last >= *item) {
                return Err(row);
            }
            last = Some(*item);
        }
        self.block.extend(rows, ratings, &self.origins, self.numbering);
        Ok(())
    }

    /// Nothing more comes.
    pub fn finish(mut self) -> Chunk {
        self.finish_block();
        self.chunk.blocks.shrink_to_fit();
        self.chunk.firsts = self.chunk.firsts.take();
        self.chunk.starts.shrink_to_fit();
        self.chunk
    }
}

/// Where some of a user's entries are, mostly all of them.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The number of the chunk.
    pub chunk: usize,
    /// The user's position in it.
    pub position: usize,
}

/// Profiles by user.
#[derive(Default)]
pub struct Profiles {
    /// In the order of users; one user may end a chunk and begin the next.
    chunks: Vec<Chunk>,
    numbering: ItemNumbering,
}

impl Profiles {
    /// Joins chunks of items that have this numbering. Says `None` when they are not in the order of users and of a user's
    /// items.
    pub fn join(chunks: Vec<Chunk>, numbering: ItemNumbering) -> Option<Self> {
        let chunks: Vec<Chunk> = chunks.into_iter().filter(|chunk| chunk.len() > 0).collect();
        let are_ordered = chunks.windows(2).all(|pair| {
            let [before, after] = pair else { return true };
            let (last, first) = (before.last_user(), after.firsts.first());
            let first_item =
                || after.find(first?, &numbering)?.1.entries().next().map(|(item, _)| item);
            last < first || (last == first && before.last_item < first_item())
        });
        are_ordered.then_some(Self { chunks, numbering })
    }

    /// A user's entries in parts that follow each other, by item: mostly one; none for a user who is not known.
    pub fn of(&self, user: &str) -> impl Iterator<Item = (Place, PackedProfile<'_>)> {
        self.around(user).filter_map(move |(number, chunk)| {
            let (position, profile) = chunk.find(user, &self.numbering)?;
            Some((Place { chunk: number, position }, profile))
        })
    }

    /// The chunks that a user may be in, with their numbers.
    fn around(&self, user: &str) -> impl Iterator<Item = (usize, &Chunk)> {
        let begin = self.chunks.partition_point(|chunk| chunk.last_user() < Some(user));
        let chunks = (begin..).zip(&self.chunks[begin..]);
        chunks.take_while(move |(_, chunk)| chunk.firsts.first() <= Some(user))
    }

    /// The blocks whose first user this is: mostly one.
    fn blocks_beginning_with(&self, user: &str) -> impl Iterator<Item = &Block> {
        let blocks = self.around(user).filter_map(move |(_, chunk)| Some(chunk.block_of(user)?.1));
        blocks.filter(move |block| block.users().first() == Some(user))
    }

    /// What items are called here.
    pub fn numbering(&self) -> &ItemNumbering {
        &self.numbering
    }

    /// How many users each chunk holds.
    pub fn chunk_lengths(&self) -> impl ExactSizeIterator<Item = usize> {
        self.chunks.iter().map(Chunk::len)
    }

    /// The id of the user at a place that exists.
    pub fn user(&self, place: Place) -> &str {
        self.chunks[place.chunk].user(place.position)
    }
}

#[cfg(test)]
mod sharing_tests;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use akin_recommender::profile::{Entry, OrderKey};

    use super::*;

    const SECOND: i64 = 1_000_000;

    pub(super) fn entry(rating: Option<f32>, origin: Origin) -> Entry {
        Entry { rating, rated_at: 3, order: OrderKey { micros: 5, origin, sequence: 7 } }
    }

    fn push(chunk: &mut ChunkBuilder<'_>, found: Found, entry: &Entry) -> bool {
        let rows = Rows {
            found: &[found],
            rated_at: &[entry.rated_at],
            micros: &[entry.order.micros],
            sequences: &[entry.order.sequence.cast_signed()],
        };
        chunk.extend(rows, [entry.rating].into_iter()).is_ok()
    }

    fn chunk(users: &[(&str, Vec<(u32, Entry)>)]) -> Chunk {
        chunk_after(&ItemNumbering::default(), None, users)
    }

    pub(super) fn chunk_after(
        numbering: &ItemNumbering,
        before: Option<&Profiles>,
        users: &[(&str, Vec<(u32, Entry)>)],
    ) -> Chunk {
        let mut chunk = ChunkBuilder::new(numbering, before);
        for (user, entries) in users {
            assert!(chunk.begin(user));
            for (item, entry) in entries {
                let origin = chunk.origin(entry.order.origin);
                assert!(push(&mut chunk, Found { item: *item, origin }, entry));
            }
        }
        chunk.finish()
    }

    fn joined(chunks: Vec<Chunk>) -> Option<Profiles> {
        Profiles::join(chunks, ItemNumbering::default())
    }

    /// A user's entries, all of them unpacked.
    pub(super) fn entries(profiles: &Profiles, user: &str) -> Vec<(u32, Entry)> {
        let parts: Vec<_> = profiles.of(user).collect();
        let packed = parts.iter().flat_map(|(_, part)| part.entries());
        packed.map(|(item, packed)| (item, packed.entry())).collect()
    }

    #[test]
    fn a_user_may_lie_in_several_chunks() {
        let one = entry(Some(4.5), Origin::FILES);
        let chunks = [
            chunk(&[("a", vec![(1, one)]), ("b", vec![(2, one)])]),
            chunk(&[("b", vec![(3, one)])]),
            chunk(&[("b", vec![(4, one)]), ("c", vec![(2, one)])]),
        ];
        let profiles = joined(chunks.into()).unwrap_or_default();
        let items =
            |user| entries(&profiles, user).into_iter().map(|(item, _)| item).collect::<Vec<_>>();
        assert_eq!([items("a"), items("b"), items("c")], [vec![1], vec![2, 3, 4], vec![2]]);
        assert!(["", "aa", "d"].iter().all(|user| items(user).is_empty()));
    }

    #[test]
    fn what_is_out_of_order_is_refused() {
        let one = entry(Some(1.0), Origin::FILES);
        let numbering = ItemNumbering::default();
        let mut users = ChunkBuilder::new(&numbering, None);
        let origin = users.origin(Origin::FILES);
        let mut pushed = |user: Option<&str>, item| {
            user.is_none_or(|user| users.begin(user))
                && push(&mut users, Found { item, origin }, &one)
        };
        assert!(!pushed(None, 2), "of nobody");
        assert!(pushed(Some("b"), 2));
        assert!(!pushed(None, 2) && !pushed(None, 1));
        assert!(!pushed(Some("b"), 3) && !pushed(Some("a"), 3));
        let may_follow = |second: (&str, Vec<(u32, Entry)>)| {
            joined(vec![chunk(&[("b", vec![(2, one)])]), chunk(&[second])]).is_some()
        };
        assert!(may_follow(("b", vec![(3, one)])) && may_follow(("c", vec![(1, one)])));
        assert!(!may_follow(("b", vec![(2, one)])) && !may_follow(("a", vec![(3, one)])));
    }

    #[test]
    fn a_rating_from_a_file_takes_about_five_bytes() {
        let mut profile = Vec::new();
        for n in 0..100u32 {
            let rated_at = i64::from(n * 7_919 % 100) * 86_400 * SECOND;
            let order = OrderKey {
                micros: rated_at,
                origin: Origin::FILES,
                sequence: 9_000 + u64::from(n),
            };
            profile.push((n * 200, Entry { rating: Some(3.5), rated_at, order }));
        }
        let chunk = chunk(&[("abby", profile)]);
        let bytes: usize = chunk.blocks.iter().map(Block::bytes).sum();
        assert!(bytes < 570, "{bytes}");
    }

    /// Entries whose ratings mostly take the same form.
    fn any_entry(form: u8) -> impl Strategy<Value = Entry> {
        let rating = match form {
            0 => prop_oneof![Just(None), (0u8..=20).prop_map(|n| Some(f32::from(n) / 2.0))].boxed(),
            1 => prop_oneof![Just(None), (0u8..=255).prop_map(|n| Some(f32::from(n)))].boxed(),
            2 => prop_oneof![Just(None), (0u16..=300).prop_map(|n| Some(f32::from(n) / 20.0))]
                .boxed(),
            _ => prop_oneof![
                Just(None),
                (-1e9f32..1e9).prop_map(Some),
                Just(Some(-0.0)),
                Just(Some(f32::MIN_POSITIVE)),
            ]
            .boxed(),
        };
        let time = || prop_oneof![any::<i64>(), (0i64..1 << 40).prop_map(|at| at * SECOND)];
        (rating, time(), time(), any::<bool>(), 0usize..3, any::<u64>()).prop_map(
            |(rating, rated_at, clock, own_clock, origin, sequence)| {
                let origins = ["files", "ledger-a", "ledger-b"];
                let origin = origins[origin].parse().unwrap_or(Origin::FILES);
                let micros = if own_clock { clock } else { rated_at };
                Entry { rating, rated_at, order: OrderKey { micros, origin, sequence } }
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back_to_the_bit(
            users in proptest::collection::btree_map(
                "[a-c]{0,3}",
                (0u8..4).prop_flat_map(|form| {
                    proptest::collection::btree_map(any::<u32>(), any_entry(form), 0..20)
                }),
                0..8,
            ),
        ) {
            let lists: Vec<(&str, Vec<(u32, Entry)>)> = users
                .iter()
                .map(|(user, entries)| (user.as_str(), entries.iter().map(|(&i, &e)| (i, e)).collect()))
                .collect();
            let Some(profiles) = joined(vec![chunk(&lists)]) else { unreachable!() };
            for (user, mut given) in lists {
                for (_, entry) in &mut given {
                    if entry.order.origin == Origin::FILES {
                        entry.order.sequence = 0;
                    }
                }
                let bits = |(item, e): (u32, Entry)| (item, e.rating.map(f32::to_bits), e.rated_at, e.order);
                let found: Vec<_> = entries(&profiles, user).into_iter().map(bits).collect();
                prop_assert_eq!(found, given.into_iter().map(bits).collect::<Vec<_>>());
            }
        }
    }
}
