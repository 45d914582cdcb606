//! Frames a text stream into physical lines with bounded memory.
//!
//! A rating or a title never needs a line break inside quotes, so a record is one line: an unterminated quote
//! spoils its own line and no other, and line numbers are those that an editor shows.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// The longest line that is handed out whole, in bytes without its line break.
pub(super) const MAX_LINE: usize = 1 << 20;
/// What is kept of a longer line, to show it.
const KEPT_OF_LONG: usize = 1 << 10;

/// A line without its line break.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// The beginning of a line of more than [`MAX_LINE`] bytes; the rest was passed over.
    TooLong(&'a [u8]),
}

pub(super) struct Lines<R> {
    stream: R,
    buffer: Vec<u8>,
    /// What of the buffer is read but not handed out.
    start: usize,
    end: usize,
    number: u64,
    /// Where the line begins that was handed out last.
    last: usize,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        // Room for the longest line and its CR LF.
        Self { stream, buffer: vec![0; MAX_LINE + 2], start: 0, end: 0, number: 0, last: 0 }
    }

    /// The next line that is not empty, and its number from 1; none at the end of the stream.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        while let Some((mut span, whole)) = self.frame()? {
            if self.buffer[span.clone()].ends_with(b"\r") {
                span.end -= 1;
            }
            if !whole || span.len() > MAX_LINE {
                span.end = span.start + KEPT_OF_LONG;
                return Ok(Some((self.number, Line::TooLong(&self.buffer[span]))));
            }
            if !span.is_empty() {
                return Ok(Some((self.number, Line::Whole(&self.buffer[span]))));
            }
        }
        Ok(None)
    }

    /// Hands the last line out again, without its first `skip` bytes. Only right after it was handed out whole.
    pub(super) fn again(&mut self, skip: usize) {
        self.start = self.last + skip;
        self.number -= 1;
    }

    /// Where the next line lies, its line feed left out, and whether that is all of it.
    fn frame(&mut self) -> io::Result<Option<(Range<usize>, bool)>> {
        let mut searched = self.start;
        loop {
            let unseen = &self.buffer[searched..self.end];
            if let Some(at) = unseen.iter().position(|&byte| byte == b'\n') {
                return Ok(Some((self.take(searched + at, 1), true)));
            }
            searched = self.end;
            if self.end == self.buffer.len() {
                if self.start == 0 {
                    return self.pass_over().map(|kept| Some((kept, false)));
                }
                self.buffer.copy_within(self.start.., 0);
                searched -= self.start;
                self.end -= self.start;
                self.start = 0;
            }
            if self.fill()? == 0 {
                let more = self.start < self.end;
                return Ok(more.then(|| (self.take(self.end, 0), true)));
            }
        }
    }

    /// Takes a line that ends before `end` and is followed by a line break of so many bytes.
    fn take(&mut self, end: usize, line_break: usize) -> Range<usize> {
        let line = self.start..end;
        self.last = self.start;
        self.start = end + line_break;
        self.number += 1;
        line
    }

    /// The buffer is full of one line: keeps its beginning and skips to the next line.
    fn pass_over(&mut self) -> io::Result<Range<usize>> {
        loop {
            self.start = KEPT_OF_LONG;
            self.end = KEPT_OF_LONG;
            if self.fill()? == 0 {
                break;
            }
            let read = &self.buffer[self.start..self.end];
            if let Some(at) = read.iter().position(|&byte| byte == b'\n') {
                self.start += at + 1;
                break;
            }
        }
        self.number += 1;
        Ok(0..KEPT_OF_LONG)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    /// Reads at most so many bytes at once, as pipes do.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn all(bytes: &[u8], at_once: usize) -> Vec<(u64, Vec<u8>, bool)> {
        let mut lines = Lines::new(Dribble(bytes, at_once));
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push(match line {
                Line::Whole(text) => (number, text.to_vec(), true),
                Line::TooLong(text) => (number, text.to_vec(), false),
            });
        }
        found
    }

    #[test]
    fn lines_end_with_either_break_and_empty_ones_only_count() {
        let whole = |number, text: &str| (number, text.as_bytes().to_vec(), true);
        assert_eq!(
            all(b"a\r\n\n\r\nb\rc\nd", 3),
            vec![whole(1, "a"), whole(4, "b\rc"), whole(5, "d")]
        );
        assert_eq!(all(b"", 1), vec![]);
        assert_eq!(all(b"\n", 1), vec![]);
    }

    #[test]
    fn a_line_over_the_limit_costs_only_itself() {
        for (length, fits) in [(MAX_LINE, true), (MAX_LINE + 1, false), (5 * MAX_LINE, false)] {
            for line_break in ["\n", "\r\n"] {
                let long = "x".repeat(length);
                let text = format!("a{line_break}{long}{line_break}b");
                for at_once in [4_096, usize::MAX] {
                    let found = all(text.as_bytes(), at_once);
                    assert_eq!(found.len(), 3, "{length}");
                    assert_eq!((found[1].1.len() == length, found[1].2), (fits, fits), "{length}");
                    assert_eq!(found[2], (3, b"b".to_vec(), true), "{length}");
                }
            }
            let found = all("x".repeat(length).as_bytes(), usize::MAX);
            assert_eq!((found.len(), found[0].2), (1, fits), "{length}");
        }
    }

    proptest! {
        #[test]
        fn however_the_stream_dribbles_the_lines_are_those_of_the_text(
            text in "[ab\r\n]{0,60}",
            at_once in 1..9usize,
        ) {
            let lines = (1..).zip(text.split('\n'));
            let expected: Vec<_> = lines
                .map(|(number, line)| (number, line.strip_suffix('\r').unwrap_or(line)))
                .filter(|(_, line)| !line.is_empty())
                .map(|(number, line)| (number, line.as_bytes().to_vec(), true))
                .collect();
            let found = all(text.as_bytes(), at_once);
            prop_assert_eq!(found, expected);
        }
    }
}
