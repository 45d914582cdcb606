//! All users' profiles of a version, packed: 34 bytes an entry.

use std::collections::HashMap;

use akin_recommender::profile::{Entry, OrderKey, Origin, Profile};

/// Profiles by user.
#[derive(Default)]
pub struct Profiles {
    users: HashMap<Box<str>, u32>,
    /// Where each user's entries begin, and an end.
    offsets: Vec<usize>,
    items: Vec<u32>,
    /// NaN for a tombstone.
    ratings: Vec<f32>,
    rated_at: Vec<i64>,
    micros: Vec<i64>,
    origins: Vec<u16>,
    sequences: Vec<u64>,
    origin_names: Vec<Origin>,
}

impl Profiles {
    /// Adds an entry. All entries of a user must follow each other; says `false` when they do not, or when there are
    /// more origins than fit.
    pub fn push(&mut self, user: &str, item: u32, entry: &Entry) -> bool {
        let Some(origin) = self.origin(entry.order.origin) else { return false };
        let is_last = self.users.get(user).is_some_and(|&n| n as usize + 1 == self.users.len());
        if !is_last {
            let number = self.users.len() as u32;
            if self.users.insert(user.into(), number).is_some() {
                return false;
            }
            self.offsets.push(self.items.len());
        }
        self.items.push(item);
        self.ratings.push(entry.rating.unwrap_or(f32::NAN));
        self.rated_at.push(entry.rated_at);
        self.micros.push(entry.order.micros);
        self.origins.push(origin);
        self.sequences.push(entry.order.sequence);
        true
    }

    fn origin(&mut self, origin: Origin) -> Option<u16> {
        let number = self.origin_names.iter().rposition(|known| *known == origin);
        let number = number.unwrap_or_else(|| {
            self.origin_names.push(origin);
            self.origin_names.len() - 1
        });
        u16::try_from(number).ok()
    }

    /// A user's profile; an empty one for a user who is not known.
    pub fn profile(&self, user: &str) -> Profile<u32> {
        let Some(&number) = self.users.get(user) else { return Profile::default() };
        let number = number as usize;
        let end = self.offsets.get(number + 1).copied().unwrap_or(self.items.len());
        (self.offsets[number]..end).map(|at| (self.items[at], self.entry(at))).collect()
    }

    fn entry(&self, at: usize) -> Entry {
        let rating = self.ratings[at];
        Entry {
            rating: (!rating.is_nan()).then_some(rating),
            rated_at: self.rated_at[at],
            order: OrderKey {
                micros: self.micros[at],
                origin: self.origin_names[usize::from(self.origins[at])],
                sequence: self.sequences[at],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rating: Option<f32>, origin: Origin) -> Entry {
        Entry { rating, rated_at: 3, order: OrderKey { micros: 5, origin, sequence: 7 } }
    }

    #[test]
    fn what_was_pushed_comes_back_by_user() -> Result<(), Box<dyn std::error::Error>> {
        let ledger = "ledger-a".parse::<Origin>()?;
        let mut profiles = Profiles::default();
        let (a, b) = (entry(Some(4.5), Origin::FILES), entry(None, ledger));
        assert!(profiles.push("abby", 2, &a) && profiles.push("abby", 9, &b));
        assert!(profiles.push("bob", 2, &b));
        assert_eq!(profiles.profile("abby"), [(2, a), (9, b)].into_iter().collect());
        assert_eq!(profiles.profile("bob"), [(2, b)].into_iter().collect());
        assert!(profiles.profile("carol").is_empty());
        Ok(())
    }

    #[test]
    fn a_user_in_two_places_is_refused() {
        let mut profiles = Profiles::default();
        let entry = entry(Some(1.0), Origin::FILES);
        assert!(profiles.push("a", 1, &entry) && profiles.push("b", 1, &entry));
        assert!(!profiles.push("a", 2, &entry));
    }
}
