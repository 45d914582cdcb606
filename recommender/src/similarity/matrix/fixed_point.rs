//! Powers of two as units of fixed point, so that sums of products are exact in 64 bits.

/// What one step of fixed point is worth.
#[derive(Debug, Clone)]
pub enum Unit {
    /// The same for all items.
    Common(Power),
    /// For each item something of its own.
    OfItems(Vec<Power>),
}

/// Two to a power, which may be far from any that a floating-point number has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// The power.
    pub exponent: i64,
    /// What that is; see [`power_of_two`].
    pub value: f64,
}

impl Power {
    pub fn of(exponent: i64) -> Self {
        Self { exponent, value: power_of_two(exponent) }
    }
}

impl Unit {
    /// That of an item.
    pub fn of(&self, item: usize) -> Power {
        match self {
            Self::Common(power) => *power,
            Self::OfItems(powers) => powers[item],
        }
    }
}

/// 2 to a power, exact; 0 below 2^-1000, infinite above 2^1000.
pub fn power_of_two(exponent: i64) -> f64 {
    match exponent {
        ..-1000 => 0.0,
        -1000..=1000 => 2f64.powi(exponent as i32),
        _ => f64::INFINITY,
    }
}

/// Bits after the point that suffice: what takes fewer is looked at more closely.
const ENOUGH_BITS: i32 = 16;

/// Bits after the point, the same for all of `item_count` items, at which the sum over users of the products of two items
/// stays below 2^62. `largest` is the greatest magnitude of the `values`, each of an item, and `terms` the most of them
/// that one sum has.
pub fn common_bits(
    largest: f64,
    terms: usize,
    item_count: usize,
    values: impl Iterator<Item = (u32, f64)>,
) -> i32 {
    let bits = bits_for_terms(largest, terms);
    if bits >= ENOUGH_BITS {
        return bits;
    }
    // Most values are far smaller than the largest: what counts is the largest norm.
    let mut squared_norms = vec![0.0; item_count];
    for (item, value) in values {
        squared_norms[item as usize] += value * value;
    }
    let largest_norm = squared_norms.into_iter().fold(0.0, f64::max);
    bits.max(bits_for_norm(largest_norm).min(ENOUGH_BITS))
}

/// The most bits after the point at which a sum of `terms` products of the largest value stays below 2^62.
fn bits_for_terms(largest: f64, terms: usize) -> i32 {
    let terms_bits = (usize::BITS - terms.leading_zeros()).cast_signed();
    (62 - terms_bits) / 2 - bits_before_point(largest)
}

/// The most bits after the point at which the square of a norm stays below 2^61. No sum of products is greater than the
/// product of both norms (Cauchy and Schwarz), and rounding lengthens a norm of up to 2^32 values by less than a root of 2:
/// sums stay below 2^62, and values below 2^31.
pub fn bits_for_norm(squared_norm: f64) -> i32 {
    if squared_norm > 0.0 { (61 - bits_before_point(squared_norm)).div_euclid(2) } else { 0 }
}

/// The least power of two that is greater than a number above 0. From its bits: a logarithm might be rounded up here and
/// down elsewhere.
fn bits_before_point(number: f64) -> i32 {
    let biased = (number.to_bits() >> 52) as i32 & 0x7ff;
    biased - 1022
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_products_cannot_overflow() {
        for largest in [1e-9f64, 0.5, 1.0, 5.0, 10.0, 1000.0, 1e6] {
            for terms in [1usize, 1000, 138_493, 1 << 22, 1 << 31] {
                let fixed = (largest * 2f64.powi(bits_for_terms(largest, terms))).round();
                assert!(fixed < f64::from(i32::MAX));
                assert!(fixed * fixed * terms as f64 <= 2f64.powi(62), "{largest} {terms}");
            }
        }
        assert!(bits_for_terms(10.0, 138_493) >= 16);
    }

    #[test]
    fn norms_leave_room_for_rounding_and_waste_little() {
        for value in [1e-30f64, 0.3, 0.999, 1.0, 7.0, 1e14] {
            for terms in [1.0f64, 2.0, 1000.0, 4e9] {
                let bits = bits_for_norm(value * value * terms);
                let longest = value * 2f64.powi(bits) + 0.5;
                assert!(longest < f64::from(i32::MAX), "{value} {terms}");
                assert!(longest * longest * terms < 2f64.powi(62), "{value} {terms}");
                let norm = value * 2f64.powi(bits) * terms.sqrt();
                assert!(norm >= 2f64.powi(29), "{value} {terms}: {norm}");
            }
        }
        assert_eq!(bits_for_norm(0.0), 0);
    }

    #[test]
    fn powers_of_two_are_exact_or_nothing() {
        assert_eq!(power_of_two(-3), 0.125);
        assert_eq!(power_of_two(-1000), f64::MIN_POSITIVE * 2f64.powi(22));
        assert_eq!((power_of_two(-1001), power_of_two(1 << 40)), (0.0, f64::INFINITY));
        assert_eq!([0.99, 1.0, 1.5, 2.0, 0.25].map(bits_before_point), [0, 1, 1, 2, -1]);
    }
}
