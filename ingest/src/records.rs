//! Frames a text stream into records with bounded memory.
//!
//! A record is one line, but that a quoted field may hold line breaks (RFC 4180). A quote that is not closed, or not where a
//! field may end, costs the line on which its record begins and no other: that line is handed out alone, for whoever
//! splits it to find the fault, and reading goes on behind it. Numbers are those of lines, as an editor shows them.

use std::io::{self, ErrorKind, Read};

use memchr::memchr;

use super::fields::{Dialect, Quote};

/// The longest record that is handed out whole, in bytes without its last line break.
pub(super) const MAX_RECORD: usize = 1 << 20;
/// What is kept of a longer line, to show it.
const KEPT_OF_LONG: usize = 1 << 10;

/// A record without its last line break.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framed<'a> {
    Whole(&'a [u8]),
    /// The beginning of a line of more than [`MAX_RECORD`] bytes; the rest was passed over.
    TooLong(&'a [u8]),
}

pub(super) struct Records<R> {
    stream: R,
    buffer: Vec<u8>,
    /// The longest record, in bytes.
    max: usize,
    /// What of the buffer is read but not handed out.
    start: usize,
    end: usize,
    /// How many lines were handed out.
    lines: u64,
    /// Where the record begins that was handed out last, and how many lines it has.
    last: (usize, u64),
    dialect: Option<Dialect>,
    /// A line that begins before this place is a record: a quote before it is not closed. Without this, a text of nothing
    /// but such quotes would be searched to the longest record's end from each of its lines.
    single_until: usize,
    /// No quote stands between `start` and this place.
    unquoted_until: usize,
}

/// A line in the buffer.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// Where its text ends, from the record's start.
    text: usize,
    /// Where the next line begins, from the record's start.
    next: usize,
}

enum Sought {
    Line(Line),
    /// The buffer is full, and the record's line has not ended.
    Full,
    /// The stream has ended.
    End,
}

impl<R: Read> Records<R> {
    /// Records of a line each.
    pub(super) fn new(stream: R) -> Self {
        Self::of_at_most(MAX_RECORD, stream)
    }

    pub(super) fn of_at_most(max: usize, stream: R) -> Self {
        Self {
            stream,
            // Room for the longest record and its CR LF.
            buffer: vec![0; max + 2],
            max,
            start: 0,
            end: 0,
            lines: 0,
            last: (0, 0),
            dialect: None,
            single_until: 0,
            unquoted_until: 0,
        }
    }

    /// Reads records of a dialect from here on.
    pub(super) fn speak(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect).filter(|dialect| dialect.may_quote());
    }

    /// The next record that is not an empty line, and its first line's number from 1; none at the end of the stream.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Framed<'_>)>> {
        loop {
            let line = match self.line_at(0)? {
                Sought::End => return Ok(None),
                Sought::Full => {
                    let kept = self.pass_over()?;
                    return Ok(Some((self.lines, Framed::TooLong(&self.buffer[..kept]))));
                }
                Sought::Line(line) => line,
            };
            let number = self.lines + 1;
            if line.text == 0 {
                self.take(line, 1);
                continue;
            }
            if line.text > self.max {
                let start = self.take(line, 1);
                let kept = self.kept_of_long();
                return Ok(Some((number, Framed::TooLong(&self.buffer[start..start + kept]))));
            }
            let dialect = self.dialect.filter(|_| self.start >= self.single_until);
            let (record, lines) = match dialect {
                Some(dialect) if self.has_quote(line) => self.whole(dialect, line)?,
                _ => (line, 1),
            };
            let start = self.take(record, lines);
            return Ok(Some((number, Framed::Whole(&self.buffer[start..start + record.text]))));
        }
    }

    /// Hands the last record out again, without its first `skip` bytes. Only right after it was handed out whole.
    pub(super) fn again(&mut self, skip: usize) {
        let (start, lines) = self.last;
        self.start = start + skip;
        self.lines -= lines;
        self.single_until = 0;
        self.unquoted_until = 0;
    }

    /// The record that begins with the line `first`, and how many lines it has. It is that line alone where a quote is not
    /// closed as it should be.
    fn whole(&mut self, dialect: Dialect, first: Line) -> io::Result<(Line, u64)> {
        let (mut record, mut lines) = (first, 1);
        let mut begun = 0;
        let mut is_open = false;
        loop {
            let line = &self.buffer[self.start + begun..self.start + record.text];
            match dialect.quote_after(line, is_open) {
                Quote::Closed if record.text <= self.max => return Ok((record, lines)),
                Quote::Closed => {
                    self.single_until = self.start + record.next;
                    return Ok((first, 1));
                }
                // The quote that is out of place may be the first of a record.
                Quote::Misplaced => {
                    self.single_until = self.start + begun;
                    return Ok((first, 1));
                }
                Quote::Open => is_open = true,
            }
            begun = record.next;
            match self.line_at(begun)? {
                Sought::Line(next) => record = next,
                Sought::Full | Sought::End => {
                    self.single_until = self.end;
                    return Ok((first, 1));
                }
            }
            lines += 1;
        }
    }

    /// Whether a quote stands in a line that begins at `start`.
    fn has_quote(&mut self, line: Line) -> bool {
        let end = self.start + line.text;
        let from = self.unquoted_until.max(self.start);
        if end <= from {
            return false;
        }
        let unseen = &self.buffer[from..self.end];
        self.unquoted_until = from + memchr(b'"', unseen).unwrap_or(unseen.len());
        self.unquoted_until < end
    }

    /// The line that begins so far behind `start`.
    fn line_at(&mut self, offset: usize) -> io::Result<Sought> {
        let mut searched = offset;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[self.start + searched..self.end]) {
                let end = searched + at;
                return Ok(Sought::Line(self.line(offset, end, end + 1)));
            }
            searched = self.end - self.start;
            if self.end == self.buffer.len() {
                if self.start == 0 {
                    return Ok(Sought::Full);
                }
                self.compact();
            }
            if self.fill()? == 0 {
                let is_line = searched > offset;
                return Ok(if is_line {
                    Sought::Line(self.line(offset, searched, searched))
                } else {
                    Sought::End
                });
            }
        }
    }

    fn line(&self, begin: usize, end: usize, next: usize) -> Line {
        let ends_with_cr = self.buffer[self.start + begin..self.start + end].ends_with(b"\r");
        Line { text: end - usize::from(ends_with_cr), next }
    }

    /// Takes a record out. Gives its place.
    fn take(&mut self, record: Line, lines: u64) -> usize {
        let start = self.start;
        self.last = (start, lines);
        self.lines += lines;
        self.start += record.next;
        start
    }

    /// The buffer is full of one line: keeps its beginning, skips to the next line, and says how many bytes it kept.
    fn pass_over(&mut self) -> io::Result<usize> {
        let kept = self.kept_of_long();
        (self.single_until, self.unquoted_until) = (0, 0);
        loop {
            self.start = kept;
            self.end = kept;
            if self.fill()? == 0 {
                break;
            }
            if let Some(at) = memchr(b'\n', &self.buffer[self.start..self.end]) {
                self.start += at + 1;
                break;
            }
        }
        self.lines += 1;
        Ok(kept)
    }

    fn kept_of_long(&self) -> usize {
        KEPT_OF_LONG.min(self.max)
    }

    fn compact(&mut self) {
        let moved = self.start;
        self.buffer.copy_within(moved..self.end, 0);
        self.start = 0;
        self.end -= moved;
        self.single_until = self.single_until.saturating_sub(moved);
        self.unquoted_until = self.unquoted_until.saturating_sub(moved);
    }

    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
