//! All users' profiles of a version, packed: a rating from a file takes about 10 bytes.
//!
//! An entry is the difference to the entry before it of the same user, as variable-length integers (zigzag where it may
//! be negative), so that what grows slowly or repeats takes little:
//!
//! | | |
//! |---|---|
//! | item | less the item before |
//! | head | the origin's position times 16, plus [`WHOLE_SECONDS`], [`OWN_CLOCK`], and a [`Kind`] |
//! | rating | in [`STEPS`] a point, or as it is; nothing for a tombstone |
//! | time of the rating | less the time before, in seconds or microseconds |
//! | clock | less the time of the rating; only with [`OWN_CLOCK`] |
//! | sequence | less the sequence before |

use akin_recommender::profile::{Entry, OrderKey, Origin};
use integer_encoding::VarInt;

/// The time of the rating is given in seconds.
const WHOLE_SECONDS: u64 = 8;
/// The order key's clock is not the time of the rating.
const OWN_CLOCK: u64 = 4;
const SECOND: i64 = 1_000_000;
/// Most scales have halves or tenths of a point; 20 steps hold both.
const STEPS: f32 = 20.0;
/// Of an entry from a file; more than it mostly is.
const USUAL_BYTES: usize = 11;
/// Of an entry at most: six integers, and the rating as it is.
const MOST_BYTES: usize = 6 * 10 + 4;

/// How a rating is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tombstone = 0,
    Steps = 1,
    AsItIs = 2,
}

/// Some users that follow each other, in the order of their ids.
#[derive(Default)]
pub struct Chunk {
    /// Their ids, one after the other.
    users: String,
    /// Where each id and each user's entries end.
    ends: Vec<(usize, usize)>,
    packed: Vec<u8>,
    origins: Vec<Origin>,
    last: Previous,
}

/// What the next entry of a user is the difference to.
#[derive(Clone, Copy, Default)]
struct Previous {
    /// None before the first.
    item: Option<u32>,
    rated_at: i64,
    sequence: u64,
}

impl Chunk {
    /// With room for so many entries as files mostly have them.
    pub fn for_entries(entries: u64) -> Self {
        let bytes = usize::try_from(entries).unwrap_or(0).saturating_mul(USUAL_BYTES);
        Self { packed: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Begins the next user. Says `false` when its id does not come after the one before.
    pub fn begin(&mut self, user: &str) -> bool {
        let is_next = self.len() == 0 || self.user(self.len() - 1) < user;
        self.users.push_str(user);
        self.ends.push((self.users.len(), self.packed.len()));
        self.last = Previous::default();
        is_next
    }

    /// The position of an origin, which [`Chunk::push`] takes.
    pub fn origin(&mut self, origin: Origin) -> usize {
        self.origins.iter().position(|known| *known == origin).unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        })
    }

    /// Adds an entry to the user begun last. Says `false` when its item does not come after the one before. The order
    /// key's origin is the one at position `origin`.
    pub fn push(&mut self, item: u32, origin: usize, entry: &Entry) -> bool {
        let Previous { item: before, rated_at, sequence } = self.last;
        let Some((_, end)) = self.ends.last_mut() else { return false };
        if before.is_some_and(|before| before >= item) {
            return false;
        }
        let later = entry.rated_at.wrapping_sub(rated_at);
        let (seconds, later) =
            if later % SECOND == 0 { (WHOLE_SECONDS, later / SECOND) } else { (0, later) };
        let clock = entry.order.micros.wrapping_sub(entry.rated_at);
        let (kind, steps) = match entry.rating {
            None => (Kind::Tombstone, 0),
            Some(rating) => {
                in_steps(rating).map_or((Kind::AsItIs, 0), |steps| (Kind::Steps, steps))
            }
        };
        let own_clock = if clock == 0 { 0 } else { OWN_CLOCK };
        // All of it at once: there is room, or not, only once.
        let (mut packed, mut length) = ([0; MOST_BYTES], 0);
        put(&mut packed, &mut length, item - before.unwrap_or(0));
        put(&mut packed, &mut length, (origin as u64) << 4 | seconds | own_clock | kind as u64);
        match (kind, entry.rating) {
            (Kind::AsItIs, Some(rating)) => {
                packed[length..length + 4].copy_from_slice(&rating.to_le_bytes());
                length += 4;
            }
            (Kind::Steps, _) => put(&mut packed, &mut length, steps),
            _ => {}
        }
        put(&mut packed, &mut length, later);
        if clock != 0 {
            put(&mut packed, &mut length, clock);
        }
        let sequence = entry.order.sequence.wrapping_sub(sequence).cast_signed();
        put(&mut packed, &mut length, sequence);
        self.packed.extend_from_slice(&packed[..length]);
        *end = self.packed.len();
        self.last =
            Previous { item: Some(item), rated_at: entry.rated_at, sequence: entry.order.sequence };
        true
    }

    /// Gives back what was reserved for more.
    pub fn shrink_to_fit(&mut self) {
        self.users.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.packed.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn user(&self, number: usize) -> &str {
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before].0);
        &self.users[begin..self.ends[number].0]
    }

    fn entries(&self, user: &str) -> Option<Entries<'_>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.user(middle) < user { low = middle + 1 } else { high = middle }
        }
        if low == self.len() || self.user(low) != user {
            return None;
        }
        let begin = low.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let packed = &self.packed[begin..self.ends[low].1];
        Some(Entries { packed, origins: &self.origins, last: Previous::default() })
    }
}

fn put(packed: &mut [u8; MOST_BYTES], length: &mut usize, number: impl VarInt) {
    *length += number.encode_var(&mut packed[*length..]);
}

/// A rating in steps, when that is exactly what it is.
fn in_steps(rating: f32) -> Option<u32> {
    // What is halfway between two steps is none, so that it does not matter where it goes.
    let steps = rating * STEPS + 0.5;
    if !(0.0..1e6).contains(&steps) {
        return None;
    }
    let steps = steps as u32;
    (from_steps(steps).to_bits() == rating.to_bits()).then_some(steps)
}

fn from_steps(steps: u32) -> f32 {
    steps as f32 / STEPS
}

/// One user's entries in a chunk, by item.
struct Entries<'a> {
    packed: &'a [u8],
    origins: &'a [Origin],
    last: Previous,
}

impl Entries<'_> {
    fn take<T: VarInt>(&mut self) -> Option<T> {
        let (number, length) = T::decode_var(self.packed)?;
        self.packed = &self.packed[length..];
        Some(number)
    }
}

impl Iterator for Entries<'_> {
    type Item = (u32, Entry);

    fn next(&mut self) -> Option<(u32, Entry)> {
        let Previous { item, rated_at, sequence } = self.last;
        let item = item.unwrap_or(0) + self.take::<u32>()?;
        let head: u64 = self.take()?;
        let rating = match head & 3 {
            kind if kind == Kind::Steps as u64 => Some(from_steps(self.take()?)),
            kind if kind == Kind::AsItIs as u64 => {
                let (rating, rest) = self.packed.split_first_chunk()?;
                self.packed = rest;
                Some(f32::from_le_bytes(*rating))
            }
            _ => None,
        };
        let unit = if head & WHOLE_SECONDS == 0 { 1 } else { SECOND };
        let rated_at = rated_at.wrapping_add(self.take::<i64>()?.wrapping_mul(unit));
        let clock = if head & OWN_CLOCK == 0 { 0 } else { self.take::<i64>()? };
        let sequence = sequence.wrapping_add(self.take::<i64>()?.cast_unsigned());
        self.last = Previous { item: Some(item), rated_at, sequence };
        let origin = self.origins[(head >> 4) as usize];
        let order = OrderKey { micros: rated_at.wrapping_add(clock), origin, sequence };
        Some((item, Entry { rating, rated_at, order }))
    }
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
            let first_item = || after.entries(first)?.next().map(|(item, _)| item);
            last < first || (last == first && before.last.item < first_item())
        });
        are_ordered.then_some(Self { chunks })
    }

    /// A user's entries, by item; none for a user who is not known.
    pub fn entries(&self, user: &str) -> impl Iterator<Item = (u32, Entry)> {
        let begin = self.chunks.partition_point(|chunk| chunk.user(chunk.len() - 1) < user);
        let chunks = self.chunks[begin..].iter().take_while(move |chunk| chunk.user(0) <= user);
        chunks.filter_map(|chunk| chunk.entries(user)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(rating: Option<f32>, origin: Origin) -> Entry {
        Entry { rating, rated_at: 3, order: OrderKey { micros: 5, origin, sequence: 7 } }
    }

    fn chunk(users: &[(&str, Vec<(u32, Entry)>)]) -> Chunk {
        let mut chunk = Chunk::default();
        for (user, entries) in users {
            assert!(chunk.begin(user));
            for (item, entry) in entries {
                let origin = chunk.origin(entry.order.origin);
                assert!(chunk.push(*item, origin, entry));
            }
        }
        chunk
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
        let items = |user| profiles.entries(user).map(|(item, _)| item).collect::<Vec<_>>();
        assert_eq!([items("a"), items("b"), items("c")], [vec![1], vec![2, 3, 4], vec![2]]);
        assert!(["", "aa", "d"].iter().all(|user| items(user).is_empty()));
    }

    #[test]
    fn what_is_out_of_order_is_refused() {
        let one = entry(Some(1.0), Origin::FILES);
        let mut users = chunk(&[("b", vec![(2, one)])]);
        assert!(!users.push(2, 0, &one) && !users.push(1, 0, &one));
        assert!(!users.begin("b"));
        assert!(!chunk(&[("b", vec![])]).begin("a"));
        let joined = |second: (&str, Vec<(u32, Entry)>)| {
            Profiles::join(vec![chunk(&[("b", vec![(2, one)])]), chunk(&[second])]).is_some()
        };
        assert!(joined(("b", vec![(3, one)])) && joined(("c", vec![(1, one)])));
        assert!(!joined(("b", vec![(2, one)])) && !joined(("a", vec![(3, one)])));
    }

    #[test]
    fn a_rating_from_a_file_takes_about_ten_bytes() {
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
        assert!(chunk.packed.len() < 1_000, "{}", chunk.packed.len());
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let rating = prop_oneof![
            Just(None),
            (0u8..=100).prop_map(|tenths| Some(f32::from(tenths) / 10.0)),
            (-1e9f32..1e9).prop_map(Some),
            Just(Some(-0.0)),
            Just(Some(f32::MIN_POSITIVE)),
        ];
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
                proptest::collection::btree_map(any::<u32>(), any_entry(), 0..20),
                0..8,
            ),
        ) {
            let lists: Vec<(&str, Vec<(u32, Entry)>)> = users
                .iter()
                .map(|(user, entries)| (user.as_str(), entries.iter().map(|(&i, &e)| (i, e)).collect()))
                .collect();
            let Some(profiles) = Profiles::join(vec![chunk(&lists)]) else { unreachable!() };
            for (user, entries) in lists {
                let bits = |(item, e): (u32, Entry)| (item, e.rating.map(f32::to_bits), e.rated_at, e.order);
                let found: Vec<_> = profiles.entries(user).map(bits).collect();
                prop_assert_eq!(found, entries.into_iter().map(bits).collect::<Vec<_>>());
            }
        }
    }
}
