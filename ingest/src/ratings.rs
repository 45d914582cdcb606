//! All input in dense form.

use akin_recommender::profile::Origin;

use super::catalogue::Catalogue;
use super::error::IngestError;
use super::rejects::Rejects;
use super::rows::Rows;
use super::source::InputFile;

/// What all input holds, in dense form.
#[derive(Debug, PartialEq)]
pub struct Ratings {
    /// User ids, sorted bytewise; a row's `user` is an index into it.
    pub users: Vec<String>,
    /// Item ids, sorted bytewise, with those that only the catalogue holds; a row's `item` is an index into it.
    pub items: Vec<String>,
    /// The last entry of each user and item, sorted by user and item.
    pub rows: Rows,
    /// The origins of all entries that were read, sorted: comparing indices is comparing origins.
    pub origins: Vec<Origin>,
    /// What the catalogue says of the items.
    pub catalogue: Catalogue,
    /// Records read from files, rejected ones included.
    pub read: u64,
    /// Those of them that were not taken in.
    pub rejects: Rejects,
    /// The files, in reading order.
    pub files: Vec<InputFile>,
}

impl Ratings {
    /// Whether there is anything to compute from: at least one entry that is no tombstone.
    ///
    /// # Errors
    /// When there is not.
    pub fn check_not_empty(&self) -> Result<(), IngestError> {
        if self.rows.rated().next().is_some() { Ok(()) } else { Err(IngestError::NoRatings) }
    }
}
