//! Pages of other origins, as browsers ask for them.

use crate::harness::{Response, Server, Workplace, get, send};

const RATING: &str = r#"{"movieID":"1","user":"abby","rating":6}"#;
const ALLOW: &str = "access-control-allow-origin";

fn ready(more: &[&str]) -> (Workplace, Server) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, more);
    (workplace, server)
}

fn preflight(server: &Server, path: &str, origin: &str, method: &str) -> Response {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "content-type,idempotency-key"),
    ];
    send(server, "OPTIONS", path, &headers, None)
}

#[test]
fn a_page_of_a_named_origin_rates_and_polls() {
    let (_workplace, server) =
        ready(&["--allow-origin", "https://films.example", "http://127.0.0.1:3000"]);
    for origin in ["https://films.example", "http://127.0.0.1:3000"] {
        for (path, method) in
            [("/ratings", "POST"), ("/users/abby/ratings/1", "DELETE"), ("/", "POST")]
        {
            let answer = preflight(&server, path, origin, method);
            assert_eq!((answer.status, answer.header(ALLOW)), (204, origin), "{path}");
            assert!(answer.header("access-control-allow-methods").contains(method));
            let headers = answer.header("access-control-allow-headers").to_lowercase();
            for header in ["content-type", "idempotency-key", "x-request-id", "x-amz-target"] {
                assert!(headers.contains(header), "{headers}");
            }
            assert!(!answer.header("access-control-max-age").is_empty());
        }
        let rated = send(&server, "POST", "/ratings", &[("origin", origin)], Some(RATING));
        let polled = send(&server, "GET", rated.header("location"), &[("origin", origin)], None);
        let missing = send(&server, "GET", "/no/such/path", &[("origin", origin)], None);
        let refused = send(&server, "POST", "/ratings", &[("origin", origin)], Some("{}"));
        for (answer, status) in [(rated, 202), (polled, 200), (missing, 404), (refused, 422)] {
            assert_eq!((answer.status, answer.header(ALLOW)), (status, origin), "{}", answer.body);
            let exposed = "Location, Retry-After, X-Request-Id";
            assert_eq!(answer.header("access-control-expose-headers"), exposed);
            assert_eq!(answer.header("vary"), "Origin");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
    for origin in
        ["https://other.example", "http://films.example", "https://films.example.evil", "null"]
    {
        let asked = preflight(&server, "/ratings", origin, "POST");
        assert_eq!((asked.status, asked.header(ALLOW)), (405, ""), "{origin}");
        let answer = send(&server, "GET", "/health/live", &[("origin", origin)], None);
        assert_eq!((answer.status, answer.header(ALLOW)), (200, ""), "{origin}");
        assert_eq!(answer.header("vary"), "Origin", "a cache must tell origins apart");
    }
}

#[test]
fn nobody_is_allowed_unless_named_and_null_only_by_its_name() {
    let (_workplace, server) = ready(&[]);
    let answer = preflight(&server, "/ratings", "https://films.example", "POST");
    assert_eq!((answer.status, answer.header(ALLOW), answer.header("vary")), (405, "", ""));
    let answer = send(&server, "GET", "/health/live", &[("origin", "https://a")], None);
    assert_eq!((answer.header(ALLOW), answer.header("vary")), ("", ""));
    for (allowed, origin, expected) in [
        ("*", "https://films.example", "*"),
        ("*", "null", ""),
        ("*,null", "null", "null"),
        ("null", "null", "null"),
        ("null", "https://films.example", ""),
    ] {
        let (_workplace, server) = ready(&["--allow-origin", allowed]);
        let answer = send(&server, "GET", "/health/live", &[("origin", origin)], None);
        assert_eq!(answer.header(ALLOW), expected, "{allowed} {origin}");
        let asked = preflight(&server, "/ratings", origin, "POST");
        let status = if expected.is_empty() { 405 } else { 204 };
        assert_eq!((asked.status, asked.header(ALLOW)), (status, expected), "{allowed} {origin}");
        assert_eq!(get(&server, "/health/live").header("vary"), "Origin");
    }
}

#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    let workplace = Workplace::new();
    for origin in [
        "films.example",
        "https://films.example/",
        "https://films.example:443",
        "https://*.example",
    ] {
        let (code, log) = Server::start_in_vain(&workplace, &["--allow-origin", origin]);
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains("an origin is https://host"), "{log}");
    }
}
