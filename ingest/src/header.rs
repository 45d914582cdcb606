//! Finds columns by name, in text and Parquet files alike.

use super::error::IngestError;
use super::reading::Reading;
use super::rejects::excerpt;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier.
    Id,
    /// A rating.
    Number,
    /// A time.
    Moment,
    /// A title.
    Words,
    /// Genres.
    List,
}

/// A column and the names it may have, compared without case.
#[derive(Debug, Clone)]
pub(super) struct Column<'a> {
    what: &'static str,
    kind: Kind,
    names: &'static [&'static str],
    /// The names it may have where none of `names` is there: they may mean something else beside one.
    otherwise: &'static [&'static str],
    /// The only name it may have, exactly, where a person gave one.
    chosen: Option<&'a str>,
    /// What its values are where it is missing or empty; it must not be where this is none.
    implied: Option<String>,
}

impl Column<'_> {
    const fn named(what: &'static str, kind: Kind, names: &'static [&'static str]) -> Self {
        Self { what, kind, names, otherwise: &[], chosen: None, implied: None }
    }

    /// A column that may be missing; its values are then empty.
    const fn optional(
        what: &'static str,
        kind: Kind,
        names: &'static [&'static str],
        otherwise: &'static [&'static str],
    ) -> Self {
        Self { what, kind, names, otherwise, chosen: None, implied: Some(String::new()) }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it may be missing.
    pub(super) fn is_implied(&self) -> bool {
        self.implied.is_some()
    }

    /// What its values are where it is missing.
    pub(super) fn implied(&self) -> &[u8] {
        self.implied.as_deref().unwrap_or_default().as_bytes()
    }

    /// A value as it counts: an empty one is what is implied.
    pub(super) fn or_implied<'v>(&'v self, value: &'v [u8]) -> &'v [u8] {
        if value.is_empty() { self.implied() } else { value }
    }

    /// Whether this is a name of it.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        match self.chosen {
            Some(chosen) => chosen.as_bytes() == name,
            None => self.names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)),
        }
    }

    /// The column with the names that it has among `found`.
    pub(super) fn among(self, found: &[&[u8]]) -> Self {
        let is_found = found.iter().any(|name| self.is(name));
        if is_found || self.otherwise.is_empty() || self.chosen.is_some() {
            return self;
        }
        Self { names: self.otherwise, otherwise: &[], ..self }
    }

    /// Whether it says something of an item, as a catalogue's columns do.
    fn describes(&self) -> bool {
        matches!(self.kind, Kind::Words | Kind::List)
    }

    fn shown(&self) -> String {
        let known = || [self.names, self.otherwise].concat().join(", ");
        let names = self.chosen.map_or_else(known, |name| format!("`{name}`"));
        format!("{} ({names})", self.what)
    }
}

const ITEM: Column<'static> =
    Column::named("item", Kind::Id, &["movieId", "movie_id", "itemId", "item_id", "item"]);

/// The columns of ratings: user, item, rating, timestamp.
const RATINGS: [Column<'static>; 4] = [
    Column::named("user", Kind::Id, &["userId", "user_id", "user"]),
    ITEM,
    Column::named("rating", Kind::Number, &["rating", "event_value"]),
    Column::named("timestamp", Kind::Moment, &["timestamp", "rated_at"]),
];

/// The columns of a catalogue: item, title, genres. It has one of the last two at least.
pub(super) const CATALOGUE: [Column<'static>; 3] = [
    ITEM,
    Column::optional("title", Kind::Words, &["title", "movie_title"], &["name", "item_name"]),
    Column::optional(
        "genres",
        Kind::List,
        &["genres", "genre", "class"],
        &["categories", "category"],
    ),
];

const REMEDY: &str =
    "give a file whose first line names its columns, or name them with --user-column and its like";
const CATALOGUE_REMEDY: &str =
    "give a catalogue that names its columns: the item, and its title or its genres or both";

/// What names the columns of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// A first line, or a Parquet file's schema.
    Header,
    /// The keys of a first object.
    Object,
}

/// The columns of ratings, as a person wants them read.
pub(super) fn ratings(reading: &Reading) -> [Column<'_>; 4] {
    let [user, item, rating, timestamp] = RATINGS;
    [
        Column { chosen: reading.user_column.as_deref(), ..user },
        Column { chosen: reading.item_column.as_deref(), ..item },
        Column {
            chosen: reading.rating_column.as_deref(),
            implied: reading.implicit_rating.map(|rating| rating.to_string()),
            ..rating
        },
        Column {
            chosen: reading.timestamp_column.as_deref(),
            implied: reading.implicit_timestamp.map(|seconds| seconds.to_string()),
            ..timestamp
        },
    ]
}

/// The position of each wanted column among those `found`; none for an optional one that is missing.
///
/// # Errors
/// When one is missing, or two have a name of the same one.
pub(super) fn locate<const N: usize>(
    path: &str,
    naming: Naming,
    wanted: &[Column<'_>; N],
    found: &[&[u8]],
) -> Result<[Option<usize>; N], IngestError> {
    let mut positions = [None; N];
    let mut missing = Vec::new();
    let is_catalogue = wanted.iter().any(Column::describes);
    for (position, column) in positions.iter_mut().zip(wanted) {
        let named = column.clone().among(found);
        let mut matching = (0..found.len()).filter(|&at| named.is(found[at]));
        match (matching.next(), matching.next()) {
            (Some(only), None) => *position = Some(only),
            (None, _) if column.is_implied() => {}
            (None, _) => missing.push(column.shown()),
            (Some(first), Some(second)) => {
                let [first, second] = [first, second].map(|at| excerpt(found[at]));
                return Err(IngestError::bad(
                    path,
                    format!("columns `{first}` and `{second}` could both be the {}", column.what),
                    "rename or remove one of them",
                ));
            }
        }
    }
    // A catalogue says something of its items.
    let describing = || wanted.iter().zip(&positions).filter(|(column, _)| column.describes());
    if is_catalogue && describing().all(|(_, position)| position.is_none()) {
        missing.extend(describing().map(|(column, _)| column.shown()));
    }
    if missing.is_empty() {
        return Ok(positions);
    }
    let names = excerpt(&found.join(&b","[..]));
    let columns = missing.join(", ");
    let problem = match naming {
        Naming::Header if missing.len() == N => {
            format!("there is no header: found `{names}`, expected columns {columns}")
        }
        Naming::Header => format!("the header `{names}` has no column for {columns}"),
        Naming::Object => format!("the first object has no {columns}; its keys are `{names}`"),
    };
    Err(IngestError::bad(path, problem, if is_catalogue { CATALOGUE_REMEDY } else { REMEDY }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn located(header: &str, reading: &Reading) -> Result<[Option<usize>; 4], String> {
        let found: Vec<_> = header.split(',').map(str::as_bytes).collect();
        locate("r.csv", Naming::Header, &ratings(reading), &found)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_in_any_place_and_case() {
        let found = |header| located(header, &Reading::default());
        assert_eq!(found("userId,movieId,rating,timestamp"), Ok([0, 1, 2, 3].map(Some)));
        assert_eq!(found("USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE"), Ok([0, 1, 3, 2].map(Some)));
        assert_eq!(found("RATED_AT,x,Rating,ITEM_ID,User"), Ok([4, 3, 2, 0].map(Some)));
    }

    #[test]
    fn a_column_that_is_chosen_is_taken_and_no_other() {
        let reading = Reading { user_column: Some("who".to_owned()), ..Reading::default() };
        let header = "user,item,rating,timestamp,who";
        assert_eq!(located(header, &reading), Ok([4, 1, 2, 3].map(Some)));
        let message = located("user,item,rating,timestamp,Who", &reading).unwrap_err();
        let expected =
            "the header `user,item,rating,timestamp,Who` has no column for user (`who`);";
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn the_rating_alone_may_be_implicit() {
        let reading = Reading { implicit_rating: Some(1.0), ..Reading::default() };
        let header = "user,item,timestamp";
        assert_eq!(located(header, &reading), Ok([Some(0), Some(1), None, Some(2)]));
        assert_eq!(located("user,item,timestamp,rating", &reading), Ok([0, 1, 3, 2].map(Some)));
        assert!(
            located(header, &Reading::default()).unwrap_err().contains("rating (rating, event")
        );
        assert!(located("user,item", &reading).unwrap_err().contains("timestamp (timestamp"));
    }

    #[test]
    fn a_header_that_cannot_be_used_is_explained() {
        let cases = [
            (
                "userId,movieId,rating",
                "the header `userId,movieId,rating` has no column for timestamp (timestamp, rated_at);",
            ),
            (
                "1,31,2.5,1260759144",
                "there is no header: found `1,31,2.5,1260759144`, expected columns user (userId, user_id, user), item (",
            ),
            ("userId, movieId,rating,timestamp", "has no column for item (movieId"),
            (
                "user,item,rating,timestamp,User_Id",
                "columns `user` and `User_Id` could both be the user; rename",
            ),
        ];
        for (header, expected) in cases {
            let message = located(header, &Reading::default()).unwrap_err();
            assert!(message.starts_with("r.csv: ") && message.contains(expected), "{message}");
        }
    }
}
