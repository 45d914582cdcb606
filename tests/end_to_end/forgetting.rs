//! The ledger lets go of what versions contain, and nobody notices, even when the newest version is lost.

use std::collections::BTreeSet;

use akin_serve::forget::forgettable;
use akin_store::{open_store, read_manifest};

use crate::harness::{Server, Workplace, get, post_rating, wait_for};

const FORGETS: &str = "the ledger forgets";

fn start(workplace: &Workplace) -> Server {
    Server::start_ready(workplace, &["--flush-interval", "0.1"])
}

/// Damages a part of the current version.
fn damage_current(workplace: &Workplace) {
    let version = workplace.current()["version"].as_str().unwrap().to_owned();
    let part = format!("store/profiles/version={version}/part-00000.parquet");
    std::fs::write(workplace.path(&part), "damaged").unwrap();
}

/// The items that abby is known to have rated.
fn rated(server: &Server) -> Vec<String> {
    let answer = get(server, "/users/abby/recommendations?n=5").json();
    let items = answer["recommendations"].as_array().unwrap().iter();
    let because = items.flat_map(|item| item["because"].as_array().cloned().unwrap_or_default());
    let rated: BTreeSet<String> =
        because.map(|reason| reason["itemId"].as_str().unwrap().to_owned()).collect();
    rated.into_iter().collect()
}

/// Up to which entry the ledger may forget once this version serves.
fn may_forget(workplace: &Workplace, sequence: u64) -> Vec<u64> {
    let store = open_store(&workplace.store()).unwrap();
    let serving = read_manifest(&*store, sequence).unwrap();
    let through = forgettable(&*store, &serving).unwrap();
    let ledgers = through.iter().filter(|(origin, _)| origin.as_str() != "files");
    ledgers.map(|(_, through)| *through).collect()
}

#[test]
fn a_lost_newest_version_takes_no_rating_with_it() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let server = start(&workplace);
    post_rating(&server, "abby", "1", 6.0);
    assert!(server.stop().success());

    // One version contains the rating. Should it be lost, the ledger is the only one to know.
    workplace.publish(&["--with-ledger"]).summary();
    assert_eq!(may_forget(&workplace, 2), [0; 0]);
    let server = start(&workplace);
    server.wait_for_sequence(2);
    post_rating(&server, "abby", "3", 7.0);
    assert!(server.stop().success());
    damage_current(&workplace);
    let server = start(&workplace);
    assert_eq!(get(&server, "/versions/current").json()["sequence"], 1);
    assert!(!server.log_text().contains(FORGETS));
    assert_eq!(rated(&server), ["1", "3"]);

    // Two versions contain both, and one of them is lost.
    for sequence in [3, 4] {
        workplace.publish(&["--with-ledger"]).summary();
        server.wait_for_sequence(sequence);
    }
    assert_eq!((may_forget(&workplace, 3), may_forget(&workplace, 4)), (vec![1], vec![2]));
    wait_for("the ledger forgets", || server.log_text().contains(FORGETS).then_some(()));
    assert_eq!(rated(&server), ["1", "3"]);
    server.kill_9();
    damage_current(&workplace);
    let server = start(&workplace);
    assert_eq!(get(&server, "/versions/current").json()["sequence"], 3);
    assert_eq!(get(&server, "/health/ready").json()["status"], "degraded");
    assert_eq!(rated(&server), ["1", "3"]);
}
