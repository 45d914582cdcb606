//! What can go wrong with the ledger, in words that tell an operator what to do.

use thiserror::Error;

/// Why the ledger could not be opened, read or written. Cheap to clone: one failed commit answers
/// many clients.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// Another program has the file open.
    #[error(
        "another server holds the ledger `{path}`: stop it, or give this one a data folder of its \
         own"
    )]
    Held {
        /// The ledger's file.
        path: String,
    },
    /// The file is not a ledger, or not a whole one.
    #[error(
        "the ledger `{path}` is damaged ({detail}): restore it from a backup, or move it aside to begin an empty one; \
         ratings that were written to the store come back with the next run --with-ledger"
    )]
    Damaged {
        /// The ledger's file.
        path: String,
        /// What was found.
        detail: String,
    },
    /// The folder cannot be used.
    #[error(
        "the data folder `{path}` cannot be used ({detail}): this program must be able to read \
         it and to create and write files in it"
    )]
    Folder {
        /// The data folder.
        path: String,
        /// What the operating system said.
        detail: String,
    },
    /// The file was written by a newer program.
    #[error(
        "the ledger `{path}` has format {found}, this program knows format {known}: \
         upgrade akin-serve"
    )]
    Format {
        /// The ledger's file.
        path: String,
        /// The format it has.
        found: u64,
        /// The format this program writes.
        known: u64,
    },
    /// The disk failed earlier. What is on disk is only certain after the file is opened anew.
    #[error(
        "the ledger accepts nothing after its disk failed ({cause}): see to the disk, then restart"
    )]
    Poisoned {
        /// The failure.
        cause: String,
    },
    /// The file was removed, or another put in its place, while it was open.
    #[error("the ledger accepts nothing after its file was removed or replaced")]
    FileGone,
    /// One record makes no sense to this program. The others are not affected.
    #[error("a record of the ledger cannot be read: {0}")]
    Record(String),
    /// The disk failed, now or earlier: nothing more can be read or written until the file is opened anew.
    #[error("the ledger's disk failed: {0}")]
    Disk(String),
    /// The storage failed just now.
    #[error("the ledger's storage failed: {0}")]
    Storage(String),
}
