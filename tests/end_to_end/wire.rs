//! What comes over the wire and is no proper HTTP, or comes slowly, or is not read: written byte by byte, because no
//! client would send it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use crate::harness::{Server, Workplace, get, post_rating, wait_for};

const BODY: &str = r#"{"movieID":"1","user":"abby","rating":6}"#;
const HEAD: &str = "POST /ratings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
/// Far longer than any deadline below.
const PATIENCE: Duration = Duration::from_secs(40);

fn ready(more: &[&str]) -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, more);
    (workplace, server)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the server closes, which it must, and returns the statuses of the answers.
#[track_caller]
fn statuses(mut stream: TcpStream, case: &str) -> Vec<u16> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // Closed with something unread on the server's side.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        result => drop(result.unwrap_or_else(|error| panic!("{case}: never closed: {error}"))),
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let answers = text.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer[..3].parse().unwrap()).collect()
}

fn is_rated(server: &Server) -> bool {
    get(server, "/users/abby/recommendations").json()["known"] == true
}

/// A request with these lines after its first ones.
fn request(lines: &str, body: &str) -> String {
    format!("{HEAD}connection: close\r\n{lines}\r\n{body}")
}

#[test]
fn what_is_no_proper_http_has_its_status_and_changes_nothing() {
    let (_workplace, server) = ready(&["--request-timeout", "1"]);
    let chunks = format!("28\r\n{BODY}\r\n0\r\n\r\n");
    let length = "content-length: 40\r\n";
    let chunked = "transfer-encoding: chunked\r\n";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let long = "x".repeat(10_000);
    let cases = [
        ("two lengths", 400, request(&format!("{length}content-length: 41\r\n"), BODY)),
        ("one length twice", 400, request(&format!("{length}{length}"), BODY)),
        ("a list of lengths", 400, request("content-length: 40, 40\r\n", BODY)),
        ("a length and chunks", 400, request(&format!("{length}{chunked}"), &chunks)),
        ("chunks and a length", 400, request(&format!("{chunked}{length}"), &chunks)),
        ("a negative length", 400, request("content-length: -1\r\n", BODY)),
        ("a signed length", 400, request("content-length: +40\r\n", BODY)),
        (
            "a length that no number holds",
            400,
            request(&format!("content-length: {}\r\n", "9".repeat(30)), BODY),
        ),
        (
            "a length that no memory holds",
            413,
            request("content-length: 9223372036854775807\r\n", BODY),
        ),
        ("an unknown coding", 400, request("transfer-encoding: banana\r\n", BODY)),
        ("nearly chunked", 400, request("transfer-encoding: xchunked\r\n", &chunks)),
        ("chunked twice", 400, request(&format!("{chunked}{chunked}"), &chunks)),
        ("a coding below chunks", 400, request("transfer-encoding: gzip, chunked\r\n", &chunks)),
        ("chunks in HTTP/1.0", 400, request(chunked, &chunks).replacen("1.1", "1.0", 1)),
        ("a chunk's size that is none", 400, request(chunked, "zz\r\n")),
        ("a chunk's size that no number holds", 400, request(chunked, "ffffffffffffffffff\r\n")),
        (
            "a chunk that is larger than any body",
            413,
            request(chunked, &format!("fffffff\r\n{}", "x".repeat(600_000))),
        ),
        ("neither length nor chunks", 400, request("", "")),
        ("no host", 400, request(length, BODY).replacen("host: x\r\n", "", 1)),
        ("two hosts", 400, request(&format!("host: y\r\n{length}"), BODY)),
        ("a space before the colon", 400, request("content-length : 40\r\n", BODY)),
        ("a folded header", 400, request(&format!("x-a: b\r\n c\r\n{length}"), BODY)),
        ("NUL in a header", 400, request(&format!("x-a: b\0c\r\n{length}"), BODY)),
        (
            "two hundred headers",
            431,
            request(&format!("{}{length}", "x-a: b\r\n".repeat(200)), BODY),
        ),
        (
            "a header of 200 kB",
            431,
            request(&format!("x-a: {}\r\n{length}", long.repeat(20)), BODY),
        ),
        ("two content types", 415, request(&format!("content-type: text/plain\r\n{length}"), BODY)),
        ("no content type", 415, request(length, BODY).replacen("content-type", "x-type", 1)),
        ("a packed body", 415, request(&format!("content-encoding: gzip\r\n{length}"), BODY)),
        (
            "a body packed twice",
            415,
            request(&format!("content-encoding: br, gzip\r\n{length}"), BODY),
        ),
        ("no method", 400, "\x01 / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("HTTP/0.9", 400, "GET /\r\n\r\n".to_owned()),
        ("HTTP/2", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("HTTP/3.7", 400, get("/health/live").replacen("1.1", "3.7", 1)),
        ("TLS", 400, "\x16\x03\x01\0\u{5}\x01\0\0\x01\x03\x03\0\0\0\0\r\n\r\n".to_owned()),
        (
            "a proxy's method",
            404,
            "CONNECT x:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
        ),
        ("TRACE", 405, get("/ratings").replacen("GET", "TRACE", 1)),
        ("dots", 404, get("/items/../health/live")),
        ("dots in percents", 404, get("/items/%2e%2e/%2e%2e/health/live")),
        ("a path of 10 kB", 404, get(&format!("/{long}"))),
        ("a user of 10 kB", 400, get(&format!("/users/{long}/recommendations"))),
        (
            "a query of 10 kB",
            400,
            get(&format!("/users/a/recommendations?n={}", "1".repeat(10_000))),
        ),
        ("a path of 100 kB", 400, get(&format!("/{}", long.repeat(10)))),
    ];
    scope(|scope| {
        for (case, status, bytes) in &cases {
            let mut stream = connect(&server);
            scope.spawn(move || {
                // The server may have seen enough before the end.
                let _ = stream.write_all(bytes.as_bytes());
                assert_eq!(statuses(stream, case), [*status], "{case}");
            });
        }
    });
    assert!(!is_rated(&server));

    // And so do proper ones.
    for (case, bytes) in [
        ("a length", request(length, BODY)),
        ("chunks", request(chunked, &chunks)),
        (
            "a body that is not packed",
            request(&format!("content-encoding: identity\r\n{length}"), BODY),
        ),
    ] {
        let mut stream = connect(&server);
        stream.write_all(bytes.as_bytes()).unwrap();
        assert_eq!(statuses(stream, case), [202], "{case}");
    }
    assert!(is_rated(&server));
}

/// Sends a beginning, and then a byte again and again until the server has had enough.
fn dribble(mut stream: TcpStream, beginning: &str, byte: &str) -> TcpStream {
    let mut writer = stream.try_clone().unwrap();
    let byte = byte.to_owned();
    stream.write_all(beginning.as_bytes()).unwrap();
    spawn(move || {
        while writer.write_all(byte.as_bytes()).is_ok() {
            sleep(Duration::from_millis(50));
        }
    });
    stream
}

#[test]
fn what_comes_slowly_or_breaks_off_is_not_waited_for() {
    let (_workplace, server) =
        ready(&["--request-timeout", "0.5", "--keep-alive", "0.5", "--connections", "1000"]);
    let half = &BODY[..20];
    let length = format!("{HEAD}content-length: 40\r\n\r\n");
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let lost = "POST /nothing HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let live = "GET /health/live HTTP/1.1\r\nhost: x\r\n";
    let cases: [(&str, &[u16], String, &str); 14] = [
        ("nothing", &[408], String::new(), ""),
        ("half a head", &[408], HEAD.to_owned(), ""),
        ("a head byte by byte", &[408], format!("{HEAD}x-a: "), "b"),
        ("heads without end", &[408], HEAD.to_owned(), "x-a: b\r\n"),
        ("half a body", &[408], format!("{length}{half}"), ""),
        ("a body byte by byte", &[408], length.clone(), " "),
        ("half a body in chunks", &[408], format!("{chunked}14\r\n{half}\r\n"), ""),
        ("chunks without an end", &[408], format!("{chunked}28\r\n{BODY}\r\n"), ""),
        ("chunks byte by byte", &[408], chunked.clone(), "1\r\n \r\n"),
        ("chunks that nobody asked for", &[404], lost, "1\r\n \r\n"),
        (
            "chunks for what takes no body",
            &[200],
            format!("{live}transfer-encoding: chunked\r\n\r\n"),
            "1\r\n \r\n",
        ),
        ("a body for what takes none", &[200], format!("{live}content-length: 40\r\n\r\n"), " "),
        (
            "a body that waits to be asked for",
            &[100, 408],
            format!("{HEAD}expect: 100-continue\r\ncontent-length: 40\r\n\r\n"),
            "",
        ),
        ("silence after an answer", &[200], format!("{live}\r\n"), ""),
    ];
    scope(|scope| {
        for (case, expected, beginning, byte) in &cases {
            let stream = connect(&server);
            scope.spawn(move || {
                let stream = if byte.is_empty() {
                    (&stream).write_all(beginning.as_bytes()).unwrap();
                    stream
                } else {
                    dribble(stream, beginning, byte)
                };
                assert_eq!(statuses(stream, case), *expected, "{case}");
            });
        }
    });
    assert!(!is_rated(&server));
}

#[test]
fn idle_connections_keep_nobody_out_for_long() {
    let (_workplace, server) = ready(&["--request-timeout", "0.5", "--connections", "20"]);
    let idle: Vec<_> = (0..200).map(|_| connect(&server)).collect();
    // It waits behind them, and its turn comes.
    post_rating(&server, "abby", "1", 5.0);
    for stream in idle {
        assert!(statuses(stream, "idle").iter().all(|status| *status == 408));
    }
}

#[test]
fn who_does_not_read_the_answers_is_let_go() {
    let (_workplace, server) = ready(&["--unread-timeout", "1"]);
    let mut stream = connect(&server);
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let request = "GET /users/ann/recommendations HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let ended = loop {
        // Until both sides' buffers are full; then for the server to end it.
        if let Err(error) = stream.write_all(request.as_bytes()) {
            break error.kind();
        }
    };
    assert!(
        matches!(ended, std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe),
        "{ended:?}"
    );
    post_rating(&server, "abby", "1", 5.0);
}

#[test]
fn a_hundred_posts_in_one_go_are_a_hundred_ratings_answered_in_order() {
    let (_workplace, server) = ready(&[]);
    let one = |n: usize| {
        let body = format!(r#"{{"movieID":"i{n:03}","user":"abby","rating":6}}"#);
        let last = if n == 99 { "connection: close\r\n" } else { "" };
        format!("{HEAD}{last}content-length: {}\r\n\r\n{body}", body.len())
    };
    let all: String = (0..100).map(one).collect();
    let stream = connect(&server);
    (&stream).write_all(all.as_bytes()).unwrap();
    let mut text = String::new();
    (&stream).read_to_string(&mut text).unwrap();
    let answers: Vec<_> = text.split("HTTP/1.1 ").skip(1).collect();
    assert_eq!(answers.len(), 100);
    for (n, answer) in answers.into_iter().enumerate() {
        assert!(answer.starts_with("202"), "{answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let arn = serde_json::from_str::<serde_json::Value>(body).unwrap()["executionArn"].clone();
        let path = format!("/executions/{}?wait=30", arn.as_str().unwrap());
        let execution = get(&server, &path).json();
        assert_eq!(execution["output"]["rated"]["itemId"], format!("i{n:03}"));
    }
}

#[test]
fn who_resets_the_connection_after_sending_disturbs_nobody() {
    let (_workplace, server) = ready(&[]);
    let (sender, receiver) = mpsc::channel();
    for round in 0..20 {
        let stream = connect(&server);
        (&stream).write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        // An answer that is there and not read makes the close a reset.
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
        let body = BODY.replace("abby", &format!("u{round}"));
        let (length, body) = match round % 3 {
            // A whole rating, half a rating, or two.
            0 => (body.len(), body),
            1 => (body.len(), body[..20].to_owned()),
            _ => (body.len(), format!("{body}{HEAD}content-length: {}\r\n\r\n{body}", body.len())),
        };
        (&stream)
            .write_all(format!("{HEAD}content-length: {length}\r\n\r\n{body}").as_bytes())
            .unwrap();
        drop(stream);
        sender.send(post_rating(&server, "abby", &round.to_string(), 5.0)).unwrap();
    }
    drop(sender);
    for handle in receiver {
        let execution = get(&server, &format!("/executions/{handle}?wait=30")).json();
        assert_eq!(execution["status"], "SUCCEEDED");
    }
    // Whatever came whole and was taken has ended too.
    wait_for("nothing is left running", || {
        let running = get(&server, "/executions?status=RUNNING").json();
        running["executions"].as_array().unwrap().is_empty().then_some(())
    });
    assert_eq!(get(&server, "/health/ready").json()["status"], "ok");
}
