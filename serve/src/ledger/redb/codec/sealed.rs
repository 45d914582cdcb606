//! What every record has around its fields: a format in front, and a checksum behind, of the record and of where it belongs.
//! So neither a record that is altered nor one under another's key is taken for a whole one.

use serde::{Deserialize, Serialize};

use crate::ledger::{ExecutionId, LedgerError};

/// Far from the formats before it, which had no checksum: no flipped bit makes one of the other.
const FORMAT: u8 = 0xa6;
/// A format and a checksum take this much, in bytes.
const AROUND: usize = 1 + 4;
/// Most records but outputs are shorter, in bytes.
const USUAL_RECORD: usize = 192;

/// A record's table and key.
#[derive(Debug, Clone, Copy)]
pub(in crate::ledger::redb) enum Place<'a> {
    /// By position.
    Log(u64),
    /// By user and item.
    Entry(&'a str, &'a str),
    Execution(&'a ExecutionId),
    Outcome(&'a ExecutionId),
    /// By scope and name.
    Name(&'a str, &'a str),
}

impl Place<'_> {
    /// What it is called in messages.
    fn name(self) -> String {
        match self {
            Self::Log(position) => format!("entry {position}"),
            Self::Entry(user, item) => {
                format!("the newest entry of user {user:?} for item {item:?}")
            }
            Self::Execution(id) => format!("execution {id}"),
            Self::Outcome(id) => format!("the end of execution {id}"),
            Self::Name(_, name) => format!("the name {name:?}"),
        }
    }

    pub(super) fn error(self, detail: impl std::fmt::Display) -> LedgerError {
        LedgerError::Record(format!("{}: {detail}", self.name()))
    }

    /// An error about a record of this place.
    pub(super) fn name_it(self, error: LedgerError) -> LedgerError {
        match error {
            LedgerError::Record(detail) => self.error(detail),
            other => other,
        }
    }

    fn checksum(self, record: &[u8]) -> [u8; 4] {
        let mut hasher = crc32fast::Hasher::new();
        match self {
            Self::Log(position) => {
                hasher.update(b"l");
                hasher.update(&position.to_le_bytes());
            }
            Self::Entry(one, other) | Self::Name(one, other) => {
                hasher.update(if matches!(self, Self::Name(..)) { b"n" } else { b"e" });
                hasher.update(&(one.len() as u64).to_le_bytes());
                hasher.update(one.as_bytes());
                hasher.update(other.as_bytes());
            }
            Self::Execution(id) | Self::Outcome(id) => {
                hasher.update(if matches!(self, Self::Outcome(_)) { b"o" } else { b"x" });
                hasher.update(id.key());
            }
        }
        hasher.update(record);
        hasher.finalize().to_le_bytes()
    }
}

/// A record of these fields, for this place.
pub(super) fn seal(place: Place<'_>, fields: &impl Serialize) -> Vec<u8> {
    let mut record = Vec::with_capacity(USUAL_RECORD);
    record.push(FORMAT);
    // Memory takes whatever is written to it, and the records' types have no form that postcard lacks: an empty record would
    // be found damaged.
    let mut record = postcard::to_extend(fields, record).unwrap_or_default();
    let checksum = place.checksum(&record);
    record.extend(checksum);
    record
}

/// Whether the record has a checksum; those of older formats have none.
pub(super) fn is_sealed(record: &[u8]) -> bool {
    !matches!(record.first(), Some(1 | 2))
}

/// The fields of the record of this place.
///
/// # Errors
/// When it is not as it was written, or not of this place.
pub(super) fn unseal<'a, T: Deserialize<'a>>(
    place: Place<'_>,
    record: &'a [u8],
) -> Result<T, LedgerError> {
    let (body, checksum) =
        record.split_last_chunk::<4>().ok_or_else(|| place.error("its end is missing"))?;
    if place.checksum(body) != *checksum {
        return Err(place.error("its checksum does not fit"));
    }
    if body.first() != Some(&FORMAT) {
        return Err(place.error(format_args!("its format {:?} is not known", body.first())));
    }
    read(&body[1..]).map_err(|error| place.error(error))
}

/// The fields of a record that may be damaged, if they make sense.
pub(super) fn guess<'a, T: Deserialize<'a>>(record: &'a [u8]) -> Option<T> {
    read(record.get(1..record.len().checked_sub(AROUND)? + 1)?).ok()
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    match postcard::take_from_bytes(body) {
        Ok((fields, [])) => Ok(fields),
        Ok(_) => Err("bytes after its end".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
