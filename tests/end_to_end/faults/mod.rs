//! The faults that the server must survive, made in the real programs: a few rounds here, many with `AKIN_SOAK` set
//! (`make soak`). Nothing asserts how long something takes; the long runs print it.

mod disk;
mod drain;
mod kill;
mod load;
mod overload;
mod reload;
mod soak;

use rand::RngExt;

/// How many rounds: `long` when `AKIN_SOAK` is set.
fn rounds(short: usize, long: usize) -> usize {
    if is_soak() { long } else { short }
}

fn is_soak() -> bool {
    std::env::var_os("AKIN_SOAK").is_some()
}

/// A seed that a failing test has printed: from `AKIN_SEED`, or a fresh one.
fn fresh_seed() -> u64 {
    let given = std::env::var("AKIN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| rand::rng().random());
    eprintln!("AKIN_SEED={seed}");
    seed
}

/// Does something when it goes out of scope, also because a test failed.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
