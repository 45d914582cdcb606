//! A disk that fails under the real program: strace lets the Nth write or sync of a thread fail, once or for good.

use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::load::{Answer, Log};
use super::{fresh_seed, rounds};
use crate::harness::{Server, Workplace, get};

/// What fails, how, and which one at the latest: a commit syncs once or twice and writes some pages.
const FAULTS: [(&str, &str, u32); 4] = [
    ("fdatasync", "EIO", 12),
    ("fdatasync", "ENOSPC", 12),
    ("pwrite64", "ENOSPC", 60),
    ("pwrite64", "EIO", 60),
];

/// Far more than are needed for any of these.
const RATINGS: usize = 500;

/// Whether a program can be traced here.
fn can_spoil() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"]);
    let status = strace.arg("true").stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
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
    let random = &mut StdRng::seed_from_u64(fresh_seed());
    let (mut logs, mut failed_starts, mut accepted) = (Vec::new(), 0, 0);
    for round in 0..rounds(16, 400) {
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
    assert!(accepted > 20 && failed_starts < logs.len() / 2, "{accepted}, {failed_starts}");
    let server = Server::start_ready(&workplace, &[]);
    let there: usize = logs.iter().map(|log| log.check(&server)).sum();
    assert!(server.stop().success());
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 9 + there);
    eprintln!("{} faults, {failed_starts} of them at the start; {accepted} accepted", logs.len());
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
    assert!(ready.body.contains("after a failed write; restart"), "{ready:?}");
    assert_eq!(get(server, "/health/live").status, 200);
    assert_eq!(get(server, "/users/ann/recommendations").status, 200);
    accepted
}
