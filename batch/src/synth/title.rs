//! Titles that a person takes for those of films.

use std::collections::HashSet;

use super::chance::Chance;
use super::genre::Genre;

const PLACES: &str = "\
    Lisbon, Marrakesh, Santa Fe, Kyoto, Vienna, Havana, Boston, Cairo, Naples, Oslo, \
    Bombay, Shanghai, Buenos Aires, Montréal, São Paulo, Málaga, Glasgow, Odessa, \
    Tangier, Savannah, Trieste, Nairobi, Reykjavík, Baltimore, Prague, Dublin, \
    Tulsa, Zürich";
const NAMES: &str = "Alice, Arthur, Beatrice, Benny, Carmen, Charlie, Clara, Daniel, Dora, Edith, \
    Eli, Frank, Grace, Gus, Harriet, Henry, Ida, Jack, Josephine, Julia, Leo, Lola, \
    Louis, Margaret, Martha, Max, Nadia, Otto, Pearl, Rosa, Sam, Stella, Theo, Vera, \
    Walter, Zoë";
/// What goes before a noun.
const OPENINGS: &str = "Beyond the, Return of the, Beneath the, Night of the, The Last, After the, \
    Farewell to the, Waiting for the, The Other, In Search of the, Song of the, The \
    House of the";
/// How often each form of a title comes.
const FORMS: [u32; 10] = [24, 12, 12, 8, 9, 8, 14, 5, 3, 1];
/// Titles tried before an old one gets a number.
const TRIES: u32 = 8;

/// Gives titles and never the same one twice.
#[derive(Default)]
pub struct Titles(HashSet<String>);

impl Titles {
    /// A new title for a film of this year and genre. `other` may lend a word.
    pub fn give(&mut self, genre: &Genre, other: &Genre, year: i32, chance: &mut Chance) -> String {
        let mut name = compose(genre, other, chance);
        for _ in 1..TRIES {
            if !self.0.contains(&format!("{name} ({year})")) {
                break;
            }
            name = compose(genre, other, chance);
        }
        let mut title = format!("{name} ({year})");
        let mut part = 1;
        while !self.0.insert(title.clone()) {
            part += 1;
            title = format!("{name} {part} ({year})");
        }
        title
    }
}

fn compose(genre: &Genre, other: &Genre, chance: &mut Chance) -> String {
    let adjective = word(genre.adjectives, chance);
    let noun = word(genre.nouns, chance);
    let name = word(NAMES, chance);
    match chance.weighted(&FORMS) {
        0 => format!("The {adjective} {noun}"),
        1 => format!("{adjective} {noun}"),
        2 => format!("The {noun} of {}", word(PLACES, chance)),
        3 => format!("{} {noun} in {}", article(noun), word(PLACES, chance)),
        4 => match word(other.nouns, chance) {
            second if second == noun => format!("The {noun}"),
            second => format!("The {noun} and the {second}"),
        },
        5 => format!("{name}'s {noun}"),
        6 => format!("{} {noun}", word(OPENINGS, chance)),
        // Commas and quotation marks: what readers of CSV stumble over.
        7 => format!("{name}, {} and the {noun}", word(NAMES, chance)),
        8 => format!("Goodbye, {adjective} {noun}"),
        _ => format!("The Ballad of \"{adjective}\" {name}"),
    }
}

/// One of the words that a list holds, separated by commas.
fn word<'a>(list: &'a str, chance: &mut Chance) -> &'a str {
    let words = list.split(", ").count() as u32;
    list.split(", ").nth(chance.below(words) as usize).unwrap_or_default()
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['A', 'E', 'I', 'O', 'U']) { "An" } else { "A" }
}

#[cfg(test)]
mod tests {
    use super::super::genre::GENRES;
    use super::*;

    #[test]
    fn titles_stay_unique_when_the_words_run_out() {
        let mut chance = Chance::stream(1, 0);
        let mut titles = Titles::default();
        let one =
            Genre { adjectives: "Dark", nouns: "Idol", companions: &[], share: 1, name: "Crime" };
        let given: HashSet<String> =
            (0..3_000).map(|_| titles.give(&one, &one, 1987, &mut chance)).collect();
        assert_eq!(given.len(), 3_000);
        for title in ["The Dark Idol (1987)", "An Idol in Oslo (1987)", "The Dark Idol 2 (1987)"] {
            assert!(given.contains(title), "{title}");
        }
    }

    #[test]
    fn titles_carry_the_words_of_their_genre() {
        let mut chance = Chance::stream(1, 0);
        let horror = &GENRES[8];
        for _ in 0..500 {
            let title = compose(horror, horror, &mut chance);
            let mut words = horror.nouns.split(", ").chain(horror.adjectives.split(", "));
            assert!(words.any(|word| title.contains(word)), "{title}");
        }
    }
}
