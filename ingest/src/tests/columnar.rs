//! Parquet: types, nulls and damage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::blocks::Blocks;
use crate::columnar::{self, Settings};
use crate::in_order::in_order;
use crate::taking::{Given, Taking};
use crate::tasks::Groups;

use super::*;

pub(super) type NamedColumn = (&'static str, ArrayRef);

pub(super) fn parquet(columns: &[NamedColumn]) -> Vec<u8> {
    let columns = columns.iter().map(|(name, column)| (*name, column.clone(), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

const ROWS: [(&str, i64, f64, i64); 5] = [
    ("7", 31, 2.5, 1_260_759_144),
    ("7", 1_029, 3.0, 1_260_759_179),
    ("abby", 31, 3.7, 1_000),
    ("7", 31, 4.5, 1_260_759_144),
    ("é", 9, 10.0, 0),
];

pub(super) fn plain_columns() -> Vec<NamedColumn> {
    vec![
        ("extra", Arc::new(BooleanArray::from(vec![true; 5]))),
        ("Timestamp", Arc::new(Int64Array::from_iter_values(ROWS.map(|row| row.3)))),
        ("user_id", Arc::new(StringArray::from_iter_values(ROWS.map(|row| row.0)))),
        ("RATING", Arc::new(Float64Array::from_iter_values(ROWS.map(|row| row.2)))),
        ("item_id", Arc::new(Int64Array::from_iter_values(ROWS.map(|row| row.1)))),
    ]
}

pub(super) fn with(name: &'static str, column: ArrayRef) -> Vec<NamedColumn> {
    let replaced = |(old, values): NamedColumn| {
        if old == name { (old, column.clone()) } else { (old, values) }
    };
    plain_columns().into_iter().map(replaced).collect()
}

fn cast_to(name: &'static str, types: &[DataType]) -> Vec<NamedColumn> {
    let columns = plain_columns();
    let (_, column) = columns.iter().find(|(other, _)| *other == name).unwrap();
    let through = types.iter().fold(column.clone(), |column, to| cast(&column, to).unwrap());
    with(name, through)
}

#[test]
fn the_same_ratings_in_text_and_in_parquet_of_any_types_are_the_same() {
    let rows = ROWS.map(|(user, item, rating, time)| format!("{user},{item},{rating},{time}\n"));
    let text = format!("{HEADER}{}", rows.concat());
    let expected = content(read_bytes(&[text.as_bytes()]).unwrap());
    assert_eq!((expected.2.len(), expected.3), (4, 5));
    use DataType::*;
    let dictionary = |values| Dictionary(Box::new(Int32), Box::new(values));
    let micros = Int64Array::from_iter_values(ROWS.map(|row| row.3 * 1_000_000));
    let zoned =
        micros.reinterpret_cast::<TimestampMicrosecondType>().with_timezone("America/New_York");
    let cases: Vec<(&'static str, Vec<DataType>)> = vec![
        ("user_id", vec![LargeUtf8]),
        ("user_id", vec![Utf8View]),
        ("user_id", vec![Binary]),
        ("user_id", vec![dictionary(Utf8)]),
        ("user_id", vec![dictionary(LargeUtf8)]),
        ("item_id", vec![UInt16]),
        ("item_id", vec![UInt64]),
        ("item_id", vec![Utf8]),
        ("RATING", vec![Float32]),
        ("RATING", vec![Decimal128(5, 2)]),
        ("Timestamp", vec![UInt32]),
        ("Timestamp", vec![Float64]),
        ("Timestamp", vec![Timestamp(TimeUnit::Second, None)]),
        (
            "Timestamp",
            vec![Timestamp(TimeUnit::Second, None), Timestamp(TimeUnit::Millisecond, None)],
        ),
        (
            "Timestamp",
            vec![Timestamp(TimeUnit::Second, None), Timestamp(TimeUnit::Microsecond, None)],
        ),
        (
            "Timestamp",
            vec![Timestamp(TimeUnit::Second, None), Timestamp(TimeUnit::Nanosecond, None)],
        ),
    ];
    assert_eq!(content(read_bytes(&[&parquet(&plain_columns())]).unwrap()), expected);
    let zoned = parquet(&with("Timestamp", Arc::new(zoned)));
    assert_eq!(content(read_bytes(&[&zoned]).unwrap()), expected);
    for (name, types) in cases {
        let ratings = read_bytes(&[&parquet(&cast_to(name, &types))]).unwrap();
        assert_eq!(ratings.files[0].format, Format::Parquet);
        assert_eq!(content(ratings), expected, "{name} {types:?}");
    }
}

#[test]
fn dates_and_small_numbers_are_understood() {
    let days: ArrayRef = Arc::new(Int32Array::from(vec![0, 1, 2, 3, 19_000]));
    for types in [vec![DataType::Date32], vec![DataType::Date32, DataType::Date64]] {
        let column = types.iter().fold(days.clone(), |column, to| cast(&column, to).unwrap());
        let ratings = read_bytes(&[&parquet(&with("Timestamp", column))]).unwrap();
        let latest = ratings.rows.iter().map(|row| row.rated_at).max();
        assert_eq!(latest, Some(19_000 * 86_400_000_000), "{types:?}");
    }
    let halves: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 1.0, 1.5, 2.0, 2.5]));
    for to in [DataType::Float16, DataType::Float32, DataType::Float64] {
        let column = cast(&halves, &to).unwrap();
        let ratings = read_bytes(&[&parquet(&with("RATING", column))]).unwrap();
        assert_eq!(ratings.rows.iter().filter_map(|row| row.rating()).sum::<f32>(), 7.0, "{to}");
    }
    let whole: ArrayRef = Arc::new(UInt8Array::from(vec![1, 2, 3, 4, 5]));
    let ratings = read_bytes(&[&parquet(&with("RATING", whole))]).unwrap();
    assert_eq!(ratings.rows.iter().filter_map(|row| row.rating()).sum::<f32>(), 14.0);
}

#[test]
fn ids_of_different_types_in_different_files_are_the_same_text() {
    let strings = cast_to("item_id", &[DataType::Utf8]);
    let later = ROWS.map(|row| row.3 + 1);
    let integers = with("Timestamp", Arc::new(Int64Array::from_iter_values(later)));
    let ratings = read_bytes(&[&parquet(&strings), &parquet(&integers)]).unwrap();
    assert_eq!((ratings.rows.len(), ratings.items.len(), ratings.read), (4, 3, 10));
}

#[test]
fn a_bad_row_of_parquet_is_rejected_with_its_number_and_reason() {
    let texts = |second: Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from(vec![Some("a"), second, Some("c"), Some("d"), Some("e")]))
    };
    let numbers = |second: Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from(vec![Some(1.0), second, Some(1.0), Some(1.0), Some(1.0)]))
    };
    let times = |second: Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from(vec![Some(1), second, Some(1), Some(1), Some(1)]))
    };
    let keys = Int32Array::from(vec![0, 1, 2, 0, 2]);
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]));
    let null_word: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, words));
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff", b"c", b"d", b"e"]));
    let huge: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX, 1, 1, 1]));
    let long = "x".repeat(129);
    let cases: Vec<(&'static str, ArrayRef, &str)> = vec![
        ("user_id", texts(None), "null"),
        ("user_id", null_word, "null"),
        ("item_id", texts(None), "null"),
        ("RATING", numbers(None), "null"),
        ("Timestamp", times(None), "null"),
        ("user_id", texts(Some("")), "empty id"),
        ("item_id", texts(Some(&long)), "id too long"),
        ("item_id", texts(Some("a\nb")), "control character in id"),
        ("user_id", bytes, "not UTF-8"),
        ("RATING", numbers(Some(f64::NAN)), "not finite"),
        ("RATING", numbers(Some(f64::NEG_INFINITY)), "not finite"),
        ("RATING", numbers(Some(0.0)), "outside the rating range"),
        ("Timestamp", times(Some(-1)), "dated before 1970"),
        ("Timestamp", times(Some(1_700_086_401)), "dated more than a day ahead"),
        ("Timestamp", times(Some(i64::MAX)), "dated after the year 9999 (timestamps are seconds)"),
        ("Timestamp", huge, "dated after the year 9999 (timestamps are seconds)"),
    ];
    for (name, column, reason) in cases {
        let ratings = read_bytes(&[&parquet(&with(name, column))]).unwrap();
        assert_eq!(reasons(&ratings), [(2, reason.to_owned())], "{name} {reason}");
        assert_eq!(ratings.read, 5);
    }
}

#[test]
fn columns_of_parquet_may_be_named_and_ratings_implicit() {
    let without: Vec<_> =
        plain_columns().into_iter().filter(|(name, _)| *name != "RATING").collect();
    let folder = TempDir::new().unwrap();
    let path = put(&folder, "r", &parquet(&without));
    let reading = Reading { implicit_rating: Some(2.0), ..Reading::default() };
    let plain = options(&[path.to_str().unwrap()]);
    assert!(read(&plain).unwrap_err().to_string().contains("no column for rating"));
    let ratings = read(&IngestOptions { reading, ..plain }).unwrap();
    assert_eq!(ratings.rows.iter().filter_map(|row| row.rating()).collect::<Vec<_>>(), [2.0; 4]);

    let path = put(&folder, "n", &parquet(&plain_columns()));
    let reading = Reading { rating_column: Some("item_id".to_owned()), ..Reading::default() };
    let swapped = read(&IngestOptions { reading, ..options(&[path.to_str().unwrap()]) }).unwrap();
    assert_eq!(swapped.rows.iter().filter_map(|row| row.rating()).collect::<Vec<_>>(), [9.0]);
}

#[test]
fn parquet_columns_of_unclear_meaning_are_refused() {
    use DataType::*;
    let cases = [
        (
            with("item_id", plain_columns()[3].1.clone()),
            "column `item_id` has type Float64, ids are",
        ),
        (cast_to("RATING", &[Utf8]), "column `RATING` has type Utf8, ratings are numbers"),
        (cast_to("Timestamp", &[Float32]), "column `Timestamp` has type Float32, times are"),
        (cast_to("Timestamp", &[Utf8]), "column `Timestamp` has type Utf8"),
        (with("user_id", plain_columns()[0].1.clone()), "column `user_id` has type Boolean"),
        (plain_columns()[1..4].to_vec(), "has no column for item (movieId"),
        (vec![("extra", plain_columns()[0].1.clone())], "expected columns user"),
    ];
    for (columns, expected) in cases {
        let message = read_bytes(&[&parquet(&columns)]).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("/0: "), "{message}");
    }
    let none: Vec<_> = plain_columns().into_iter().map(|(n, c)| (n, c.slice(0, 0))).collect();
    assert_eq!(read_bytes(&[&parquet(&none)]).unwrap().read, 0);
}

#[test]
fn damaged_parquet_is_an_error_or_read_but_never_a_panic() {
    let sound = parquet(&plain_columns());
    let folder = TempDir::new().unwrap();
    let mut refused = 0;
    let mut attempt = |bytes: &[u8]| {
        let path = put(&folder, "damaged", bytes);
        match read(&options(&[path.to_str().unwrap()])) {
            Ok(ratings) => assert!(ratings.read >= ratings.rejects.total()),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("/damaged: "), "{error}");
            }
        }
    };
    for length in (4..sound.len()).step_by(7) {
        attempt(&sound[..length]);
    }
    for at in 4..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] = [0, 0x7f, 0xff, sound[at] ^ 1, sound[at] ^ 0x80][at % 5];
        attempt(&damaged);
    }
    assert!(refused > sound.len() / 3, "{refused}");
}

#[test]
fn a_remote_file_s_blocks_are_fetched_once() {
    let rows = 4_000;
    let column = |step: i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..rows).map(|row| 1 + row * step % 9_973)))
    };
    let ratings: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|_| 3.0)));
    let unwanted = ["a", "z"].map(|name| (name, column(17)));
    let columns = vec![
        unwanted[0].clone(),
        ("user_id", column(1)),
        ("item_id", column(7)),
        ("rating", ratings),
        ("timestamp", column(3)),
        unwanted[1].clone(),
    ];
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(500))
        .build();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let bytes = Bytes::from(writer.into_inner().unwrap());

    // Eight blocks are kept: a row group's wanted columns fit into them, the file's do not.
    let block = 4_096;
    let length = bytes.len() as u64;
    assert!(length > 4 * 8 * block, "{length}");
    let fetched: Arc<Mutex<BTreeMap<u64, u32>>> = Arc::default();
    let counts = fetched.clone();
    let blocks = Blocks::new(length, block, move |range| {
        *counts.lock().unwrap().entry(range.start / block).or_default() += 1;
        Ok(bytes.slice(range.start as usize..range.end as usize))
    });
    let reading = Reading::default();
    let file = columnar::open("file", blocks, &reading).unwrap();
    let mut groups = Groups::new("file", file, length);
    let mut collector = Collector::new(1 << 30);
    collector.intake.begin_file(InputFile::new("file".to_owned(), Format::Parquet));
    let options = options(&[]);
    collector
        .reading(|sharing, intake| {
            let settings = Settings {
                reading: &reading,
                rules: Rules::new(options.range, options.now),
                room: sharing.room,
                threads: 1,
                progress: &NoProgress,
            };
            in_order(
                (1, 0),
                || groups.next(),
                || Taking::new(sharing),
                |taking, group, outlet| group.read(&settings, taking, outlet),
                |given| match given {
                    Given::Records(portion) => intake.take(portion, sharing.room),
                    _ => Ok(()),
                },
            )
        })
        .unwrap();
    assert_eq!((collector.read(), collector.rejects().total()), (rows as u64, 0));
    let fetched = fetched.lock().unwrap();
    assert!(fetched.len() as u64 <= length.div_ceil(block));
    // The footer, fetched first, may have left what is kept when the last row group is due.
    let twice: Vec<_> = fetched.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.len() <= 4, "{twice:?} of {}", fetched.len());
}
