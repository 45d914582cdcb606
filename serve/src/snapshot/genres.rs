//! The genres of a version's items, found by name without regard to case.

use std::collections::HashMap;

/// Numbers of genres, in the order in which they were met.
#[derive(Debug, Default)]
pub struct Genres {
    numbers: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    /// Of those whose names are the same without regard to case.
    folded: HashMap<Box<str>, Vec<u32>>,
}

impl Genres {
    /// The number of a genre as the items table spells it; a new one when it was not met before.
    pub fn meet(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.into(), number);
        self.names.push(name.into());
        self.folded.entry(folded(name)).or_default().push(number);
        number
    }

    /// A genre as the items table spells it.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// All that are called so, however they are spelt; none when no item has such a genre.
    pub fn of(&self, name: &str) -> &[u32] {
        self.folded.get(&folded(name)).map_or(&[], Vec::as_slice)
    }
}

/// What two texts that differ in case alone have in common. By way of the greater letters, because some small ones share
/// one: `ß` and `ss`, `ς` and `σ`.
fn folded(name: &str) -> Box<str> {
    name.to_uppercase().to_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_genre_is_found_whatever_its_case_and_keeps_its_spelling() {
        let mut genres = Genres::default();
        let spelt = ["Drama", "Comedy", "drama", "Fußball", "ΚΩΜΩΔΊΑΣ", "Noël", "犯罪"];
        let numbers: Vec<u32> = spelt.iter().map(|name| genres.meet(name)).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(genres.meet("drama"), 2);
        assert_eq!(numbers.iter().map(|&n| genres.name(n)).collect::<Vec<_>>(), spelt);
        for (asked, found) in [
            ("DRAMA", &[0, 2][..]),
            ("comedy", &[1]),
            ("FUSSBALL", &[3]),
            ("fußball", &[3]),
            ("κωμωδίας", &[4]),
            ("κωμωδίασ", &[4]),
            ("NOËL", &[5]),
            ("犯罪", &[6]),
            ("Noel", &[]),
            ("Dram", &[]),
            ("", &[]),
        ] {
            assert_eq!(genres.of(asked), found, "{asked}");
        }
    }
}
