//! What a commit changes, as the journal keeps it: postcard of [`Change`], whose order is part of the format.

use serde::{Deserialize, Serialize};

use super::{about_end, about_execution, about_log, status_number};
use crate::ledger::{EndRecord, ExecutionId, LedgerError, RequestName};

/// One row that a commit writes, with what belongs to it in the tables of keys. Bytes are those of the tables' records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger::redb) enum Change<'a> {
    /// An entry.
    Accepted {
        /// In the log.
        position: u64,
        #[serde(borrow, with = "bytes")]
        log: &'a [u8],
    },
    /// The execution that answers it.
    Began {
        #[serde(with = "key")]
        id: ExecutionId,
        #[serde(borrow, with = "bytes")]
        execution: &'a [u8],
    },
    /// What a name stands for.
    Named {
        scope: &'a str,
        name: &'a str,
        #[serde(borrow, with = "bytes")]
        ids: &'a [u8],
    },
    /// How an execution ended. `status` is that of keys.
    Ended {
        #[serde(with = "key")]
        id: ExecutionId,
        status: u8,
        stopped_at: i64,
        #[serde(borrow, with = "bytes")]
        outcome: &'a [u8],
    },
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
    ///
    /// # Errors
    /// Never: memory takes whatever is written to it.
    pub(in crate::ledger::redb) fn write(&self, to: &mut Vec<u8>) -> Result<(), LedgerError> {
        let written = postcard::to_extend(self, std::mem::take(to));
        *to = written.map_err(|error| LedgerError::Storage(error.to_string()))?;
        Ok(())
    }

    /// # Errors
    /// When the bytes are no change.
    pub(in crate::ledger::redb) fn read(bytes: &'a [u8]) -> Result<Self, LedgerError> {
        let change = postcard::take_from_bytes(bytes);
        match change {
            Ok((change, [])) => Ok(change),
            Ok(_) => Err(LedgerError::Record("a change with bytes after its end".to_owned())),
            Err(error) => Err(LedgerError::Record(format!("a change: {error}"))),
        }
    }

    /// What it is about, for people, and what follows when it is lost. It may be damaged.
    pub(in crate::ledger::redb) fn about(&self) -> (String, &'static str) {
        match *self {
            Self::Accepted { position, log } => {
                let consequence = "the rating is lost, unless a segment in the store has it: then the next run --with-ledger \
                                   brings it back";
                (format!("entry {position}: {}", about_log(log)), consequence)
            }
            Self::Began { id, execution } => {
                let about = format!("execution {id}: {}", about_execution(execution));
                (about, "its handle is as if it had never been given out; its rating stays")
            }
            Self::Named { name, .. } => {
                let consequence = "a request that comes again under this name is accepted again";
                (format!("what the name {name:?} stands for"), consequence)
            }
            Self::Ended { id, outcome, .. } => {
                let about = format!("the end of execution {id}: {}", about_end(outcome));
                (about, "it is computed again")
            }
        }
    }
}

/// At once, not byte by byte.
pub(super) mod bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::ledger::redb::codec) fn serialize<S: Serializer>(
        bytes: &[u8],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(in crate::ledger::redb::codec) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<&'a [u8], D::Error> {
        <&[u8]>::deserialize(from)
    }
}

mod key {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::ledger::ExecutionId;

    pub(super) fn serialize<S: Serializer>(id: &ExecutionId, to: S) -> Result<S::Ok, S::Error> {
        id.key().serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<ExecutionId, D::Error> {
        Deserialize::deserialize(from).map(ExecutionId::from_key)
    }
}
