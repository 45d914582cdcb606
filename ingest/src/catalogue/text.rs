//! Catalogues of text.

use std::io::Read;

use super::super::error::IngestError;
use super::super::header::CATALOGUE;
use super::super::layout::{self, Layout};
use super::super::reading::Reading;
use super::super::rejects::{Reason, excerpt};
use super::super::rules;
use super::super::text::Text;
use super::{CatalogueFile, Said};

/// How a MovieLens file says that there are none.
const NO_GENRES: &str = "(no genres listed)";

/// Reads text with columns item, title and genres (split at `|`, in RecBole's at a space), or a u.item whose flags say the
/// genres.
pub(in super::super) fn read(
    path: &str,
    stream: impl Read,
    into: &mut CatalogueFile,
) -> Result<(), IngestError> {
    let reading = Reading::default();
    let mut text = Text::begin(path, stream, CATALOGUE, &reading)?;
    let layout = text.layout();
    while let Some(record) = text.next()? {
        let row = record.fields.and_then(|fields| item(layout, fields));
        into.take(path, record.line, row, || excerpt(record.text))?;
    }
    Ok(())
}

fn item(layout: Layout, [id, title, genres]: [&[u8]; 3]) -> Result<(String, Said), Reason> {
    let id = rules::id_bytes(id)?.to_owned();
    let title = match std::str::from_utf8(title) {
        Ok(title) => title.to_owned(),
        // Each byte of Latin-1 is the character of that number.
        Err(_) if layout.may_be_latin_1() => title.iter().copied().map(char::from).collect(),
        Err(_) => return Err(Reason::NotUtf8),
    };
    if layout == Layout::UItem {
        let genres = layout::flagged_genres(genres).ok_or(Reason::NotAFlag)?;
        return Ok((id, Said { title, genres: Some(genres) }));
    }
    let genres = std::str::from_utf8(genres).map_err(|_| Reason::NotUtf8)?;
    Ok((id, Said { title, genres: genres_of(genres, layout.between_genres()) }))
}

/// The genres in a text; none where it is empty, so that nothing is said of them.
pub(in super::super) fn genres_of(text: &str, between: char) -> Option<Vec<String>> {
    let genres = text.split(between).filter(|genre| !genre.is_empty() && *genre != NO_GENRES);
    (!text.is_empty()).then(|| genres.map(str::to_owned).collect())
}
