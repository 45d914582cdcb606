//! The tables that have a log.

use std::fmt;

use arrow::datatypes::SchemaRef;

use crate::manifest::{PartEntry, Parts};
use crate::tables::{Items, Neighbours, Profiles, Table};

/// A table with a Delta Lake log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoggedTable {
    /// [`Neighbours`].
    Neighbours,
    /// [`Items`].
    Items,
    /// [`Profiles`].
    Profiles,
}

impl LoggedTable {
    /// All of them, in the order in which their entries are written.
    pub const ALL: [Self; 3] = [Self::Neighbours, Self::Items, Self::Profiles];
    /// The one whose entry is written last: where it has one, all have.
    pub const LAST: Self = Self::Profiles;

    /// The table's name, as in its object keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neighbours => Neighbours::NAME,
            Self::Items => Items::NAME,
            Self::Profiles => Profiles::NAME,
        }
    }

    /// The table's files in a publication.
    pub fn parts(self, parts: &Parts) -> &[PartEntry] {
        match self {
            Self::Neighbours => &parts.neighbours,
            Self::Items => &parts.items,
            Self::Profiles => &parts.profiles,
        }
    }

    pub(super) fn schema(self) -> SchemaRef {
        match self {
            Self::Neighbours => Neighbours::schema(),
            Self::Items => Items::schema(),
            Self::Profiles => Profiles::schema(),
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Neighbours => "Each item's most similar items. Key: item_id, neighbour_id.",
            Self::Items => {
                "Titles, genres, and how often and how well items were rated. Key: item_id."
            }
            Self::Profiles => {
                "Every rating; a null rating is one that was deleted. Key: user_id, item_id."
            }
        }
    }
}

impl fmt::Display for LoggedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
