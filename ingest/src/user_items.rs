//! Reads the text form of published splits: a user and then this user's items in each line, between spaces.

use std::io::Read;

use super::collector::Collector;
use super::error::IngestError;
use super::records::{Framed, Records};
use super::rejects::{Reason, excerpt};
use super::rules::{Rules, id_bytes};

/// Reads a text. Every item is a record with this rating and without a time. A user without items is no record.
pub(super) fn read(
    path: &str,
    stream: impl Read,
    rating: f32,
    rules: &Rules,
    collector: &mut Collector,
) -> Result<(), IngestError> {
    let mut lines = Records::new(stream);
    while let Some((number, line)) = lines.next().map_err(|error| IngestError::read(path, error))? {
        let line = match line {
            Framed::Whole(line) => line,
            Framed::TooLong(line) => {
                collector.reject(number, Reason::LineTooLong, || excerpt(line));
                continue;
            }
        };
        let mut ids = line.split(u8::is_ascii_whitespace).filter(|id| !id.is_empty()).map(id_bytes);
        let Some(user) = ids.next() else { continue };
        for item in ids {
            let checked = user.and_then(|user| Ok((user, item?, rules.rating(f64::from(rating))?)));
            match checked {
                Ok((user, item, rating)) => collector.accept(user, item, rating, 0)?,
                Err(reason) => collector.reject(number, reason, || excerpt(line)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{CatalogueFile, Format, InputFile};
    use akin_schemas::RatingRange;
    use chrono::DateTime;

    #[test]
    fn a_line_is_a_user_and_items() {
        let mut collector = Collector::new(1 << 20);
        let path = "t".to_owned();
        collector.intake.begin_file(InputFile::new(path, Format::Text));
        let rules = Rules::new(RatingRange::default(), DateTime::UNIX_EPOCH);
        read("t", &b"u 1 2\r\n\nnobody \nv  2\nw \xff 3"[..], 1.0, &rules, &mut collector).unwrap();
        let ratings = collector.finish(CatalogueFile::default()).unwrap();
        let rows: Vec<_> = ratings
            .rows
            .iter()
            .map(|row| {
                (
                    &*ratings.users[row.user as usize],
                    &*ratings.items[row.item as usize],
                    row.rating(),
                )
            })
            .collect();
        let one = Some(1.0);
        assert_eq!(rows, [("u", "1", one), ("u", "2", one), ("v", "2", one), ("w", "3", one)]);
        assert_eq!((ratings.read, ratings.rejects.total()), (5, 1));
    }
}
