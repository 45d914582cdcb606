//! A connection that is kept, one request at a time, and what comes back over it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes, a long poll too.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What came back.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// A connection to the server that waits for each answer; after an error, another one.
pub struct Client {
    server: String,
    connection: Option<(TcpStream, Incoming)>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not take the connection.
    pub fn connect(server: &str) -> io::Result<Self> {
        let connection = Some((open(server)?, Incoming::default()));
        Ok(Self { server: server.to_owned(), connection })
    }

    /// Sends a request and waits for its answer, which `then` looks at.
    ///
    /// # Errors
    /// When the connection breaks or what comes back is not HTTP. The next request gets a new connection.
    pub fn ask<T>(&mut self, request: &[u8], then: impl FnOnce(&Answer<'_>) -> T) -> io::Result<T> {
        let (mut stream, mut incoming) = match self.connection.take() {
            Some(connection) => connection,
            None => (open(&self.server)?, Incoming::default()),
        };
        stream.write_all(request)?;
        let answer = loop {
            if let Some(answer) = incoming.read(&mut stream)? {
                break then(&answer);
            }
        };
        self.connection = Some((stream, incoming));
        Ok(answer)
    }
}

/// Connects.
///
/// # Errors
/// When the server does not take the connection.
pub fn open(server: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// An answer on its way.
#[derive(Default)]
pub struct Incoming {
    buffer: Vec<u8>,
    filled: usize,
    /// Status, length of the head, length of the body; none while the head is not all there.
    head: Option<(u16, usize, usize)>,
}

impl Incoming {
    /// Reads once. The answer, when it is all there: then the next one begins.
    ///
    /// # Errors
    /// When the connection breaks or what comes is not HTTP; also when there is nothing to read and the stream does not
    /// wait for it.
    pub fn read(&mut self, stream: &mut impl Read) -> io::Result<Option<Answer<'_>>> {
        if self.buffer.len() - self.filled < 4096 {
            self.buffer.resize(self.filled + 16 * 1024, 0);
        }
        match stream.read(&mut self.buffer[self.filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => self.filled += read,
        }
        if self.head.is_none() {
            self.head = read_head(&self.buffer[..self.filled])?;
        }
        match self.head {
            Some((status, start, length)) if self.filled >= start + length => {
                (self.filled, self.head) = (0, None);
                Ok(Some(Answer { status, body: &self.buffer[start..start + length] }))
            }
            _ => Ok(None),
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

    fn read_all(mut stream: impl Read) -> io::Result<(u16, Vec<u8>)> {
        let mut incoming = Incoming::default();
        loop {
            if let Some(answer) = incoming.read(&mut stream)? {
                return Ok((answer.status, answer.body.to_vec()));
            }
        }
    }

    #[test]
    fn an_answer_is_read_however_it_is_cut() -> io::Result<()> {
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";
        assert_eq!(read_all(&bytes[..])?, (202, b"hello".to_vec()));
        assert_eq!(read_all(Dripping(bytes))?, (202, b"hello".to_vec()));
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
            assert!(read_all(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
