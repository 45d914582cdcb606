//! More ratings than the server can take.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rounds;
use crate::harness::{Server, Workplace, agent, get, post_rating, wait_for};

const CLIENTS: usize = 40;
const BATCH: usize = 50;
/// Two requests fit, the other clients' do not.
const QUEUE: &str = "100";

/// What clients heard.
#[derive(Default)]
struct Heard {
    handles: Vec<String>,
    /// How long each refusal took.
    refusals: Vec<Duration>,
}

/// Sends arrays of ratings until the server has accepted so many of all clients'.
fn flood(server: &Server, client: &str, accepted: &AtomicUsize, enough: usize) -> Heard {
    let (agent, mut heard) = (agent(), Heard::default());
    for number in 0.. {
        if accepted.load(Ordering::Relaxed) >= enough {
            break;
        }
        let user = format!("{client}-{number}");
        let ratings = (0..BATCH).map(|n| json!({"movieID": n, "user": user, "rating": 5}));
        let body = Value::Array(ratings.collect()).to_string();
        let request = agent.post(format!("http://{}/ratings", server.address));
        let began = Instant::now();
        let mut answer = request.header("content-type", "application/json").send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        match answer.status().as_u16() {
            202 => {
                let accepted_now: Vec<Value> = serde_json::from_str(&text).unwrap();
                let of = |accepted: &Value| accepted["executionArn"].as_str().unwrap().to_owned();
                heard.handles.extend(accepted_now.iter().map(of));
                accepted.fetch_add(1, Ordering::Relaxed);
            }
            503 => {
                heard.refusals.push(began.elapsed());
                let retry_after = answer.headers()["retry-after"].to_str().unwrap();
                assert!(retry_after.parse::<u64>().unwrap() > 0);
                assert!(text.contains("too many ratings are waiting"), "{text}");
            }
            status => panic!("{status}: {text}"),
        }
    }
    heard
}

/// Sends from so many clients at once until `enough` arrays are accepted; `look` is called all the while.
fn load(server: &Server, clients: usize, enough: usize, mut look: impl FnMut()) -> (Heard, f64) {
    let (accepted, began) = (AtomicUsize::new(0), Instant::now());
    let heard = scope(|scope| {
        let flood_as = |client| {
            let (accepted, name) = (&accepted, format!("{clients}-{client}"));
            scope.spawn(move || flood(server, &name, accepted, enough))
        };
        let floods: Vec<_> = (0..clients).map(flood_as).collect();
        while floods.iter().any(|flood| !flood.is_finished()) {
            look();
            sleep(Duration::from_millis(20));
        }
        let mut all = Heard::default();
        for Heard { handles, refusals } in floods.into_iter().map(|flood| flood.join().unwrap()) {
            all.handles.extend(handles);
            all.refusals.extend(refusals);
        }
        all
    });
    let per_second = heard.handles.len() as f64 / began.elapsed().as_secs_f64();
    (heard, per_second)
}

#[test]
fn too_many_ratings_are_refused_those_accepted_finish_and_it_recovers() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &["--queue", QUEUE]);
    let enough = rounds(60, 5_000);
    // As many as the queue takes.
    let (within, peak) = load(&server, 2, enough, || {});
    assert_eq!(within.refusals.len(), 0);
    let before = server.resident_bytes();
    let mut most = before;
    let (mut beyond, goodput) = load(&server, CLIENTS, enough, || {
        most = most.max(server.resident_bytes());
        // Whoever does not rate is served as ever.
        assert_eq!(get(&server, "/users/ann/recommendations").status, 200);
    });
    // Otherwise the test tests nothing.
    assert!(!beyond.refusals.is_empty());
    // The caches, 16 MiB of pages and 14 MiB of executions, and as much again for what is at work.
    let grown = most - before;
    assert!(grown < 64 << 20, "{grown} bytes more than before");

    let handles: Vec<_> = within.handles.iter().chain(&beyond.handles).collect();
    let agent = agent();
    for handle in &handles {
        let url = format!("http://{}/executions/{handle}?wait=50", server.address);
        let execution: Value = agent.get(url).call().unwrap().body_mut().read_json().unwrap();
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    }
    let handle = post_rating(&server, "abby", "1", 5.0);
    let execution = get(&server, &format!("/executions/{handle}?wait=50")).json();
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(get(&server, "/health/ready").json()["status"], "ok");
    wait_for("nothing waits any more", || {
        let metrics = get(&server, "/metrics").body;
        let is_zero = |name: &str| metrics.lines().any(|line| line == format!("{name} 0.0"));
        (is_zero("akin_queue_ratings") && is_zero("akin_executions_in_work")).then_some(())
    });
    assert!(server.stop().success());
    let ratings = &workplace.publish(&["--with-ledger"]).summary()["ratings"];
    assert_eq!(*ratings, 9 + handles.len() + 1);
    beyond.refusals.sort();
    eprintln!(
        "{peak:.0} ratings/s of 2 clients; {goodput:.0} of {CLIENTS}, {} arrays refused, half of them within {:.1?} and \
         99 % within {:.1?}; {} MB more at most",
        beyond.refusals.len(),
        beyond.refusals[beyond.refusals.len() / 2],
        beyond.refusals[beyond.refusals.len() * 99 / 100],
        grown >> 20
    );
}
