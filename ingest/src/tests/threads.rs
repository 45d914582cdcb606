//! Any number of threads reads the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;

/// Some megabytes, with records of several lines, quotes that are not closed, lines that are too long, and bad numbers.
fn text() -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_vec();
    for n in 0..150_000_u32 {
        let (user, item) = (n / 70, n * 7_919 % 3_001);
        let line = match n % 30_011 {
            7 => format!("\"u\n{user}\",{item},3,7\n\n"),
            8 => format!("\"u{user},{item},3,7\r\n"),
            9 => format!("u{user},{item},eleven,7\n"),
            10 => format!("u{user},{},3,7\n", "x".repeat(1 << 20)),
            11 => format!("u{user},an id that is longer than a key of sixteen bytes {item},3,7\n"),
            12 => format!("\"u{user}\",\"{item}\",3\n"),
            _ => format!("u{user},{item},{},{}\n", n % 10 + 1, 1_000_000 + n % 97),
        };
        text.extend_from_slice(line.as_bytes());
    }
    text
}

/// Several row groups, the ids of users as texts or numbers.
fn groups(is_text: bool, rows: i64) -> Vec<u8> {
    let users: ArrayRef =
        if is_text {
            Arc::new(StringArray::from_iter(
                (0..rows).map(|n| {
                    if n % 5_003 == 0 { None } else { Some(format!("u{}", n * 31 % 701)) }
                }),
            ))
        } else {
            Arc::new(Int64Array::from_iter_values((0..rows).map(|n| n * 31 % 701)))
        };
    let items: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|n| n % 997)));
    let rating = |n: i64| if n % 7_001 == 3 { 99.0 } else { (n % 20 + 1) as f64 / 2.0 };
    let ratings: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(rating)));
    let times: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|n| 1_000 + n % 7)));
    let columns =
        [("user_id", users), ("item_id", items), ("rating", ratings), ("timestamp", times)];
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(9_000)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn any_number_of_threads_reads_the_same() {
    let folder = TempDir::new().unwrap();
    let text = text();
    let paths = [
        put(&folder, "a", &text),
        put(&folder, "b", &groups(true, 70_000)),
        put(&folder, "c", &gzip(&text)),
        put(&folder, "d", HEADER.as_bytes()),
        put(&folder, "e", &groups(false, 40_000)),
    ];
    let sources: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let with = |threads, max_memory| {
        let all = IngestOptions { max_reject_share: 1.0, ..options(&sources) };
        read(&IngestOptions { threads, max_memory, ..all })
    };
    let one = with(1, 1 << 30).unwrap();
    assert!(
        one.rejects.total() > 40 && one.read > 400_000,
        "{} of {}",
        one.rejects.total(),
        one.read
    );
    assert!(one.rejects.counts().len() >= 5, "{:?}", one.rejects.counts());
    for threads in [2, 7] {
        assert!(with(threads, 1 << 30).unwrap() == one, "{threads}");
        // As much as one needs is enough for any number.
        let needed = with(1, 12 << 20).unwrap();
        assert!(with(threads, 12 << 20).unwrap() == needed, "{threads}");
        assert!(with(threads, 1 << 20).unwrap_err().is_too_large());
    }
}

#[test]
fn of_several_errors_the_first_in_reading_order_is_told() {
    let folder = TempDir::new().unwrap();
    let mut damaged = groups(true, 70_000);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 2_000].fill(0xff);
    let paths = [
        put(&folder, "a", &groups(false, 40_000)),
        put(&folder, "b", &damaged),
        put(&folder, "c", b"this is,no header\n"),
    ];
    let mut sources: Vec<String> =
        paths.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    sources.push("there/is/no/such/file".to_owned());
    let error = |threads| {
        read(&IngestOptions { threads, sources: sources.clone(), ..options(&[]) })
            .unwrap_err()
            .to_string()
    };
    let first = error(1);
    assert!(first.starts_with(&sources[1]), "{first}");
    for threads in [2, 7] {
        assert_eq!(error(threads), first);
    }
}
