//! Versions come and go under load, some of them damaged.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;

use super::{OnDrop, rounds};
use crate::harness::{Server, Workplace, get, post_rating, wait_for};

#[test]
fn swaps_under_load_refuse_no_request_and_damaged_versions_never_serve() {
    let (served, staged) = (Workplace::new(), Workplace::new());
    staged.publish(&[]).summary();
    deliver(&staged, &served, 1, None);
    let server = Server::start_ready(&served, &[]);
    let (stop, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (seen, mut damaged) = (Mutex::new(BTreeSet::new()), BTreeSet::new());
    let running = || {
        answers.fetch_add(1, Ordering::Relaxed);
        !stop.load(Ordering::Relaxed)
    };
    let see = |version: &serde_json::Value| {
        seen.lock().unwrap().insert(version.as_str().unwrap().to_owned());
    };
    let mut newest_good = 1;
    scope(|scope| {
        // Whatever goes wrong, the others must hear that it is over.
        let _stopped = OnDrop(|| stop.store(true, Ordering::Relaxed));
        scope.spawn(|| {
            while running() {
                let answer = get(&server, "/users/ann/recommendations?n=3");
                assert_eq!(answer.status, 200, "{}", answer.body);
                let answer = answer.json();
                assert_eq!(answer["recommendations"].as_array().unwrap().len(), 3);
                see(&answer["version"]);
            }
        });
        for client in 0..2 {
            let (running, see, server) = (&running, &see, &server);
            scope.spawn(move || {
                for number in 0.. {
                    if !running() {
                        break;
                    }
                    let handle = post_rating(server, &format!("u{client}-{number}"), "1", 5.0);
                    let answer = get(server, &format!("/executions/{handle}?wait=50"));
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let execution = answer.json();
                    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
                    see(&execution["output"]["version"]);
                }
            });
        }
        let count = rounds(20, 200) as u64;
        for sequence in 2..=count + 1 {
            let version = staged.publish(&[]).summary()["version"].as_str().unwrap().to_owned();
            // The last one as well.
            let is_damaged = sequence % 5 == 1;
            let damage = is_damaged.then_some(sequence / 5 % DAMAGES);
            deliver(&staged, &served, sequence, damage);
            if is_damaged {
                damaged.insert(version);
                wait_for("the version is refused", || {
                    let current = get(&server, "/versions/current").json();
                    assert_eq!(current["sequence"], newest_good);
                    (current["refused"]["sequence"] == sequence).then_some(())
                });
            } else {
                newest_good = sequence;
                server.wait_for_sequence(sequence);
            }
        }
    });
    assert_eq!(get(&server, "/versions/current").json()["sequence"], newest_good);
    assert_eq!(get(&server, "/health/ready").json()["status"], "degraded");
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.intersection(&damaged).count(), 0, "{seen:?}, {damaged:?}");
    // Otherwise the test tests nothing.
    assert!(seen.len() > 2 && damaged.len() >= 4, "{seen:?}, {damaged:?}");
    eprintln!("{} versions seen, {} requests", seen.len(), answers.into_inner());
}

const DAMAGES: u64 = 4;
const TABLES: [&str; 3] = ["neighbours", "items", "profiles"];

/// Copies a publication from one store into the other, its manifest last, and damages it on the way.
fn deliver(from: &Workplace, to: &Workplace, sequence: u64, damage: Option<u64>) {
    let manifest = format!("store/manifests/{sequence:020}.json");
    let text = fs::read(from.path(&manifest)).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let version = body["body"]["version"].as_str().unwrap();
    for (number, table) in TABLES.iter().enumerate() {
        let part = PathBuf::from(format!("store/{table}/version={version}/part-00000.parquet"));
        let bytes = fs::read(from.path(part.to_str().unwrap())).unwrap();
        let target = to.path(part.to_str().unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let is_hit = number as u64 == sequence / 5 % 3;
        match damage.filter(|_| is_hit) {
            Some(0) => fs::write(target, flipped(&bytes)).unwrap(),
            Some(1) => fs::write(target, &bytes[..bytes.len() / 2]).unwrap(),
            // Not there at all.
            Some(2) => {}
            _ => fs::write(target, bytes).unwrap(),
        }
    }
    let text = if damage == Some(3) { flipped(&text) } else { text };
    appear(&to.path(&manifest), &text);
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bytes.len() / 2] ^= 1;
    flipped
}

/// Whole at once: the server may look at any time.
fn appear(path: &Path, bytes: &[u8]) {
    let folder = path.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    let hidden = folder.parent().unwrap().parent().unwrap().join("manifest");
    fs::write(&hidden, bytes).unwrap();
    fs::rename(hidden, path).unwrap();
}
