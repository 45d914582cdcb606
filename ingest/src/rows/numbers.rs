//! Whole numbers in as little memory as they need.

/// A position within a block.
type At = u32;

/// Whole numbers by position. Most of those of one block lie close together, and the few that do not are noted apart
/// (patched frame of reference; Zukowski et al. 2006, "Super-scalar RAM-CPU cache compression").
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    /// All the same, but for a few.
    Same { usual: i64, others: Vec<(At, i64)> },
    /// So many units above a base, but for a few.
    Close { base: i64, unit: i64, steps: Vec<u32>, others: Vec<(At, i64)> },
    /// As they are.
    Apart(Vec<i64>),
}

/// Of so many numbers one may be noted apart: such a one takes 16 bytes.
const ONE_APART_OF: usize = 8;

impl Numbers {
    /// Packs numbers, of which most are expected to be multiples of `unit`.
    pub(super) fn pack(numbers: impl ExactSizeIterator<Item = i64> + Clone, unit: i64) -> Self {
        let few = numbers.len() / ONE_APART_OF;
        let middle = numbers.clone().nth(numbers.len() / 2);
        if let Some(usual) = middle
            && let Some(others) = few_of(numbers.clone().map(|n| (n != usual).then_some(n)), few)
        {
            return Self::Same { usual, others };
        }
        let least = numbers.clone().min().unwrap_or(0);
        let base = least.saturating_sub(least.rem_euclid(unit));
        let step = |number: i64| {
            let distance = number.wrapping_sub(base).cast_unsigned();
            let (steps, rest) = (distance / unit.cast_unsigned(), distance % unit.cast_unsigned());
            u32::try_from(steps).ok().filter(|_| rest == 0)
        };
        let apart = numbers.clone().map(|number| step(number).is_none().then_some(number));
        match few_of(apart, few) {
            None => Self::Apart(numbers.collect()),
            Some(others) => {
                let steps = numbers.map(|number| step(number).unwrap_or(0)).collect();
                Self::Close { base, unit, steps, others }
            }
        }
    }

    /// Puts each number where it belongs among `into`.
    pub(super) fn unpack<T>(&self, into: &mut [T], mut put: impl FnMut(&mut T, i64)) {
        let others = match self {
            Self::Same { usual, others } => {
                into.iter_mut().for_each(|into| put(into, *usual));
                others
            }
            Self::Close { base, unit, steps, others } => {
                for (into, step) in into.iter_mut().zip(steps) {
                    put(into, base.wrapping_add(unit.wrapping_mul(i64::from(*step))));
                }
                others
            }
            Self::Apart(numbers) => {
                into.iter_mut().zip(numbers).for_each(|(into, number)| put(into, *number));
                return;
            }
        };
        for (at, number) in others {
            put(&mut into[*at as usize], *number);
        }
    }

    /// Adds to each of them.
    pub(super) fn add(&mut self, more: i64) {
        let others = match self {
            Self::Same { usual, others } => {
                *usual = usual.wrapping_add(more);
                others
            }
            Self::Close { base, others, .. } => {
                *base = base.wrapping_add(more);
                others
            }
            Self::Apart(numbers) => {
                return numbers.iter_mut().for_each(|number| *number = number.wrapping_add(more));
            }
        };
        others.iter_mut().for_each(|(_, number)| *number = number.wrapping_add(more));
    }

    /// The memory that it takes beside itself.
    pub(super) fn bytes(&self) -> usize {
        let others = |others: &Vec<(At, i64)>| others.capacity() * size_of::<(At, i64)>();
        match self {
            Self::Same { others: few, .. } => others(few),
            Self::Close { steps, others: few, .. } => {
                steps.capacity() * size_of::<u32>() + others(few)
            }
            Self::Apart(numbers) => numbers.capacity() * size_of::<i64>(),
        }
    }
}

/// Those that are there with their positions, unless there are more than a few.
fn few_of(numbers: impl Iterator<Item = Option<i64>>, few: usize) -> Option<Vec<(At, i64)>> {
    let mut found = Vec::new();
    for (at, number) in (0..).zip(numbers) {
        if let Some(number) = number {
            if found.len() == few {
                return None;
            }
            found.push((at, number));
        }
    }
    found.shrink_to_fit();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpacked(packed: &Numbers, length: usize) -> Vec<i64> {
        let mut into = vec![7; length];
        packed.unpack(&mut into, |into, number| *into = number);
        into
    }

    #[test]
    fn what_lies_close_takes_four_bytes_and_what_is_the_same_none() {
        let pack = |numbers: &[i64]| Numbers::pack(numbers.iter().copied(), 1_000_000);
        let seconds: Vec<i64> = (0..100).map(|n| (1_600_000_000 - n * n) * 1_000_000).collect();
        assert_eq!(pack(&seconds).bytes(), 400);
        let mut few = seconds.clone();
        (few[3], few[70]) = (5, i64::MAX);
        assert_eq!(pack(&few).bytes(), 432);
        assert_eq!(pack(&[9; 100]).bytes(), 0);
        let micros: Vec<i64> = seconds.iter().zip(1..).map(|(second, n)| second + n).collect();
        assert_eq!(pack(&micros).bytes(), 800);
        for numbers in [seconds, few, micros, vec![], vec![i64::MIN, 0, i64::MAX]] {
            assert_eq!(unpacked(&pack(&numbers), numbers.len()), numbers);
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_the_same(
            numbers in proptest::collection::vec(
                prop_oneof![4 => 0..5i64, 2 => -9_000_000..9_000_000_000i64, 1 => any::<i64>()], 0..60),
            unit in prop_oneof![Just(1i64), Just(1_000_000)],
            more in any::<i64>(),
        ) {
            let mut packed = Numbers::pack(numbers.iter().copied(), unit);
            prop_assert_eq!(&unpacked(&packed, numbers.len()), &numbers);
            packed.add(more);
            let added: Vec<i64> = numbers.iter().map(|number| number.wrapping_add(more)).collect();
            prop_assert_eq!(unpacked(&packed, numbers.len()), added);
        }
    }
}
