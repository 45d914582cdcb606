//! The changes that a record holds, each with a checksum of its own: where one is damaged, the others can still be read.
//!
//! A frame is the length of a change, a checksum of that, the change and its record's number, and the change. With the
//! number in it, no frame of an older record that lay in the same place is taken for one of this.

use std::ops::Range;

use crate::ledger::LedgerError;
use crate::ledger::redb::codec::Change;

/// Length and checksum.
const PREFIX: usize = 8;

/// Adds a change of the record of this number.
///
/// # Errors
/// When it is too long to be written.
pub(super) fn push(
    bytes: &mut Vec<u8>,
    number: u64,
    change: &Change<'_>,
) -> Result<(), LedgerError> {
    let at = bytes.len();
    bytes.extend([0; PREFIX]);
    change.write(bytes)?;
    let length = u32::try_from(bytes.len() - at - PREFIX);
    let length = length.map_err(|_| LedgerError::Storage("a change of 4 GiB".to_owned()))?;
    let (prefix, change) = bytes[at..].split_at_mut(PREFIX);
    let checksum = checksum(number, length, change);
    prefix[..4].copy_from_slice(&length.to_le_bytes());
    prefix[4..].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Where the changes of a record are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) sound: Vec<Range<usize>>,
    /// What lies between them, or after them.
    pub(super) damaged: Vec<Range<usize>>,
}

/// Finds the changes of the record of this number, whole ones wherever they are.
pub(super) fn find(held: &[u8], number: u64) -> Frames {
    let mut frames = Frames::default();
    let (mut at, mut damaged_from) = (0, None);
    while at < held.len() {
        match frame(held, at, number) {
            Some(change) => {
                frames.damaged.extend(damaged_from.take().map(|from| from..at));
                at = change.end;
                frames.sound.push(change);
            }
            None => {
                damaged_from = damaged_from.or(Some(at));
                at += 1;
            }
        }
    }
    frames.damaged.extend(damaged_from.map(|from| from..held.len()));
    frames
}

/// A damaged frame's change, as far as it can be guessed.
pub(super) fn guess(damaged: &[u8]) -> Option<Change<'_>> {
    Change::read(damaged.get(PREFIX..)?).ok()
}

/// The change whose frame begins here, if it is whole.
fn frame(held: &[u8], at: usize, number: u64) -> Option<Range<usize>> {
    let prefix = held.get(at..at + PREFIX)?;
    let (length, found) = prefix.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let from = at + PREFIX;
    let change = from..from.checked_add(usize::try_from(length).ok()?)?;
    let is_whole =
        length > 0 && checksum(number, length, held.get(change.clone())?).to_le_bytes() == *found;
    is_whole.then_some(change)
}

fn checksum(number: u64, length: u32, change: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(change);
    hasher.finalize()
}
