//! Every bad request has its status: 4xx for whatever the client did.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Response, Server, Workplace, get, post_rating, post_raw};

fn ready() -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--request-timeout", "1"]);
    (workplace, server)
}

#[track_caller]
fn assert_problem(answer: &Response, status: u16, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{case}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{case}");
    for field in ["type", "title", "detail", "requestId"] {
        let text = problem[field].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{case}: {field} in {problem}");
    }
    assert_eq!(answer.header("x-request-id"), problem["requestId"].as_str().unwrap(), "{case}");
}

#[test]
fn a_bad_body_is_refused_with_its_status() {
    let (_workplace, server) = ready();
    let rating = |text: &str| format!(r#"{{"movieID":"1","user":"abby","rating":{text}}}"#);
    let item = |text: &str| format!(r#"{{"movieID":{text},"user":"abby","rating":5}}"#);
    let long_id = format!("\"{}\"", "x".repeat(129));
    let cases: Vec<(u16, Vec<u8>)> = vec![
        (400, b"".into()),
        (400, b"{".into()),
        (400, rating("NaN").into()),
        (400, rating("1e999").into()),
        (400, item(r#""\ud800""#).into()),
        (400, b"{\"movieID\":\"\xff\",\"user\":\"a\",\"rating\":1}".into()),
        (400, [b"\xef\xbb\xbf".as_slice(), rating("5").as_bytes()].concat()),
        (400, format!("{} x", rating("5")).into()),
        (400, b"[".into()),
        (422, b"[]".into()),
        (422, format!("[{},{}]", rating("5"), rating("0")).into()),
        (422, format!("[{}{}]", rating("5"), format!(",{}", rating("5")).repeat(1000)).into()),
        (422, format!("[[{}]]", rating("5")).into()),
        (422, rating("0").into()),
        (422, rating("-0.0").into()),
        (422, rating("-1").into()),
        (422, rating("10.0001").into()),
        (422, rating("1e-320").into()),
        (422, rating("null").into()),
        (422, rating("true").into()),
        (422, rating("\"5\"").into()),
        (422, rating("5,\"rating\":6").into()),
        (422, rating("5,\"extra\":6").into()),
        (422, item("1.0").into()),
        (422, item("\"\"").into()),
        (422, item("\"a\\u0000b\"").into()),
        (422, item(&long_id).into()),
        (422, item("[[[[[[[[[[1]]]]]]]]]]").into()),
        (413, item(&format!("\"{}\"", "x".repeat(1 << 20))).into()),
        (413, format!("[{}]", item(&format!("\"{}\"", "x".repeat(5000)))).into()),
        (413, vec![b'['; 600_000]),
        (400, "[".repeat(200_000).into()),
    ];
    for (status, body) in cases {
        let case = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = post_raw(&server, "/ratings", "application/json", &body);
        assert_problem(&answer, status, &case);
    }
    // Nothing of it was taken.
    assert_eq!(get(&server, "/users/abby/recommendations").json()["known"], false);
}

#[test]
fn ids_are_taken_as_they_are() {
    let (_workplace, server) = ready();
    for (sent, expected) in [
        ("9007199254740993", "9007199254740993"),
        ("\" 1\"", " 1"),
        ("\"01\"", "01"),
        ("\"\\u202eabc\"", "\u{202e}abc"),
        ("\"e\\u0301\"", "e\u{301}"),
    ] {
        let body = format!(r#"{{"itemId":{sent},"userId":7,"rating":5}}"#);
        let answer =
            post_raw(&server, "/ratings", "application/json; charset=utf-8", body.as_bytes());
        assert_eq!(answer.status, 202, "{}", answer.body);
        let location = answer.header("location").to_owned();
        assert_eq!(
            location,
            format!("/executions/{}", answer.json()["executionArn"].as_str().unwrap())
        );
        let execution = get(&server, &format!("{location}?wait=20")).json();
        assert_eq!(execution["output"]["rated"]["itemId"], expected);
        assert_eq!(execution["output"]["user"], "7");
    }
}

#[test]
fn a_bad_path_query_or_method_is_refused_with_its_status() {
    let (_workplace, server) = ready();
    let handle = post_rating(&server, "abby", "1", 5.0);
    let other = handle.replace(&handle[handle.len() - 4..], "0000");
    for (status, path) in [
        (404, "/".to_owned()),
        (404, "/nothing/here".to_owned()),
        (404, "/users/abby".to_owned()),
        (404, format!("/executions/{other}")),
        (404, "/executions/abc".to_owned()),
        (404, "/executions/arn:aws:states:local:000000000000:execution:akin:abc".to_owned()),
        (404, "/items/no-such-item/neighbours".to_owned()),
        (404, "/items/%2e%2e/neighbours".to_owned()),
        (404, "/items/a%2Fb/neighbours".to_owned()),
        (400, format!("/executions/{handle}?wait=-1")),
        (400, format!("/executions/{handle}?wait=61")),
        (400, format!("/executions/{handle}?wait=x")),
        (400, format!("/executions/{handle}?weit=5")),
        (400, "/users/abby/recommendations?n=0".to_owned()),
        (400, "/users/abby/recommendations?n=1001".to_owned()),
        (400, "/users/abby/recommendations?n=99999999".to_owned()),
        (400, "/users/abby/recommendations?m=1".to_owned()),
        (400, "/users/a%00b/recommendations".to_owned()),
        (400, "/users/%ff/recommendations".to_owned()),
        (405, "/ratings".to_owned()),
    ] {
        assert_problem(&get(&server, &path), status, &path);
    }
    let body = br#"{"movieID":"1","user":"abby","rating":6}"#;
    assert_problem(&post_raw(&server, "/versions/current", "application/json", body), 405, "POST");
    assert_problem(&post_raw(&server, "/ratings", "text/plain", body), 415, "text/plain");
    assert_problem(
        &post_raw(&server, "/ratings", "application/x-www-form-urlencoded", body),
        415,
        "form",
    );
}

/// Sends bytes as they are, and reads until the server closes or stays silent.
fn talk(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_body_or_header_that_does_not_come_is_not_waited_for() {
    let (_workplace, server) = ready();
    let slow_body = b"POST /ratings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n{\"mov";
    let answer = talk(&server, slow_body);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    assert!(answer.contains("body-too-slow"), "{answer:?}");
    let slow_headers = talk(&server, b"POST /ratings HTTP/1.1\r\nhost: x\r\n");
    assert!(
        slow_headers.is_empty() || slow_headers.starts_with("HTTP/1.1 408"),
        "{slow_headers:?}"
    );
    assert_eq!(get(&server, "/health/ready").status, 200);
}

#[test]
fn broken_http_is_refused_and_the_server_lives() {
    let (_workplace, server) = ready();
    let head = "POST /ratings HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let body = r#"{"movieID":"1","user":"abby","rating":6}"#;
    for (what, lines) in [
        ("two lengths", "content-length: 40\r\ncontent-length: 41\r\n"),
        ("a length and chunks", "content-length: 40\r\ntransfer-encoding: chunked\r\n"),
        ("a negative length", "content-length: -1\r\n"),
        ("an unknown coding", "transfer-encoding: banana\r\n"),
    ] {
        let answer = talk(&server, format!("{head}{lines}\r\n{body}").as_bytes());
        assert!(
            !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"),
            "{what}: {answer:?}"
        );
    }
    let answer = talk(
        &server,
        format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "x".repeat(10_000))
            .as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    assert_eq!(get(&server, "/health/ready").status, 200);
}
