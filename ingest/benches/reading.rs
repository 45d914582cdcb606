//! How long reading ratings takes, and sorting them: a million, by user or in no order, with ids that are numbers.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use akin_ingest::{
    CatalogueFile, Collector, IngestOptions, NoProgress, Reading, Remote, RemoteError,
    RemoteObject, read_files,
};
use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::RatingRange;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use chrono::DateTime;
use divan::Bencher;
use divan::counter::ItemsCount;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

const RATINGS: i64 = 1_000_000;
const USERS: i64 = 6_900;

fn main() {
    divan::main();
}

/// User, item, rating and seconds.
fn rating(n: i64) -> (i64, i64, f64, i64) {
    let user = n * USERS / RATINGS;
    let seconds = 1_000_000_000 + n * 104_729 % 500_000_000;
    (user, n * 7_919 % 26_744, (n % 10 + 1) as f64 / 2.0, seconds)
}

static FILES: LazyLock<(TempDir, [PathBuf; 2])> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for (user, item, rating, seconds) in (0..RATINGS).map(rating) {
        writeln!(text, "{user},{item},{rating},{seconds}").unwrap();
    }
    let paths = ["ratings.csv", "ratings.parquet"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], text).unwrap();
    let whole = |of: fn((i64, i64, f64, i64)) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..RATINGS).map(|n| of(rating(n)))))
    };
    let ratings = Float64Array::from_iter_values((0..RATINGS).map(|n| rating(n).2));
    let columns: [(&str, ArrayRef); 4] = [
        ("userId", whole(|rating| rating.0)),
        ("movieId", whole(|rating| rating.1)),
        ("rating", Arc::new(ratings)),
        ("timestamp", whole(|rating| rating.3)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(&paths[1]).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    for begin in (0..batch.num_rows()).step_by(100_000) {
        writer.write(&batch.slice(begin, 100_000)).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    (folder, paths)
});

#[derive(Debug)]
struct Nowhere;

impl Remote for Nowhere {
    fn objects(&self, _: &str) -> Result<Vec<Box<dyn RemoteObject>>, RemoteError> {
        Ok(Vec::new())
    }
}

fn read(bencher: Bencher, path: &Path, threads: usize) {
    let options = IngestOptions {
        sources: vec![path.display().to_string()],
        remote: &Nowhere,
        reading: Reading::default(),
        items: None,
        range: RatingRange::default(),
        now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        max_reject_share: 0.0,
        max_memory: 1 << 30,
        threads,
    };
    bencher.counter(ItemsCount::new(RATINGS as u64)).bench_local(|| {
        let mut collector = Collector::new(options.max_memory);
        read_files(&options, &mut collector, &NoProgress).unwrap();
        collector
    });
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn csv(bencher: Bencher, threads: usize) {
    read(bencher, &FILES.1[0], threads);
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn parquet(bencher: Bencher, threads: usize) {
    read(bencher, &FILES.1[1], threads);
}

/// Numbering, sorting and packing what was read, on one thread a processor.
#[divan::bench(args = [true, false], sample_count = 10)]
fn finish(bencher: Bencher, is_by_user: bool) {
    let collected = || {
        let mut collector = Collector::new(1 << 30);
        for n in 0..RATINGS {
            let place = if is_by_user { n } else { n * 387_011 % RATINGS };
            let (user, item, rating, seconds) = rating(place);
            let micros = seconds * 1_000_000;
            let order = OrderKey { micros, origin: Origin::FILES, sequence: n.cast_unsigned() };
            let (user, item) = (user.to_string(), item.to_string());
            collector.push(&user, &item, Some(rating as f32), micros, order).unwrap();
        }
        collector
    };
    bencher
        .counter(ItemsCount::new(RATINGS as u64))
        .with_inputs(collected)
        .bench_local_values(|collector| collector.finish(CatalogueFile::default()).unwrap());
}
