//! All users' profiles of a version, [packed] user by user.

mod packed;

use akin_recommender::profile::Origin;

use packed::Unpacked;
pub use packed::{Found, PackedEntry, PackedProfile, Rows};

/// What an entry from a file mostly takes at most.
const USUAL_BYTES: usize = 7;

/// Some users that follow each other, in the order of their ids.
#[derive(Default)]
pub struct Chunk {
    /// Their ids, one after the other.
    users: String,
    /// Where each id and each user's entries end.
    ends: Vec<(usize, usize)>,
    packed: Vec<u8>,
    /// Of the user begun last, whose end is not known yet.
    unpacked: Unpacked,
    origins: Vec<Origin>,
    last_item: Option<u32>,
}

impl Chunk {
    /// With room for so many entries as files mostly have them.
    pub fn for_entries(entries: u64) -> Self {
        let bytes = usize::try_from(entries).unwrap_or(0).saturating_mul(USUAL_BYTES);
        Self { packed: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Begins the next user. Says `false` when its id does not come after the one before.
    pub fn begin(&mut self, user: &str) -> bool {
        self.pack_last();
        let is_next = self.len() == 0 || self.user(self.len() - 1) < user;
        self.users.push_str(user);
        self.ends.push((self.users.len(), self.packed.len()));
        is_next
    }

    /// Packs the user begun last.
    fn pack_last(&mut self) {
        if let Some((_, end)) = self.ends.last_mut() {
            self.last_item = self.unpacked.last_item();
            self.unpacked.pack(&mut self.packed);
            *end = self.packed.len();
        }
    }

    /// The position of an origin, which [`Found`] takes.
    pub fn origin(&mut self, origin: Origin) -> u32 {
        let known = self.origins.iter().position(|known| *known == origin);
        known.unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        }) as u32
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
        let mut last = self.unpacked.last_item();
        for (row, Found { item, .. }) in rows.found.iter().enumerate() {
            if self.ends.is_empty() || last.is_some_and(|last| last >= *item) {
                return Err(row);
            }
            last = Some(*item);
        }
        let files = self.origins.iter().position(|origin| *origin == Origin::FILES);
        self.unpacked.extend(rows, ratings, files.map(|position| position as u32));
        Ok(())
    }

    /// Nothing more comes: packs the last user, and gives back what was reserved for more.
    pub fn finish(mut self) -> Self {
        self.pack_last();
        self.users.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.packed.shrink_to_fit();
        Self { unpacked: Unpacked::default(), ..self }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn user(&self, number: usize) -> &str {
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before].0);
        &self.users[begin..self.ends[number].0]
    }

    fn profile(&self, user: &str) -> Option<PackedProfile<'_>> {
        self.nth(self.position(user)?)
    }

    fn position(&self, user: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.user(middle) < user { low = middle + 1 } else { high = middle }
        }
        (low < self.len() && self.user(low) == user).then_some(low)
    }

    fn nth(&self, position: usize) -> Option<PackedProfile<'_>> {
        let begin = position.checked_sub(1).map_or(0, |before| self.ends[before].1);
        PackedProfile::new(&self.packed[begin..self.ends[position].1], &self.origins)
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
}

impl Profiles {
    /// Joins chunks. Says `None` when they are not in the order of users and of a user's items.
    pub fn join(chunks: Vec<Chunk>) -> Option<Self> {
        let chunks: Vec<Chunk> = chunks.into_iter().filter(|chunk| chunk.len() > 0).collect();
        let are_ordered = chunks.windows(2).all(|pair| {
            let [before, after] = pair else { return true };
            let (last, first) = (before.user(before.len() - 1), after.user(0));
            let first_item = || after.profile(first)?.entries().next().map(|(item, _)| item);
            last < first || (last == first && before.last_item < first_item())
        });
        are_ordered.then_some(Self { chunks })
    }

    /// A user's entries in parts that follow each other, by item: mostly one; none for a user who is not known.
    pub fn of(&self, user: &str) -> impl Iterator<Item = (Place, PackedProfile<'_>)> {
        let begin = self.chunks.partition_point(|chunk| chunk.user(chunk.len() - 1) < user);
        let chunks = (begin..).zip(&self.chunks[begin..]);
        let chunks = chunks.take_while(move |(_, chunk)| chunk.user(0) <= user);
        chunks.filter_map(move |(number, chunk)| {
            let position = chunk.position(user)?;
            Some((Place { chunk: number, position }, chunk.nth(position)?))
        })
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
mod tests {
    use proptest::prelude::*;

    use akin_recommender::profile::{Entry, OrderKey};

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn entry(rating: Option<f32>, origin: Origin) -> Entry {
        Entry { rating, rated_at: 3, order: OrderKey { micros: 5, origin, sequence: 7 } }
    }

    fn push(chunk: &mut Chunk, found: Found, entry: &Entry) -> bool {
        let rows = Rows {
            found: &[found],
            rated_at: &[entry.rated_at],
            micros: &[entry.order.micros],
            sequences: &[entry.order.sequence.cast_signed()],
        };
        chunk.extend(rows, [entry.rating].into_iter()).is_ok()
    }

    fn chunk(users: &[(&str, Vec<(u32, Entry)>)]) -> Chunk {
        let mut chunk = Chunk::default();
        for (user, entries) in users {
            assert!(chunk.begin(user));
            for (item, entry) in entries {
                let origin = chunk.origin(entry.order.origin);
                assert!(push(&mut chunk, Found { item: *item, origin }, entry));
            }
        }
        chunk.finish()
    }

    /// A user's entries, all of them unpacked.
    fn entries(profiles: &Profiles, user: &str) -> Vec<(u32, Entry)> {
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
        let profiles = Profiles::join(chunks.into()).unwrap_or_default();
        let items =
            |user| entries(&profiles, user).into_iter().map(|(item, _)| item).collect::<Vec<_>>();
        assert_eq!([items("a"), items("b"), items("c")], [vec![1], vec![2, 3, 4], vec![2]]);
        assert!(["", "aa", "d"].iter().all(|user| items(user).is_empty()));
    }

    #[test]
    fn what_is_out_of_order_is_refused() {
        let one = entry(Some(1.0), Origin::FILES);
        let mut users = Chunk::default();
        let origin = users.origin(Origin::FILES);
        let mut pushed = |user: Option<&str>, item| {
            user.is_none_or(|user| users.begin(user))
                && push(&mut users, Found { item, origin }, &one)
        };
        assert!(!pushed(None, 2), "of nobody");
        assert!(pushed(Some("b"), 2));
        assert!(!pushed(None, 2) && !pushed(None, 1));
        assert!(!pushed(Some("b"), 3) && !pushed(Some("a"), 3));
        let joined = |second: (&str, Vec<(u32, Entry)>)| {
            Profiles::join(vec![chunk(&[("b", vec![(2, one)])]), chunk(&[second])]).is_some()
        };
        assert!(joined(("b", vec![(3, one)])) && joined(("c", vec![(1, one)])));
        assert!(!joined(("b", vec![(2, one)])) && !joined(("a", vec![(3, one)])));
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
        assert!(chunk.packed.len() < 570, "{}", chunk.packed.len());
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
            let Some(profiles) = Profiles::join(vec![chunk(&lists)]) else { unreachable!() };
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
