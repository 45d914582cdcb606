//! Finds input files and recognises what they hold.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use glob::MatchOptions;

use super::blocks::Blocks;
use super::bucket;
use super::error::IngestError;
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

/// A file, here or in S3.
#[derive(Debug)]
pub(super) enum Input {
    File(PathBuf),
    Object(Arc<dyn RemoteObject>),
}

impl Input {
    /// The one file at a path or at `s3://bucket/key`.
    pub(super) fn at(remote: &dyn Remote, path: &Path) -> Result<Self, IngestError> {
        match path.to_str() {
            Some(location) if bucket::is_location(location) => {
                bucket::object(remote, location).map(Self::object)
            }
            _ => Ok(Self::File(path.to_owned())),
        }
    }

    fn object(object: Box<dyn RemoteObject>) -> Self {
        Self::Object(object.into())
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Object(object) => object.location(),
        }
    }

    /// Whether a look at it would take its content away.
    pub(super) fn is_pipe(&self) -> bool {
        match self {
            Self::File(path) => path.exists() && !path.is_file() && !path.is_dir(),
            Self::Object(_) => false,
        }
    }

    /// Its size; none for a pipe, or when it cannot be asked.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::File(path) => path.metadata().ok().filter(|m| m.is_file()).map(|m| m.len()),
            Self::Object(object) => Some(object.bytes()),
        }
    }
}

/// An opened input.
pub(super) enum Opened<'a> {
    Text { format: Format, stream: Box<dyn Read + 'a> },
    Parquet(File),
    ParquetObject(Blocks),
}

/// The files that arguments name, in argument order; what one argument names is sorted bytewise.
pub(super) fn expand(remote: &dyn Remote, sources: &[String]) -> Result<Vec<Input>, IngestError> {
    let mut inputs = Vec::new();
    for source in sources {
        if bucket::is_location(source) {
            inputs.extend(bucket::objects(remote, source)?.into_iter().map(Input::object));
        // A file may have brackets in its name: what exists is no pattern.
        } else if Path::new(source).exists() || !is_pattern(source) {
            inputs.push(Input::File(PathBuf::from(source)));
        } else {
            inputs.extend(matches(source)?.into_iter().map(Input::File));
        }
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

pub(super) fn is_pattern(source: &str) -> bool {
    source.contains(['*', '?', '['])
}

/// As in a shell: `*` matches no hidden file, and nothing across folders.
pub(super) fn match_options() -> MatchOptions {
    MatchOptions {
        require_literal_leading_dot: true,
        require_literal_separator: true,
        ..MatchOptions::new()
    }
}

pub(super) fn no_match(pattern: &str) -> IngestError {
    let remedy = "check the pattern, and that the files are there";
    IngestError::bad(pattern, "no file matches", remedy)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, IngestError> {
    let found = glob::glob_with(pattern, match_options())
        .map_err(|error| IngestError::bad(pattern, error.to_string(), "correct the pattern"))?;
    let mut paths = Vec::new();
    for path in found {
        paths.push(path.map_err(|e| IngestError::read(&e.path().display().to_string(), e.into()))?);
    }
    if paths.is_empty() {
        return Err(no_match(pattern));
    }
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(paths)
}

/// The bytes of all inputs; none when one of them is a pipe or cannot be asked.
pub(super) fn total_bytes(inputs: &[Input]) -> Option<u64> {
    inputs.iter().map(Input::bytes).sum()
}

/// Opens an input, once, and recognises it by its first bytes. A pipe is read as it comes.
pub(super) fn open<'a>(
    input: &Input,
    progress: &'a dyn Progress,
) -> Result<Opened<'a>, IngestError> {
    match input {
        Input::File(path) => open_file(path, progress),
        Input::Object(object) => {
            // Whoever reads the beginning of a stream has a good deal of it sent.
            if object.read_range(0..4)? == b"PAR1"[..] {
                return Ok(Opened::ParquetObject(Blocks::of(object.clone())));
            }
            recognise(&object.location(), object.reader(), None, progress)
        }
    }
}

fn open_file<'a>(path: &Path, progress: &'a dyn Progress) -> Result<Opened<'a>, IngestError> {
    let name = path.display().to_string();
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => IngestError::bad(&name, "there is no such file", "check the path"),
        _ => IngestError::read(&name, error),
    };
    if path.metadata().map_err(failed)?.is_dir() {
        let remedy = "name the files in it, for example with a pattern like `folder/*.csv`";
        return Err(IngestError::bad(&name, "this is a folder", remedy));
    }
    let stream = File::open(path).map_err(failed)?;
    let regular = stream.metadata().map_err(failed)?.is_file();
    // Parquet is read through a second handle to the same open file, at places that it names.
    let again = regular.then(|| stream.try_clone()).transpose().map_err(failed)?;
    recognise(&name, stream, again, progress)
}

/// Tells by its first bytes what a stream holds; `again` is the file that it comes from.
fn recognise<'a>(
    name: &str,
    stream: impl Read + 'a,
    again: Option<File>,
    progress: &'a dyn Progress,
) -> Result<Opened<'a>, IngestError> {
    let failed = |error: io::Error| IngestError::read(name, error);
    let (head, stream) = peek(stream).map_err(failed)?;
    let stream = Counted { stream: BufReader::with_capacity(1 << 17, stream), progress };
    match (&head[..], again) {
        (b"", _) => Err(empty(name)),
        ([b'P', b'A', b'R', b'1', ..], Some(file)) => Ok(Opened::Parquet(file)),
        ([b'P', b'A', b'R', b'1', ..], None) => Err(IngestError::bad(
            name,
            "this is Parquet in a pipe",
            "Parquet is not read in order: give a regular file",
        )),
        ([0x1f, 0x8b, ..], _) => {
            let (head, stream) = peek(MultiGzDecoder::new(stream)).map_err(failed)?;
            match &head[..] {
                b"" => Err(empty(name)),
                [b'P', b'A', b'R', b'1', ..] => {
                    Err(IngestError::bad(name, "this is gzip around Parquet", "unpack it"))
                }
                [0x1f, 0x8b, ..] => {
                    Err(IngestError::bad(name, "this is gzip around gzip", "unpack it once"))
                }
                _ => {
                    is_text(name, &head, "inside gzip, ")?;
                    Ok(Opened::Text { format: Format::TextGzip, stream: Box::new(stream) })
                }
            }
        }
        _ => {
            is_text(name, &head, "")?;
            Ok(Opened::Text { format: Format::Text, stream: Box::new(stream) })
        }
    }
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
    let remedy = "a file without ratings still has a header; check how it was written";
    IngestError::bad(name, "the file is empty", remedy)
}

/// The first bytes of a stream, by which it is told what it holds, and the whole stream.
fn peek<R: Read>(mut stream: R) -> io::Result<(Vec<u8>, impl Read)> {
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
