//! Streams of events, read as a browser's EventSource reads them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::executions::left_running;
use crate::harness::{Server, Workplace, get, send};

/// One stream of an EventSource: how it was answered, and what came.
struct Stream {
    status: u16,
    content_type: String,
    lines: Box<dyn Iterator<Item = String>>,
}

/// What is kept from stream to stream ("Server-sent events", 9.2.2 and 9.2.6).
#[derive(Default)]
struct EventSource {
    last_event_id: String,
    reconnection_time: Option<u64>,
    comments: Vec<String>,
}

/// A dispatched event.
#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    data: Value,
}

impl EventSource {
    fn connect(&self, server: &Server, path: &str) -> Stream {
        let stream = TcpStream::connect(server.address).unwrap();
        let id = match self.last_event_id.as_str() {
            "" => String::new(),
            id => format!("last-event-id: {id}\r\n"),
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n{id}connection: close\r\n\r\n"
        );
        (&stream).write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let content_type = headers.iter().find_map(|line| line.strip_prefix("content-type: "));
        let content_type = content_type.unwrap_or_default().to_owned();
        // Chunks hold whole lines here: what is neither their lengths nor behind them is the stream.
        let is_length = |line: &str| u32::from_str_radix(line, 16).is_ok();
        let lines = Box::new(lines.filter(move |line| !is_length(line)));
        Stream { status, content_type, lines }
    }

    /// The next event; none when the stream is over.
    fn next(&mut self, stream: &mut Stream) -> Option<Event> {
        let (mut name, mut data) = (String::new(), Vec::new());
        loop {
            let line = stream.lines.next()?;
            if line.is_empty() {
                if data.is_empty() {
                    continue;
                }
                let data = serde_json::from_str(&data.join("\n")).unwrap();
                return Some(Event { name, data });
            }
            match line.split_once(": ") {
                Some(("event", value)) => name = value.to_owned(),
                Some(("data", value)) => data.push(value.to_owned()),
                Some(("id", value)) => self.last_event_id = value.to_owned(),
                Some(("retry", value)) => self.reconnection_time = Some(value.parse().unwrap()),
                _ => {
                    let comment = line.strip_prefix(':');
                    self.comments.push(comment.unwrap_or_else(|| panic!("{line}")).to_owned());
                }
            }
        }
    }
}

fn running(workplace: &Workplace, server: &[&str]) -> (Server, String) {
    let arns = left_running(workplace, &["1"]);
    (Server::start(workplace, server), format!("/executions/{}/events", arns[0]))
}

fn standing(server: &Server, path: &str) -> Value {
    get(server, path.strip_suffix("/events").unwrap()).json()
}

#[test]
fn events_show_the_execution_as_it_stands_and_its_end_and_then_there_is_nothing_to_ask_for() {
    let workplace = Workplace::new();
    let (server, path) = running(&workplace, &[]);
    let mut source = EventSource::default();
    let mut stream = source.connect(&server, &path);
    assert_eq!((stream.status, &*stream.content_type), (200, "text/event-stream"));
    let before = source.next(&mut stream).unwrap();
    assert_eq!(before, Event { name: "RUNNING".to_owned(), data: standing(&server, &path) });
    assert_eq!(source.last_event_id, "");
    workplace.publish(&[]).summary();
    let end = source.next(&mut stream).unwrap();
    assert_eq!(end, Event { name: "SUCCEEDED".to_owned(), data: standing(&server, &path) });
    assert_eq!((source.next(&mut stream), &*source.last_event_id), (None, "SUCCEEDED"));
    // A browser asks again, and is told that this was all.
    let mut again = source.connect(&server, &path);
    assert_eq!((again.status, source.next(&mut again)), (204, None));
    // Another one that asks for the first time is told the end at once, and once.
    let mut other = EventSource::default();
    let mut stream = other.connect(&server, &path);
    assert_eq!(other.next(&mut stream), Some(end));
    assert_eq!((other.next(&mut stream), &*other.last_event_id), (None, "SUCCEEDED"));
    // An id of something else tells nothing.
    other.last_event_id = "ABORTED".to_owned();
    assert_eq!(other.connect(&server, &path).status, 200);
    assert_eq!(get(&server, &path.replace("akin:", "akin:0")).status, 404);
}

#[test]
fn an_input_with_line_breaks_which_is_passed_on_as_it_came_does_not_end_the_data() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let pretty = "{\r\n  \"movieID\": \"2\",\n\n  \"user\": \"abby\",\n  \"rating\": 4\n}";
    let accepted = send(&server, "POST", "/ratings", &[], Some(pretty)).json();
    let arn = accepted["executionArn"].as_str().unwrap();
    let expected = get(&server, &format!("/executions/{arn}?wait=30")).json();
    let events = get(&server, &format!("/executions/{arn}/events")).body;
    let lines: Vec<&str> = events.lines().collect();
    assert_eq!(lines.len(), 4, "{events}");
    let shown: Value = serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(shown, expected);
    assert_eq!((lines[0], lines[2], lines[3]), ("event: SUCCEEDED", "id: SUCCEEDED", ""));
}

#[test]
fn a_stopping_server_says_that_there_is_an_end_to_come_and_the_next_one_tells_it() {
    let workplace = Workplace::new();
    let (mut server, path) = running(&workplace, &[]);
    let mut source = EventSource::default();
    let mut stream = source.connect(&server, &path);
    assert_eq!(source.next(&mut stream).unwrap().name, "RUNNING");
    server.ask_to_stop();
    assert_eq!(source.next(&mut stream), None);
    assert_eq!(source.reconnection_time, Some(5000));
    assert!(source.comments.last().unwrap().contains("the server stops"), "{:?}", source.comments);
    assert!(server.wait().success());
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let mut stream = source.connect(&server, &path);
    let mut last = None;
    while let Some(event) = source.next(&mut stream) {
        last = Some(event.name);
    }
    assert_eq!(last.as_deref(), Some("SUCCEEDED"));
    assert_eq!(source.connect(&server, &path).status, 204);
}
