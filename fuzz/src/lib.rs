//! What is fuzzed: every place where bytes from outside become values.
//!
//! A target takes any bytes. It panics when something does not hold that must hold for all of them: what was read comes
//! back the same when it is written and read again, what was accepted keeps the rules. A panic of the code itself is a
//! finding, too, but for those that it catches by itself.

mod bodies;
mod handles;
mod input;
mod manifests;
mod step_functions;
mod tables;

use std::path::Path;
use std::{fs, io};

/// One thing to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of the folder of its seeds, and for `make fuzz TARGET=`.
    pub name: &'static str,
    /// Runs it, and says whether the bytes were understood.
    pub run: fn(&[u8]) -> bool,
    /// Inputs that are understood, to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "rating-body", run: bodies::rating, seeds: bodies::rating_seeds },
    Target { name: "rating-bodies", run: bodies::ratings, seeds: bodies::ratings_seeds },
    Target {
        name: "recommendations-body",
        run: bodies::recommendations,
        seeds: bodies::recommendations_seeds,
    },
    Target { name: "neighbours-body", run: bodies::neighbours, seeds: bodies::neighbours_seeds },
    Target { name: "step-functions", run: step_functions::call, seeds: step_functions::call_seeds },
    Target {
        name: "authorization",
        run: step_functions::authorization,
        seeds: step_functions::authorization_seeds,
    },
    Target { name: "handle", run: handles::handle, seeds: handles::seeds },
    Target { name: "object-key", run: handles::object_key, seeds: handles::object_key_seeds },
    Target { name: "manifest", run: manifests::manifest, seeds: manifests::seeds },
    Target {
        name: "delta-entry",
        run: manifests::delta_entry,
        seeds: manifests::delta_entry_seeds,
    },
    Target { name: "last-run", run: manifests::last_run, seeds: manifests::last_run_seeds },
    Target { name: "table", run: tables::table, seeds: tables::seeds },
    Target { name: "ratings-text", run: input::text, seeds: input::text_seeds },
    Target { name: "ratings-json", run: input::json, seeds: input::json_seeds },
    Target { name: "ratings-parquet", run: input::parquet, seeds: input::parquet_seeds },
    Target { name: "catalogue", run: input::catalogue, seeds: input::catalogue_seeds },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Writes the seeds of all targets: a folder a target.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_seeds(folder: &Path) -> io::Result<()> {
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (at, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{at:02}")), seed)?;
        }
    }
    Ok(())
}

/// Texts as seeds.
fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_understood_and_targets_have_one_name_each() {
        for Target { name, run, seeds } in TARGETS {
            let seeds = seeds();
            assert!(!seeds.is_empty(), "{name} has no seeds");
            for (at, seed) in seeds.iter().enumerate() {
                assert!(run(seed), "{name}: seed {at} is not understood");
            }
            assert_eq!(TARGETS.iter().filter(|other| other.name == *name).count(), 1, "{name}");
        }
    }

    #[test]
    fn what_is_nothing_of_its_kind_is_not_understood() {
        for Target { name, run, .. } in TARGETS {
            for bytes in [&b""[..], b"\xff\x00", b"PAR1\xffPAR1"] {
                assert!(!run(bytes), "{name}: {bytes:?}");
            }
        }
    }
}
