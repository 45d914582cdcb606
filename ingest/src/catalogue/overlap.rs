//! How far a catalogue and the ratings speak of the same items.

use std::collections::HashMap;

use super::CatalogueFile;

/// Of the smaller side, a catalogue's items or those that were rated, at least one in this many should be on the other.
const FEW: u64 = 10;

/// How many items a catalogue's files and the ratings have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Items that the files gave.
    pub given: u64,
    /// Items that were rated.
    pub rated: u64,
    /// Items that are both.
    pub both: u64,
    /// An item that is given and not rated, and one that is rated and not given; two that look alike, if there are any.
    pub example: Option<(String, String)>,
}

impl Overlap {
    /// Compares a catalogue with the items that were rated.
    pub(in super::super) fn of<'a>(
        catalogue: &CatalogueFile,
        rated: impl Iterator<Item = &'a str> + Clone,
        is_rated: impl Fn(&str) -> bool,
    ) -> Self {
        let is_given =
            |id: &str| catalogue.items.get_index_of(id).is_some_and(|at| at < catalogue.given);
        let mut overlap = Self {
            given: catalogue.given as u64,
            rated: rated.clone().count() as u64,
            both: catalogue.given().filter(|id| is_rated(id)).count() as u64,
            example: None,
        };
        if overlap.is_small() {
            let others: HashMap<String, &str> =
                catalogue.given().filter(|id| !is_rated(id)).map(|id| (plain(id), id)).collect();
            let mut unknown = rated.filter(|id| !is_given(id));
            let alike = unknown.clone().find_map(|id| Some((*others.get(&plain(id))?, id)));
            let first = || Some((catalogue.given().find(|id| !is_rated(id))?, unknown.next()?));
            overlap.example =
                alike.or_else(first).map(|(given, rated)| (given.to_owned(), rated.to_owned()));
        }
        overlap
    }

    /// Whether hardly any item is on both sides: most likely their ids are written in two ways.
    pub fn is_small(&self) -> bool {
        let smaller = self.given.min(self.rated);
        smaller > 0 && self.both * FEW < smaller
    }

    /// What a person should know of it; none where there is nothing to say.
    pub fn warning(&self) -> Option<String> {
        if !self.is_small() {
            return None;
        }
        let (both, given) = (self.both, self.given);
        let found = match both {
            0 => "no catalogue row names a rated item".to_owned(),
            _ => format!("only {both} of {given} items in the catalogue are rated"),
        };
        let example = self.example.as_ref().map_or_else(String::new, |(given, rated)| {
            format!(": the catalogue has for example {given:?}, the ratings have {rated:?}")
        });
        Some(format!("{found}{example}; ids must be written alike in both"))
    }
}

/// An id without what two programs write differently: the case, zeros before a number, and a fraction that is none.
fn plain(id: &str) -> String {
    let id = id.trim();
    let id = id.strip_suffix(".0").unwrap_or(id);
    let digits = id.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_lowercase() }
}
