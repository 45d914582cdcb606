//! What a Parquet file claims about itself, checked before anything is unpacked.
//!
//! The Parquet library believes the sizes that a page states, and a page of some kilobytes can unpack to two gigabytes.
//! Reading the pages' headers alone is cheap, and says what unpacking them would take. The headers are in Thrift's
//! compact protocol: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>, and
//! `PageHeader` in <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.

use std::io::Read;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use super::compact::{Compact, Malformed};

/// Structures within structures that a page's header may have; the format has three.
const MAX_DEPTH: u32 = 8;

/// Checks that a file's counts of rows agree and that its pages fill their columns, and says what unpacking takes: see
/// [`unpacked_group_bytes`], of which this is the largest. Reads all of the wanted columns' headers.
///
/// # Errors
/// When the claims contradict each other or the file.
pub fn unpacked_bytes<R: ChunkReader>(
    file: &R,
    metadata: &ParquetMetaData,
    wanted: impl Fn(usize) -> bool,
) -> Result<u64, ParquetError> {
    check_row_counts(metadata)?;
    let of_group = |group| unpacked_group_bytes(file, group, &wanted);
    metadata.row_groups().iter().try_fold(0, |most, group| Ok(of_group(group)?.max(most)))
}

/// Checks that a file's row groups have as many rows as the file. Reads nothing.
///
/// # Errors
/// When they have not.
pub fn check_row_counts(metadata: &ParquetMetaData) -> Result<(), ParquetError> {
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(count(group.num_rows(), "rows")?);
    }
    let claimed = count(metadata.file_metadata().num_rows(), "rows")?;
    if claimed == rows {
        return Ok(());
    }
    Err(contradiction(format!("{claimed} rows, and {rows} in its row groups")))
}

/// Checks that a row group's counts agree and that its pages fill their columns, and says what unpacking it takes: the
/// bytes of the largest data page and dictionary of each column, together, as one of each is held at a time.
///
/// Only columns that are `wanted`, by their number among the leaves of the schema, are looked at.
///
/// # Errors
/// When the claims contradict each other or the file.
pub fn unpacked_group_bytes<R: ChunkReader>(
    file: &R,
    group: &RowGroupMetaData,
    wanted: impl Fn(usize) -> bool,
) -> Result<u64, ParquetError> {
    let rows = count(group.num_rows(), "rows")?;
    let mut unpacked = 0_u64;
    for (_, column) in group.columns().iter().enumerate().filter(|(at, _)| wanted(*at)) {
        let values = count(column.num_values(), "values")?;
        // In a list a row may have any number of values.
        if column.column_descr().max_rep_level() == 0 && values != rows {
            let name = column.column_path().string();
            return Err(contradiction(format!(
                "column `{name}` has {values} values in {rows} rows"
            )));
        }
        unpacked = unpacked.saturating_add(unpacked_column(file, column)?);
    }
    Ok(unpacked)
}

/// The bytes of a column's largest data page and dictionary.
fn unpacked_column<R: ChunkReader>(
    file: &R,
    column: &ColumnChunkMetaData,
) -> Result<u64, ParquetError> {
    let first = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let (mut at, length) = (count(first, "bytes")?, count(column.compressed_size(), "bytes")?);
    let end = at.checked_add(length).filter(|end| *end <= file.len());
    let end = end.ok_or_else(|| contradiction("a column reaches beyond the file".to_owned()))?;
    let (mut page, mut dictionary) = (0, 0);
    while at < end {
        let mut reader = Compact { stream: file.get_read(at)?, left: end - at };
        let header = PageHeader::read(&mut reader)?;
        let packed = count(header.packed, "bytes")?;
        let unpacked = count(header.unpacked, "bytes")?;
        if packed > reader.left {
            return Err(contradiction("a page reaches beyond its column".to_owned()));
        }
        at = end - reader.left + packed;
        // Both are held: what is packed is read whole.
        let held = if header.is_dictionary { &mut dictionary } else { &mut page };
        *held = packed.saturating_add(unpacked).max(*held);
    }
    Ok(u64::saturating_add(page, dictionary))
}

fn count(number: impl Into<i64>, what: &str) -> Result<u64, ParquetError> {
    let number = number.into();
    u64::try_from(number).map_err(|_| contradiction(format!("{number} {what}")))
}

fn contradiction(claim: String) -> ParquetError {
    ParquetError::General(format!("it contradicts itself: {claim}"))
}

/// The part of a page's header that says what unpacking it takes.
#[derive(Debug, PartialEq, Eq)]
struct PageHeader {
    is_dictionary: bool,
    unpacked: i32,
    packed: i32,
}

impl PageHeader {
    fn read<R: Read>(stream: &mut Compact<R>) -> Result<Self, ParquetError> {
        const DICTIONARY: i64 = 2;
        let mut known = [None; 3];
        let mut field = 0;
        while let Some((number, kind)) = stream.field(field)? {
            match (number, kind) {
                (1..=3, 5) => known[number as usize - 1] = Some(stream.zigzag()?),
                _ => stream.skip(kind, MAX_DEPTH)?,
            }
            field = number;
        }
        match known {
            [Some(kind), Some(unpacked), Some(packed)] => Ok(Self {
                is_dictionary: kind == DICTIONARY,
                unpacked: i32::try_from(unpacked).map_err(|_| no_header())?,
                packed: i32::try_from(packed).map_err(|_| no_header())?,
            }),
            _ => Err(no_header()),
        }
    }
}

impl From<Malformed> for ParquetError {
    fn from(_: Malformed) -> Self {
        no_header()
    }
}

fn no_header() -> ParquetError {
    contradiction("there is no page where one is due".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header(bytes: &[u8]) -> Result<(PageHeader, u64), String> {
        let mut reader = Compact { stream: bytes, left: bytes.len() as u64 };
        let header = PageHeader::read(&mut reader).map_err(|error| error.to_string())?;
        Ok((header, reader.left))
    }

    #[test]
    fn a_header_says_what_its_page_takes() {
        // Type 2, unpacked 300, packed 20; a structure with a number, a truth, a text and a double; the end; two bytes.
        let nested = [0x4c, 0x15, 0x02, 0x11, 0x18, 0x02, b'a', b'b', 0x17];
        let bytes =
            [&[0x15, 4, 0x15, 0xd8, 4, 0x15, 40][..], &nested, &[0; 8], &[0, 0, 9, 9]].concat();
        let expected = PageHeader { is_dictionary: true, unpacked: 300, packed: 20 };
        assert_eq!(header(&bytes), Ok((expected, 2)));
        for length in 0..bytes.len() - 2 {
            assert!(header(&bytes[..length]).unwrap_err().contains("no page"), "{length}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_without_reading_far() {
        let text_of_an_exabyte = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let cases: [&[u8]; 6] = [
            &[0],
            &[0x15, 0, 0x15, 0, 0],
            &text_of_an_exabyte,
            &[0x1c; 40],
            &[0x19, 0xf5, 0xff],
            &[0x15, 0, 0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x15, 0, 0],
        ];
        for bytes in cases {
            assert!(header(bytes).is_err(), "{bytes:?}");
        }
    }
}
