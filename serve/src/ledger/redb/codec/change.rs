//! What a commit changes, as the journal keeps it.

use super::bytes::{Reader, Writer};
use super::{read_end, status_number};
use crate::ledger::{EndRecord, ExecutionId, LedgerError, RequestName};

/// One thing that a commit writes. Bytes are those of the tables' records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger::redb) enum Change<'a> {
    /// An entry, and the execution that answers it.
    Accepted {
        /// In the log.
        position: u64,
        log: &'a [u8],
        id: ExecutionId,
        execution: &'a [u8],
    },
    /// What a name stands for.
    Named { scope: &'a str, name: &'a str, ids: &'a [u8] },
    /// How an execution ended. `status` is that of keys.
    Ended { id: ExecutionId, status: u8, stopped_at: i64, outcome: &'a [u8] },
}

impl<'a> Change<'a> {
    pub(in crate::ledger::redb) fn named(name: &'a RequestName, ids: &'a [u8]) -> Self {
        let (scope, name) = name.key();
        Self::Named { scope, name, ids }
    }

    pub(in crate::ledger::redb) fn ended(record: &'a EndRecord) -> Self {
        let EndRecord { id, status, stopped_at, ref bytes } = *record;
        Self::Ended { id, status: status_number(status), stopped_at, outcome: bytes }
    }

    /// Adds it to others.
    pub(in crate::ledger::redb) fn write(&self, to: &mut Vec<u8>) {
        let mut out = Writer::after(std::mem::take(to));
        match *self {
            Self::Accepted { position, log, id, execution } => {
                out.u8(0);
                out.u64(position);
                out.bytes(id.key());
                out.counted(log);
                out.counted(execution);
            }
            Self::Named { scope, name, ids } => {
                out.u8(1);
                out.text(scope);
                out.text(name);
                out.counted(ids);
            }
            Self::Ended { id, outcome, .. } => {
                out.u8(2);
                out.bytes(id.key());
                out.counted(outcome);
            }
        }
        *to = out.finish();
    }

    /// Those that one record holds, in their order.
    ///
    /// # Errors
    /// When the bytes are no such record.
    pub(in crate::ledger::redb) fn read_all(bytes: &'a [u8]) -> Result<Vec<Self>, LedgerError> {
        let mut from = Reader::of("journal record", bytes);
        let mut changes = Vec::new();
        while !from.is_at_end() {
            changes.push(Self::read(&mut from)?);
        }
        Ok(changes)
    }

    fn read(from: &mut Reader<'a>) -> Result<Self, LedgerError> {
        Ok(match from.u8()? {
            0 => Self::Accepted {
                position: from.u64()?,
                id: ExecutionId::from_key(from.array()?),
                log: from.counted()?,
                execution: from.counted()?,
            },
            1 => Self::Named { scope: from.text()?, name: from.text()?, ids: from.counted()? },
            2 => {
                let id = ExecutionId::from_key(from.array()?);
                let outcome = from.counted()?;
                let (status, stopped_at) = read_end(outcome)?;
                Self::Ended { id, status: status_number(status), stopped_at, outcome }
            }
            other => return Err(from.error(&format!("the change {other}"))),
        })
    }
}
