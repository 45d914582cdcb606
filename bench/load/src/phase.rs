//! One phase: one schedule, and who waits for what it began.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::{Options, Phase};
use crate::client::{self, Client};
use crate::failure::Failure;
use crate::latencies::{Latencies, Percentiles};
use crate::process::Usage;
use crate::requests::{self, Ratings};
use crate::schedule::Schedule;
use crate::sending::Sending;

/// Threads are up before the first request is due.
const HEAD_START: Duration = Duration::from_millis(200);
/// How long an execution's end is waited for, in seconds.
const LONGEST_WAIT: u32 = 30;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ratings.
    Post,
    /// Ratings, and for each a long poll until it has succeeded.
    Finish,
    /// Polls for executions of earlier phases.
    Poll,
}

/// What came of it. Latencies in microseconds.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    asked: Phase,
    /// Requests that were not sent, because the server was too slow to get through the schedule in twice its time.
    unsent: u64,
    /// Answers by status; `broken` where there was none.
    answers: BTreeMap<String, u64>,
    /// Answered as hoped for, a second of the phase.
    served_a_second: f64,
    /// From the moment at which a request was due to its good answer.
    latency: Percentiles,
    /// How late requests were sent: the wait for a free connection, and the generator's own lateness.
    lag: Percentiles,
    /// From the moment at which a rating was due to the sight of its success.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_success: Option<Percentiles>,
    /// Of the server's processes.
    server: Usage,
    /// Requests that were answered as hoped for, long polls included, for each processor second of the server.
    served_a_server_second: f64,
    /// Processor seconds of this program.
    generator_seconds: f64,
}

/// One thread's share of a phase.
#[derive(Default)]
pub struct Share {
    pub answers: BTreeMap<String, u64>,
    pub latency: Latencies,
    pub lag: Latencies,
    pub handles: Vec<String>,
}

impl Share {
    /// Counts an answer.
    pub fn note(&mut self, status: String) {
        *self.answers.entry(status).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
        self.latency.extend(other.latency);
        self.lag.extend(other.lag);
        self.handles.extend(other.handles);
    }
}

/// A rating that was accepted, and since when it was due.
pub type Started = (String, Instant);

/// Runs one phase. What it is handed in `handles` it may ask for; what it gets, it adds.
///
/// # Errors
/// When the server cannot be connected to or looked at, or the system refuses.
pub fn run(
    options: &Options,
    phase: Phase,
    at_half: Option<&str>,
    ratings: &mut Ratings,
    handles: &mut Vec<String>,
) -> Result<Report, Failure> {
    let server = options.server.as_str();
    let requests = prepare(server, phase, ratings, handles)?;
    let refused = |source| Failure::Connect { server: server.to_owned(), source };
    let streams = (0..options.connections).map(|_| client::open(server));
    let streams = streams.collect::<io::Result<_>>().map_err(refused)?;
    let pollers = if phase.kind == Kind::Finish { options.pollers } else { 0 };
    let pollers = (0..pollers).map(|_| Client::connect(server));
    let pollers = pollers.collect::<io::Result<Vec<_>>>().map_err(refused)?;

    let (before, own) = (Usage::of(&options.pids)?, Usage::of(&[std::process::id()])?);
    let start = Instant::now() + HEAD_START;
    let schedule = Schedule::new(start, phase.rate, phase.seconds);
    let count = schedule.length();
    let (begun, ended) = channel::<Started>();
    let ended = Mutex::new(ended);
    let sending = Sending {
        server,
        schedule,
        requests: &requests,
        wants_handles: phase.kind != Kind::Poll,
        begun: (phase.kind == Kind::Finish).then_some(begun),
    };
    let mut polled = Share::default();
    let (sent, took) = thread::scope(|scope| {
        let sender = scope.spawn(move || sending.run(streams));
        let pollers: Vec<_> = pollers
            .into_iter()
            .map(|client| {
                let ended = &ended;
                scope.spawn(move || poll_all(client, server, ended))
            })
            .collect();
        let child = at_half.map(|command| {
            let half = start + Duration::from_secs(phase.seconds.into()) / 2;
            thread::sleep(half.saturating_duration_since(Instant::now()));
            // What it prints is no report.
            let child = Command::new("sh").args(["-c", &format!("({command}) >&2")]).spawn();
            child.map_err(|source| Failure::Command { command: command.to_owned(), source })
        });
        // A thread of this program that panics has lost its figures: so has the phase.
        let died = |_| io::Error::other("a thread of akin-load died");
        let sent = sender.join().map_err(died)??;
        let took = start.elapsed();
        for share in pollers {
            polled.add(share.join().map_err(died)?);
        }
        if let Some(child) = child {
            child?.wait()?;
        }
        Ok::<_, Failure>((sent, took))
    })?;
    let used = Usage::of(&options.pids)?.since(before);
    let own = Usage::of(&[std::process::id()])?.since(own);

    let Share { mut answers, latency, lag, handles: new, .. } = sent;
    handles.extend(new);
    let taken: u64 = answers.values().sum();
    for (status, count) in polled.answers {
        answers.insert(format!("poll {status}"), count);
    }
    let (latency, to_success) = (latency.percentiles(), polled.latency.percentiles());
    let seconds = used.user + used.system;
    Ok(Report {
        asked: phase,
        unsent: count - taken,
        answers,
        served_a_second: latency.count as f64 / took.as_secs_f64(),
        served_a_server_second: (latency.count + to_success.count) as f64 / seconds,
        latency,
        lag: lag.percentiles(),
        to_success: (phase.kind == Kind::Finish).then_some(to_success),
        server: used,
        generator_seconds: own.user + own.system,
    })
}

/// All requests of a phase, in their order: making them costs nothing while it runs.
fn prepare(
    server: &str,
    phase: Phase,
    ratings: &mut Ratings,
    handles: &[String],
) -> Result<Vec<Vec<u8>>, Failure> {
    let count = phase.rate as usize * phase.seconds as usize;
    if phase.kind != Kind::Poll {
        return Ok((0..count).map(|_| ratings.next(server)).collect());
    }
    if handles.is_empty() {
        return Err(Failure::NoHandles);
    }
    let polls = handles.iter().cycle().take(count);
    Ok(polls.map(|handle| requests::poll(server, handle, None)).collect())
}

fn poll_all(mut client: Client, server: &str, started: &Mutex<Receiver<Started>>) -> Share {
    let mut share = Share::default();
    loop {
        let next = started.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((handle, due)) = next else { return share };
        let request = requests::poll(server, &handle, Some(LONGEST_WAIT));
        let seen = client.ask(&request, |answer| match answer.status {
            200 if requests::is_succeeded(answer.body) => "succeeded".to_owned(),
            status => status.to_string(),
        });
        if seen.as_ref().is_ok_and(|seen| seen == "succeeded") {
            share.latency.push(due.elapsed());
        }
        share.note(seen.unwrap_or_else(|_| "broken".to_owned()));
    }
}
