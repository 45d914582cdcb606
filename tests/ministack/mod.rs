//! An S3 on this machine: one server a test binary, with a bucket for each test that asks for one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A running server. It ends with the test binary, whose pipe it reads.
pub struct Ministack {
    pub address: SocketAddr,
    _child: Child,
}

impl Ministack {
    /// The server, started when it is first asked for.
    pub fn get() -> &'static Self {
        static SERVER: OnceLock<Ministack> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python = root.join("target/venv/bin/python");
        let mut child = Command::new(&python)
            .arg(root.join("tests/ministack/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start {}: {error}; run `make venv` first", python.display())
            });
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port: u16 = port.trim().parse().unwrap_or_else(|_| {
            panic!("ministack does not start, see above; run `make venv` first")
        });
        let server = Self { address: ([127, 0, 0, 1], port).into(), _child: child };
        let began = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "ministack does not listen, see above; run `make venv` first"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The name of a new, empty bucket.
    pub fn new_bucket(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let bucket = format!("bucket-{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let (status, answer) = self.request("PUT", &format!("/{bucket}"), b"");
        assert_eq!(status, 200, "{answer}");
        bucket
    }

    /// Stores an object.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let (status, answer) = self.request("PUT", &format!("/{bucket}/{key}"), bytes);
        assert_eq!(status, 200, "{answer}");
    }

    /// Makes a request that nobody signs, and returns status and body.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}
