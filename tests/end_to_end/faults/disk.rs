//! A disk that fails under the real program: strace lets the Nth write or sync of a thread fail, once or for good.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::load::{Answer, Log};
use super::{fresh_seed, rounds};
use crate::harness::{Server, Workplace, get, spoiled};

/// What fails, how, and which one at the latest: a commit syncs once or twice and writes some pages.
const FAULTS: [(&str, &str, u32); 4] = [
    ("fdatasync", "EIO", 40),
    ("fdatasync", "ENOSPC", 40),
    ("pwrite64", "ENOSPC", 200),
    ("pwrite64", "EIO", 200),
];

/// Far more than are needed for any of these.
const RATINGS: usize = 500;

/// Whether strace is there, may trace, and knows how to let a call fail.
fn can_spoil() -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut strace = spoiled("fdatasync:error=EIO");
    let output = strace.args(["sync", "--data"]).arg(file.path()).output();
    output
        .is_ok_and(|output| String::from_utf8_lossy(&output.stderr).contains("Input/output error"))
}

#[test]
fn after_a_failed_write_or_sync_nothing_is_acknowledged_and_a_restart_has_all_that_was() {
    if !can_spoil() {
        eprintln!("SKIPPED: strace is missing or may not trace here; install it to run this test");
        return;
    }
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    // The ledger's file is created on a good disk.
    assert!(Server::start_ready(&workplace, &[]).stop().success());
    let (mut logs, mut failed_starts, mut accepted) = (Vec::new(), 0, 0);
    let (rounds, mut random) = (rounds(16, 400), StdRng::seed_from_u64(1));
    for round in 0..rounds {
        if round == rounds / 2 {
            random = StdRng::seed_from_u64(fresh_seed());
        }
        let (call, error, latest) = FAULTS[round % FAULTS.len()];
        let nth = random.random_range(1..=latest);
        let for_good = if random.random_bool(0.5) { "+" } else { "" };
        let injection = format!("{call}:error={error}:when={nth}{for_good}");
        eprintln!("{injection}");
        let mut log = Log::new(format!("user-{round}"));
        // Segments are flushed meanwhile, and marked.
        match Server::start_spoiled(&workplace, &injection, &["--flush-interval", "0.2"]) {
            None => failed_starts += 1,
            Some(server) => {
                server.wait_until_it_has_a_version();
                accepted += rate_until_it_fails(&server, &mut log);
                if random.random_bool(0.5) {
                    server.kill_9();
                } else {
                    server.stop();
                }
            }
        }
        let server = Server::start_ready(&workplace, &[]);
        log.check(&server);
        log.repeat_unanswered(&server);
        log.rate(server.address);
        log.check(&server);
        assert!(server.stop().success());
        logs.push(log);
    }
    // Otherwise the test tests nothing.
    assert!(accepted > 0 && failed_starts < rounds / 2, "{accepted}, {failed_starts}");
    let server = Server::start_ready(&workplace, &[]);
    let there: usize = logs.iter().map(|log| log.check(&server)).sum();
    assert!(server.stop().success());
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 9 + there);
    eprintln!("{rounds} faults, {failed_starts} of them at the start; {accepted} accepted");
}

/// Rates until the disk fails, and checks that the server knows. Says how many were accepted.
fn rate_until_it_fails(server: &Server, log: &mut Log) -> usize {
    let accepted =
        (0..RATINGS).position(|_| !matches!(log.rate(server.address), Answer::Accepted(_)));
    let accepted = accepted.expect("no write has failed");
    // Though the disk may work again.
    for _ in 0..3 {
        assert_eq!(*log.rate(server.address), Answer::Refused);
    }
    let ready = get(server, "/health/ready");
    assert_eq!(ready.status, 503, "{ready:?}");
    assert!(ready.body.contains("see to the disk, then restart"), "{ready:?}");
    assert_eq!(get(server, "/health/live").status, 200);
    assert_eq!(get(server, "/users/ann/recommendations").status, 200);
    accepted
}
