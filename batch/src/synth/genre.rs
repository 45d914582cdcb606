//! The genres: the tastes that ratings follow, and the words of their titles.

/// A genre of films.
pub struct Genre {
    /// As MovieLens spells it.
    pub name: &'static str,
    /// How common it is, relative to the others.
    pub share: u32,
    /// Positions of the genres that it is most often mixed with.
    pub companions: &'static [usize],
    /// What things are like in its titles, separated by commas.
    pub adjectives: &'static str,
    /// Whom or what its titles are about, separated by commas.
    pub nouns: &'static str,
}

/// A set of genres, as bits at their positions in [`GENRES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenreSet(pub u16);

impl GenreSet {
    /// The positions of its genres, in the order of their names.
    pub fn positions(self) -> impl Iterator<Item = usize> {
        (0..GENRES.len()).filter(move |&position| self.contains(position))
    }

    /// Whether a genre is among them.
    pub fn contains(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }

    /// As MovieLens writes it: `Comedy|Crime`.
    pub fn names(self) -> String {
        let names: Vec<&str> = self.positions().map(|position| GENRES[position].name).collect();
        names.join("|")
    }
}

/// All genres, by name.
pub static GENRES: [Genre; 16] = [
    Genre {
        name: "Action",
        share: 11,
        companions: &[1, 4, 12, 13],
        adjectives: "Burning, Final, Deadly, Hard, Iron, Maximum, Rapid, Rogue, Savage, \
            Steel, Sudden, Violent, Blazing, Armoured",
        nouns: "Strike, Pursuit, Vengeance, Convoy, Ambush, Bodyguard, Commando, Detour, \
            Fist, Getaway, Inferno, Mercenary, Payload, Runaway, Siege, Target, \
            Thunder, Warhead, Crossfire, Showdown",
    },
    Genre {
        name: "Adventure",
        share: 8,
        companions: &[0, 2, 7, 12],
        adjectives: "Lost, Golden, Hidden, Uncharted, Distant, Fabled, Forgotten, Emerald, \
            Restless, Sunken, Wild, Northern, Perilous, Jade",
        nouns: "Expedition, Island, Treasure, Compass, Voyage, Summit, Caravan, Idol, \
            Jungle, Lagoon, Map, Navigator, Oasis, Pass, Quest, River, Schooner, \
            Temple, Trail, Volcano",
    },
    Genre {
        name: "Animation",
        share: 3,
        companions: &[1, 3, 7, 9],
        adjectives: "Little, Brave, Clumsy, Tiny, Bouncing, Curious, Fluffy, Hungry, Merry, \
            Purple, Sleepy, Spotted, Whistling, Upside-Down",
        nouns: "Acorn, Badger, Balloon, Bear, Beetle, Fox, Hedgehog, Kite, Lighthouse, \
            Mitten, Mouse, Otter, Owl, Penguin, Puppet, Robot, Snowflake, Squirrel, \
            Teapot, Turtle",
    },
    Genre {
        name: "Comedy",
        share: 20,
        companions: &[11, 7, 4, 6],
        adjectives: "Awkward, Accidental, Reluctant, Perfect, Cheap, Dizzy, Frantic, Spoiled, \
            Unlikely, Wrong, Second-Hand, Overdue, Lucky, Terrible",
        nouns: "Wedding, Roommate, Vacation, Butler, Bachelor, Babysitter, Casserole, \
            Divorce, Garage Sale, Honeymoon, Impostor, In-Law, Landlord, Lottery, \
            Mix-Up, Neighbour, Reunion, Substitute, Tuxedo, Mayor",
    },
    Genre {
        name: "Crime",
        share: 7,
        companions: &[6, 13, 10, 0],
        adjectives: "Crooked, Dirty, Cold, Marked, Stolen, Hot, Small-Time, Silent, Loaded, \
            Bitter, Unpaid, Guilty, Late, Blind",
        nouns: "Heist, Alibi, Informer, Gangster, Safecracker, Ledger, Bribe, Racket, \
            Hustler, Kingpin, Verdict, Witness, Detective, Forger, Fugitive, Jewel, \
            Parole, Ransom, Smuggler, Syndicate",
    },
    Genre {
        name: "Documentary",
        share: 4,
        companions: &[6, 9, 14],
        adjectives: "Inside, Unseen, Vanishing, Public, Ordinary, Untold, Living, Open, \
            Fragile, Invisible, Common, Honest, Working, Hundred-Year",
        nouns: "Harvest, Archive, Factory, Glacier, Highway, Election, Orchestra, Reef, \
            Kitchen, Railway, Strike, Village, Newspaper, Market, Migration, \
            Hospital, Prison, School, Stadium, Workshop",
    },
    Genre {
        name: "Drama",
        share: 28,
        companions: &[11, 4, 13, 14],
        adjectives: "Quiet, Broken, Crimson, Long, Distant, Empty, Gentle, Borrowed, \
            Faithful, Ordinary, Pale, Patient, Unfinished, Winter",
        nouns: "Harbor, Orchard, Season, Daughter, Letter, Inheritance, Silence, \
            Promise, Window, Funeral, Teacher, Garden, Debt, Brother, Winter, \
            Homecoming, Field, Trial, Mother, Shore",
    },
    Genre {
        name: "Fantasy",
        share: 5,
        companions: &[1, 2, 11, 8],
        adjectives: "Enchanted, Silver, Ancient, Eternal, Moonlit, Sleeping, Winged, Hollow, \
            Starlit, Unspoken, Thirteenth, Glass, Wandering, Elder",
        nouns: "Dragon, Wizard, Crown, Sword, Kingdom, Amulet, Prophecy, Sorceress, \
            Unicorn, Labyrinth, Mirror, Griffin, Giant, Oracle, Portal, Raven, Rune, \
            Throne, Witch, Wish",
    },
    Genre {
        name: "Horror",
        share: 8,
        companions: &[13, 10, 12, 7],
        adjectives: "Bloodstained, Haunted, Screaming, Cursed, Rotting, Unholy, Dead, \
            Faceless, Buried, Crawling, Howling, Midnight, Nameless, Possessed",
        nouns: "Cellar, Coffin, Corpse, Crypt, Demon, Exorcist, Ghoul, Graveyard, Host, \
            Massacre, Morgue, Nightmare, Omen, Ritual, Scarecrow, Slaughter, Tomb, \
            Vampire, Werewolf, Asylum",
    },
    Genre {
        name: "Musical",
        share: 3,
        companions: &[11, 3, 2],
        adjectives: "Dancing, Singing, Blue, Velvet, Swinging, Grand, Dazzling, Moonlight, \
            Rhythm, Sweet, Tap-Dancing, Glittering, Broadway, Syncopated",
        nouns: "Melody, Chorus, Serenade, Cabaret, Ballroom, Waltz, Tango, Songbird, \
            Encore, Footlight, Overture, Duet, Jukebox, Lullaby, Matinee, Nightclub, \
            Piano, Saxophone, Showgirl, Troubadour",
    },
    Genre {
        name: "Mystery",
        share: 4,
        companions: &[13, 4, 8, 6],
        adjectives: "Missing, Secret, Veiled, Locked, Curious, Strange, Vanished, Foggy, \
            Coded, Seventh, Unsigned, Double, Masked, Crimson",
        nouns: "Cipher, Key, Room, Stranger, Clue, Manor, Portrait, Staircase, Telegram, \
            Poison, Riddle, Locket, Footprint, Candle, Diary, Guest, Inspector, \
            Shadow, Lodger, Will",
    },
    Genre {
        name: "Romance",
        share: 12,
        companions: &[6, 3, 9],
        adjectives: "Tender, Sweet, Hopeless, Secret, First, Endless, Stolen, Parisian, \
            Summer, Barefoot, Forbidden, Almost, Rainy, True",
        nouns: "Kiss, Affair, Bride, Heart, Love Letter, Sweetheart, Proposal, \
            Valentine, Rendezvous, Bouquet, Summer, Stranger, Sunset, Engagement, \
            Embrace, Dance, Bookshop, Bridge, Confession, Rose",
    },
    Genre {
        name: "Sci-Fi",
        share: 7,
        companions: &[0, 13, 1, 8],
        adjectives: "Galactic, Orbital, Synthetic, Quantum, Electric, Alien, Solar, \
            Cryogenic, Parallel, Lunar, Terminal, Artificial, Interstellar, \
            Forbidden",
        nouns: "Android, Asteroid, Colony, Galaxy, Nebula, Orbit, Paradox, Planet, \
            Signal, Starship, Clone, Reactor, Satellite, Machine, Mutant, Horizon, \
            Invader, Singularity, Station, Transmission",
    },
    Genre {
        name: "Thriller",
        share: 12,
        companions: &[4, 0, 6, 10],
        adjectives: "Dark, Fatal, Cold, Hidden, Perfect, Lethal, Dangerous, Double, Nervous, \
            Unknown, Watchful, Final, Tangled, Shattered",
        nouns: "Conspiracy, Stalker, Deception, Hostage, Countdown, Obsession, Assassin, \
            Passenger, Suspect, Blackmail, Threat, Surveillance, Phone Call, Edge, \
            Accomplice, Trap, Motive, Whisper, Cabin, Instinct",
    },
    Genre {
        name: "War",
        share: 4,
        companions: &[6, 0, 5],
        adjectives: "Fallen, Brave, Frozen, Ragged, Bitter, Thin, Distant, Occupied, Unknown, \
            Wounded, Faithful, Forsaken, Muddy, Last",
        nouns: "Battalion, Bunker, Soldier, Trench, Bridgehead, Sergeant, Regiment, \
            Armistice, Bugle, Campaign, Deserter, Front, General, Medic, Platoon, \
            Prisoner, Sniper, Squadron, Submarine, Victory",
    },
    Genre {
        name: "Western",
        share: 3,
        companions: &[1, 0, 6],
        adjectives: "Lonesome, Dusty, High, Rusty, Wild, Crooked, Red, Lawless, Dry, Two-Gun, \
            Bitter, Painted, Restless, Silver",
        nouns: "Canyon, Gunslinger, Outlaw, Sheriff, Saddle, Stagecoach, Prairie, Posse, \
            Mesa, Ranch, Drifter, Bounty, Corral, Creek, Mustang, Marshal, Rifle, \
            Rodeo, Saloon, Stranger",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genres_stand_in_the_order_of_their_names_and_point_at_others() {
        assert!(GENRES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for (position, genre) in GENRES.iter().enumerate() {
            assert!(genre.companions.iter().all(|&c| c < GENRES.len()), "{}", genre.name);
            assert!(!genre.companions.contains(&position), "{}", genre.name);
        }
    }

    #[test]
    fn a_set_is_written_as_movielens_writes_it() {
        assert_eq!(GenreSet(1 << 12 | 1 << 8).names(), "Horror|Sci-Fi");
    }
}
