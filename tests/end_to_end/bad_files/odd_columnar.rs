//! Parquet as other engines write it: times of days and nanoseconds, packings that are not supported, odd types beside.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal256Array, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::i256;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{DoubleType, Int64Type, Int96, Int96Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::Case;

/// Two ratings by the users 1 and 2, at midnight of these days since 1970.
fn on_days(days: [i32; 2]) -> Vec<u8> {
    const EPOCH: i32 = 2_440_588;
    let schema = "message schema {
        REQUIRED INT64 user_id; REQUIRED INT64 item_id; REQUIRED DOUBLE rating; REQUIRED INT96 timestamp;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for _ in 0..2 {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1, 2], None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[4.0, 5.0], None, None).unwrap();
    column.close().unwrap();
    let moments = days.map(|day| {
        let mut moment = Int96::new();
        moment.set_data(0, 0, (EPOCH + day).cast_unsigned());
        moment
    });
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&moments, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.into_inner().unwrap()
}

/// A file whose columns say that they are packed so; it never comes to their pages.
fn packed(codec: Compression) -> Vec<u8> {
    let schema = "message schema {
        REQUIRED INT64 user_id; REQUIRED INT64 item_id; REQUIRED DOUBLE rating; REQUIRED INT64 timestamp;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let columns = file.schema_descr().columns().to_vec();
    let mut group = file.next_row_group().unwrap();
    for column in columns {
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(codec)
            .set_encodings(vec![Encoding::PLAIN])
            .set_num_values(1)
            .set_total_compressed_size(4)
            .set_total_uncompressed_size(4)
            .set_data_page_offset(0);
        let closed = ColumnCloseResult {
            bytes_written: 4,
            rows_written: 1,
            metadata: metadata.build().unwrap(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&Bytes::from_static(b"page"), closed).unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap()
}

/// Two ratings, with times as seconds in 64-bit floats, and a column of numbers too great for any reader of ratings.
fn with_an_odd_column() -> Vec<u8> {
    let ids = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2])) };
    let floats = |values: [f64; 2]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let odd = Decimal256Array::from(vec![i256::MAX, i256::ONE]);
    let odd: ArrayRef = Arc::new(odd.with_precision_and_scale(76, 3).unwrap());
    assert_eq!(odd.len(), 2);
    let columns = [
        ("odd", odd),
        ("user_id", ids()),
        ("item_id", ids()),
        ("rating", floats([4.0, 5.0])),
        ("timestamp", floats([7.0, 1_400_001_011.25])),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

pub fn cases() -> Vec<Case> {
    let unsupported = "is packed with brotli, which is not supported; write the file again, packed with zstd or snappy";
    let brotli = Compression::BROTLI(Default::default());
    vec![
        ("int96.parquet", on_days([0, 16_203]), 0, r#""ratings":2,"#),
        ("int96-2600.parquet", on_days([0, 230_107]), 3, "dated more than a day ahead: 1"),
        ("int96-1969.parquet", on_days([0, -1]), 3, "dated before 1970: 1"),
        ("brotli.parquet", packed(brotli), 3, unsupported),
        ("lzo.parquet", packed(Compression::LZO), 3, "is packed with LZO, which is not supported"),
        ("odd-column.parquet", with_an_odd_column(), 0, r#""ratings":2,"#),
    ]
}
