//! A new version is noticed and swapped in without a dropped request.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Server, Workplace, get, post_rating};

#[test]
fn versions_come_and_go_under_load_and_no_request_is_refused() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let (stop, versions) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let running = || !stop.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while running() {
                    let answer = get(&server, "/users/ann/recommendations?n=3");
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let answer = answer.json();
                    assert_eq!(answer["recommendations"].as_array().unwrap().len(), 3);
                    versions.lock().unwrap().insert(answer["version"].as_str().unwrap().to_owned());
                }
            });
        }
        scope.spawn(|| {
            for number in 0.. {
                if !running() {
                    break;
                }
                let handle = post_rating(&server, &format!("u{number}"), "1", 5.0);
                let execution = get(&server, &format!("/executions/{handle}?wait=20")).json();
                assert_eq!(execution["status"], "SUCCEEDED");
            }
        });
        for sequence in 2..=6 {
            workplace.publish(&[]).summary();
            server.wait_for_sequence(sequence);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(versions.lock().unwrap().len() >= 2, "{versions:?}");
}
