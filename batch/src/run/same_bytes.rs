//! The same input gives the same bytes, from version to version of this program, too.

use std::fmt::Write;
use std::path::Path;

use akin_schemas::PartEntry;
use akin_store::{FolderStore, read_manifest};
use chrono::DateTime;
use clap::{Args, Command, FromArgMatches};

use super::{RunOptions, run_on};

/// Ratings in no order, some of them twice, and of more than one row group; records that are rejected; titles.
fn write(folder: &Path) -> std::io::Result<()> {
    let mut ratings = "userId,movieId,rating,timestamp\n".to_owned();
    for n in 0..300_000_u64 {
        let user = n * 7_919 % 2_003;
        let item = (n / 2_003 + user * user) % 1_501;
        let rating = (n * 13 % 10 + 1) as f64 / 2.0;
        let time = 1_000_000_000 + n * 104_729 % 500_000_000;
        let _ = match n % 60_000 {
            17 => writeln!(ratings, "{user},{item},eleven,{time}"),
            18 => writeln!(ratings, "\"u\n{user}\",{item},{rating},{time}"),
            _ if n % 50 == 0 => writeln!(ratings, "{user},{item},{rating},{time}.25"),
            _ => writeln!(ratings, "{user},{item},{rating},{time}"),
        };
    }
    let mut items = "movieId,title,genres\n".to_owned();
    for item in (0..2_000).filter(|item| item % 3 > 0) {
        let _ = writeln!(items, "{item},\"Title, {}\",Drama|War", item * 7);
    }
    std::fs::write(folder.join("ratings.csv"), ratings)?;
    std::fs::write(folder.join("items.csv"), items)
}

fn published(
    folder: &Path,
    threads: usize,
) -> Result<akin_schemas::Manifest, Box<dyn std::error::Error>> {
    let path = |name: &str| folder.join(name).display().to_string();
    let store = path(&format!("store-{threads}"));
    let command = RunOptions::augment_args(Command::new("run"));
    let threads = threads.to_string();
    let matches = command.try_get_matches_from([
        "run",
        "--ratings",
        &path("ratings.csv"),
        "--items",
        &path("items.csv"),
        "--store",
        &store,
        "--measure",
        "cosine",
        "--top-k",
        "20",
        "--max-reject-share",
        "0.1",
        "--threads",
        &threads,
    ])?;
    let options = RunOptions::from_arg_matches(&matches)?;
    let store = FolderStore::open(store)?;
    run_on(&store, &options, DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000))?;
    Ok(read_manifest(&store, 1)?)
}

#[test]
fn what_the_program_published_with_one_thread_and_since_columns_are_described()
-> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    write(folder.path())?;
    for threads in [1, 3] {
        let manifest = published(folder.path(), threads)?;
        let parts = &manifest.parts;
        let checksums = [&parts.items[..], &parts.profiles, &parts.neighbours].map(|parts| {
            parts.iter().map(|PartEntry { sha256, .. }| sha256.to_string()).collect::<Vec<_>>()
        });
        assert_eq!(checksums, EXPECTED.map(|sha256| vec![sha256.to_owned()]));
        let digest = manifest.input_digest.map(|digest| digest.to_string());
        assert_eq!(digest.as_deref(), Some(DIGEST));
    }
    Ok(())
}

/// Of items, profiles and neighbours. A file's schema says what its columns mean: other words there are other bytes.
const EXPECTED: [&str; 3] = [
    "5340811c65854117eea0c5230769e907130e72897266e28800f06c0df1833f6f",
    "f85c5760f7f76c74f34614538d8779f0ed0f720831364f43951cce86489187ec",
    "ec075fc47dd6a496a95f74f1b84d4190092e22f716d4aa502ecc0ff76c2d6889",
];
const DIGEST: &str = "c9f3256a2fcacb71b2724abaf09dbd579dcd841db7555ed2710b7fcbef3031d7";
