//! How long it takes to count a million ratings by item, and to encode them as a version's profiles, on one thread a processor.

#![allow(missing_docs, clippy::unwrap_used)]

use akin_batch::ingest::{CatalogueFile, Collector, Ratings};
use akin_batch::run::{Facts, ItemStatistics, put_items, put_profiles};
use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::tables::EncodedPart;
use akin_schemas::{ObjectKey, PartEntry, VersionName};
use chrono::DateTime;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

const RATINGS: u64 = 1_000_000;

fn main() {
    divan::main();
}

fn ratings() -> Ratings {
    let mut collector = Collector::new(1 << 30);
    for sequence in 0..RATINGS {
        let (user, item) = (sequence / 145, sequence * 7_919 % 26_744);
        let micros = (1_000_000_000 + (sequence * 104_729 % 500_000_000).cast_signed()) * 1_000_000;
        let order = OrderKey { micros, origin: Origin::FILES, sequence };
        let rating = (sequence % 10 + 1) as f32 / 2.0;
        let (user, item) = (user.to_string(), item.to_string());
        collector.push(&user, &item, Some(rating), micros, order).unwrap();
    }
    collector.finish(CatalogueFile::default()).unwrap()
}

/// Keeps nothing.
fn put(number: usize, part: EncodedPart) -> PartEntry {
    let version = VersionName::new(DateTime::UNIX_EPOCH, 1);
    let key = ObjectKey::profiles_part(&version, number);
    let EncodedPart { bytes, rows, sha256 } = black_box(part);
    PartEntry { key, bytes: bytes.len() as u64, rows, sha256 }
}

#[divan::bench(sample_count = 10)]
fn facts(bencher: Bencher) {
    let ratings = ratings();
    bencher.counter(ItemsCount::new(RATINGS)).bench_local(|| Facts::of(black_box(&ratings), None));
}

#[divan::bench(sample_count = 10)]
fn statistics(bencher: Bencher) {
    let ratings = ratings();
    let facts = Facts::of(&ratings, None);
    bencher
        .counter(ItemsCount::new(RATINGS))
        .bench_local(|| ItemStatistics::of(black_box(&ratings), &facts));
}

#[divan::bench(sample_count = 10)]
fn profiles(bencher: Bencher) {
    let ratings = ratings();
    let put = |number, part| Ok(put(number, part));
    bencher
        .counter(ItemsCount::new(RATINGS))
        .bench_local(|| put_profiles(&put, black_box(&ratings), &|| ()).ok());
}

#[divan::bench(sample_count = 10)]
fn items(bencher: Bencher) {
    let ratings = ratings();
    let statistics = ItemStatistics::of(&ratings, &Facts::of(&ratings, None));
    let put = |number, part| Ok(put(number, part));
    bencher
        .counter(ItemsCount::new(ratings.items.len() as u64))
        .bench_local(|| put_items(&put, black_box(&ratings), &statistics, &|| ()).ok());
}
