//! Parquet as other engines write it: times without a logical type, columns that nobody asks for, packings that are not
//! read here, and catalogues.

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int96, Int96Type};
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::columnar::{NamedColumn, parquet, plain_columns, with};
use super::*;

const DAY_NANOS: u64 = 86_400_000_000_000;

/// A moment as Spark, Hive and Impala write it: nanoseconds of a day, and the day's Julian number.
fn int96(julian_day: u32, nanos: u64) -> Int96 {
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, julian_day);
    value
}

/// Ratings of the items a, b, ... by one user, at these times.
fn dated(times: &[Int96]) -> Vec<u8> {
    let schema = "message schema {
        REQUIRED BYTE_ARRAY user_id (UTF8); REQUIRED BYTE_ARRAY item_id (UTF8);
        REQUIRED DOUBLE rating; REQUIRED INT96 timestamp;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let users = vec![ByteArray::from("u"); times.len()];
    let items: Vec<_> = (0..times.len()).map(|at| ByteArray::from(vec![b'a' + at as u8])).collect();
    for texts in [&users, &items] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(texts, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&vec![4.0; times.len()], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(times, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn times_of_days_and_nanoseconds_are_read_exactly_in_any_year() {
    const EPOCH: u32 = 2_440_588;
    let times = [
        int96(EPOCH, 0),
        // Half a microsecond is cut.
        int96(EPOCH + 16_203, 45_296_123_456_500),
        int96(EPOCH - 1, DAY_NANOS - 1),
        // 2262-04-12, a day after nanoseconds end, 2600-01-01, and 9999-12-31.
        int96(EPOCH + 106_752, 0),
        int96(EPOCH + 230_107, 0),
        int96(EPOCH + 2_932_896, 0),
        int96(EPOCH + 3_000_000, 0),
    ];
    let ratings = read_bytes(&[&dated(&times)]).unwrap();
    let kept: Vec<_> = ratings.rows.iter().map(|row| row.rated_at).collect();
    assert_eq!(kept, [0, 16_203 * 86_400_000_000 + 45_296_123_456]);
    let ahead = || "dated more than a day ahead".to_owned();
    let expected = [
        (3, "dated before 1970".to_owned()),
        (4, ahead()),
        (5, ahead()),
        (6, ahead()),
        (7, "dated after the year 9999 (timestamps are seconds)".to_owned()),
    ];
    assert_eq!(reasons(&ratings), expected);
}

/// Written with this note of the Arrow schema instead of the true one.
fn noted(columns: &[NamedColumn], note: &str) -> Vec<u8> {
    let note = KeyValue::new("ARROW:schema".to_owned(), note.to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![note])).build();
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn what_nobody_asks_for_is_no_reason_to_refuse_a_file() {
    let expected = content(read_bytes(&[&parquet(&plain_columns())]).unwrap());
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
    let wide = cast(&whole, &DataType::Decimal256(60, 5)).unwrap();
    let nested: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("user_id", DataType::Int64, false)),
        whole.clone(),
    )]));
    let lists = [1, 2, 3, 4, 5].map(|n| Some(vec![Some(n); n as usize]));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
    let nothing: ArrayRef = Arc::new(NullArray::new(5));
    for odd in [wide, nested, lists, nothing] {
        let columns = with("extra", odd.clone());
        let found = content(read_bytes(&[&parquet(&columns)]).unwrap());
        assert_eq!(found, expected, "{}", odd.data_type());
    }
    // Two columns of one name, and a note that no library here understands, as of an integer of 128 bits.
    let twice = [&plain_columns()[..1], &plain_columns()].concat();
    assert_eq!(content(read_bytes(&[&noted(&twice, "")]).unwrap()), expected);
    for note in ["", "?", "/////w=="] {
        let found = read_bytes(&[&noted(&plain_columns(), note)]);
        assert_eq!(content(found.unwrap()), expected, "{note}");
    }
}

/// A file of whose columns one says that it is packed so; its pages are never looked at.
fn packed(codec: Compression, at: usize) -> Vec<u8> {
    let schema = "message schema {
        REQUIRED INT64 user_id; REQUIRED INT64 item_id; REQUIRED DOUBLE rating; REQUIRED INT64 timestamp;
        REQUIRED INT64 other;
    }";
    let sound = {
        let names = ["user_id", "item_id", "rating", "timestamp", "other"];
        let ones: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let ratings: ArrayRef = Arc::new(Float64Array::from(vec![4.0]));
        let column = |name| if name == "rating" { ratings.clone() } else { ones.clone() };
        let batch = RecordBatch::try_from_iter(names.map(|name| (name, column(name)))).unwrap();
        let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let source = parquet::file::reader::SerializedFileReader::new(Bytes::from(sound.clone()));
    let metadata = parquet::file::reader::FileReader::metadata(&source.unwrap()).clone();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let described = file.schema_descr().columns().to_vec();
    let mut group = file.next_row_group().unwrap();
    for (number, column) in described.into_iter().enumerate() {
        let old = metadata.row_group(0).column(number);
        let (start, length) = old.byte_range();
        let page = Bytes::from(sound[start as usize..(start + length) as usize].to_vec());
        let codec = if number == at { codec } else { Compression::UNCOMPRESSED };
        let described = ColumnChunkMetaData::builder(column)
            .set_compression(codec)
            .set_encodings(vec![Encoding::PLAIN])
            .set_num_values(1)
            .set_total_compressed_size(length as i64)
            .set_total_uncompressed_size(length as i64)
            .set_data_page_offset(0);
        let closed = ColumnCloseResult {
            bytes_written: length,
            rows_written: 1,
            metadata: described.build().unwrap(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&page, closed).unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn a_packing_that_is_not_supported_is_named_where_it_matters() {
    let brotli = Compression::BROTLI(Default::default());
    for (codec, name) in [(brotli, "brotli"), (Compression::LZO, "LZO")] {
        let message = read_bytes(&[&packed(codec, 1)]).unwrap_err().to_string();
        let expected = format!(
            "column `item_id` is packed with {name}, which is not supported; write the file again, packed with zstd or snappy"
        );
        assert!(message.contains(&expected), "{message}");
        // Nobody asks for the fifth.
        assert_eq!(triples(&read_bytes(&[&packed(codec, 4)]).unwrap()), [("1", "1", 4.0)]);
    }
}

#[test]
fn a_rating_and_a_time_that_are_not_given_are_the_implicit_ones() {
    let some: ArrayRef =
        Arc::new(Float64Array::from(vec![Some(2.0), None, Some(3.0), None, Some(f64::NAN)]));
    let times: ArrayRef = Arc::new(Int64Array::from(vec![Some(9), None, Some(9), None, Some(9)]));
    let nothing: ArrayRef = Arc::new(NullArray::new(5));
    let null = |rows: &[u64]| rows.iter().map(|row| (*row, "null".to_owned())).collect::<Vec<_>>();
    // No number is not the same as no rating.
    let none = || (5, "not finite".to_owned());
    for (column, values, without, with_it) in [
        ("RATING", some, [null(&[2, 4]), vec![none()]].concat(), vec![none()]),
        ("RATING", nothing.clone(), null(&[1, 2, 3, 4, 5]), vec![]),
        ("Timestamp", times, null(&[2, 4]), vec![]),
        ("Timestamp", nothing, null(&[1, 2, 3, 4, 5]), vec![]),
    ] {
        let folder = TempDir::new().unwrap();
        let path = put(&folder, "r", &parquet(&with(column, values.clone())));
        let plain = options(&[path.to_str().unwrap()]);
        let mut found = reasons(&read(&plain).unwrap());
        found.sort_by_key(|(row, why)| (why != "null", *row));
        assert_eq!(found, without, "{column}");
        let reading = match column {
            "RATING" => Reading { implicit_rating: Some(1.0), ..Reading::default() },
            _ => Reading { implicit_timestamp: Some(7), ..Reading::default() },
        };
        let ratings = read(&IngestOptions { reading, ..plain }).unwrap();
        assert_eq!(reasons(&ratings), with_it, "{column}");
        let is_implied = |row: &Row| match column {
            "RATING" => row.rating() == Some(1.0),
            _ => row.rated_at == 7_000_000,
        };
        // Rows 2 and 4 are of pairs of their own but for the fourth, which is the first's again.
        let implied = ratings.rows.iter().filter(is_implied).count();
        let all = values.data_type() == &DataType::Null;
        assert_eq!(
            implied,
            if all { 4 } else { 2 - usize::from(column == "Timestamp") },
            "{column}"
        );
    }
}

fn catalogue_of(columns: &[NamedColumn]) -> Result<Vec<(String, String, Vec<String>)>, String> {
    let folder = TempDir::new().unwrap();
    let items = Some(put(&folder, "items", &parquet(columns)));
    let wanted = IngestOptions { items, max_reject_share: 0.5, ..options(&[]) };
    let catalogue = read_catalogue(&wanted).map_err(|error| error.to_string())?;
    let ratings = Collector::new(1 << 20).finish(catalogue).unwrap();
    let described = ratings.catalogue.items.into_iter().flatten();
    Ok(ratings.items.into_iter().zip(described).map(|(id, i)| (id, i.title, i.genres)).collect())
}

#[test]
fn a_catalogue_may_be_parquet() {
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(2), None]));
    let titles: ArrayRef = Arc::new(StringArray::from(vec![Some("One"), None, Some("x")]));
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("War"), Some("Drama")]);
    lists.append_null();
    lists.append_value([None::<&str>]);
    let lists: ArrayRef = Arc::new(lists.finish());
    let flat: ArrayRef = Arc::new(StringArray::from(vec![Some("War|Drama"), Some(""), None]));
    let large = DataType::LargeList(Field::new("item", DataType::LargeUtf8, true).into());
    let expected = |title: &str, genres: &[&str]| {
        let genres: Vec<String> = genres.iter().map(|genre| (*genre).to_owned()).collect();
        vec![("1".to_owned(), title.to_owned(), genres), ("2".to_owned(), String::new(), vec![])]
    };
    let both = &["War", "Drama"][..];
    for genres in [lists.clone(), flat, cast(&lists, &large).unwrap()] {
        let columns =
            [("ITEM_ID", ids.clone()), ("title", titles.clone()), ("GENRES", genres.clone())];
        let kind = genres.data_type();
        assert_eq!(catalogue_of(&columns).unwrap(), expected("One", both), "{kind}");
        let without = [("genre", genres.clone()), ("item", ids.clone())];
        assert_eq!(catalogue_of(&without).unwrap(), expected("", both), "{kind}");
    }
    let columns = [("item", ids.clone()), ("title", titles.clone())];
    assert_eq!(catalogue_of(&columns).unwrap(), expected("One", &[]));
    let nothing: ArrayRef = Arc::new(NullArray::new(3));
    let columns = [("item", ids.clone()), ("title", titles), ("genres", nothing)];
    assert_eq!(catalogue_of(&columns).unwrap(), expected("One", &[]));

    for (columns, message) in [
        ([("item", ids.clone()), ("title", ids.clone())], "titles are strings"),
        ([("item", ids.clone()), ("genres", ids.clone())], "genres are strings or lists"),
        ([("item", ids.clone()), ("rating", ids.clone())], "no column for title (title,"),
    ] {
        let refused = catalogue_of(&columns).unwrap_err();
        assert!(refused.contains(message), "{refused}");
    }
}
