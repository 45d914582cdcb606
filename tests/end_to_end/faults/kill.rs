//! kill -9, at any moment.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::load::Log;
use super::{fresh_seed, rounds};
use crate::harness::{Server, Workplace};

const CLIENTS: usize = 4;
/// So that segments are written under the load as well.
const OPTIONS: [&str; 2] = ["--flush-interval", "0.05"];

#[test]
fn nothing_acknowledged_is_lost_and_nothing_counts_twice_when_the_server_dies_at_any_moment() {
    kill(&mut StdRng::seed_from_u64(fresh_seed()));
}

#[test]
fn the_same_with_a_fixed_seed() {
    kill(&mut StdRng::seed_from_u64(1));
}

fn kill(random: &mut StdRng) {
    let workplace = Workplace::new();
    workplace.publish(&[]).summary();
    let mut checked: Vec<Log> = Vec::new();
    let (mut longest_start, mut heard) = (Duration::ZERO, 0);
    let rounds = rounds(50, 5000);
    for round in 0..rounds {
        if random.random_bool(0.2) {
            // In the recovery, too.
            let after = Duration::from_millis(random.random_range(0..80));
            Server::kill_9_while_it_starts(&workplace, &OPTIONS, after);
        }
        let began = Instant::now();
        let server = Server::start_ready(&workplace, &OPTIONS);
        longest_start = longest_start.max(began.elapsed());
        let mut clients: Vec<Log> =
            (0..CLIENTS).map(|client| Log::new(format!("{round}-{client}"))).collect();
        scope(|scope| {
            let address = server.address;
            for client in &mut clients {
                scope.spawn(move || client.rate_until_the_end(address));
            }
            sleep(Duration::from_millis(random.random_range(0..100)));
            server.kill_9();
        });
        if random.random_bool(0.1) {
            // What a version contains, the ledger forgets in time.
            workplace.publish(&["--with-ledger"]).summary();
        }
        let server = Server::start_ready(&workplace, &OPTIONS);
        for client in &mut clients {
            heard += client.handles().count();
            client.check(&server);
            client.repeat_unanswered(&server);
            client.hang_up();
        }
        server.kill_9();
        checked.append(&mut clients);
        if round % 100 == 99 {
            eprintln!("{} of {rounds} rounds, {heard} ratings acknowledged", round + 1);
        }
    }

    let server = Server::start_ready(&workplace, &OPTIONS);
    let there: Vec<usize> = checked.iter().map(|client| client.check(&server)).collect();
    assert!(server.stop().success());
    let (ratings, users) = (there.iter().sum::<usize>(), there.len());
    let acknowledged = checked.iter().flat_map(Log::handles).count();
    assert_eq!(acknowledged, ratings);
    // Otherwise the test tests nothing.
    assert!(heard > rounds / 5, "{heard} acknowledged before the server died");
    let summary = workplace.publish(&["--with-ledger"]).summary();
    assert_eq!(
        (&summary["ratings"], &summary["users"]),
        (&(9 + ratings).into(), &(4 + users).into())
    );
    eprintln!(
        "{rounds} times killed, {heard} of {ratings} ratings acknowledged before, longest start {longest_start:.2?}"
    );
}
