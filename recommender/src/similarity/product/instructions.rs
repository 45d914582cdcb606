//! Which of a processor's instructions the kernels use. What they do is written once, in plain loops over arrays; here the
//! compiler makes several programs of it. Every one gives the same bits: all sums are integers, and what is solved in
//! floating point is solved in one order.

use std::sync::OnceLock;

/// What names a set of instructions, for tests and for looking at differences.
pub const VARIABLE: &str = "AKIN_INSTRUCTIONS";

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

/// Something to do with whichever instructions.
pub trait Work {
    /// What it gives.
    type Output;
    /// Does it. Has to be inlined, with all that it calls.
    fn run(self) -> Self::Output;
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

    /// What the environment variable [`VARIABLE`] names, and else the widest. Looked up once.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let name = std::env::var(VARIABLE).unwrap_or_default();
            let sets = Self::all();
            sets.iter().find(|set| set.name() == name).copied().unwrap_or(sets[0])
        })
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
            Set::Avx512(token) => token.vectorize(Vectorized(work)),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(token) => token.vectorize(Vectorized(work)),
            Set::Portable => work.run(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
struct Vectorized<W>(W);

#[cfg(target_arch = "x86_64")]
impl<W: Work> pulp::NullaryFnOnce for Vectorized<W> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        self.0.run()
    }
}
