//! Reading whole files.

#![allow(clippy::unwrap_used)]

mod columnar;
mod layouts;
mod odd_parquet;
mod records;
mod sources;
mod text;
mod threads;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

const HEADER: &str = "userId,movieId,rating,timestamp\n";

pub(crate) fn options(sources: &[&str]) -> IngestOptions {
    IngestOptions {
        sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        remote: &crate::remote::Nowhere,
        reading: Reading::default(),
        items: None,
        range: RatingRange::default(),
        now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        max_reject_share: 0.0,
        max_memory: 1 << 30,
        threads: 3,
    }
}

fn read(options: &IngestOptions) -> Result<Ratings, IngestError> {
    let mut collector = Collector::new(options.max_memory);
    read_files(options, &mut collector, &NoProgress)?;
    collector.finish(read_catalogue(options)?)
}

/// Puts files into a folder and reads them in the order given.
fn read_bytes(files: &[&[u8]]) -> Result<Ratings, IngestError> {
    let folder = TempDir::new().unwrap();
    let paths: Vec<_> =
        (0..files.len()).map(|at| put(&folder, &format!("{at}"), files[at])).collect();
    read(&options(&paths.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>()))
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn triples(ratings: &Ratings) -> Vec<(&str, &str, f32)> {
    let text = |row: Row| {
        let user = ratings.users[row.user as usize].as_str();
        (user, ratings.items[row.item as usize].as_str(), row.rating().unwrap())
    };
    ratings.rows.iter().map(text).collect()
}

/// What does not depend on where the files lie and how they are written.
fn content(ratings: Ratings) -> (Vec<String>, Vec<String>, Vec<Row>, u64) {
    (ratings.users, ratings.items, ratings.rows.iter().collect(), ratings.read)
}

fn reasons(ratings: &Ratings) -> Vec<(u64, String)> {
    ratings.rejects.kept().iter().map(|r| (r.line, r.reason.to_string())).collect()
}

#[test]
fn too_little_memory_is_told_apart_from_bad_input() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..1_000).map(|item| format!("u,{item},3,7\n")).collect();
    let path = put(&folder, "r.csv", format!("{HEADER}{rows}").as_bytes());
    let small = IngestOptions { max_memory: 50_000, ..options(&[path.to_str().unwrap()]) };
    assert!(read(&small).unwrap_err().is_too_large());
}

#[test]
fn items_of_the_catalogue_are_numbered_with_those_that_were_rated() {
    let folder = TempDir::new().unwrap();
    let rated = put(&folder, "r.csv", format!("{HEADER}u,5,3,7\n").as_bytes());
    let items = put(&folder, "i.csv", b"item,title,genres\n10,Ten,x|y\n9,Nine,\n5,Five,x\n");
    let with = IngestOptions { items: Some(items), ..options(&[rated.to_str().unwrap()]) };
    let ratings = read(&with).unwrap();
    assert_eq!(ratings.items, ["10", "5", "9"]);
    assert_eq!(triples(&ratings), [("u", "5", 3.0)]);
    let titles: Vec<_> =
        ratings.catalogue.items.iter().flatten().map(|item| item.title.as_str()).collect();
    assert_eq!(titles, ["Ten", "Five", "Nine"]);
}

#[test]
fn the_small_movielens_set_is_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ml-latest-small");
    if !folder.exists() {
        eprintln!("skipped: there is no ml-latest-small beside the workspace");
        return;
    }
    let source = folder.join("ratings.csv").to_str().unwrap().to_owned();
    let items = Some(folder.join("movies.csv"));
    let ratings = read(&IngestOptions { items, ..options(&[&source]) }).unwrap();
    assert_eq!(reasons(&ratings), []);
    assert_eq!((ratings.rows.len(), ratings.read), (100_004, 100_004));
    assert_eq!((ratings.users.len(), ratings.items.len()), (671, 9_125));
    assert_eq!((ratings.catalogue.skipped, ratings.catalogue.replaced), (0, 0));
    assert!(ratings.catalogue.items.iter().all(Option::is_some));
    assert!(ratings.rejects.check(ratings.read, 0.0).is_ok());
    assert!(ratings.check_not_empty().is_ok());
}
