//! Catalogues in Parquet.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use parquet::file::reader::ChunkReader;

use super::super::catalogue::{CatalogueFile, Said, genres_of};
use super::super::error::IngestError;
use super::super::header::CATALOGUE;
use super::super::rejects::Reason;
use super::super::rules;
use super::file::{Columnar, check_rows, guarded};
use super::types;

/// Reads a catalogue: ids are strings or integers, titles strings, genres strings (split at `|`) or lists of strings.
pub(in super::super) fn read<R: Clone + ChunkReader + 'static>(
    path: &str,
    file: R,
    into: &mut CatalogueFile,
) -> Result<(), IngestError> {
    let columnar = Columnar::open(path, file, &CATALOGUE)?;
    let [item, title, genres] = columnar.fields();
    let is_genres = |found: &DataType| types::is_text(found) || types::is_list_of_texts(found);
    types::check(path, item, types::is_id, "ids are strings or integers")?;
    types::check(path, title, types::is_text, "titles are strings")?;
    types::check(path, genres, is_genres, "genres are strings or lists of strings")?;
    let mut rows = 0;
    for group in 0..columnar.groups() {
        let (mut reader, unpacked) = columnar.group(path, group)?;
        into.check_room_for(unpacked)?;
        while let Some(batch) = guarded(path, || Ok(reader.next().transpose()?))? {
            let columns = Columns::of(path, &batch, &columnar.positions)?;
            for at in 0..batch.num_rows() {
                rows += 1;
                into.take(path, rows, columns.row(at), || types::shown(&columns.found, at))?;
            }
        }
    }
    check_rows(path, rows, columnar.total)
}

/// The wanted columns of one batch: as found, and as read.
struct Columns {
    found: Vec<ArrayRef>,
    item: Texts,
    title: Option<Texts>,
    genres: Genres,
}

struct Texts {
    found: ArrayRef,
    read: StringArray,
}

enum Genres {
    Unknown,
    Texts(Texts),
    Lists(ListArray),
}

impl Texts {
    fn of(found: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(Self { found: found.clone(), read: types::texts(found)? })
    }

    /// The text of a row; none where it is null.
    fn get(&self, at: usize) -> Result<Option<&str>, Reason> {
        match (self.found.is_null(at), self.read.is_null(at)) {
            (true, _) => Ok(None),
            (false, true) => Err(Reason::NotUtf8),
            (false, false) => Ok(Some(self.read.value(at))),
        }
    }
}

impl Columns {
    fn of(
        path: &str,
        batch: &RecordBatch,
        positions: &[Option<usize>; 3],
    ) -> Result<Self, IngestError> {
        guarded(path, || {
            let column =
                |at: usize| positions[at].map(|at| types::unpacked(batch.column(at))).transpose();
            let [item, title, genres] = [column(0)?, column(1)?, column(2)?];
            let item = item.ok_or("it has no items")?;
            Ok(Self {
                item: Texts::of(&item)?,
                title: title.as_ref().map(Texts::of).transpose()?,
                genres: match &genres {
                    None => Genres::Unknown,
                    Some(genres) if types::is_list_of_texts(genres.data_type()) => {
                        let element = Field::new("element", DataType::Utf8, true);
                        let lists = cast(genres, &DataType::List(element.into()))?;
                        Genres::Lists(lists.as_list().clone())
                    }
                    Some(genres) => Genres::Texts(Texts::of(genres)?),
                },
                found: [Some(item), title, genres].into_iter().flatten().collect(),
            })
        })
    }

    fn row(&self, at: usize) -> Result<(String, Said), Reason> {
        let id = rules::id(self.item.get(at)?.ok_or(Reason::Null)?)?.to_owned();
        let title = match &self.title {
            Some(title) => title.get(at)?.unwrap_or_default().to_owned(),
            None => String::new(),
        };
        let genres = match &self.genres {
            Genres::Unknown => None,
            Genres::Texts(texts) => texts.get(at)?.and_then(|text| genres_of(text, '|')),
            Genres::Lists(lists) if lists.is_null(at) => None,
            Genres::Lists(lists) => {
                let list = lists.value(at);
                let genres = list.as_string::<i32>().iter().flatten();
                let genres: Vec<_> = genres.filter(|g| !g.is_empty()).map(str::to_owned).collect();
                (!genres.is_empty()).then_some(genres)
            }
        };
        Ok((id, Said { title, genres }))
    }
}
