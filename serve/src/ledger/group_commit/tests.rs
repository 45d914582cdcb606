#![allow(clippy::unwrap_used)]
use std::sync::mpsc;
use std::time::Instant;

use akin_schemas::http::JsonText;
use akin_schemas::{ItemId, UserId};
use tempfile::tempdir;

use super::*;
use crate::ledger::gated::Gated;
use crate::ledger::redb::faulty_disk::{self, FaultyDisk};
use crate::ledger::{Filter, Opening, RedbLedger, Submission};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn submission(user: &str, item: usize) -> Submission {
    let (user, item) =
        (UserId::try_from(user).unwrap(), ItemId::try_from(item.to_string()).unwrap());
    Submission { user, item, rating: Some(4.0), input: "{}".to_owned() }
}

pub(super) fn start(
    ledger: Arc<dyn Ledger>,
    capacity: usize,
    on_accepted: OnAccepted,
) -> GroupCommit {
    let executions = Arc::new(Executions::new(ledger.clone()));
    GroupCommit::start(ledger, executions, capacity, CommitMetrics::default(), on_accepted).unwrap()
}

pub(super) fn ended(id: ExecutionId) -> Finished {
    Finished { id, outcome: Outcome::Succeeded(JsonText::of(&"{}").unwrap().into()), stopped_at: 9 }
}

/// Waits for something that must come.
fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < PATIENCE, "waited too long");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_many_threads_submit_is_answered_handed_on_and_durable() {
    let folder = tempdir().unwrap();
    let ledger = Arc::new(RedbLedger::open(folder.path(), Opening::default()).unwrap());
    let (sender, handed_on) = mpsc::channel();
    let group = start(ledger, 1000, Box::new(move |accepted| sender.send(accepted).unwrap()));
    let mut receipts: Vec<_> = thread::scope(|scope| {
        let group = &group;
        let submit = move |n: usize| {
            let mut receipts = Vec::new();
            for item in 0..25 {
                // Some in pairs.
                let user = format!("user {n}");
                let batch = (0..1 + item % 2).map(|k| submission(&user, 2 * item + k));
                let batch: Vec<_> = batch.collect();
                let answer = group.submit(batch).unwrap().blocking_recv().unwrap().unwrap();
                assert_eq!(answer.receipts.len(), 1 + item % 2);
                receipts.extend(answer.receipts);
            }
            receipts
        };
        let threads: Vec<_> = (0..16).map(|n| scope.spawn(move || submit(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    group.close(Duration::ZERO);
    drop(group);
    let mut ids: Vec<_> = handed_on.iter().flatten().map(|accepted| accepted.execution).collect();
    ids.sort();
    receipts.sort_by_key(|receipt| receipt.execution);
    assert_eq!(receipts.iter().map(|receipt| receipt.execution).collect::<Vec<_>>(), ids);
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    assert_eq!(ids.len(), 16 * 37);
    assert_eq!(ledger.unflushed(usize::MAX).unwrap().len(), ids.len());
    let open: Vec<_> = ledger.unfinished().unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(open, ids);
}

#[test]
fn a_stalled_ledger_fills_the_queue_and_then_submitters_are_refused_at_once() {
    let ledger = Arc::new(Gated::open(FaultyDisk::default().ledger().unwrap()));
    let group = start(ledger.clone(), 4, Box::new(|_| {}));
    ledger.set_open(false);
    let mut answers = vec![group.submit(vec![submission("abby", 0)]).unwrap()];
    until(|| ledger.commits() == 1);
    for n in 1..=4 {
        answers.push(group.submit(vec![submission("abby", n)]).unwrap());
    }
    let before = Instant::now();
    assert_eq!(group.submit(vec![submission("abby", 9)]).err(), Some(Refusal::QueueFull));
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(group.waiting(), 4);
    assert!(
        answers.iter_mut().all(|answer| answer.try_recv().is_err()),
        "answered before the commit"
    );
    ledger.set_open(true);
    for answer in answers {
        answer.blocking_recv().unwrap().unwrap();
    }
    // The four went together.
    assert_eq!(ledger.commits(), 2);
    assert_eq!(group.submit(vec![submission("abby", 0); 5]).err(), Some(Refusal::QueueFull));
}

#[test]
fn a_scorer_that_blocks_holds_submitters_off_and_answers_still_come() {
    let ledger: Arc<dyn Ledger> = Arc::new(FaultyDisk::default().ledger().unwrap());
    let (release, blocked) = mpsc::channel::<()>();
    let scorer = Box::new(move |_| blocked.recv().unwrap_or_default());
    let group = start(ledger, 2, scorer);
    group.submit(vec![submission("abby", 0)]).unwrap().blocking_recv().unwrap().unwrap();
    group.submit(vec![submission("abby", 1); 2]).unwrap();
    assert_eq!(group.submit(vec![submission("abby", 2)]).err(), Some(Refusal::QueueFull));
    drop(release);
    group.close(Duration::ZERO);
}

#[test]
fn closing_commits_what_is_queued_and_waits_for_outcomes() {
    let ledger = Arc::new(Gated::open(FaultyDisk::default().ledger().unwrap()));
    let (sender, accepted) = mpsc::channel::<Vec<Accepted>>();
    let group = Arc::new(start(ledger.clone(), 9, Box::new(move |batch| drop(sender.send(batch)))));
    let scorer = {
        let group = group.clone();
        // Does nothing before it knows that nothing more comes, and is slower than the queue.
        thread::spawn(move || {
            let all: Vec<_> = accepted.into_iter().flatten().collect();
            for accepted in all {
                thread::sleep(Duration::from_millis(10));
                assert_eq!(group.finish(&ended(accepted.execution)), Ok(true));
            }
        })
    };
    ledger.set_open(false);
    let answers: Vec<_> =
        (0..5).map(|n| group.submit(vec![submission("abby", n)]).unwrap()).collect();
    let closer = {
        let group = group.clone();
        thread::spawn(move || group.close(PATIENCE))
    };
    until(|| group.submit(Vec::<Submission>::new()).err() == Some(Refusal::Closing));
    ledger.set_open(true);
    closer.join().unwrap();
    for answer in answers {
        answer.blocking_recv().unwrap().unwrap();
    }
    scorer.join().unwrap();
    assert_eq!(ledger.unflushed(9).unwrap().len(), 5);
    assert_eq!(ledger.unfinished(), Ok(Vec::new()));
}

#[test]
fn ends_that_no_request_carries_are_written_at_once_and_what_comes_meanwhile_goes_together() {
    let ledger = Arc::new(Gated::open(FaultyDisk::default().ledger().unwrap()));
    let group = start(ledger.clone(), 100, Box::new(|_| {}));
    let batch = vec![submission("abby", 1); 50];
    let receipts = group.submit(batch).unwrap().blocking_recv().unwrap().unwrap().receipts;
    let before = ledger.commits();
    ledger.set_open(false);
    for (n, receipt) in receipts.iter().enumerate() {
        assert_eq!(group.finish(&ended(receipt.execution)), Ok(true));
        assert_eq!(group.finish(&ended(receipt.execution)), Ok(false));
        if n == 0 {
            until(|| ledger.commits() == before + 1);
        }
    }
    let running = |receipt: &Receipt| {
        group.shared.executions.get(&receipt.execution).unwrap().unwrap().is_running()
    };
    assert!(receipts.iter().all(running), "seen before they are written");
    ledger.set_open(true);
    until(|| group.shared.executions.in_work() == 0);
    assert!(!receipts.iter().any(running));
    assert_eq!(ledger.unfinished(), Ok(Vec::new()));
    assert_eq!(ledger.commits() - before, 2);
    // Idle means idle.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(ledger.commits() - before, 2);
}

#[test]
fn a_failed_write_of_an_end_leaves_it_running_for_all_who_ask() {
    let disk = FaultyDisk::default();
    let ledger = Arc::new(Gated::open(disk.ledger().unwrap()));
    let group = start(ledger.clone(), 100, Box::new(|_| {}));
    let receipt =
        group.submit(vec![submission("abby", 0)]).unwrap().blocking_recv().unwrap().unwrap();
    let id = receipt.receipts[0].execution;
    disk.fail_next_sync();
    let written = group.finish_durably(&ended(id)).unwrap().unwrap();
    assert!(written.blocking_recv().is_err());
    until(|| group.submit(Vec::<Submission>::new()).err() == Some(Refusal::Poisoned));
    assert!(group.shared.executions.get(&id).unwrap().unwrap().is_running());
    let listed = group.shared.executions.list(&Filter::default(), 9).unwrap().executions;
    assert!(listed[0].1.is_running());
    group.close(PATIENCE);
}

#[test]
fn after_a_failed_sync_everybody_hears_of_it_and_nothing_more_is_taken() {
    let disk = FaultyDisk::default();
    let ledger = Arc::new(Gated::open(disk.ledger().unwrap()));
    let group = start(ledger.clone(), 100, Box::new(|_| {}));
    let receipt =
        group.submit(vec![submission("abby", 0)]).unwrap().blocking_recv().unwrap().unwrap();
    ledger.set_open(false);
    disk.fail_next_sync();
    let mut answers = vec![group.submit(vec![submission("abby", 1)]).unwrap()];
    until(|| ledger.commits() == 2);
    answers.extend((2..5).map(|n| group.submit(vec![submission("abby", n)]).unwrap()));
    ledger.set_open(true);
    for answer in answers {
        answer.blocking_recv().unwrap().unwrap_err();
    }
    until(|| group.submit(Vec::<Submission>::new()).err() == Some(Refusal::Poisoned));
    assert_eq!(group.finish(&ended(receipt.receipts[0].execution)), Ok(true));
    // Who asks sees what the next start does.
    let record = group.shared.executions.get(&receipt.receipts[0].execution).unwrap().unwrap();
    assert!(record.is_running());
    group.close(PATIENCE);
}

#[test]
fn when_the_file_is_gone_not_even_what_waits_is_taken_and_ends_are_still_written() {
    let ledger = Arc::new(Gated::open(FaultyDisk::default().ledger().unwrap()));
    let group = start(ledger.clone(), 9, Box::new(|_| {}));
    ledger.set_open(false);
    let taken = group.submit(vec![submission("abby", 0)]).unwrap();
    until(|| ledger.commits() == 1);
    let waiting = group.submit(vec![submission("abby", 1)]).unwrap();
    group.lose_file();
    ledger.set_open(true);
    let execution = taken.blocking_recv().unwrap().unwrap().receipts[0].execution;
    let refused = waiting.blocking_recv().unwrap();
    assert!(matches!(refused, Err(Rejection::Ledger(LedgerError::FileGone))), "{refused:?}");
    let refused = group.submit(vec![submission("abby", 2)]).err();
    assert_eq!((refused, group.has_lost_file()), (Some(Refusal::FileGone), true));
    group.finish_durably(&ended(execution)).unwrap().unwrap().blocking_recv().unwrap();
    assert!(!ledger.execution(&execution).unwrap().unwrap().is_running());
    assert_eq!(ledger.unflushed(9).unwrap().len(), 1);
}

#[test]
fn an_unreadable_record_in_the_way_of_one_client_stops_no_other() {
    let ledger = Arc::new(Gated::open(FaultyDisk::default().ledger().unwrap()));
    faulty_disk::spoil(&ledger.inner, "abby");
    let group = start(ledger.clone(), 9, Box::new(|_| {}));
    let submit = |user: &str| group.submit(vec![submission(user, 1)]).unwrap();
    let first = submit("bob").blocking_recv().unwrap().unwrap().receipts[0].execution;
    ledger.set_open(false);
    let stalled = submit("bob");
    until(|| ledger.commits() == 2);
    // These three, and the outcome, go into one commit.
    let answers = [submit("bob"), submit("abby"), submit("zoe")];
    group.finish(&ended(first)).unwrap();
    ledger.set_open(true);
    stalled.blocking_recv().unwrap().unwrap();
    let [bob, abby, zoe] = answers.map(|answer| answer.blocking_recv().unwrap());
    assert!(bob.is_ok() && zoe.is_ok());
    assert!(matches!(abby, Err(Rejection::Ledger(LedgerError::Record(_)))), "{abby:?}");
    assert_eq!(ledger.unflushed(9).unwrap().len(), 4);
    assert!(!ledger.execution(&first).unwrap().unwrap().is_running());
}

#[test]
fn a_scorer_that_panics_fails_its_executions_and_no_others() {
    let ledger: Arc<dyn Ledger> = Arc::new(FaultyDisk::default().ledger().unwrap());
    let mut first = true;
    let scorer = move |_| assert!(!std::mem::take(&mut first), "of this test");
    let group = start(ledger.clone(), 9, Box::new(scorer));
    let submit = |n| group.submit(vec![submission("abby", n)]).unwrap().blocking_recv();
    let failed = submit(0).unwrap().unwrap().receipts[0].execution;
    let other = submit(1).unwrap().unwrap().receipts[0].execution;
    group.close(Duration::ZERO);
    let record = ledger.execution(&failed).unwrap().unwrap();
    assert_eq!(record.failure().0, Some("InternalError"));
    assert!(ledger.execution(&other).unwrap().unwrap().is_running());
}

#[test]
fn long_inputs_that_wait_are_bounded_by_their_bytes() {
    let ledger = Arc::new(Gated::open(FaultyDisk::default().ledger().unwrap()));
    let group = start(ledger.clone(), 1000, Box::new(|_| {}));
    ledger.set_open(false);
    let long = |n| vec![Submission { input: "x".repeat(30 << 20), ..submission("abby", n) }];
    // The first is on its way to the disk.
    let mut answers = vec![group.submit(long(0)).unwrap()];
    until(|| ledger.commits() == 1);
    answers.extend([1, 2].map(|n| group.submit(long(n)).unwrap()));
    assert_eq!(group.submit(long(3)).err(), Some(Refusal::QueueFull));
    answers.push(group.submit(vec![submission("abby", 4)]).unwrap());
    ledger.set_open(true);
    for answer in answers {
        answer.blocking_recv().unwrap().unwrap();
    }
    assert!(group.submit(long(3)).is_ok());
}
