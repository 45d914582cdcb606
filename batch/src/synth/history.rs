//! What one user rates, and how.
//!
//! Taste decides twice: which items a user comes across (so that items of one genre are rated by
//! the same people) and what they get (so that their ratings agree).

use super::catalogue::{Catalogue, january_first};
use super::chance::Chance;
use super::genre::{GENRES, GenreSet};

/// Draws that may be in vain (rated already, not out yet, disliked) before any item is taken.
const TRIES: u32 = 24;
const DAY: i64 = 86_400;

/// One rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The position of the item in the catalogue.
    pub item: u32,
    /// Half stars, 1 to 10.
    pub halves: u8,
    /// When, in seconds since 1970.
    pub rated_at: i64,
}

/// Makes up the ratings of one user after the other.
pub struct Histories {
    catalogue: Catalogue,
    seed: u64,
    /// For each item the user that rated it last.
    rated_by: Vec<u32>,
    sessions: Vec<i64>,
}

struct Taste {
    /// What each genre adds to a rating, in thousandths of a star.
    liking: [i32; GENRES.len()],
    /// How often the user looks for each genre.
    search: [u32; GENRES.len()],
    /// What the user adds to every rating.
    mildness: i32,
    /// Percentage of items that are found by their fame alone.
    mainstream: u32,
}

impl Taste {
    fn new(chance: &mut Chance) -> Self {
        let mut taste = Self {
            liking: [0; GENRES.len()],
            search: [1; GENRES.len()],
            mildness: chance.bell(330),
            mainstream: 10 + chance.below(25),
        };
        let shares: [u32; GENRES.len()] = std::array::from_fn(|n| GENRES[n].share + 4);
        for _ in 0..2 + chance.below(3) {
            let liked = chance.weighted(&shares);
            taste.liking[liked] = 400 + chance.below(600) as i32;
            taste.search[liked] = 15 + chance.below(30);
        }
        for _ in 0..2 + chance.below(3) {
            let disliked = chance.below(GENRES.len() as u32) as usize;
            if taste.liking[disliked] == 0 {
                taste.liking[disliked] = -500 - chance.below(600) as i32;
                taste.search[disliked] = 0;
            }
        }
        taste
    }

    fn match_with(&self, genres: GenreSet) -> i32 {
        let likings = genres.positions().map(|genre| self.liking[genre]);
        likings.sum::<i32>() / genres.0.count_ones().max(1) as i32
    }
}

impl Histories {
    /// The users of this seed, over these items.
    pub fn new(catalogue: Catalogue, seed: u64) -> Self {
        let rated_by = vec![0; catalogue.items.len()];
        Self { catalogue, seed, rated_by, sessions: Vec::new() }
    }

    /// Writes the ratings of a user, numbered from 1, into `rows`, by item. There are `count`, at
    /// most as many as items. Each user is asked for once.
    pub fn of_user(&mut self, user: u32, count: u32, rows: &mut Vec<Row>) {
        rows.clear();
        let mut chance = Chance::stream(self.seed, u64::from(user));
        let taste = Taste::new(&mut chance);
        self.plan_sessions(count, &mut chance);
        let number = self.sessions.len() as u64;
        let ends = |session: u64| (u64::from(count) * session / number) as usize;
        let mut now = i64::MIN;
        for session in 0..number {
            now = now.max(self.sessions[session as usize]);
            while rows.len() < ends(session + 1) {
                now += 4 + i64::from(chance.below(56));
                let item = self.pick(user, &taste, now, &mut chance);
                self.rated_by[item as usize] = user;
                rows.push(self.rate(item, &taste, now, &mut chance));
            }
        }
        rows.sort_unstable_by_key(|row| row.item);
    }

    /// How many items anybody has rated.
    pub fn rated_items(&self) -> u32 {
        self.rated_by.iter().filter(|&&user| user > 0).count() as u32
    }

    /// Sets when the user sits down to rate: a first time from 1996 to 2014, then within the three
    /// years after.
    fn plan_sessions(&mut self, count: u32, chance: &mut Chance) {
        let days = |from: i32, to: i32| ((january_first(to) - january_first(from)) / DAY) as u32;
        let first = chance.below(days(1996, 2015));
        let stay = 1 + chance.below((days(1996, 2016) - first).min(3 * 365));
        let sessions = 1 + chance.below(1 + count / 15);
        self.sessions.clear();
        self.sessions.extend((0..sessions).map(|n| {
            let day = if n == 0 { first } else { first + chance.below(stay) };
            january_first(1996) + i64::from(day) * DAY + i64::from(chance.below(DAY as u32))
        }));
        self.sessions.sort_unstable();
    }

    /// An item that the user hasn't rated: one that is out and to their taste, if it is soon found.
    fn pick(&self, user: u32, taste: &Taste, now: i64, chance: &mut Chance) -> u32 {
        for _ in 0..TRIES {
            let table = if chance.percent(taste.mainstream) {
                &self.catalogue.all
            } else {
                &self.catalogue.by_genre[chance.weighted(&taste.search)]
            };
            let Some(item) = table.draw(chance) else { continue };
            let film = &self.catalogue.items[item as usize];
            let possible = self.rated_by[item as usize] != user && film.released <= now;
            if possible && (taste.match_with(film.genres) >= 0 || chance.percent(25)) {
                return item;
            }
        }
        let items = self.rated_by.len() as u32;
        let start = chance.below(items);
        let new = |item: &u32| self.rated_by[*item as usize] != user;
        let out = |item: &u32| self.catalogue.items[*item as usize].released <= now;
        let onward = || (start..items).chain(0..start).filter(new);
        onward().find(out).or_else(|| onward().next()).unwrap_or(start)
    }

    fn rate(&self, item: u32, taste: &Taste, now: i64, chance: &mut Chance) -> Row {
        let film = &self.catalogue.items[item as usize];
        let opinion = film.quality + taste.mildness + taste.match_with(film.genres);
        let thousandths = (3_050 + opinion + chance.bell(720)).clamp(500, 5_000);
        // Who has rated everything that was out waits for a release, at most to the end of 2015.
        let rated_at = if film.released <= now {
            now
        } else {
            film.released + i64::from(chance.below(300)) * DAY
        };
        Row { item, halves: ((thousandths + 250) / 500) as u8, rated_at }
    }
}
