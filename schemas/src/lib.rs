//! The contract between the batch, the server, the data team and the frontend: identifiers, ratings, object keys,
//! the manifest, the Parquet tables and the HTTP bodies.
//!
//! Everything here is pure: bytes in, values out. This crate must not know where bytes come from (no files, no
//! network), how a similarity is computed, or what time it is.

pub mod delta;
pub mod framed;
pub mod http;
pub mod stage;
pub mod tables;

mod checksum;
mod id;
mod key;
mod last_run;
mod log_levels;
mod manifest;
mod printable;
mod rating;
mod rating_figures;
mod version;

pub use checksum::{Checksum, ChecksumError, Checksumming};
pub use id::{IdError, ItemId, MAX_ID_BYTES, UserId};
pub use key::{ObjectKey, ObjectKeyError};
pub use last_run::LastRun;
pub use log_levels::{LogLevelsError, log_levels};
pub use manifest::{
    Cut, Manifest, ManifestError, Measure, PartEntry, Parts, RatingWeights, SCHEMA_VERSION,
    VersionCounts,
};
pub use printable::{log_field, printable, printable_lines};
pub use rating::{RatingError, RatingRange, unsigned_zero};
pub use rating_figures::RatingFigures;
pub use version::{VersionName, VersionNameError};
