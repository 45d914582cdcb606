//! Seeded chance that is the same on every machine.

/// What is added between two draws: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea and Flood 2014), as a stream or as a hash of numbers.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// A number below `bound`, which is not zero. The bias is below `bound / 2^64`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

/// A number in 0..1 that depends on the seed and the key alone: what is drawn for one key never shifts another's draw.
pub(super) fn share_of(seed: u64, key: [u32; 2]) -> f64 {
    let [high, low] = key.map(u64::from);
    let hash = mixed(mixed(seed.wrapping_add(STEP)) ^ ((high << 32) | low).wrapping_add(STEP));
    (hash >> 11) as f64 / (1u64 << 53) as f64
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
    fn draws_are_spread_evenly_and_stay_below_their_bound() {
        let mut chance = Chance::new(7);
        let mut counts = [0; 5];
        for _ in 0..10_000 {
            counts[chance.below(5)] += 1;
        }
        assert!(counts.iter().all(|&count| (1_800..2_200).contains(&count)), "{counts:?}");
        let below_a_fifth = (0..10_000).filter(|&key| share_of(7, [key, 3]) < 0.2).count();
        assert!((1_800..2_200).contains(&below_a_fifth), "{below_a_fifth}");
    }
}
