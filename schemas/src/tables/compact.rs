//! Thrift's compact protocol, as far as it takes to pass over what is in it and to see that it claims no more than is there:
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

use std::io::{self, Read};

use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

/// Structures and lists within each other that a file's footer may have; the format has some ten.
const MAX_DEPTH: u32 = 32;
/// How a file ends: with the length of its footer, and these bytes.
const MAGIC: &[u8; 4] = b"PAR1";

/// The bytes are not in the protocol, or claim more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Checks that a Parquet file's footer claims no more values than it has bytes. The Parquet library believes it: a list of two
/// thousand million truth values takes six bytes and it seconds, and there may be many. Truth values in lists are refused
/// altogether: the format's footer has none, and the library reads them in another way than the protocol says.
///
/// What is no Parquet file at all is left to the library to say.
///
/// # Errors
/// When it claims more, or the file cannot be read.
pub fn check_footer<R: ChunkReader>(file: &R) -> Result<(), ParquetError> {
    const END: u64 = 8;
    let Some(end) = file.len().checked_sub(END) else { return Ok(()) };
    let tail = file.get_bytes(end, END as usize)?;
    let (length, magic) = tail.split_at(4);
    let length = u32::from_le_bytes(length.try_into().unwrap_or_default());
    let Some(begin) = end.checked_sub(u64::from(length)).filter(|_| magic == MAGIC) else {
        return Ok(());
    };
    let footer = file.get_bytes(begin, length as usize)?;
    let mut reader = Compact { stream: footer.as_ref(), left: u64::from(length) };
    reader.skip(STRUCTURE, MAX_DEPTH).map_err(|Malformed| {
        ParquetError::General("the footer claims more than it holds, or makes no sense".to_owned())
    })
}

const TRUTH: [u8; 2] = [1, 2];
const STRUCTURE: u8 = 12;

/// A reader that reads no further than it is told.
pub(super) struct Compact<R> {
    pub(super) stream: R,
    pub(super) left: u64,
}

impl<R: Read> Compact<R> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let mut byte = [0];
        self.left = self.left.checked_sub(1).ok_or(Malformed)?;
        self.stream.read_exact(&mut byte).map_err(|_| Malformed)?;
        Ok(byte[0])
    }

    fn pass_over(&mut self, bytes: u64) -> Result<(), Malformed> {
        self.left = self.left.checked_sub(bytes).ok_or(Malformed)?;
        let passed = io::copy(&mut self.stream.by_ref().take(bytes), &mut io::sink());
        passed.ok().filter(|passed| *passed == bytes).map(|_| ()).ok_or(Malformed)
    }

    /// A number in groups of seven bits, the least first.
    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    pub(super) fn zigzag(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// The number and type of the next field of a structure, given the last field's; none at the end.
    pub(super) fn field(&mut self, last: i64) -> Result<Option<(i64, u8)>, Malformed> {
        let byte = self.byte()?;
        let (step, kind) = (byte >> 4, byte & 0x0f);
        Ok(match (step, kind) {
            (_, 0) => None,
            (0, _) => Some((self.zigzag()?, kind)),
            _ => Some((last.checked_add(i64::from(step)).ok_or(Malformed)?, kind)),
        })
    }

    pub(super) fn skip(&mut self, kind: u8, depth: u32) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        match kind {
            // Truth and untruth are types of a field.
            1 | 2 => Ok(()),
            3 => self.pass_over(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.pass_over(8),
            8 => {
                let length = self.number()?;
                self.pass_over(length)
            }
            // A list or a set: its length and type in one byte, or the length after it.
            9 | 10 => {
                let byte = self.byte()?;
                let length = if byte >> 4 == 15 { self.number()? } else { u64::from(byte >> 4) };
                self.skip_each(length, &[byte & 0x0f], depth)
            }
            11 => match self.number()? {
                0 => Ok(()),
                length => {
                    let kinds = self.byte()?;
                    self.skip_each(length, &[kinds >> 4, kinds & 0x0f], depth)
                }
            },
            STRUCTURE => {
                let mut field = 0;
                while let Some((number, kind)) = self.field(field)? {
                    self.skip(kind, depth)?;
                    field = number;
                }
                Ok(())
            }
            13 => self.pass_over(16),
            _ => Err(Malformed),
        }
    }

    /// So many times one value of each kind. Each takes a byte at least.
    fn skip_each(&mut self, times: u64, kinds: &[u8], depth: u32) -> Result<(), Malformed> {
        if times > self.left || kinds.iter().any(|kind| TRUTH.contains(kind)) {
            return Err(Malformed);
        }
        for _ in 0..times {
            kinds.iter().try_for_each(|&kind| self.skip(kind, depth))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;

    use super::*;
    use crate::tables::{ItemRow, Items, PartWriter, TableError, read_part};

    fn file(footer: &[u8]) -> Bytes {
        let length = (footer.len() as u32).to_le_bytes();
        [&MAGIC[..], footer, &length, MAGIC].concat().into()
    }

    #[test]
    fn what_a_footer_may_hold_is_passed_over() {
        // Numbers, a list of structures, a long list, a set of texts, two maps and a UUID.
        let numbers = [0x15, 2, 0x14, 2, 0x13, 1, 0x11, 0x12];
        let structures = [0x19, 0x2c, 0x15, 2, 0, 0];
        let long = [&[0x19, 0xf5, 16][..], &[2; 16]].concat();
        let texts = [0x1a, 0x28, 1, b'a', 0];
        let maps = [0x1b, 0, 0x1b, 1, 0x85, 1, b'k', 2];
        let uuid = [&[0x1d][..], &[7; 16]].concat();
        let whole = [&numbers[..], &structures, &long, &texts, &maps, &uuid, &[0]].concat();
        assert!(check_footer(&file(&whole)).is_ok());
        for length in 0..whole.len() {
            assert!(check_footer(&file(&whole[..length])).is_err(), "{length}");
        }
    }

    #[test]
    fn what_claims_more_than_it_holds_is_refused_at_once() {
        let many = [0xff, 0xff, 0xff, 0xff, 7];
        let list_of = |kind: u8| [&[0x19, 0xf0 | kind][..], &many, &[0]].concat();
        let map = [&[0x1b][..], &many, &[0x55, 0]].concat();
        for footer in [
            list_of(1),
            list_of(2),
            list_of(5),
            list_of(12),
            map,
            vec![0x19, 0x11, 0],
            vec![0x1c; 99],
        ] {
            assert!(check_footer(&file(&footer)).is_err(), "{footer:?}");
            let read = read_part::<Items>(file(&footer), |_| {});
            assert!(matches!(read, Err(TableError::Parquet(_))), "{read:?}");
        }
        // Not a footer: the library says what it is.
        for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"\xff\xff\xff\xffPAR1", b"0123456789ab"] {
            assert!(check_footer(&Bytes::copy_from_slice(bytes)).is_ok());
        }
    }

    #[test]
    fn what_is_written_here_passes() {
        let mut writer = PartWriter::<Items>::new().unwrap();
        let row = ItemRow {
            item_id: "1",
            title: Some("A"),
            genres: vec!["Drama"],
            rating_count: 1,
            rating_mean: Some(4.0),
            rated_between: None,
        };
        writer.push(&row).unwrap();
        assert!(check_footer(&writer.finish().unwrap().bytes).is_ok());
    }
}
