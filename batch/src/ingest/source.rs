//! Finds input files and recognises what they hold.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use glob::MatchOptions;

use super::error::IngestError;
use super::progress::Progress;

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

/// An opened input.
pub(super) enum Opened<'a> {
    Text { format: Format, stream: Box<dyn Read + 'a> },
    Parquet(File),
}

/// The files that arguments name, in argument order, a pattern's matches sorted bytewise.
pub(super) fn expand(sources: &[String]) -> Result<Vec<PathBuf>, IngestError> {
    let mut paths = Vec::new();
    for source in sources {
        // A file may have brackets in its name: what exists is no pattern.
        if Path::new(source).exists() || !source.contains(['*', '?', '[']) {
            paths.push(PathBuf::from(source));
        } else {
            paths.extend(matches(source)?);
        }
    }
    if paths.is_empty() {
        return Err(IngestError::bad(
            "input",
            "no file is named",
            "name at least one file or pattern",
        ));
    }
    Ok(paths)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, IngestError> {
    // As in a shell: `*` matches no hidden file.
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let found = glob::glob_with(pattern, options)
        .map_err(|error| IngestError::bad(pattern, error.to_string(), "correct the pattern"))?;
    let mut paths = Vec::new();
    for path in found {
        paths.push(path.map_err(|e| IngestError::read(&e.path().display().to_string(), e.into()))?);
    }
    if paths.is_empty() {
        return Err(IngestError::bad(
            pattern,
            "no file matches",
            "check the pattern, and that the files are there",
        ));
    }
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(paths)
}

/// The bytes of all files; none when one of them is a pipe or cannot be asked.
pub(super) fn total_bytes(paths: &[PathBuf]) -> Option<u64> {
    paths.iter().map(|path| path.metadata().ok().filter(|m| m.is_file()).map(|m| m.len())).sum()
}

/// Opens a file, once, and recognises it by its first bytes. A pipe is read as it comes.
pub(super) fn open<'a>(path: &Path, progress: &'a dyn Progress) -> Result<Opened<'a>, IngestError> {
    let name = path.display().to_string();
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => IngestError::bad(&name, "there is no such file", "check the path"),
        _ => IngestError::read(&name, error),
    };
    if path.metadata().map_err(failed)?.is_dir() {
        let remedy = "name the files in it, for example with a pattern like `folder/*.csv`";
        return Err(IngestError::bad(&name, "this is a folder", remedy));
    }
    let file = File::open(path).map_err(failed)?;
    let regular = file.metadata().map_err(failed)?.is_file();
    // Parquet is read through a second handle to the same open file, at places that it names.
    let again = regular.then(|| file.try_clone()).transpose().map_err(failed)?;
    let (head, stream) = peek(Counted { file, progress }).map_err(failed)?;
    match (&head[..], again) {
        (b"", _) => Err(empty(&name)),
        (b"PAR1", Some(file)) => Ok(Opened::Parquet(file)),
        (b"PAR1", None) => Err(IngestError::bad(
            &name,
            "this is Parquet in a pipe",
            "Parquet is not read in order: give a regular file",
        )),
        ([0x1f, 0x8b, ..], _) => {
            let (head, stream) =
                peek(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, stream)))
                    .map_err(failed)?;
            match &head[..] {
                b"" => Err(empty(&name)),
                b"PAR1" => Err(IngestError::bad(&name, "this is gzip around Parquet", "unpack it")),
                _ => Ok(Opened::Text { format: Format::TextGzip, stream: Box::new(stream) }),
            }
        }
        _ => Ok(Opened::Text { format: Format::Text, stream: Box::new(stream) }),
    }
}

fn empty(name: &str) -> IngestError {
    let remedy = "a file without ratings still has a header; check how it was written";
    IngestError::bad(name, "the file is empty", remedy)
}

/// The first four bytes of a stream, fewer where it ends before, and the whole stream.
fn peek<R: Read>(mut stream: R) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::with_capacity(4);
    stream.by_ref().take(4).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(stream)))
}

struct Counted<'a> {
    file: File,
    progress: &'a dyn Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}
