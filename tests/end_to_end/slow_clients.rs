//! Clients that send a request's head slowly, over a connection that has served one.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::executions::left_running;
use crate::harness::{Server, Workplace};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept.
struct Kept(TcpStream);

impl Kept {
    fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send(&mut self, path: &str) {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    }

    /// The status and body of the next answer.
    fn answer(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// Sends this a byte at a time, and says whether the server ends the connection meanwhile.
    fn is_ended_while_it_sends(&mut self, bytes: impl Iterator<Item = u8>) -> bool {
        self.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let began = Instant::now();
        for byte in bytes {
            if self.0.write_all(&[byte]).is_err() {
                return true;
            }
            match self.0.read(&mut [0; 1000]) {
                Ok(0) => return true,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return true,
                Ok(_) => panic!("half a head was answered"),
            }
            if began.elapsed() > PATIENCE {
                return false;
            }
        }
        panic!("the bytes did not suffice");
    }
}

fn endless_head() -> impl Iterator<Item = u8> {
    b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: "
        .iter()
        .copied()
        .chain(std::iter::repeat(b'a'))
}

#[test]
fn a_head_that_comes_too_slowly_ends_its_connection_whether_or_not_it_is_the_first() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &["--request-timeout", "2"]);
    for before in [0, 1, 3] {
        let mut kept = Kept::open(&server);
        for _ in 0..before {
            kept.send("/health/live");
            assert_eq!(kept.answer().0, 200);
        }
        if before == 0 {
            // The first is told why.
            kept.0.write_all(b"GET /health/live HTTP/1.1\r\n").unwrap();
            let mut said = String::new();
            kept.0.read_to_string(&mut said).unwrap();
            assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        } else {
            assert!(kept.is_ended_while_it_sends(endless_head()), "after {before}");
        }
    }
}

#[test]
fn half_a_head_that_came_with_the_request_before_holds_its_connection_no_longer_than_none() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &["--request-timeout", "0.2", "--keep-alive", "0.5"]);
    let mut kept = Kept::open(&server);
    kept.send("/health/live");
    assert_eq!(kept.answer().0, 200);
    kept.0.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\nGET /heal").unwrap();
    assert_eq!(kept.answer().0, 200);
    let mut rest = Vec::new();
    kept.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn what_is_slow_for_other_reasons_keeps_its_connection() {
    let workplace = Workplace::new();
    let arns = left_running(&workplace, &["1"]);
    let server = Server::start(&workplace, &["--request-timeout", "0.5"]);
    let mut kept = Kept::open(&server);
    let path = format!("/executions/{}", arns[0]);
    kept.send("/health/live");
    assert_eq!(kept.answer().0, 200);
    // It waits for an answer, and the next request has come by then.
    for _ in 0..2 {
        kept.send(&format!("{path}?wait=1"));
    }
    for _ in 0..2 {
        let (status, body) = kept.answer();
        assert_eq!(status, 200);
        assert!(body.contains("RUNNING"), "{body}");
    }
    // It is idle.
    std::thread::sleep(Duration::from_secs(1));
    // It comes in parts, in time; then the next does.
    for _ in 0..3 {
        kept.0.write_all(b"GET /health/live HTTP/1.1\r\nho").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        kept.0.write_all(b"st: x\r\n\r\n").unwrap();
        assert_eq!(kept.answer().0, 200);
        std::thread::sleep(Duration::from_millis(600));
    }
    // A stream of events goes on, whatever is sent meanwhile.
    kept.send(&format!("{path}/events"));
    let mut first = [0; 12];
    kept.0.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    kept.0.write_all(b"GET ").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    workplace.publish(&[]).summary();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("event: SUCCEEDED") {
        let mut some = [0; 1000];
        let length = kept.0.read(&mut some).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&some[..length]);
    }
}
