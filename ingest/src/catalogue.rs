//! The catalogue: titles and genres of items, rated or not.

use std::path::Path;

use indexmap::IndexMap;
use tracing::warn;

use super::error::IngestError;
use super::header::CATALOGUE;
use super::layout::{self, Layout};
use super::progress::NoProgress;
use super::reading::Reading;
use super::rejects::{Reason, excerpt};
use super::remote::Remote;
use super::rules;
use super::source::{self, Input, Opened};
use super::text::Text;

/// What the catalogue says of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueItem {
    /// Its title.
    pub title: String,
    /// Its genres, in the order of the file.
    pub genres: Vec<String>,
}

/// A catalogue as it was read: items by id. Empty where there is none.
#[derive(Debug, Default)]
pub struct CatalogueFile {
    items: IndexMap<String, CatalogueItem>,
    /// Rows that could not be used.
    pub skipped: u64,
    /// Rows that a later one for the same item replaced.
    pub replaced: u64,
}

/// The catalogue in the order of [`Ratings::items`](super::Ratings::items).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// For each item what is known of it; none where the file does not hold it.
    pub items: Vec<Option<CatalogueItem>>,
    /// Rows that could not be used.
    pub skipped: u64,
    /// Rows that a later one for the same item replaced.
    pub replaced: u64,
}

/// What an item costs beside its texts, rounded up.
const OVERHEAD: u64 = 256;
/// How a MovieLens file says that there are none.
const NO_GENRES: &str = "(no genres listed)";

impl CatalogueFile {
    /// Reads a catalogue: text, possibly compressed, with columns item, title and genres (split at `|`, in RecBole's at a space), or
    /// a u.item whose flags say the genres.
    ///
    /// Rows that cannot be used are counted and logged. Of two rows for an item the later one stands.
    ///
    /// # Errors
    /// When the file cannot be read, has no usable header, or needs more than `max_memory` bytes.
    pub fn read(remote: &dyn Remote, path: &Path, max_memory: u64) -> Result<Self, IngestError> {
        let name = path.display().to_string();
        let input = Input::at(remote, path)?;
        let Opened::Text { stream, .. } = source::open(&input, &NoProgress)? else {
            return Err(IngestError::bad(&name, "this is Parquet", "give the catalogue as text"));
        };
        let reading = Reading::default();
        let mut text = Text::begin(&name, stream, CATALOGUE, &reading)?;
        let layout = text.layout();
        let mut catalogue = Self::default();
        let mut bytes = 0;
        while let Some(record) = text.next()? {
            match record.fields.and_then(|fields| item(layout, fields)) {
                Ok((id, item)) => {
                    let genres: usize = item.genres.iter().map(|genre| genre.len() + 48).sum();
                    bytes += OVERHEAD + (2 * id.len() + item.title.len() + genres) as u64;
                    if bytes > max_memory {
                        return Err(IngestError::TooLarge { needed: bytes, limit: max_memory });
                    }
                    if catalogue.items.insert(id, item).is_some() {
                        catalogue.replaced += 1;
                    }
                }
                Err(reason) => {
                    if catalogue.skipped == 0 {
                        let (line, text) = (record.line, excerpt(record.text));
                        warn!(file = name, line, %reason, text, "first catalogue row that is skipped");
                    }
                    catalogue.skipped += 1;
                }
            }
        }
        let Self { skipped, replaced, .. } = catalogue;
        if skipped + replaced > 0 {
            warn!(file = name, skipped, replaced, "catalogue rows were skipped or replaced");
        }
        Ok(catalogue)
    }

    /// Adds what an earlier version says of an item. What the catalogue says already stands.
    pub fn keep(&mut self, id: &str, title: Option<&str>, genres: &[&str]) {
        if !self.items.contains_key(id) {
            let title = title.unwrap_or_default().to_owned();
            let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
            self.items.insert(id.to_owned(), CatalogueItem { title, genres });
        }
    }

    /// How many items it holds.
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// The ids of its items.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(String::as_str)
    }

    /// Puts the catalogue into the order of `ids`.
    pub(super) fn aligned_with(mut self, ids: &[String]) -> Catalogue {
        let items = ids.iter().map(|id| self.items.swap_remove(id)).collect();
        Catalogue { items, skipped: self.skipped, replaced: self.replaced }
    }
}

fn item(
    layout: Layout,
    [id, title, genres]: [&[u8]; 3],
) -> Result<(String, CatalogueItem), Reason> {
    let id = rules::id_bytes(id)?.to_owned();
    let title = match std::str::from_utf8(title) {
        Ok(title) => title.to_owned(),
        // Each byte of Latin-1 is the character of that number.
        Err(_) if layout.may_be_latin_1() => title.iter().copied().map(char::from).collect(),
        Err(_) => return Err(Reason::NotUtf8),
    };
    if layout == Layout::UItem {
        let genres = layout::flagged_genres(genres).ok_or(Reason::NotAFlag)?;
        return Ok((id, CatalogueItem { title, genres }));
    }
    let genres = std::str::from_utf8(genres).map_err(|_| Reason::NotUtf8)?;
    let genres = genres
        .split(layout.between_genres())
        .filter(|genre| !genre.is_empty() && *genre != NO_GENRES);
    Ok((id, CatalogueItem { title, genres: genres.map(str::to_owned).collect() }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8]) -> Result<CatalogueFile, IngestError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        CatalogueFile::read(&crate::remote::Nowhere, file.path(), 100_000)
    }

    fn known(title: &str, genres: &[&str]) -> Option<CatalogueItem> {
        let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
        Some(CatalogueItem { title: title.to_owned(), genres })
    }

    const TEXT: &str = "\u{feff}MOVIEID,title,genres\r\n\
        1,Toy Story (1995),Adventure|Children\r\n\
        2,\"Usual Suspects, The \"\"95\"\"\",(no genres listed)\r\n\
        \r\n\
        3,old,x\n\
        4,too,many,fields\n\
        ,no id,x\n\
        5,\"open,x\n\
        3,new,\n";

    #[test]
    fn titles_may_be_quoted_and_bad_rows_are_counted() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(TEXT.as_bytes()).unwrap();
        for bytes in [TEXT.as_bytes(), &packed.finish().unwrap()] {
            let catalogue = read(bytes).unwrap();
            assert_eq!((catalogue.skipped, catalogue.replaced), (3, 1));
            let ids = ["1", "2", "3", "9"].map(str::to_owned);
            let aligned = catalogue.aligned_with(&ids);
            assert_eq!(
                aligned.items,
                [
                    known("Toy Story (1995)", &["Adventure", "Children"]),
                    known("Usual Suspects, The \"95\"", &[]),
                    known("new", &[]),
                    None,
                ]
            );
            assert_eq!((aligned.skipped, aligned.replaced), (3, 1));
        }
    }

    #[test]
    fn older_catalogues_are_read_in_latin_1_and_in_utf_8() {
        let flags = ["0|1|", &"0|".repeat(16), "0"].concat();
        let u_item = |title: &[u8]| {
            [b"7|", title, b"|01-Jan-1995||http://x|", flags.as_bytes(), b"\n"].concat()
        };
        let dat = |title: &[u8]| [b"7::", title, b"::Action\n"].concat();
        for title in
            [&b"Mis\xe9rables, \"Les\" (1995)"[..], "Misérables, \"Les\" (1995)".as_bytes()]
        {
            for file in [u_item(title), dat(title)] {
                let catalogue = read(&file).unwrap().aligned_with(&["7".to_owned()]);
                assert_eq!(catalogue.items, [known("Misérables, \"Les\" (1995)", &["Action"])]);
                assert_eq!(catalogue.skipped, 0);
            }
        }
        let damaged =
            [u_item(b"a"), u_item(b"b").strip_suffix(b"0\n").unwrap().to_vec(), b"2\n".to_vec()]
                .concat();
        assert_eq!(read(&damaged).unwrap().skipped, 1);
    }

    #[test]
    fn catalogues_of_recbole_and_of_json_lines_are_read() {
        let recbole = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n\
            7\tGolden \"Eye\"\t1995\tAction Sci-Fi\n8\tNone\t1995\t\n";
        let objects = r#"{"item":7,"title":"Golden \"Eye\"","genres":["Action","Sci-Fi"],"year":1995}
            {"title":"None","genres":null,"item":"8"}
            {"title":["None"],"genres":null,"item":"9"}"#;
        let flat = r#"{"item":"8","title":"None","genres":""}
            {"movie_id":7,"title":"Golden \"Eye\"","genre":"Action|Sci-Fi"}"#;
        for (text, skipped) in [(recbole, 0), (objects, 1), (flat, 0)] {
            let catalogue = read(text.as_bytes()).unwrap();
            assert_eq!(catalogue.skipped, skipped, "{text}");
            let aligned = catalogue.aligned_with(&["7", "8"].map(str::to_owned));
            let expected = [known("Golden \"Eye\"", &["Action", "Sci-Fi"]), known("None", &[])];
            assert_eq!(aligned.items, expected, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_catalogue_is_refused() {
        let header = "movieId,title,genres\n";
        let long = format!("{header}1,{},x\n", "t".repeat(100_000));
        let cases = [
            ("", "the file is empty"),
            (
                "userId,movieId,rating\n",
                "no column for title (title, movie_title), genres (genres,",
            ),
            ("PAR1", "this is Parquet"),
            (&long, "are allowed"),
        ];
        for (text, expected) in cases {
            let message = read(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
