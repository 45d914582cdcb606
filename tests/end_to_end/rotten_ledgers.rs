//! Damage to what a server acknowledged is told. `serve/src/ledger/redb/rot_tests.rs` does it to every kind of byte.

use crate::harness::{Server, Workplace, get, metrics, post_rating};

#[test]
fn rot_of_an_acknowledged_rating_is_told_and_costs_nothing_else() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(metrics(&server)["akin_ledger_damaged_records"], 0.0);
    assert!(metrics(&server)["akin_ledger_file_bytes"] > 100_000.0);
    let handle = post_rating(&server, "carol", "1", 5.0);
    post_rating(&server, "dave", "2", 4.0);
    server.kill_9();

    let path = workplace.path("data/ledger.journal");
    let mut journal = std::fs::read(&path).unwrap();
    let at = journal.windows(4).position(|window| window == b"dave").unwrap();
    // In the name of the execution that answers it.
    journal[at + 12] ^= 4;
    std::fs::write(&path, &journal).unwrap();

    let server = Server::start_ready(&workplace, &[]);
    let ready = get(&server, "/health/ready");
    assert_eq!((ready.status, ready.json()["status"].clone()), (200, "degraded".into()));
    assert!(ready.body.contains("found damaged"), "{ready:?}");
    assert!(metrics(&server)["akin_ledger_damaged_records"] >= 1.0);
    let log = server.log_text();
    let line = log.lines().find(|line| line.contains("dave")).unwrap();
    assert!(line.contains("the rating is lost") && line.contains("rates item"), "{line}");
    assert!(log.contains("was taken from its journal"), "{log}");
    assert_eq!(std::fs::read(workplace.path("data/ledger.journal.1")).unwrap(), journal);
    let execution = get(&server, &format!("/executions/{handle}?wait=30"));
    assert_eq!(execution.json()["status"], "SUCCEEDED", "{execution:?}");
    let answer = get(&server, "/users/carol/recommendations").json();
    assert_eq!(answer["known"], true);
    assert!(server.stop().success());

    // It is told by the start that found it, and stops nothing.
    let server = Server::start_ready(&workplace, &[]);
    assert_eq!(get(&server, "/health/ready").json()["status"], "ok");
    assert!(server.stop().success());
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["users"], 5);
}
