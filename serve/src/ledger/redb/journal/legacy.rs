//! Records as programs wrote them before format 6 of the file, from the first page on: a magic, the ledger, the number, the
//! length of what it holds, a checksum of all that, and what it holds.

const MAGIC: [u8; 8] = *b"akinjrn1";
/// Magic, ledger, number, length, checksum.
pub(super) const HEADER: usize = 8 + 8 + 8 + 8 + 4;
/// Where the checksum is.
const CHECKSUM: usize = HEADER - 4;

/// A record that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LegacyRecord {
    pub(super) ledger: i64,
    pub(super) number: u64,
    /// Its length, in bytes, with its header.
    pub(super) length: usize,
}

impl LegacyRecord {
    /// The one that begins here, if any does.
    pub(super) fn read(from: &[u8]) -> Option<Self> {
        let header = from.get(..HEADER)?.strip_prefix(&MAGIC)?;
        let number = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?))
        };
        let (ledger, held) = (number(0)?.cast_signed(), usize::try_from(number(16)?).ok()?);
        let length = held.checked_add(HEADER)?;
        let record = from.get(..length)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&record[..CHECKSUM]);
        hasher.update(&record[HEADER..]);
        let is_whole = hasher.finalize().to_le_bytes() == record[CHECKSUM..HEADER];
        is_whole.then_some(Self { ledger, number: number(8)?, length })
    }
}
