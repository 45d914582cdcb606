//! What was answered with 202 is there afterwards.

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
fn an_end_that_was_shown_is_the_same_after_kill_9_whatever_was_published_meanwhile() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    for round in 0..4 {
        let server = Server::start_ready(&workplace, &[]);
        let handle = post_rating(&server, "abby", "1", 5.0);
        let path = format!("/executions/{handle}");
        let shown = match round {
            // Each way to learn of an end.
            0 => get(&server, &format!("{path}?wait=30")).json(),
            1 => {
                let events = get(&server, &format!("{path}/events")).body;
                let data = events.lines().rfind(|line| line.starts_with("data: ")).unwrap();
                serde_json::from_str(&data["data: ".len()..]).unwrap()
            }
            2 => crate::harness::wait_for("it is listed as ended", || {
                let listed = get(&server, "/executions?user=abby&n=1").json();
                let listed = listed["executions"][0].clone();
                (listed["status"] == "SUCCEEDED").then_some(listed)
            }),
            _ => loop {
                let found = get(&server, &path).json();
                if found["status"] != "RUNNING" {
                    break found;
                }
            },
        };
        server.kill_9();
        assert_eq!(shown["status"], "SUCCEEDED", "{shown}");

        workplace.publish(&[]).summary();
        let server = Server::start_ready(&workplace, &[]);
        assert_eq!(get(&server, &path).json(), shown);
        server.kill_9();
    }
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
fn a_ledger_that_is_removed_while_it_is_written_to_is_noticed_and_nothing_is_lost() {
    for replaced_by in [None, Some("another file")] {
        let workplace = Workplace::new();
        workplace.publish(&[]).summary();
        let server = Server::start_ready(&workplace, &["--flush-interval", "3600"]);
        post_rating(&server, "abby", "1", 5.0);
        let folder = workplace.path("data");
        match replaced_by {
            None => std::fs::remove_dir_all(&folder).unwrap(),
            Some(text) => {
                std::fs::remove_file(folder.join("ledger.redb")).unwrap();
                std::fs::write(folder.join("ledger.redb"), text).unwrap();
            }
        }
        crate::harness::wait_for("the server is not ready", || {
            let answer = get(&server, "/health/ready");
            (answer.status == 503)
                .then(|| assert!(answer.body.contains("removed or replaced"), "{answer:?}"))
        });
        let rating = br#"{"movieID":"1","user":"abby","rating":6}"#;
        let answer = crate::harness::post_raw(&server, "/ratings", "application/json", rating);
        assert!(answer.status == 503 && answer.body.contains("removed or replaced"), "{answer:?}");
        crate::harness::wait_for("what was accepted is in the store", || {
            server.log_text().contains("everything that was accepted is in the store").then_some(())
        });
        assert!(server.log_text().contains("removed or replaced"), "{}", server.log_text());
        server.kill_9();
        assert_eq!(workplace.publish(&["--with-ledger"]).summary()["users"], 5);
    }
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
