//! A small HTTP client.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Server;

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Response {
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn of(answer: ureq::http::Response<ureq::Body>) -> Self {
        let (parts, mut body) = answer.into_parts();
        let body = body.read_to_string().unwrap();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// A client with a long patience, for which no status is an error.
pub fn agent() -> ureq::Agent {
    let timeout = Some(Duration::from_secs(60));
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(timeout).build().into()
}

fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

pub fn get(server: &Server, path: &str) -> Response {
    Response::of(agent().get(url(server, path)).call().unwrap())
}

pub fn post_raw(server: &Server, path: &str, content_type: &str, body: &[u8]) -> Response {
    let request = agent().post(url(server, path)).header("content-type", content_type);
    Response::of(request.send(body).unwrap())
}

/// Any method, with headers and perhaps a JSON body.
pub fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Response {
    match body {
        Some(body) => {
            let headers = [headers, &[("content-type", "application/json")]].concat();
            send_raw(server, method, path, &headers, body)
        }
        None => Response::of(
            agent().run(request(server, method, path, headers).body(()).unwrap()).unwrap(),
        ),
    }
}

fn request(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> ureq::http::request::Builder {
    let request = ureq::http::Request::builder().method(method).uri(url(server, path));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// The same with a body of any type, which the headers name.
pub fn send_raw(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let request = request(server, method, path, headers).body(body.to_owned());
    Response::of(agent().run(request.unwrap()).unwrap())
}

/// Posts a rating and returns the handle.
#[track_caller]
pub fn post_rating(server: &Server, user: &str, item: &str, rating: f64) -> String {
    let body = serde_json::json!({"movieID": item, "user": user, "rating": rating}).to_string();
    let answer = post_raw(server, "/ratings", "application/json", body.as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.json()["executionArn"].as_str().unwrap().to_owned()
}

/// `/metrics`: series by their name and labels.
pub fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let answer = get(server, "/metrics");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
    let series = lines.map(|line| line.rsplit_once(' ').unwrap());
    series.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}
