//! Seeded chance that is the same on every machine.

/// What is added between two draws: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea and Flood 2014), as a stream or as a hash of numbers.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// A number below `bound`, which is not zero. The bias is below `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

/// A hash of every user's and item's identifier, by number. Chance goes by identifiers and not by numbers: new users and
/// items change no draw of the old ones, and no draw favours what comes early or late in the order of identifiers. Other
/// identifiers for the same users and items are as good as another seed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdHashes {
    users: Vec<u64>,
    items: Vec<u64>,
}

impl IdHashes {
    /// Of all users and items, in the order of their numbers.
    pub fn of<I: AsRef<str>>(
        users: impl IntoIterator<Item = I>,
        items: impl IntoIterator<Item = I>,
    ) -> Self {
        let users = users.into_iter().map(|id| hash_of(id.as_ref())).collect();
        Self { users, items: items.into_iter().map(|id| hash_of(id.as_ref())).collect() }
    }

    /// What is drawn for a user.
    pub(crate) fn draw_of_user(&self, seed: u64, user: u32) -> u64 {
        draw(seed, [self.users[user as usize], 0])
    }

    /// What is drawn for a user and an item.
    pub(crate) fn draw(&self, seed: u64, user: u32, item: u32) -> u64 {
        draw(seed, [self.users[user as usize], self.items[item as usize]])
    }
}

/// A draw as a number in 0..1.
pub(crate) fn share_of(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1u64 << 53) as f64
}

/// A draw that depends on the seed and the key alone: what is drawn for one key never shifts another's draw.
fn draw(seed: u64, key: [u64; 2]) -> u64 {
    let seed = mixed(seed.wrapping_add(STEP));
    key.into_iter().fold(seed, |hash, part| mixed((hash ^ part).wrapping_add(STEP)))
}

/// A hash of an identifier: FNV-1a (Fowler, Noll and Vo), mixed once more because its high bits are weak.
fn hash_of(id: &str) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mixed(id.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // The first numbers for seed 0 of the published generator.
        let mut chance = Chance::new(0);
        assert_eq!(chance.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(chance.next(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn an_identifier_has_the_published_hash() {
        // FNV-1a of "a" is 0xaf63dc4c8601ec8c.
        assert_eq!(hash_of("a"), mixed(0xaf63_dc4c_8601_ec8c));
    }

    #[test]
    fn draws_are_spread_evenly_and_stay_below_their_bound() {
        let mut chance = Chance::new(7);
        let mut counts = [0; 5];
        for _ in 0..10_000 {
            counts[chance.below(5)] += 1;
        }
        assert!(counts.iter().all(|&count| (1_800..2_200).contains(&count)), "{counts:?}");
        for key in [|key| [key, 3], |key| [3, key], |key: u64| [hash_of(&key.to_string()), 3]] {
            let below_a_fifth = (0..10_000).filter(|&at| share_of(draw(7, key(at))) < 0.2).count();
            assert!((1_800..2_200).contains(&below_a_fifth), "{below_a_fifth}");
        }
    }
}
