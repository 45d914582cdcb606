//! Stands between a client and its server, passes requests on, and fails at one chosen request.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFault {
    /// From this request on nothing gets through.
    CrashBefore,
    /// This request takes effect; its answer is lost, and later ones do not get through.
    CrashAfter,
    /// It does not get through.
    Lost,
    /// It takes effect, its answer is lost.
    AnswerLost,
    /// It takes effect, its answer breaks off in the middle.
    Truncated,
    /// It has no effect and is answered so.
    Refused(u16, &'static str),
    /// It takes effect and is answered so.
    RefusedAfter(u16, &'static str),
}

impl HttpFault {
    pub const ALL: [Self; 10] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Lost,
        Self::AnswerLost,
        Self::Truncated,
        Self::Refused(409, "ConditionalRequestConflict"),
        Self::Refused(412, "PreconditionFailed"),
        Self::Refused(500, "InternalError"),
        Self::Refused(503, "SlowDown"),
        Self::RefusedAfter(500, "InternalError"),
    ];

    /// Whether nothing gets through any more afterwards.
    pub fn lasts(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }

    /// Whether a server says so to conditional writes alone: to other requests nobody expects it, and nobody asks again.
    pub fn is_absurd_for_most(self) -> bool {
        matches!(self, Self::Refused(409 | 412, _))
    }
}

#[derive(Debug, Default)]
struct State {
    /// How many requests came since the fault was set.
    requests: usize,
    fault: Option<(usize, HttpFault)>,
}

/// A proxy on a port of its own. It ends with the test binary.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&client.unwrap(), upstream, &state));
            }
        });
        Self { address, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets request number `at` (from 0, counted from now on) meet the fault.
    pub fn fail(&self, at: usize, fault: HttpFault) {
        *self.state.lock().unwrap() = State { requests: 0, fault: Some((at, fault)) };
    }

    /// Lets everything through again, and says how many requests came since the fault was set.
    pub fn heal(&self) -> usize {
        std::mem::take(&mut *self.state.lock().unwrap()).requests
    }
}

impl State {
    /// The fault that the next request meets.
    fn next(&mut self) -> Option<HttpFault> {
        let number = self.requests;
        self.requests += 1;
        let (at, fault) = self.fault?;
        match number.cmp(&at) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(fault),
            std::cmp::Ordering::Greater => fault.lasts().then_some(HttpFault::CrashBefore),
        }
    }
}

/// Serves the one request of a connection.
fn serve(mut client: &TcpStream, upstream: SocketAddr, state: &Mutex<State>) {
    // A client may open a connection and never use it.
    let Some(request) = receive(client) else { return };
    let fault = state.lock().unwrap().next();
    let answer = match fault {
        Some(HttpFault::CrashBefore | HttpFault::Lost) => return,
        Some(HttpFault::Refused(status, code)) => refusal(status, code),
        _ => pass_on(&request, upstream),
    };
    let answer = match fault {
        Some(HttpFault::CrashAfter | HttpFault::AnswerLost) => return,
        Some(HttpFault::Truncated) => {
            let head = head_length(&answer).unwrap();
            // Without a body the head itself breaks off.
            let body = answer.len() - head;
            let cut = if body == 0 { head / 2 } else { head + body / 2 };
            answer[..cut].to_vec()
        }
        Some(HttpFault::RefusedAfter(status, code)) => refusal(status, code),
        _ => answer,
    };
    // A client may have gone.
    let _ = client.write_all(&answer);
    let _ = client.shutdown(Shutdown::Both);
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = format!("<Error><Code>{code}</Code><Message>injected fault</Message></Error>");
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Fault\r\ncontent-type: application/xml\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn pass_on(request: &[u8], upstream: SocketAddr) -> Vec<u8> {
    let mut server = TcpStream::connect(upstream).unwrap();
    server.write_all(request).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    answer
}

/// Where the head ends, behind its empty line.
fn head_length(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Receives a whole request, changed such that the server closes the connection after its answer.
fn receive(mut client: &TcpStream) -> Option<Vec<u8>> {
    let mut received = Vec::new();
    let head_length = loop {
        if let Some(length) = head_length(&received) {
            break length;
        }
        read_more(&mut client, &mut received)?;
    };
    let head = String::from_utf8(received[..head_length].to_vec()).unwrap();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    let value = |name: &str| {
        lines.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    assert_eq!(value("transfer-encoding"), None, "bodies are expected to have a length");
    let length: usize = value("content-length").map_or(0, |text| text.parse().unwrap());
    if value("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    while received.len() < head_length + length {
        read_more(&mut client, &mut received)?;
    }
    lines.retain(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !["connection", "expect"].contains(&&*name)
    });
    let mut request = lines.join("\r\n").into_bytes();
    request.extend_from_slice(b"\r\nconnection: close\r\n\r\n");
    request.extend_from_slice(&received[head_length..]);
    Some(request)
}

/// Appends what comes next; none when nothing comes any more.
fn read_more(client: &mut &TcpStream, received: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 64 << 10];
    let length = client.read(&mut chunk).ok()?;
    received.extend_from_slice(&chunk[..length]);
    (length > 0).then_some(())
}
