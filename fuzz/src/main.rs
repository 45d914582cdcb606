//! The fuzzer: libFuzzer, with the target that `AKIN_FUZZ_TARGET` names. Its arguments are libFuzzer's.

#![no_main]

use std::panic::{AssertUnwindSafe, catch_unwind, take_hook};
use std::sync::OnceLock;

use akin_fuzz::{TARGETS, Target, target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn choose() -> &'static Target {
    // libFuzzer's hook ends the process at any panic. Parquet's are caught, and mean that a file is damaged.
    drop(take_hook());
    let name = std::env::var("AKIN_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("AKIN_FUZZ_TARGET is {name:?}; it names one of {}", known.join(", "));
        std::process::exit(2)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let target = CHOSEN.get_or_init(choose);
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        std::process::abort();
    }
});
