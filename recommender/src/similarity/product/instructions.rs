//! Which of a processor's instructions the kernels use. What they do is written once, mostly in plain loops over arrays, of
//! which the compiler makes several programs. Every one gives the same bits: all sums are integers, and what is solved in
//! floating point is solved in one order.

use std::sync::OnceLock;

use thiserror::Error;

use super::WIDTH;
use super::bits::Words;

/// What names a set of instructions, for tests and for looking at differences.
const VARIABLE: &str = "AKIN_INSTRUCTIONS";

#[cfg(target_arch = "x86_64")]
mod x86 {
    pulp::simd_type!({
        /// 512 bits at a time.
        pub struct Avx512 {
            pub avx512f: f!("avx512f"),
            pub avx512bw: f!("avx512bw"),
            pub avx512dq: f!("avx512dq"),
            pub avx512vl: f!("avx512vl"),
            pub avx2: f!("avx2"),
            pub bmi1: f!("bmi1"),
            pub bmi2: f!("bmi2"),
            pub popcnt: f!("popcnt"),
        }

        /// 256 bits at a time.
        pub struct Avx2 {
            pub avx: f!("avx"),
            pub avx2: f!("avx2"),
            pub bmi1: f!("bmi1"),
            pub bmi2: f!("bmi2"),
            pub popcnt: f!("popcnt"),
        }
    });
}

/// A set of instructions that this processor has.
#[derive(Debug, Clone, Copy)]
pub struct InstructionSet(Set);

#[derive(Debug, Clone, Copy)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    Portable,
}

/// Instructions are asked for that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{VARIABLE} is {name:?}, but this processor has {has}: choose one of them, or leave it out"
)]
pub struct InstructionsError {
    name: String,
    has: String,
}

/// Something to do with whichever instructions.
pub trait Work {
    /// What it gives.
    type Output;
    /// Does it. Has to be inlined, with all that it calls.
    fn run<I: Instructions>(self, instructions: I) -> Self::Output;
}

/// What is not left to the compiler, because it makes many times as much of it.
pub trait Instructions: Copy {
    /// Adds `weights` to the sums of the columns whose bit the line beside it has. At most 16 lines, weights below 2^12.
    fn add_weights(self, lines: &[Words], weights: &[u16], sums: &mut [u32; WIDTH]);
}

impl InstructionSet {
    /// All that this processor has, the widest first. The last one is had by all.
    pub fn all() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(x86::Avx512::try_new().map(|token| Self(Set::Avx512(token))));
            sets.extend(x86::Avx2::try_new().map(|token| Self(Set::Avx2(token))));
        }
        sets.push(Self(Set::Portable));
        sets
    }

    /// What the environment variable `AKIN_INSTRUCTIONS` names, and else the widest. Looked up once; a name that
    /// [`Self::named`] refuses is as good as none.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();
        *CHOSEN.get_or_init(|| Self::named().unwrap_or_else(|_| Self::all()[0]))
    }

    /// The same.
    ///
    /// # Errors
    /// When this processor has no such instructions, or they are called otherwise.
    pub fn named() -> Result<Self, InstructionsError> {
        let sets = Self::all();
        let Ok(name) = std::env::var(VARIABLE) else { return Ok(sets[0]) };
        let found = sets.iter().find(|set| set.name() == name).copied();
        let names = || sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| InstructionsError { name, has: names() })
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            Set::Portable => "portable",
        }
    }

    /// Does the work with these instructions.
    #[inline(always)]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(token) => token.vectorize(With(work, token)),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(token) => token.vectorize(With(work, token)),
            Set::Portable => work.run(Portable),
        }
    }
}

#[cfg(target_arch = "x86_64")]
struct With<W, I>(W, I);

#[cfg(target_arch = "x86_64")]
impl<W: Work, I: Instructions> pulp::NullaryFnOnce for With<W, I> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        self.0.run(self.1)
    }
}

/// What the compiler makes of plain loops.
#[derive(Clone, Copy)]
struct Portable;

/// For each byte of a line which of eight columns it has.
const MASKS: [[u16; 8]; 256] = {
    let mut masks = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            masks[byte][bit] = if byte >> bit & 1 == 1 { u16::MAX } else { 0 };
            bit += 1;
        }
        byte += 1;
    }
    masks
};

impl Instructions for Portable {
    #[inline(always)]
    fn add_weights(self, lines: &[Words], weights: &[u16], sums: &mut [u32; WIDTH]) {
        for (word, sums) in sums.as_chunks_mut::<64>().0.iter_mut().enumerate() {
            let mut own = [[0u16; 8]; 8];
            for (line, &weight) in lines.iter().zip(weights) {
                for (own, byte) in own.iter_mut().zip(line[word].to_le_bytes()) {
                    let masks = &MASKS[usize::from(byte)];
                    own.iter_mut().zip(masks).for_each(|(sum, mask)| *sum += mask & weight);
                }
            }
            let own = own.as_flattened();
            sums.iter_mut().zip(own).for_each(|(sum, &own)| *sum += u32::from(own));
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Instructions for x86::Avx2 {
    /// 64 columns at a time: of 16 bits each that is the column's own becomes a mask.
    #[inline(always)]
    fn add_weights(self, lines: &[Words], weights: &[u16], sums: &mut [u32; WIDTH]) {
        let (avx, avx2) = (self.avx, self.avx2);
        let columns: [u16; 16] = std::array::from_fn(|column| 1 << column);
        let columns = pulp::cast(columns);
        for (word, sums) in sums.as_chunks_mut::<64>().0.iter_mut().enumerate() {
            let mut own = [avx._mm256_setzero_si256(); 4];
            for (line, &weight) in lines.iter().zip(weights) {
                let (bits, weight) = (line[word], avx._mm256_set1_epi16(weight.cast_signed()));
                for (part, sum) in own.iter_mut().enumerate() {
                    let bits = avx._mm256_set1_epi16((bits >> (16 * part)) as i16);
                    let bits = avx2._mm256_and_si256(bits, columns);
                    let mask = avx2._mm256_cmpeq_epi16(bits, columns);
                    let weight = avx2._mm256_and_si256(mask, weight);
                    *sum = avx2._mm256_add_epi16(*sum, weight);
                }
            }
            let own: [u16; 64] = pulp::cast(own);
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += u32::from(own));
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Instructions for x86::Avx512 {
    /// 64 columns at a time: the line's bits are the masks.
    #[inline(always)]
    fn add_weights(self, lines: &[Words], weights: &[u16], sums: &mut [u32; WIDTH]) {
        let (f, bw) = (self.avx512f, self.avx512bw);
        for (word, sums) in sums.as_chunks_mut::<64>().0.iter_mut().enumerate() {
            let mut own = [f._mm512_setzero_si512(); 2];
            for (line, &weight) in lines.iter().zip(weights) {
                let (bits, weight) = (line[word], f._mm512_set1_epi16(weight.cast_signed()));
                for (part, sum) in own.iter_mut().enumerate() {
                    let mask = (bits >> (32 * part)) as u32;
                    *sum = bw._mm512_mask_add_epi16(*sum, mask, *sum, weight);
                }
            }
            let own: [u16; 64] = pulp::cast(own);
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += u32::from(own));
        }
    }
}
