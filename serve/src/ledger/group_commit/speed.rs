//! How many submissions a second this disk takes.

#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use super::tests::{PATIENCE, ended, start, submission};
use super::*;
use crate::ledger::gated::Gated;
use crate::ledger::{Opening, RedbLedger};

#[test]
#[ignore = "a measurement: run alone, with --nocapture"]
fn submissions_a_second() {
    const THREADS: usize = 64;
    let folder = tempfile::tempdir_in(".").unwrap();
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    let ledger = Arc::new(Gated::open(ledger));
    let (sender, accepted) = mpsc::channel::<Vec<Accepted>>();
    let group = start(ledger.clone(), 10_000, Box::new(move |batch| drop(sender.send(batch))));
    let deadline = Instant::now() + Duration::from_secs(5);
    let (group, count) = (&group, AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(move || {
            for accepted in accepted.into_iter().flatten() {
                group.finish(ended(accepted.execution)).unwrap();
            }
        });
        let submitters: Vec<_> = (0..THREADS)
            .map(|thread| {
                let count = &count;
                scope.spawn(move || {
                    for n in 0.. {
                        let user = format!("user {}", (thread * 31 + n * 7) % 5000);
                        let answer = group.submit(vec![submission(&user, n % 300)]).unwrap();
                        answer.blocking_recv().unwrap().unwrap();
                        count.fetch_add(1, Ordering::Relaxed);
                        if Instant::now() > deadline {
                            break;
                        }
                    }
                })
            })
            .collect();
        submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
        group.close(PATIENCE);
    });
    let (count, commits) = (count.into_inner(), ledger.commits());
    eprintln!("{} submissions a second, {} a commit", count / 5, count / commits);
}
