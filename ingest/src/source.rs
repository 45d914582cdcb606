//! Finds input files and recognises what they hold.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use tracing::info;

use super::blocks::Blocks;
use super::bucket;
use super::error::IngestError;
use super::listing;
use super::placed::Placed;
use super::progress::Progress;
use super::remote::{Remote, RemoteObject};
use super::signature::{self, Known};

/// What a file of ratings turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text; its first line says in which layout.
    Text,
    /// The same, compressed with gzip.
    TextGzip,
    /// Parquet.
    Parquet,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::TextGzip => "text.gz",
            Self::Parquet => "parquet",
        })
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it lies.
    pub path: String,
    /// What it turned out to be.
    pub format: Format,
    /// Its records, rejected ones included.
    pub rows: u64,
    /// Those of them that were not taken in.
    pub rejected: u64,
}

impl InputFile {
    /// One of which nothing is read yet.
    pub(super) fn new(path: String, format: Format) -> Self {
        Self { path, format, rows: 0, rejected: 0 }
    }
}

/// A file, here or in S3.
#[derive(Debug)]
pub(super) struct Input {
    place: Place,
    /// Whether a person named it, rather than a pattern or a folder in which it is.
    is_named: bool,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Object(Arc<dyn RemoteObject>),
}

impl Input {
    pub(super) fn named(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::File(path.into()), is_named: true }
    }

    fn found(path: PathBuf) -> Self {
        Self { place: Place::File(path), is_named: false }
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Object(object) => object.location(),
        }
    }

    /// Whether a look at it would take its content away.
    pub(super) fn is_pipe(&self) -> bool {
        match &self.place {
            Place::File(path) => path.exists() && !path.is_file() && !path.is_dir(),
            Place::Object(_) => false,
        }
    }

    /// Its size; none for a pipe, or when it cannot be asked.
    pub(super) fn bytes(&self) -> Option<u64> {
        match &self.place {
            Place::File(path) => path.metadata().ok().filter(|m| m.is_file()).map(|m| m.len()),
            Place::Object(object) => Some(object.bytes()),
        }
    }
}

/// An opened input.
pub(super) enum Opened<'a> {
    Text { format: Format, stream: Box<dyn Read + Send + 'a> },
    Parquet(Placed),
    ParquetObject(Blocks),
}

/// The files that arguments name, in argument order; what one argument names is sorted bytewise.
pub(super) fn expand(remote: &dyn Remote, sources: &[String]) -> Result<Vec<Input>, IngestError> {
    let mut inputs = Vec::new();
    for source in sources {
        inputs.extend(expand_one(remote, source)?);
    }
    if inputs.is_empty() {
        return Err(IngestError::bad(
            "input",
            "no file is named",
            "name at least one file or pattern",
        ));
    }
    Ok(inputs)
}

/// The files that one argument names, sorted bytewise.
pub(super) fn expand_one(remote: &dyn Remote, source: &str) -> Result<Vec<Input>, IngestError> {
    let path = Path::new(source);
    if bucket::is_location(source) {
        let objects = bucket::objects(remote, source)?.into_iter();
        return Ok(objects
            .map(|object| Input {
                is_named: object.location() == source,
                place: Place::Object(object.into()),
            })
            .collect());
    }
    let found = if path.is_dir() {
        listing::below(path)?
    // A file may have brackets in its name: what exists is no pattern.
    } else if path.exists() || !listing::is_pattern(source) {
        return Ok(vec![Input::named(path)]);
    } else {
        listing::matching(source)?
    };
    Ok(found.into_iter().map(Input::found).collect())
}

/// The bytes of all inputs; none when one of them is a pipe or cannot be asked.
pub(super) fn total_bytes(inputs: &[Input]) -> Option<u64> {
    inputs.iter().map(Input::bytes).sum()
}

/// Opens an input, once, and recognises it by its first bytes. A pipe is read as it comes. Gives none where it has no
/// content and no person named it: an empty partition. Of Parquet so many row groups will be read at once.
pub(super) fn open<'a>(
    input: &Input,
    at_once: usize,
    progress: &'a dyn Progress,
) -> Result<Option<Opened<'a>>, IngestError> {
    let opened = match &input.place {
        Place::File(path) => open_file(path, progress)?,
        Place::Object(object) if object.bytes() == 0 => None,
        Place::Object(object) => {
            // Whoever reads the beginning of a stream has a good deal of it sent.
            if object.read_range(0..4)? == b"PAR1"[..] {
                return Ok(Some(Opened::ParquetObject(Blocks::of(object.clone(), at_once))));
            }
            recognise(&object.location(), object.reader(), None, progress)?
        }
    };
    let name = input.name();
    match opened {
        None if input.is_named => Err(empty(&name)),
        None => {
            info!(file = name, "passed over: it is empty");
            Ok(None)
        }
        opened => Ok(opened),
    }
}

fn open_file<'a>(
    path: &Path,
    progress: &'a dyn Progress,
) -> Result<Option<Opened<'a>>, IngestError> {
    let name = path.display().to_string();
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => IngestError::bad(&name, "there is no such file", "check the path"),
        _ => IngestError::read(&name, error),
    };
    let stream = File::open(path).map_err(failed)?;
    let regular = stream.metadata().map_err(failed)?.is_file();
    // Parquet is read through a second handle to the same open file, at places that it names.
    let again = regular.then(|| stream.try_clone()).transpose().map_err(failed)?;
    recognise(&name, stream, again, progress)
}

/// Tells by its first bytes what a stream holds; none where it has no content. `again` is the file that it comes from.
fn recognise<'a>(
    name: &str,
    stream: impl Read + Send + 'a,
    again: Option<File>,
    progress: &'a dyn Progress,
) -> Result<Option<Opened<'a>>, IngestError> {
    let failed = |error: io::Error| IngestError::read(name, error);
    let (head, stream) = peek(stream).map_err(failed)?;
    let stream = Counted { stream: BufReader::with_capacity(1 << 17, stream), progress };
    Ok(match (&head[..], again) {
        (b"", _) => None,
        ([b'P', b'A', b'R', b'1', ..], Some(file)) => {
            Some(Opened::Parquet(Placed::new(file).map_err(failed)?))
        }
        ([b'P', b'A', b'R', b'1', ..], None) => {
            return Err(IngestError::bad(
                name,
                "this is Parquet in a pipe",
                "Parquet is not read in order: give a regular file",
            ));
        }
        ([0x1f, 0x8b, ..], _) => {
            let (head, stream) = peek(MultiGzDecoder::new(stream)).map_err(failed)?;
            let (problem, remedy) = match &head[..] {
                b"" => return Ok(None),
                [b'P', b'A', b'R', b'1', ..] => ("this is gzip around Parquet", "unpack it"),
                [0x1f, 0x8b, ..] => ("this is gzip around gzip", "unpack it once"),
                _ => {
                    is_text(name, &head, "inside gzip, ")?;
                    let stream = Box::new(stream);
                    return Ok(Some(Opened::Text { format: Format::TextGzip, stream }));
                }
            };
            return Err(IngestError::bad(name, problem, remedy));
        }
        _ => {
            is_text(name, &head, "")?;
            Some(Opened::Text { format: Format::Text, stream: Box::new(stream) })
        }
    })
}

fn is_text(name: &str, head: &[u8], inside: &str) -> Result<(), IngestError> {
    match signature::known(head) {
        None => Ok(()),
        Some(Known { problem, remedy }) => {
            Err(IngestError::bad(name, format!("{inside}{problem}"), remedy))
        }
    }
}

fn empty(name: &str) -> IngestError {
    let remedy = "even a file without records has a header; check how it was written";
    IngestError::bad(name, "the file is empty", remedy)
}

/// The first bytes of a stream, by which it is told what it holds, and the whole stream.
fn peek<R: Read + Send>(mut stream: R) -> io::Result<(Vec<u8>, impl Read + Send)> {
    let mut head = Vec::with_capacity(signature::HEAD);
    stream.by_ref().take(signature::HEAD as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(stream)))
}

/// Tells of what is taken out of a buffer: what lies in it is not read yet.
struct Counted<'a, R> {
    stream: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stream.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.progress.advance(bytes as u64);
        self.stream.consume(bytes);
    }
}
