//! Chance that is the same on every machine.
//!
//! Only integers and operations of `f64` that IEEE fixes to the last bit (`+ - * /`, `sqrt`,
//! `floor`, conversions) are used here and in the rest of this folder. `exp`, `ln` and `powf` come
//! from the platform's libm, which may differ in the last bit, and one bit is enough to send every
//! later draw elsewhere. For the same reason numbers are taken from the raw words of ChaCha, a
//! published cipher, and not from rand's distributions, which are free to change between releases.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream with this number, of those that a seed has. Streams don't depend on each other.
    pub fn stream(seed: u64, number: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(number);
        Self(rng)
    }

    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`; 0 when `end` is 0. The bias, `end` in 2^32, doesn't matter here.
    pub fn below(&mut self, end: u32) -> u32 {
        scaled(self.0.next_u32(), end)
    }

    /// True this many times in a hundred.
    pub fn percent(&mut self, share: u32) -> bool {
        self.below(100) < share
    }

    /// A position in `weights`, drawn in proportion to them.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (position, &weight) in weights.iter().enumerate() {
            if left < weight {
                return position;
            }
            left -= weight;
        }
        0
    }

    /// Bell-shaped around 0 with this standard deviation: four uniform numbers, summed.
    pub fn bell(&mut self, deviation: i32) -> i32 {
        /// The deviation of the sum of four numbers below 2^16: 2^16 / sqrt(3).
        const OF_FOUR: i32 = 37_837;
        (quarters(self.word()) - 2 * 0xFFFF) as i32 * deviation / OF_FOUR
    }

    /// Close to the standard normal distribution, within six deviations: twelve uniform numbers,
    /// summed.
    pub fn normal(&mut self) -> f64 {
        let sum: i64 = (0..3).map(|_| quarters(self.word())).sum();
        (sum - 6 * 0xFFFF) as f64 / 65_536.0
    }
}

/// Takes 32 random bits to a number below `end`.
pub fn scaled(bits: u32, end: u32) -> u32 {
    ((u64::from(bits) * u64::from(end)) >> 32) as u32
}

fn quarters(word: u64) -> i64 {
    (0..4).map(|n| (word >> (16 * n) & 0xFFFF) as i64).sum()
}

/// 2 to the power of `x`, for `x` within ±1000, by operations that round alike everywhere.
pub fn exp2(x: f64) -> f64 {
    let whole = x.floor();
    let power = f64::from_bits(((whole as i64 + 1023) as u64) << 52);
    // e^y by its series; y < 0.7, so that sixteen terms leave nothing.
    let y = (x - whole) * std::f64::consts::LN_2;
    power * (1..=16).rev().fold(1.0, |sum, n| 1.0 + sum * y / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_seeds_differ_and_repeat() {
        let first = |seed, stream| Chance::stream(seed, stream).word();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn powers_of_two_are_right() {
        for x in [-40.5, -1.0, -0.25, 0.0, 0.5, 1.0, 7.75] {
            assert!((exp2(x) / f64::powf(2.0, x) - 1.0).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn the_bell_has_the_deviation_that_was_asked_for() {
        let mut chance = Chance::stream(7, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| f64::from(chance.bell(1_000))).collect();
        let normals: Vec<f64> = (0..20_000).map(|_| 1_000.0 * chance.normal()).collect();
        for draws in [draws, normals] {
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 30.0, "{mean}");
            assert!((variance.sqrt() - 1_000.0).abs() < 30.0, "{variance}");
        }
    }

    #[test]
    fn weighted_draws_come_in_proportion() {
        let mut chance = Chance::stream(7, 0);
        let mut drawn = [0; 3];
        (0..9_000).for_each(|_| drawn[chance.weighted(&[2, 0, 1])] += 1);
        assert_eq!(drawn[1], 0);
        assert!((5_800..6_200).contains(&drawn[0]), "{drawn:?}");
    }
}
