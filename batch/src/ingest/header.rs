//! Finds columns by name, in text and Parquet files alike.

use super::error::IngestError;
use super::rejects::excerpt;

/// A column and the names it may have, compared without case.
pub(super) struct Column {
    what: &'static str,
    names: &'static [&'static str],
}

const ITEM: Column =
    Column { what: "item", names: &["movieId", "movie_id", "itemId", "item_id", "item"] };

/// The columns of ratings: user, item, rating, timestamp.
pub(super) const RATINGS: [Column; 4] = [
    Column { what: "user", names: &["userId", "user_id", "user"] },
    ITEM,
    Column { what: "rating", names: &["rating"] },
    Column { what: "timestamp", names: &["timestamp", "rated_at"] },
];

/// The columns of a catalogue: item, title, genres.
pub(super) const CATALOGUE: [Column; 3] = [
    ITEM,
    Column { what: "title", names: &["title"] },
    Column { what: "genres", names: &["genres"] },
];

const REMEDY: &str =
    "give a comma-separated file whose first line names its columns, or a Parquet file";

/// The position of each wanted column among those `found`.
///
/// # Errors
/// When one is missing, or two have a name of the same one.
pub(super) fn locate<const N: usize>(
    path: &str,
    wanted: &[Column; N],
    found: &[&[u8]],
) -> Result<[usize; N], IngestError> {
    let mut positions = [0; N];
    let mut missing = Vec::new();
    for (position, column) in positions.iter_mut().zip(wanted) {
        let named =
            |name: &[u8]| column.names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name));
        let mut matching = (0..found.len()).filter(|&at| named(found[at]));
        match (matching.next(), matching.next()) {
            (Some(only), None) => *position = only,
            (None, _) => missing.push(format!("{} ({})", column.what, column.names.join(", "))),
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
    if missing.is_empty() {
        return Ok(positions);
    }
    let header = excerpt(&found.join(&b","[..]));
    let problem = if missing.len() == N {
        format!("there is no header: found `{header}`, expected columns {}", missing.join(", "))
    } else {
        format!("the header `{header}` has no column for {}", missing.join(", "))
    };
    Err(IngestError::bad(path, problem, REMEDY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ratings(header: &str) -> Result<[usize; 4], String> {
        let found: Vec<_> = header.split(',').map(str::as_bytes).collect();
        locate("r.csv", &RATINGS, &found).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_in_any_place_and_case() {
        assert_eq!(ratings("userId,movieId,rating,timestamp"), Ok([0, 1, 2, 3]));
        assert_eq!(ratings("RATED_AT,x,Rating,ITEM_ID,User"), Ok([4, 3, 2, 0]));
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
            let message = ratings(header).unwrap_err();
            assert!(message.starts_with("r.csv: ") && message.contains(expected), "{message}");
        }
    }
}
