//! What was answered with 202 is there afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::harness::{Server, Workplace, get, post_rating};

#[test]
fn a_rating_survives_kill_9_right_after_the_202() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    for round in 0..5 {
        let server = Server::start_ready(&workplace, &[]);
        let user = format!("user {round}");
        let handle = post_rating(&server, &user, "1", 5.0);
        server.kill_9();

        let server = Server::start_ready(&workplace, &[]);
        let execution = get(&server, &format!("/executions/{handle}?wait=30")).json();
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
        let answer = get(&server, &format!("/users/user%20{round}/recommendations")).json();
        assert_eq!(answer["known"], true);
        server.kill_9();
    }
    // All of them, each once.
    let server = Server::start_ready(&workplace, &[]);
    assert!(server.stop().success());
    let summary = workplace.publish(&["--with-ledger"]).summary();
    assert_eq!((&summary["ratings"], &summary["users"]), (&14.into(), &9.into()));
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_dies_under_load() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let acknowledged: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    for round in 0..3 {
        let server = Server::start_ready(&workplace, &[]);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for client in 0..4 {
                let (acknowledged, stop, address) = (&acknowledged, &stop, server.address);
                scope.spawn(move || {
                    let agent = ureq::agent();
                    for number in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let user = format!("{round}-{client}-{number}");
                        let body = format!(r#"{{"movieID":"1","user":"{user}","rating":5}}"#);
                        let request = agent.post(format!("http://{address}/ratings"));
                        let request = request.header("content-type", "application/json");
                        // Whoever gets no answer knows nothing.
                        let Ok(mut answer) = request.send(&body) else { break };
                        let Ok(text) = answer.body_mut().read_to_string() else { break };
                        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                        let handle = json["executionArn"].as_str().unwrap().to_owned();
                        acknowledged.lock().unwrap().push((user, handle));
                    }
                });
            }
            crate::harness::wait_for("ratings are acknowledged", || {
                (acknowledged.lock().unwrap().len() > 50 * (round + 1)).then_some(())
            });
            server.kill_9();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let acknowledged = acknowledged.lock().unwrap();
    let server = Server::start_ready(&workplace, &[]);
    for (user, handle) in acknowledged.iter() {
        let execution = get(&server, &format!("/executions/{handle}?wait=30")).json();
        assert_eq!(execution["status"], "SUCCEEDED", "{user}: {execution}");
        assert_eq!(execution["output"]["user"], **user);
    }
    assert!(server.stop().success());
    let users = workplace.publish(&["--with-ledger"]).summary()["users"].as_u64().unwrap();
    // Some that were never acknowledged may be there as well.
    assert!(users >= 4 + acknowledged.len() as u64, "{users} users, {}", acknowledged.len());
}

#[test]
fn sigterm_drains_not_ready_first_nothing_lost_exit_code_0() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let mut server = Server::start_ready(&workplace, &["--drain-delay", "0.5"]);
    let handles: Vec<String> =
        (0..20).map(|n| post_rating(&server, &format!("u{n}"), "1", 5.0)).collect();
    server.ask_to_stop();
    crate::harness::wait_for("the server is not ready", || {
        let answer = get(&server, "/health/ready");
        (answer.status == 503).then(|| assert!(answer.body.contains("stopping"), "{answer:?}"))
    });
    assert!(server.wait().success());
    assert!(server.log_text().contains("stopped"));
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["users"], 24);
    let server = Server::start_ready(&workplace, &[]);
    for handle in handles {
        let execution = get(&server, &format!("/executions/{handle}")).json();
        assert_eq!(execution["status"], "SUCCEEDED");
    }
}

#[test]
fn a_long_poll_does_not_hold_up_a_stopping_server_or_hang() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    let handle = post_rating(&server, "abby", "1", 5.0);
    get(&server, &format!("/executions/{handle}?wait=60"));
    // A finished execution is answered at once; the client's own timeout would fail the test.
    let answer = get(&server, &format!("/executions/{handle}?wait=60"));
    assert_eq!(answer.json()["status"], "SUCCEEDED");
    assert!(server.stop().success());
}

#[test]
fn a_second_server_on_the_same_ledger_gives_up_with_the_reason() {
    let workplace = Workplace::new();
    let _server = Server::start(&workplace, &[]);
    let (code, log) = Server::start_in_vain(&workplace, &[]);
    assert_eq!(code, Some(1));
    assert!(log.contains("another server holds the ledger"), "{log}");
}

#[test]
fn a_first_start_that_died_half_way_needs_no_hand() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    std::fs::create_dir_all(workplace.path("data")).unwrap();
    std::fs::write(workplace.path("data/ledger.redb.new"), b"half a file").unwrap();
    let server = Server::start_ready(&workplace, &[]);
    post_rating(&server, "abby", "1", 5.0);
}

#[test]
fn a_server_without_a_version_waits_for_the_first_one() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace, &[]);
    assert_eq!(get(&server, "/health/live").status, 200);
    assert_eq!(get(&server, "/health/ready").status, 503);
    let answer = crate::harness::post_raw(
        &server,
        "/ratings",
        "application/json",
        br#"{"movieID":"1","user":"abby","rating":6}"#,
    );
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    workplace.publish(&[]).summary();
    server.wait_until_ready();
    post_rating(&server, "abby", "1", 6.0);
}
