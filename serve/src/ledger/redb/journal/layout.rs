//! The bytes of a journal's file: what may begin at each of its pages.
//!
//! The front is the first page. A record begins at each of the next pages, or a mark: behind the newest record, it tells that
//! the disk has that one. Each begins with a magic of its own, then come numbers, then a checksum of both. All numbers are
//! little-endian.

/// Where records and marks begin, in bytes; no less than the pages of disks, so that a write that the power cuts touches no
/// page of an earlier record.
pub(super) const ALIGNMENT: u64 = 4096;
/// Where the first record begins.
pub(super) const FIRST: u64 = ALIGNMENT;

/// Magic, numbers, checksum.
const fn size(numbers: usize) -> usize {
    8 + 8 * numbers + 4
}
/// What stands before what a record holds, in bytes.
pub(super) const HEADER: usize = size(5);

/// How each begins. Changes with its form.
const FRONT_MAGIC: [u8; 8] = *b"akinjrn2";
const RECORD_MAGIC: [u8; 8] = *b"akinrec2";
const MARK_MAGIC: [u8; 8] = *b"akinend2";

/// Whose journal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Front {
    /// When the ledger was created, in microseconds since 1970.
    pub(super) ledger: i64,
    /// How long the file has been at least, in bytes.
    pub(super) length: u64,
}

/// A record's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) ledger: i64,
    /// The newest record that the ledger's file contained when this one was written.
    pub(super) base: u64,
    pub(super) number: u64,
    /// How many bytes of changes follow.
    pub(super) held: u64,
    /// How many changes.
    pub(super) changes: u64,
}

/// The record of this number is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) ledger: i64,
    pub(super) base: u64,
    pub(super) number: u64,
}

impl Front {
    pub(super) fn write(self) -> Vec<u8> {
        seal(FRONT_MAGIC, [self.ledger.cast_unsigned(), self.length])
    }

    pub(super) fn read(page: &[u8]) -> Option<Self> {
        let [ledger, length] = unseal(FRONT_MAGIC, page)?;
        Some(Self { ledger: ledger.cast_signed(), length })
    }
}

impl Header {
    pub(super) fn write(self) -> Vec<u8> {
        let Self { ledger, base, number, held, changes } = self;
        seal(RECORD_MAGIC, [ledger.cast_unsigned(), base, number, held, changes])
    }

    pub(super) fn read(page: &[u8]) -> Option<Self> {
        let [ledger, base, number, held, changes] = unseal(RECORD_MAGIC, page)?;
        Some(Self { ledger: ledger.cast_signed(), base, number, held, changes })
    }
}

impl Mark {
    pub(super) fn write(self) -> Vec<u8> {
        seal(MARK_MAGIC, [self.ledger.cast_unsigned(), self.base, self.number])
    }

    pub(super) fn read(page: &[u8]) -> Option<Self> {
        let [ledger, base, number] = unseal(MARK_MAGIC, page)?;
        Some(Self { ledger: ledger.cast_signed(), base, number })
    }
}

/// What this many bytes take, up to where the next record begins.
pub(super) fn space(length: usize) -> u64 {
    (length as u64).next_multiple_of(ALIGNMENT)
}

fn seal<const N: usize>(magic: [u8; 8], numbers: [u64; N]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

fn unseal<const N: usize>(magic: [u8; 8], page: &[u8]) -> Option<[u64; N]> {
    let (body, rest) = page.split_at_checked(size(N) - 4)?;
    let numbers = body.strip_prefix(&magic)?;
    if rest.get(..4)? != crc32fast::hash(body).to_le_bytes() {
        return None;
    }
    let mut read = [0; N];
    for (number, bytes) in read.iter_mut().zip(numbers.chunks_exact(8)) {
        *number = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    Some(read)
}
