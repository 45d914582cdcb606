//! A mixed load for long, a new version a minute: `make soak` runs it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::OnDrop;
use crate::harness::{Server, Workplace, agent};

/// Between two looks at the process.
const LOOK: Duration = Duration::from_secs(2);
/// Of so long at least, memory must not be seen to grow by more than 1 % an hour, beyond two standard errors.
const FULL: Duration = Duration::from_secs(3600);
/// Means of as many minutes each, from one new version to another, tell how surely: while one is loaded, there are two.
const RELOADS_OF_A_PERIOD: u64 = 2;
const OPTIONS: [&str; 4] = ["--keep-executions", "20000", "--flush-interval", "5"];

/// What the process held at one moment.
struct Look {
    hours: f64,
    /// How many versions had come.
    reloads: u64,
    bytes: f64,
    files: usize,
}

#[test]
#[ignore = "takes an hour, or MINUTES"]
fn memory_and_open_files_under_a_mixed_load_with_a_reload_a_minute() {
    let minutes = std::env::var("MINUTES").ok().and_then(|minutes| minutes.parse::<u64>().ok());
    let end = Duration::from_secs(60 * minutes.unwrap_or(60));
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &OPTIONS);
    let (stop, requests) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut looks = Vec::new();
    scope(|scope| {
        for client in 0..4 {
            let (server, stop, requests) = (&server, &stop, &requests);
            scope.spawn(move || mixed_load(server, client, stop, requests));
        }
        // Also when something fails here: the clients would be waited for.
        let _stopped = OnDrop(|| stop.store(true, Ordering::Relaxed));
        let (began, mut reloads) = (Instant::now(), 0);
        while began.elapsed() < end {
            if began.elapsed().as_secs() / 60 > reloads {
                reloads += 1;
                workplace.publish(&["--with-ledger"]).summary();
                server.wait_for_sequence(1 + reloads);
            }
            sleep(LOOK);
            let (bytes, files) = (server.resident_bytes() as f64, server.open_files());
            let hours = began.elapsed().as_secs_f64() / 3600.0;
            looks.push(Look { hours, reloads, bytes, files });
        }
    });
    assert!(server.stop().success());
    // Caches fill first: by how much memory grew from one tenth to the next shows whether they are full.
    let tenths =
        looks.chunks(looks.len().div_ceil(10)).map(|tenth| (mean_bytes(tenth) / 1e6).round());
    let half = looks[looks.len() / 2].reloads;
    let half = half - half % RELOADS_OF_A_PERIOD;
    let begin = looks.partition_point(|look| look.reloads < half);
    let steady = &looks[begin..];
    let files = steady.iter().map(|look| look.files);
    let (fewest, most) = (files.clone().min().unwrap(), files.max().unwrap());
    let (slope, error) = slope(steady);
    let percent = 100.0 / mean_bytes(steady);
    let (growth, error) = (slope * percent, error * percent);
    eprintln!(
        "{} requests in {} s; memory {:?} MB, in the second half {growth:+.2} % an hour (standard error {error:.2}); {fewest} to {most} open files",
        requests.into_inner(),
        end.as_secs(),
        tenths.collect::<Vec<_>>(),
    );
    // A connection or a segment more at a look; and what caches still take.
    assert!(most <= fewest + 16, "open files");
    assert!(steady.iter().all(|look| look.bytes < 1.5 * steady[0].bytes), "memory");
    if end >= FULL {
        assert!(growth - 2.0 * error < 1.0, "memory grows");
    }
}

fn mean_bytes(looks: &[Look]) -> f64 {
    looks.iter().map(|look| look.bytes).sum::<f64>() / looks.len() as f64
}

/// Bytes an hour, by least squares, and the standard error: of the means of periods, because one look is much like the one
/// before it.
fn slope(looks: &[Look]) -> (f64, f64) {
    let means: Vec<(f64, f64)> = looks
        .chunk_by(|a, b| a.reloads / RELOADS_OF_A_PERIOD == b.reloads / RELOADS_OF_A_PERIOD)
        .map(|looks| {
            let hours = looks.iter().map(|look| look.hours).sum::<f64>() / looks.len() as f64;
            (hours, mean_bytes(looks))
        })
        .collect();
    let count = means.len() as f64;
    let mean_hours = means.iter().map(|(hours, _)| hours).sum::<f64>() / count;
    let mean_bytes = means.iter().map(|(_, bytes)| bytes).sum::<f64>() / count;
    let covariance = means.iter().map(|(hours, bytes)| (hours - mean_hours) * (bytes - mean_bytes));
    let variance: f64 = means.iter().map(|(hours, _)| (hours - mean_hours).powi(2)).sum();
    let slope = covariance.sum::<f64>() / variance;
    let residual = |(hours, bytes): &(f64, f64)| bytes - mean_bytes - slope * (hours - mean_hours);
    let residuals: f64 = means.iter().map(|mean| residual(mean).powi(2)).sum();
    (slope, (residuals / (count - 2.0) / variance).sqrt())
}

/// What a frontend does, over and over, for a thousand users; everything must be answered.
fn mixed_load(server: &Server, client: usize, stop: &AtomicBool, requests: &AtomicUsize) {
    let agent = agent();
    let get = |path: &str| -> Value {
        let answer = agent.get(format!("http://{}{path}", server.address)).call();
        let mut answer = answer.unwrap();
        requests.fetch_add(1, Ordering::Relaxed);
        assert_eq!(answer.status(), 200, "{path}");
        answer.body_mut().read_json().unwrap()
    };
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let user = format!("user-{client}-{}", number % 250);
        let body = json!({"movieID": number % 7, "user": user, "rating": number % 10 + 1});
        let request = agent.post(format!("http://{}/ratings", server.address));
        let request = request.header("content-type", "application/json");
        let mut answer = request.send(body.to_string()).unwrap();
        requests.fetch_add(1, Ordering::Relaxed);
        assert_eq!(answer.status(), 202);
        let accepted: Value = answer.body_mut().read_json().unwrap();
        let handle = accepted["executionArn"].as_str().unwrap();
        let execution = get(&format!("/executions/{handle}?wait=50"));
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
        get(&format!("/users/{user}/recommendations"));
        get("/items/1/neighbours");
    }
}
