//! SIGTERM under load.

use std::fs::OpenOptions;
use std::ops::Add;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread::{scope, sleep, spawn};
use std::time::{Duration, Instant};

use akin_schemas::ObjectKey;
use akin_serve::ledger::{Ledger, Opening, RedbLedger};
use akin_store::{FolderStore, open_version};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::load::Log;
use super::{fresh_seed, rounds};
use crate::harness::{Server, Workplace, agent, post_rating, wait_for};

/// What the rounds saw.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    accepted: usize,
    /// Accepted, but the client heard nothing of it.
    unheard: usize,
    /// Rounds in which somebody saw the server turn not-ready.
    not_ready: usize,
    longest: Duration,
}

impl Add for Seen {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            unheard: self.unheard + other.unheard,
            not_ready: self.not_ready + other.not_ready,
            longest: self.longest.max(other.longest),
        }
    }
}

#[test]
fn sigterm_under_load_loses_nothing_finishes_everything_and_says_so_first() {
    let fresh = fresh_seed();
    // At once: stopping is mostly waiting.
    let seeds = [1, 2, fresh, fresh.wrapping_add(1)];
    let rounds = rounds(20, 100) / seeds.len();
    let seen = scope(|scope| {
        let drain = |seed| scope.spawn(move || drain(&mut StdRng::seed_from_u64(seed), rounds));
        let servers = seeds.map(drain).into_iter();
        servers.map(|server| server.join().unwrap()).fold(Seen::default(), Seen::add)
    });
    let rounds = rounds * seeds.len();
    eprintln!("{rounds} times stopped: {seen:?}");
    // Whatever was in work was answered, too.
    assert_eq!(seen.unheard, 0);
    // Otherwise the test tests nothing.
    assert!(seen.accepted > rounds && seen.not_ready > 0, "{seen:?}");
}

fn drain(random: &mut StdRng, rounds: usize) -> Seen {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let (mut all, mut seen) = (Vec::new(), Seen::default());
    for round in 0..rounds {
        let mut server = Server::start_ready(&workplace, &["--drain-delay", "0.2"]);
        let mut clients: Vec<Log> =
            (0..4).map(|client| Log::new(format!("{round}-{client}"))).collect();
        let readiness = Mutex::new(Vec::new());
        let address = server.address;
        scope(|scope| {
            for client in &mut clients {
                scope.spawn(move || client.rate_until_the_end(address));
            }
            scope.spawn(|| {
                let url = format!("http://{address}/health/ready");
                while let Ok(answer) = agent().get(&url).call() {
                    readiness.lock().unwrap().push(answer.status().as_u16());
                    sleep(Duration::from_millis(5));
                }
            });
            sleep(Duration::from_millis(random.random_range(0..100)));
            let began = Instant::now();
            server.ask_to_stop();
            assert_eq!(server.wait().code(), Some(0));
            seen.longest = seen.longest.max(began.elapsed());
        });
        // Not ready, and never ready again, before it takes no more connections.
        let mut readiness = readiness.into_inner().unwrap();
        readiness.dedup();
        assert!(matches!(readiness[..], [] | [200] | [503] | [200, 503]), "{readiness:?}");
        seen.not_ready += usize::from(readiness.last() == Some(&503));

        // Before anything could finish it later: all that was accepted has ended, and is in the store.
        let ledger = RedbLedger::open(&workplace.path("data"), Opening::default()).unwrap();
        assert_eq!(ledger.unfinished(), Ok(Vec::new()));
        assert_eq!(ledger.unflushed_count(), Ok(0));
        all.append(&mut clients);
    }
    let server = Server::start_ready(&workplace, &[]);
    let there: usize = all.iter().map(|client| client.check(&server)).sum();
    assert!(server.stop().success());
    assert_eq!(workplace.publish(&["--with-ledger"]).summary()["ratings"], 9 + there);
    seen.accepted = all.iter().flat_map(Log::handles).count();
    seen.unheard = there - seen.accepted;
    seen
}

#[test]
fn what_was_accepted_is_in_the_store_before_a_version_that_loads_slowly_is_waited_for() {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    workplace.publish(&[]).summary();
    // A pipe gives no byte until somebody writes one: whoever reads this file waits.
    let version = open_version(&FolderStore::open(workplace.store()).unwrap(), 2).unwrap();
    let part = workplace.path("store").join(version.manifest.parts.neighbours[0].key.to_string());
    std::fs::remove_file(&part).unwrap();
    assert!(Command::new("mkfifo").arg(&part).status().unwrap().success());
    let manifest = workplace.path("store").join(ObjectKey::manifest(2).to_string());
    let hidden = workplace.path("hidden.json");
    std::fs::rename(&manifest, &hidden).unwrap();

    let mut server = Server::start_ready(&workplace, &["--flush-interval", "3600"]);
    std::fs::rename(&hidden, &manifest).unwrap();
    let (send, receive) = channel();
    // To open it for writing waits until the server reads.
    spawn(move || send.send(OpenOptions::new().write(true).open(part)));
    let pipe = receive.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
    post_rating(&server, "abby", "1", 4.0);
    let files = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let segments =
        || files(&workplace.path("store/ratings")).flat_map(|day| files(&day.path())).count();
    assert_eq!(segments(), 0);
    server.ask_to_stop();
    wait_for("a segment is there", || (segments() > 0).then_some(()));
    // It was still waited for.
    assert!(server.log_text().lines().all(|line| !line.contains("is refused")));
    drop(pipe);
    assert!(server.wait().success());
}
