//! The fuzzer: libFuzzer, with the target that `AKIN_FUZZ_TARGET` names. Its arguments are libFuzzer's. With
//! `AKIN_FUZZ_SEEDS` it writes all seeds into the folder of that name, and ends.

#![no_main]

use std::panic::{AssertUnwindSafe, catch_unwind, take_hook};
use std::sync::OnceLock;

use akin_fuzz::{TARGETS, Target, target, write_seeds};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn choose() -> &'static Target {
    // libFuzzer's hook ends the process at any panic. Parquet's are caught, and mean that a file is damaged.
    drop(take_hook());
    if let Some(folder) = std::env::var_os("AKIN_FUZZ_SEEDS") {
        let written = write_seeds(folder.as_ref());
        if let Err(error) = &written {
            eprintln!("{}: could not be written ({error})", folder.display());
        }
        std::process::exit(i32::from(written.is_err()));
    }
    let name = std::env::var("AKIN_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("AKIN_FUZZ_TARGET is {name:?}; it names one of {}", known.join(", "));
        std::process::exit(2)
    })
}

fuzz_target!(init: { CHOSEN.get_or_init(choose); }, |bytes: &[u8]| {
    let target = CHOSEN.get_or_init(choose);
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        std::process::abort();
    }
});
