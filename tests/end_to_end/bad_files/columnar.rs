//! Parquet files.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::Case;

const UNREADABLE: &str = "not a readable Parquet file";

type Column = Vec<Option<i64>>;

fn integers(values: Column) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn file(user: ArrayRef, item: ArrayRef, rating: ArrayRef, timestamp: ArrayRef) -> Vec<u8> {
    let columns =
        [("user_id", user), ("item_id", item), ("rating", rating), ("timestamp", timestamp)];
    let columns = columns.map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn rated(ratings: [Option<f64>; 4], timestamps: [i64; 4]) -> Vec<u8> {
    let users = integers([1, 1, 2, 2].map(Some).to_vec());
    let items = integers([1, 2, 1, 2].map(Some).to_vec());
    let timestamps = integers(timestamps.map(Some).to_vec());
    file(users, items, Arc::new(Float64Array::from(ratings.to_vec())), timestamps)
}

const FINE: [Option<f64>; 4] = [Some(5.0), Some(4.0), Some(3.0), Some(2.0)];

/// Four ratings by the users 1 and 2 of the items 1 and 2.
pub fn sound() -> Vec<u8> {
    rated(FINE, [7; 4])
}

/// `bytes` with another byte at some place.
fn patched(bytes: &[u8], at: usize, by: u8) -> Vec<u8> {
    let mut patched = bytes.to_vec();
    patched[at] = by;
    patched
}

/// Sound ratings in which something contradicts itself.
fn damaged() -> Vec<Case> {
    let sound = sound();
    let end = sound.len() - 8;
    let length = u32::from_le_bytes(sound[end..end + 4].try_into().unwrap()) as usize;
    let claim = |length: u32| [&sound[..end], &length.to_le_bytes(), b"PAR1"].concat();
    // Thrift's compact protocol: version 2, then a list of 2^31 - 1 schema elements in a few bytes.
    let huge_list = [0x15, 0x04, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
    let huge_list = [&b"PAR1"[..], &huge_list, &[9, 0, 0, 0], b"PAR1"].concat();
    // Numbers of four rows: the footer's, then each column's values, then the row group's. The sign is the lowest bit.
    let footer = end - length;
    let fours: Vec<usize> =
        (footer..end - 1).filter(|at| sound[*at..*at + 2] == [0x16, 8]).collect();
    let (&of_file, &of_group) = (fours.first().unwrap(), fours.last().unwrap());
    vec![
        ("huge-list.parquet", huge_list, 3, UNREADABLE),
        ("footer-too-long.parquet", claim(u32::MAX), 3, UNREADABLE),
        ("footer-too-short.parquet", claim(5), 3, UNREADABLE),
        ("no-footer.parquet", sound[..sound.len() / 2].to_vec(), 3, UNREADABLE),
        ("negative-rows.parquet", patched(&sound, of_file + 1, 7), 3, UNREADABLE),
        ("negative-rows-of-group.parquet", patched(&sound, of_group + 1, 7), 3, UNREADABLE),
        ("more-rows-than-there-are.parquet", patched(&sound, of_file + 1, 10), 3, UNREADABLE),
        // The first page's header: its type, its size unpacked, its size packed, a number of one field each.
        ("page-size-lie.parquet", patched(&sound, 9, 126), 3, UNREADABLE),
        ("negative-page-size.parquet", patched(&sound, 7, 63), 3, UNREADABLE),
    ]
}

/// A Zstandard frame of so many blocks, each of which unpacks four bytes to 128 KiB of nothing (RFC 8878, an RLE block).
fn zeros(blocks: u32) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for block in 1..=blocks {
        let header = u32::from(block == blocks) | 1 << 1 | (128 << 10) << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Thrift's variable-length form of a number.
fn thrift(number: usize) -> Vec<u8> {
    let mut rest = 2 * number;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A file of 256 KiB that says truly that it unpacks to 8 GiB: four columns of one page each.
fn bomb() -> Vec<u8> {
    const BLOCKS: u32 = 16_383;
    let frame = zeros(BLOCKS);
    let unpacked = BLOCKS as usize * (128 << 10);
    let values = unpacked / 8;
    // A data page: type 0, sizes, then its own header: values, plain encoding, levels that are not there.
    let page = [
        &[0x15, 0, 0x15][..],
        &thrift(unpacked),
        &[0x15],
        &thrift(frame.len()),
        &[0x2c, 0x15],
        &thrift(values),
        &[0x15, 0, 0x15, 6, 0x15, 6, 0, 0],
        &frame,
    ];
    let page = Bytes::from(page.concat());
    let schema = "message schema {
        REQUIRED INT64 user_id; REQUIRED INT64 item_id; REQUIRED DOUBLE rating; REQUIRED INT64 timestamp;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let columns = file.schema_descr().columns().to_vec();
    let mut group = file.next_row_group().unwrap();
    for column in columns {
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_encodings(vec![Encoding::PLAIN])
            .set_num_values(values as i64)
            .set_total_compressed_size(page.len() as i64)
            .set_total_uncompressed_size(unpacked as i64)
            .set_data_page_offset(0);
        let closed = ColumnCloseResult {
            bytes_written: page.len() as u64,
            rows_written: values as u64,
            metadata: metadata.build().unwrap(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&page, closed).unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap()
}

pub fn cases() -> Vec<Case> {
    let none = || integers(Vec::new());
    let empty = file(none(), none(), Arc::new(Float64Array::from(Vec::<f64>::new())), none());
    let ids: Column = vec![Some(1), None, Some(2), Some(2)];
    let float_ids: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0]));
    let four = || integers([1, 2, 3, 4].map(Some).to_vec());
    let with = |at: usize, rating: Option<f64>| {
        let mut ratings = FINE;
        ratings[at] = rating;
        rated(ratings, [7; 4])
    };
    let mut cases = damaged();
    cases.extend([
        ("sound.parquet", sound(), 0, r#""ratings":4,"#),
        ("bomb.parquet", bomb(), 3, "bytes of memory unpacked; write the file with smaller pages"),
        ("zero-rows.parquet", empty, 3, "no ratings"),
        ("nan.parquet", with(1, Some(f64::NAN)), 3, "not finite"),
        ("null.parquet", with(2, None), 3, "null: 1"),
        ("null-ids.parquet", file(integers(ids), four(), four(), four()), 3, "null: 1"),
        (
            "float-ids.parquet",
            file(four(), float_ids, four(), four()),
            3,
            "ids are strings or integers",
        ),
        (
            "swapped-columns.parquet",
            rated([Some(881_250_949.0); 4], [5; 4]),
            3,
            "outside the rating range: 4",
        ),
        ("milliseconds.parquet", rated(FINE, [1_260_759_144_000; 4]), 3, "timestamps are seconds"),
        ("year-9999.parquet", rated(FINE, [253_402_300_799; 4]), 3, "more than a day ahead"),
        ("in-1970.parquet", rated(FINE, [0; 4]), 0, r#""ratings":4,"#),
    ]);
    cases
}
