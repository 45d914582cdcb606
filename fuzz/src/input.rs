//! Files of ratings, and catalogues, through recognition, as a run reads them.

use std::cell::RefCell;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use akin_ingest::{
    CatalogueFile, Collector, IngestError, IngestOptions, Layout, NoProgress, Ratings, Reading,
    Remote, RemoteError, RemoteObject, read_catalogue, read_files,
};
use akin_schemas::{ItemId, RatingRange, UserId};
use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use bytes::Bytes;
use chrono::DateTime;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::texts;

const LOCATION: &str = "s3://bucket/input";
const MAX_MEMORY: u64 = 64 << 20;

thread_local! {
    /// The bytes that are being read.
    static GIVEN: RefCell<Bytes> = const { RefCell::new(Bytes::new()) };
}

/// Where they lie: a remote object is what ingest reads without a file.
#[derive(Debug)]
struct Memory;

#[derive(Debug)]
struct InMemory(Bytes);

impl Remote for Memory {
    fn objects(&self, _: &str) -> Result<Vec<Box<dyn RemoteObject>>, RemoteError> {
        Ok(vec![Box::new(InMemory(GIVEN.with_borrow(Bytes::clone)))])
    }
}

impl RemoteObject for InMemory {
    fn location(&self) -> String {
        LOCATION.to_owned()
    }

    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_range(&self, range: Range<u64>) -> Result<Bytes, RemoteError> {
        let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        Ok(self.0.slice(cut(range.start)..cut(range.end)))
    }

    fn reader(&self) -> Box<dyn Read + Send> {
        Box::new(Cursor::new(self.0.clone()))
    }
}

fn put(bytes: &[u8]) {
    GIVEN.set(Bytes::copy_from_slice(bytes));
}

fn options(reading: &Reading, times: usize) -> IngestOptions {
    IngestOptions {
        sources: vec![LOCATION.to_owned(); times],
        remote: &Memory,
        reading: reading.clone(),
        items: Some(LOCATION.into()),
        range: RatingRange::default(),
        now: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000),
        max_reject_share: 1.0,
        max_memory: MAX_MEMORY,
        threads: 1,
    }
}

/// Reads what was put, so many times.
fn read(reading: &Reading, times: usize) -> Result<Ratings, IngestError> {
    let options = options(reading, times);
    let mut collector = Collector::new(MAX_MEMORY);
    read_files(&options, &mut collector, &NoProgress)?;
    collector.finish(CatalogueFile::default())
}

/// Ratings keep the rules, and a file that is given twice says nothing more than given once.
fn ratings(bytes: &[u8], reading: &Reading) -> bool {
    put(bytes);
    let Ok(once) = read(reading, 1) else { return false };
    let range = RatingRange::default();
    for row in &once.rows {
        let rating = row.rating().unwrap_or_else(|| panic!("a file has no tombstones: {row:?}"));
        assert!(range.accept(f64::from(rating)).is_ok(), "{row:?}");
        assert!((row.user as usize) < once.users.len() && (row.item as usize) < once.items.len());
    }
    let pairs: Vec<_> = once.rows.iter().map(|row| (row.user, row.item)).collect();
    assert!(pairs.is_sorted_by(|a, b| a < b), "{pairs:?}");
    assert!(once.users.is_sorted_by(|a, b| a < b) && once.items.is_sorted_by(|a, b| a < b));
    assert!(once.users.iter().all(|user| UserId::check(user).is_ok()));
    assert!(once.items.iter().all(|item| ItemId::check(item).is_ok()));
    assert!(once.rows.len() as u64 + once.rejects.total() <= once.read);
    let twice = read(reading, 2).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((2 * once.read, 2 * once.rejects.total()), (twice.read, twice.rejects.total()));
    assert_eq!((&once.users, &once.items), (&twice.users, &twice.items));
    let said = |ratings: &Ratings| -> Vec<_> {
        let rows = ratings.rows.iter();
        rows.map(|row| (row.user, row.item, row.rating(), row.rated_at)).collect()
    };
    assert_eq!(said(&once), said(&twice));
    !once.rows.is_empty()
}

/// Text of any layout, by recognition; gzip, too.
pub(crate) fn text(bytes: &[u8]) -> bool {
    // That has a target of its own.
    !bytes.starts_with(b"PAR1") && ratings(bytes, &implied()) && is_of_lines(bytes, &implied())
}

/// A record is a line or several, and no line is in two; rejects name lines that there are, in their order.
fn is_of_lines(bytes: &[u8], reading: &Reading) -> bool {
    let is_packed = bytes.starts_with(b"\x1f\x8b");
    let Ok(once) = read(reading, 1) else { return false };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let numbers: Vec<_> = once.rejects.kept().iter().map(|reject| reject.line).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert!(is_packed || once.read <= lines, "{} records of {lines} lines", once.read);
    assert!(is_packed || numbers.last().is_none_or(|last| *last <= lines), "{numbers:?}");
    true
}

/// What files do not say is implied, so that those with two or three columns are read as well.
fn implied() -> Reading {
    Reading { implicit_rating: Some(1.0), implicit_timestamp: Some(7), ..Reading::default() }
}

pub(crate) fn text_seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts(&[
        "userId,movieId,rating,timestamp\n1,2,3.5,964982703\n1,\"a,\"\"b\",5,7\n",
        "\u{feff}USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE\r\nabby,9,1000,4\r\n",
        "user\titem\trating\ttimestamp\nann\t1\t5\t1000\n",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3\t881250949\n",
        "1::1193::5::978300760\n1::661::3::978302109\n",
        "196\t242\t3\t881250949\n186\t302\t3\t891717742\n",
        "{\"movieID\":\"1234\",\"user\":\"abby\",\"rating\":6,\"timestamp\":881250949}\n",
        "user,item\n1,2\n\n3,4\nx,\"open\n",
        "user,item,rating,timestamp,review\n1,2,3,7,\"fine\n9,9,9,7,\"\"top\"\"\"\n2,2,,7.25,\"open\n3,\"2\",3,1.4e3,x\n",
        "\"User_ID\";\"Item\";\"Rating\";timestamp\r\n\"1\";\"a;b\";\"3\";7\r\n",
        "user_id:token,item_id:token,rating:float,timestamp:float\n1,2,3.0,881250949.5\n",
    ]);
    // gzip around the first line of u.data; the library's own writer is not at hand here.
    seeds.push(stored_gzip(b"196\t242\t3\t881250949\n"));
    seeds
}

/// A gzip member (RFC 1952) whose content is one stored block of deflate (RFC 1951).
fn stored_gzip(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_le_bytes();
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let crc = content.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    let size = (content.len() as u32).to_le_bytes();
    [&header[..], &[1], &length, &length.map(|byte| !byte), content, &(!crc).to_le_bytes(), &size]
        .concat()
}

/// JSON lines, whatever the first one looks like.
pub(crate) fn json(bytes: &[u8]) -> bool {
    let is_text = !bytes.starts_with(b"PAR1") && !bytes.starts_with(b"\x1f\x8b");
    is_text && ratings(bytes, &Reading { format: Some(Layout::Jsonl), ..Reading::default() })
}

pub(crate) fn json_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "{\"movieID\":\"1234\",\"user\":\"abby\",\"rating\":6,\"timestamp\":881250949}\n",
        "{\"user_id\":-1,\"item_id\":18446744073709551615,\"rating\":0.5,\"timestamp\":7,\"more\":[{}]}\n\
         {\"user_id\":\"\\u00e9\\\"\",\"item_id\":\"x\",\"rating\":1e0,\"timestamp\":8}\nnull\n",
    ])
}

/// Parquet: footer and pages.
pub(crate) fn parquet(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PAR1") && ratings(bytes, &Reading::default())
}

pub(crate) fn parquet_seeds() -> Vec<Vec<u8>> {
    let texts = |texts: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let integers = |numbers: [i64; 3]| -> ArrayRef { Arc::new(Int64Array::from(numbers.to_vec())) };
    let ratings: ArrayRef = Arc::new(Float64Array::from(vec![Some(5.0), None, Some(0.5)]));
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![7, 8, 9]));
    let columns = [
        [texts(["a", "b", "b"]), texts(["1", "2", "3"]), ratings.clone(), integers([7, 8, 9])],
        [integers([1, 2, 3]), small.clone(), ratings, moments.clone()],
        [small, texts(["x", "y", "z"]), integers([1, 2, 3]), moments],
    ];
    let codecs = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW];
    columns.into_iter().zip(codecs).map(|(columns, codec)| file(columns, codec)).collect()
}

fn file(columns: [ArrayRef; 4], codec: Compression) -> Vec<u8> {
    let names = ["user_id", "item_id", "rating", "timestamp"];
    let columns = names.into_iter().zip(columns).map(|(name, values)| (name, values, true));
    let written =
        RecordBatch::try_from_iter_with_nullable(columns).map_err(Into::into).and_then(|batch| {
            let properties = WriterProperties::builder().set_compression(codec).build();
            let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
            writer.write(&batch)?;
            writer.into_inner()
        });
    written.unwrap_or_else(|error| panic!("{error}"))
}

/// A catalogue.
pub(crate) fn catalogue(bytes: &[u8]) -> bool {
    put(bytes);
    let Ok(catalogue) = read_catalogue(&options(&Reading::default(), 0)) else { return false };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let is_packed = bytes.starts_with(b"\x1f\x8b") || bytes.starts_with(b"PAR1");
    assert!(is_packed || catalogue.item_count() as u64 + catalogue.replaced <= lines as u64);
    catalogue.item_count() > 0
}

pub(crate) fn catalogue_seeds() -> Vec<Vec<u8>> {
    let flags = "|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0";
    texts(&[
        "movieId,title,genres\n1,\"Part one\n888,Ghost film,Horror\nend\",Drama\n2,\"open,\n",
        "movieId,title,genres\n1,\"Harbour Lights, The (1999)\",Drama|Romance\n2,Second Wind,(no genres listed)\n",
        "1::Toy Story (1995)::Animation|Children's|Comedy\n",
        &format!("1|Toy Story (1995)|01-Jan-1995||http://example.org{flags}\n"),
        "item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tToy Story\tAnimation Comedy\n",
        "{\"movieID\":\"1\",\"title\":\"Toy Story\",\"genres\":[\"Animation\",\"Comedy\"]}\n",
        "ITEM_ID,GENRES,CREATION_TIMESTAMP\n1,Drama|War,1500000000\n",
        "item,name\n1,Toy Story\n",
    ])
}
