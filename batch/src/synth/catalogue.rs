//! The items: films with genres, a quality, a release date and a place in the order of popularity.

use super::alias::Alias;
use super::chance::Chance;
use super::genre::{GENRES, GenreSet};
use super::title::Titles;

/// The stream that the items are drawn from; users take the streams of their own numbers, from 1.
const STREAM: u64 = 0;
/// The first year of a release.
const FIRST_YEAR: i32 = 1920;
/// Years of releases. The last one is 2014, so that every item can be rated before the end of 2015.
const YEARS: u32 = 95;

/// A film.
pub struct Item {
    /// Its one to three genres.
    pub genres: GenreSet,
    /// How much better than others it is, in thousandths of a star.
    pub quality: i32,
    /// Its release, in seconds since 1970.
    pub released: i64,
}

/// All items, and what users find them by.
pub struct Catalogue {
    /// The items; the first one has the number 1 in the files.
    pub items: Vec<Item>,
    /// Draws among all items by popularity.
    pub all: Alias,
    /// Draws among the items of each genre.
    pub by_genre: Vec<Alias>,
}

impl Catalogue {
    /// Makes items up and hands each one with its title to `tell`.
    ///
    /// # Errors
    /// The first error of `tell`.
    pub fn new<E>(
        items: u32,
        seed: u64,
        mut tell: impl FnMut(&Item, &str) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut chance = Chance::stream(seed, STREAM);
        let ranks = shuffled(items, &mut chance);
        let mut titles = Titles::default();
        let mut made = Vec::with_capacity(items as usize);
        for &rank in &ranks {
            let (item, title) = film(rank, items, &mut titles, &mut chance);
            tell(&item, &title)?;
            made.push(item);
        }
        let weigh = |item: u32| popularity(ranks[item as usize], items);
        let of_genre = |genre| {
            let members = (0..items).filter(|&n| made[n as usize].genres.contains(genre));
            Alias::new(members, weigh)
        };
        let by_genre = (0..GENRES.len()).map(of_genre).collect();
        Ok(Self { all: Alias::new(0..items, weigh), by_genre, items: made })
    }
}

/// The weight of the item at a rank: Zipf-Mandelbrot with exponent 1.75.
fn popularity(rank: u32, items: u32) -> f64 {
    let x = f64::from(rank) + 1.0 + f64::from(items) / 60.0;
    1.0 / (x * (x * x.sqrt()).sqrt())
}

fn shuffled(items: u32, chance: &mut Chance) -> Vec<u32> {
    let mut ranks: Vec<u32> = (0..items).collect();
    for n in (1..items).rev() {
        ranks.swap(n as usize, chance.below(n + 1) as usize);
    }
    ranks
}

fn film(rank: u32, items: u32, titles: &mut Titles, chance: &mut Chance) -> (Item, String) {
    let shares: [u32; GENRES.len()] = std::array::from_fn(|n| GENRES[n].share);
    let main = chance.weighted(&shares);
    let mut genres = 1 << main;
    let mut other = main;
    // One genre in 10 films of 20, two in 7, three in 3.
    for _ in 0..chance.weighted(&[10, 7, 3]) {
        let companions = GENRES[main].companions;
        other = if chance.percent(80) {
            companions[chance.below(companions.len() as u32) as usize]
        } else {
            chance.weighted(&shares)
        };
        genres |= 1 << other;
    }
    // The product of two leans to the late years: half of all films are from after 1996.
    let age = chance.below(YEARS) * chance.below(YEARS) / YEARS;
    let year = FIRST_YEAR + (YEARS - 1 - age) as i32;
    let title = titles.give(&GENRES[main], &GENRES[other], year, chance);
    // What many have watched tends to be better.
    let fame = 250 - (400 * u64::from(rank) / u64::from(items)) as i32;
    let released = january_first(year) + i64::from(chance.below(365)) * 86_400;
    let quality = chance.bell(420) + fame;
    (Item { genres: GenreSet(genres), quality, released }, title)
}

/// The first second of a year from 1901 to 2099, in seconds since 1970.
pub fn january_first(year: i32) -> i64 {
    let leap_days = (year - 1969).div_euclid(4);
    i64::from(365 * (year - 1970) + leap_days) * 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_begin_when_they_should() {
        assert_eq!(january_first(1970), 0);
        assert_eq!(january_first(1920), -1_577_923_200);
        assert_eq!(january_first(1996), 820_454_400);
        assert_eq!(january_first(2015), 1_420_070_400);
    }

    #[test]
    fn a_shuffle_keeps_every_rank() {
        let mut ranks = shuffled(100, &mut Chance::stream(1, 0));
        assert!(ranks.iter().enumerate().any(|(n, &rank)| n as u32 != rank));
        ranks.sort_unstable();
        assert!(ranks.iter().enumerate().all(|(n, &rank)| n as u32 == rank));
    }

    #[test]
    fn films_have_one_to_three_genres_and_are_out_before_2015() -> Result<(), std::fmt::Error> {
        let catalogue = Catalogue::new(2_000, 1, |_, _| Ok::<(), std::fmt::Error>(()))?;
        let mut counts = [0; 4];
        for item in &catalogue.items {
            counts[item.genres.positions().count()] += 1;
            assert!((january_first(1920)..january_first(2015)).contains(&item.released));
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|&count| count > 100), "{counts:?}");
        Ok(())
    }
}
