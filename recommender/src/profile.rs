//! Profiles as last-writer-wins maps (state that can be replayed).
//!
//! An entry is a rating or a tombstone with an [`OrderKey`]; of two entries for the same user and item the one with the
//! greater key stands. Order keys are unique, so merging is commutative, associative and idempotent (a join
//! semi-lattice; Shapiro et al. 2011, "A comprehensive study of convergent and commutative replicated data types"):
//! applying an entry twice, late, or again from a newer version changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A ledger or an input file set: 1 to 16 printable ASCII characters, compared bytewise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin([u8; Origin::MAX_BYTES]);

/// The text is not the name of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an origin is 1 to {} lower-case letters, digits or `-`", Origin::MAX_BYTES)]
pub struct OriginError;

impl Origin {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 16;
    /// The input files of batch runs. Sorts before every ledger, so that a ledger wins a tie of clocks.
    pub const FILES: Self = Self(*b"files\0\0\0\0\0\0\0\0\0\0\0");
    /// What the name of every ledger starts with.
    pub const LEDGER_PREFIX: &str = "ledger-";

    /// The name.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&c| c == 0).unwrap_or(Self::MAX_BYTES);
        // Only ASCII is ever let in.
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(allowed) {
            return Err(OriginError);
        }
        let mut name = [0; Self::MAX_BYTES];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.as_str())
    }
}

/// Decides which of two entries is the later one. Fields compare in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// Hybrid clock (Kulkarni et al. 2014), in microseconds since 1970: physical time, pushed past what was seen.
    pub micros: i64,
    /// Where the entry was first accepted.
    pub origin: Origin,
    /// The entry's number within its origin; only grows.
    pub sequence: u64,
}

/// What is known of one user's opinion of one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The rating; none where it was deleted.
    pub rating: Option<f32>,
    /// When it was given, in microseconds since 1970. Data, not order.
    pub rated_at: i64,
    /// Its place in the order.
    pub order: OrderKey,
}

impl Entry {
    /// Whether this entry stands against `other`.
    pub fn replaces(&self, other: &Self) -> bool {
        self.order > other.order
    }
}

/// One user's entries by item (`I`: an item's identifier or number).
#[derive(Debug, Clone, PartialEq)]
pub struct Profile<I: Ord>(BTreeMap<I, Entry>);

impl<I: Ord> Default for Profile<I> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<I: Ord> Profile<I> {
    /// Takes an entry in: it stands unless a later one does. Says whether it changed the profile.
    pub fn apply(&mut self, item: I, entry: Entry) -> bool {
        match self.0.get_mut(&item) {
            None => {
                self.0.insert(item, entry);
                true
            }
            Some(standing) if entry.replaces(standing) => {
                *standing = entry;
                true
            }
            Some(_) => false,
        }
    }

    /// Takes in all entries of another profile of the same user.
    pub fn merge(&mut self, other: Self) {
        for (item, entry) in other.0 {
            self.apply(item, entry);
        }
    }

    /// The ratings that stand, by item; tombstones left out.
    pub fn ratings(&self) -> impl Iterator<Item = (&I, f32)> {
        self.0.iter().filter_map(|(item, entry)| Some((item, entry.rating?)))
    }

    /// All entries, tombstones too, by item.
    pub fn entries(&self) -> impl Iterator<Item = (&I, &Entry)> {
        self.0.iter()
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<I: Ord> FromIterator<(I, Entry)> for Profile<I> {
    fn from_iter<T: IntoIterator<Item = (I, Entry)>>(entries: T) -> Self {
        let mut profile = Self::default();
        for (item, entry) in entries {
            profile.apply(item, entry);
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(name: &str) -> Origin {
        name.parse().unwrap_or(Origin::FILES)
    }

    fn entry(micros: i64, origin: Origin, sequence: u64, rating: Option<f32>) -> Entry {
        Entry { rating, rated_at: micros, order: OrderKey { micros, origin, sequence } }
    }

    #[test]
    fn origins_compare_like_their_names() {
        assert_eq!(Origin::FILES.to_string(), "files");
        assert!(Origin::FILES < origin("ledger-a"));
        assert!(origin("ledger-a") < origin("ledger-aa"));
        for text in ["", "Ledger", "a b", "seventeen-letters", "a\0"] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text:?}");
        }
    }

    #[test]
    fn the_order_is_clock_then_origin_then_sequence() {
        let files_late = entry(5, Origin::FILES, 9, Some(1.0));
        let ledger_tie = entry(5, origin("ledger-a"), 1, Some(2.0));
        let newer = entry(6, Origin::FILES, 0, Some(3.0));
        assert!(ledger_tie.replaces(&files_late));
        assert!(newer.replaces(&ledger_tie));
        assert!(!newer.replaces(&newer));
    }

    #[test]
    fn a_replayed_rating_does_not_revive_what_was_deleted() {
        let rated = entry(1, origin("ledger-a"), 1, Some(4.0));
        let deleted = entry(2, origin("ledger-a"), 2, None);
        let mut profile: Profile<u32> = [(7, rated), (7, deleted)].into_iter().collect();
        assert!(!profile.apply(7, rated));
        assert_eq!(profile.ratings().count(), 0);
        assert!(!profile.is_empty());
    }

    fn any_entries() -> impl Strategy<Value = Vec<(u32, Entry)>> {
        let one = (0..6u32, 0..4i64, 0..3usize, any::<Option<bool>>());
        proptest::collection::vec(one, 0..40).prop_map(|rows| {
            let origins = [Origin::FILES, origin("ledger-a"), origin("ledger-b")];
            rows.into_iter()
                .enumerate()
                .map(|(n, (item, micros, from, rating))| {
                    let rating = rating.map(|high| if high { 5.0 } else { 1.0 });
                    (item, entry(micros, origins[from], n as u64, rating))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn any_order_any_repetition_and_any_split_give_the_same_profile(
            entries in any_entries(),
            seed in any::<u64>(),
            split in 0..40usize,
        ) {
            // The oracle: for each item the entry with the greatest key.
            let mut expected = BTreeMap::new();
            for (item, entry) in &entries {
                let best = expected.entry(*item).or_insert(*entry);
                if entry.order > best.order {
                    *best = *entry;
                }
            }
            let mut shuffled = entries.clone();
            shuffled.extend(entries.iter().take(split).copied());
            shuffled.sort_by_key(|(item, e)| {
                (e.order.sequence ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(*item)
            });
            let cut = split.min(shuffled.len());
            let mut merged: Profile<u32> = shuffled[cut..].iter().copied().collect();
            merged.merge(shuffled[..cut].iter().copied().collect());
            prop_assert_eq!(merged.0, expected);
        }
    }
}
