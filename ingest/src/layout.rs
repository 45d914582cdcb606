//! How a text's lines are to be read: what separates fields, whether the first line names columns, and where they are.

use std::fmt;

use clap::ValueEnum;

use super::fields::{Dialect, Fields};

/// A layout of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Comma-separated, or by `;` or `|`, with a header: MovieLens ratings.csv, Amazon Personalize interactions. A field may
    /// stand in quotes, and hold line breaks then.
    Csv,
    /// Tab-separated, with a header. Nothing is quoted.
    Tsv,
    /// JSON lines: an object a line, whose keys are the columns.
    Jsonl,
    /// RecBole: a header such as `user_id:token`; tab-separated without quotes, or as the layout csv is.
    Recbole,
    /// MovieLens ratings.dat and movies.dat: `::` between fields, no header.
    Dat,
    /// MovieLens u.data: user, item, rating and timestamp between tabs, no header.
    UData,
    /// MovieLens u.item: `|` between fields, no header, a 0 or 1 a genre. A catalogue.
    UItem,
}

/// What a u.item line's flags say, in their order. The first one, `unknown`, is no genre.
const GENRE_FLAGS: [&str; 19] = [
    "",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];
/// The fields of a u.item line before the flags: item, title, two dates, an address.
const BEFORE_FLAGS: usize = 5;
/// What RecBole writes behind the name of a column.
const RECBOLE_TYPES: [&[u8]; 4] = [b":token", b":token_seq", b":float", b":float_seq"];

const QUOTED: [Dialect; 3] = [Dialect::COMMA, Dialect::SEMICOLON, Dialect::BAR];
/// Tab-separated text knows no quotes, as its media type says.
const TAB: Dialect = Dialect::plain(b"\t");
const FLAGS_BAR: Dialect = Dialect::plain(b"|");

impl fmt::Display for Layout {
    /// As `--format` names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.to_possible_value();
        f.write_str(named.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Layout {
    /// Recognises a layout by the first line of a text.
    pub(super) fn of(first: &[u8]) -> Self {
        let fields = |dialect: Dialect| {
            let mut fields = Fields::new(dialect);
            fields.split(first).ok().map(|()| fields)
        };
        let is_recbole = |dialect: &Dialect| {
            fields(*dialect).is_some_and(|found| {
                let is_typed = |at| recbole_name(found.get(first, at)) != found.get(first, at);
                found.len() > 1 && (0..found.len()).all(is_typed)
            })
        };
        let has = |part: &[u8]| first.windows(part.len()).any(|window| window == part);
        if first.trim_ascii_start().starts_with(b"{") {
            Self::Jsonl
        } else if has(b"\t") {
            let Some(found) = fields(TAB) else { return Self::Tsv };
            let column = |at| found.get(first, at);
            if (0..found.len()).any(|at| recbole_name(column(at)) != column(at)) {
                Self::Recbole
            } else if found.len() == 4 && (2..4).all(|at| is_number(column(at))) {
                Self::UData
            } else {
                Self::Tsv
            }
        } else if QUOTED.iter().any(is_recbole) {
            Self::Recbole
        } else if fields(FLAGS_BAR).is_some_and(|found| {
            let flag = |at| matches!(found.get(first, at), b"0" | b"1");
            found.len() == BEFORE_FLAGS + GENRE_FLAGS.len() && (BEFORE_FLAGS..found.len()).all(flag)
        }) {
            Self::UItem
        } else if has(b"::") {
            Self::Dat
        } else {
            Self::Csv
        }
    }

    /// In what its records are written, and what else they may be written in: then the header tells.
    pub(super) fn dialects(self) -> (Dialect, &'static [Dialect]) {
        match self {
            Self::Csv => (Dialect::COMMA, &[Dialect::SEMICOLON, Dialect::BAR]),
            Self::Recbole => (TAB, &QUOTED),
            Self::Tsv | Self::UData => (TAB, &[]),
            Self::Dat => (Dialect::plain(b"::"), &[]),
            Self::UItem => (FLAGS_BAR, &[]),
            // A line is one value.
            Self::Jsonl => (Dialect::plain(b"\n"), &[]),
        }
    }

    /// Where the `N` wanted columns are in a layout without header, and how many fields a line has. None where a header
    /// says so.
    pub(super) fn positions<const N: usize>(self) -> Option<([usize; N], usize)> {
        match self {
            Self::Csv | Self::Tsv | Self::Jsonl | Self::Recbole => None,
            // ratings.dat: user, item, rating, timestamp. movies.dat: item, title, genres.
            Self::Dat | Self::UData => Some((std::array::from_fn(|at| at), N)),
            // Item, title, and the first flag.
            Self::UItem => Some((
                std::array::from_fn(|at| if at < 2 { at } else { BEFORE_FLAGS }),
                BEFORE_FLAGS + GENRE_FLAGS.len(),
            )),
        }
    }

    /// A column's name as a header of this layout gives it.
    pub(super) fn column_name(self, field: &[u8]) -> &[u8] {
        if self == Self::Recbole { recbole_name(field) } else { field }
    }

    /// What stands between two genres.
    pub(super) fn between_genres(self) -> char {
        if self == Self::Recbole { ' ' } else { '|' }
    }

    /// Whether a line that is not UTF-8 is Latin-1. MovieLens wrote its older catalogues so, and the 10M one in UTF-8.
    pub(super) fn may_be_latin_1(self) -> bool {
        matches!(self, Self::Dat | Self::UItem)
    }
}

fn recbole_name(field: &[u8]) -> &[u8] {
    RECBOLE_TYPES.iter().find_map(|kind| field.strip_suffix(*kind)).unwrap_or(field)
}

fn is_number(field: &[u8]) -> bool {
    std::str::from_utf8(field).is_ok_and(|text| text.parse::<f64>().is_ok())
}

/// The genres that a u.item line's flags name; none where they are no flags.
pub(super) fn flagged_genres(flags: &[u8]) -> Option<Vec<String>> {
    let flags: Vec<&[u8]> = flags.split(|&byte| byte == b'|').collect();
    let sound = flags.len() == GENRE_FLAGS.len() && flags.iter().all(|f| matches!(*f, b"0" | b"1"));
    sound.then(|| {
        let named =
            flags.iter().zip(GENRE_FLAGS).filter(|(flag, name)| **flag == b"1" && !name.is_empty());
        named.map(|(_, name)| name.to_owned()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_recognised_by_the_first_line() {
        let flags = ["0|"; 18].concat() + "1";
        let u_item = format!("1|Here, There (1995)|01-Jan-1995||http://x/?a=1::2|{flags}");
        let cases: [(&str, Layout); 17] = [
            (r#"{"user":"a","item":"b::c"}"#, Layout::Jsonl),
            (" {\t", Layout::Jsonl),
            ("userId,movieId,rating,timestamp", Layout::Csv),
            ("USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE", Layout::Csv),
            ("", Layout::Csv),
            ("1|2|3", Layout::Csv),
            ("user\titem\trating\ttimestamp", Layout::Tsv),
            ("a\tb\t5", Layout::Tsv),
            ("user_id:token\titem_id:token\trating:float\ttimestamp:float", Layout::Recbole),
            ("user_id:token,item_id:token,rating:float", Layout::Recbole),
            ("user_id:token;\"item_id:token\"", Layout::Recbole),
            ("item_id:token|class:token_seq", Layout::Recbole),
            ("user_id:token,item", Layout::Csv),
            ("196\t242\t3\t881250949", Layout::UData),
            ("1::1193::5::978300760", Layout::Dat),
            ("1::Toy Story (1995)::Animation|Children's", Layout::Dat),
            (&u_item, Layout::UItem),
        ];
        for (line, expected) in cases {
            assert_eq!(Layout::of(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn flags_name_genres() {
        let flags = ["1|1|", &"0|".repeat(16), "1"].concat();
        let genres = flagged_genres(flags.as_bytes());
        assert_eq!(genres, Some(vec!["Action".to_owned(), "Western".to_owned()]));
        assert_eq!(flagged_genres(b"0|1"), None);
        assert_eq!(flagged_genres(flags.replace("1|1", "1|2").as_bytes()), None);
    }
}
