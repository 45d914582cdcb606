//! One connection that is kept, one request at a time: little enough that the server gets the machine.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes, a long poll too.
const DEADLINE: Duration = Duration::from_secs(60);

/// What came back.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// A connection to the server; after an error, another one.
pub struct Client {
    server: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not take the connection.
    pub fn connect(server: &str) -> io::Result<Self> {
        let stream = Some(open(server)?);
        Ok(Self { server: server.to_owned(), stream, buffer: Vec::new() })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the connection breaks or what comes back is not HTTP. The next request gets a new connection.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(&self.server)?,
        };
        stream.write_all(request)?;
        let (status, start, end) = read_answer(&mut stream, &mut self.buffer)?;
        self.stream = Some(stream);
        Ok(Answer { status, body: &self.buffer[start..end] })
    }
}

fn open(server: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// Reads one answer, whose body's place in the buffer is returned with its status.
fn read_answer(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<(u16, usize, usize)> {
    let mut filled = 0;
    let mut head = None;
    loop {
        if buffer.len() - filled < 4096 {
            buffer.resize(filled + 16 * 1024, 0);
        }
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
        if head.is_none() {
            head = read_head(&buffer[..filled])?;
        }
        if let Some((status, start, length)) = head
            && filled >= start + length
        {
            return Ok((status, start, start + length));
        }
    }
}

/// Status, length of the head, length of the body; none while the head is not all there.
fn read_head(bytes: &[u8]) -> io::Result<Option<(u16, usize, usize)>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|error| invalid(&error.to_string()))?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    match (response.code, length) {
        (Some(status), Some(length)) => Ok(Some((status, start, length))),
        _ => Err(invalid("an answer without a status or a content-length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes one at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (buffer[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    #[test]
    fn an_answer_is_read_however_it_is_cut() -> io::Result<()> {
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";
        let mut buffer = Vec::new();
        for whole in [true, false] {
            let read = if whole {
                read_answer(&mut &bytes[..], &mut buffer)?
            } else {
                read_answer(&mut Dripping(bytes), &mut buffer)?
            };
            assert_eq!((read.0, &buffer[read.1..read.2]), (202, &b"hello"[..]));
        }
        Ok(())
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for wrong in [
            "",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
            "nonsense\r\n\r\n",
        ] {
            assert!(read_answer(&mut wrong.as_bytes(), &mut Vec::new()).is_err(), "{wrong:?}");
        }
    }
}
