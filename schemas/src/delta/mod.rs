//! The Delta Lake log beside each table, by which other programs read the current version from the table's path alone.
//!
//! Entry n belongs to publication n + 1 and follows from its manifest: what it says is never believed before the
//! manifest. Only this program's kind writes the log, which a table feature that no other program knows says to those
//! that ask. The format is that of <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>.

mod actions;
mod checkpoint;
mod columns;
mod entry;
mod state;
mod table;

pub use checkpoint::{CHECKPOINT_EVERY, Checkpoint};
pub use entry::{EntryError, StandingEntry};
pub use state::LogState;
pub use table::LoggedTable;
