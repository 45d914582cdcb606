//! An execution's life is cut at every operation of the disk, before and after each of its states: accepted, scored,
//! outcome written. Every handle that was given out resolves after the restart, to what was shown of it if anything was,
//! and each rating has one effect.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use akin_schemas::http::JsonText;
use akin_schemas::{ItemId, UserId};
use rand::RngExt;
use rand::rngs::StdRng;

use super::sweep;
use crate::ledger::faulty_disk::{FaultyDisk, seeded};
use crate::ledger::{
    ExecutionId, Executions, Filter, Finished, GroupCommit, Ledger, LedgerError, Outcome,
    Submission,
};
use crate::metrics::CommitMetrics;

const PATIENCE: Duration = Duration::from_secs(60);
/// Enough that the journal is full, and the file written, once meanwhile.
const RATINGS: usize = 12;

/// How an execution ended, and when, in microseconds since 1970.
type End = (String, i64);

/// What stands between requests and the ledger in a started server. Scoring takes no model: the output is the item and
/// which of the servers, one after the other, has scored it, as if each had another version.
struct Running {
    ledger: Arc<dyn Ledger>,
    executions: Arc<Executions>,
    commit: Arc<GroupCommit>,
    scorer: JoinHandle<()>,
}

impl Running {
    /// Opens the ledger and takes up what an earlier process left. The `nth` server; none that never scores.
    fn start(disk: &FaultyDisk, nth: Option<i64>) -> Result<Self, LedgerError> {
        let ledger: Arc<dyn Ledger> = Arc::new(disk.ledger()?);
        let executions = Arc::new(Executions::new(ledger.clone()));
        let unfinished = ledger.unfinished()?.into_iter();
        let unfinished: Vec<_> = unfinished.map(|(id, record)| (id, Arc::new(record))).collect();
        executions.begin(unfinished.iter().cloned());
        let (queue, accepted) = sync_channel(100);
        let swept = queue.clone();
        let on_accepted = Box::new(move |all: Vec<_>| {
            for accepted in all {
                queue.send(accepted).unwrap();
            }
        });
        let metrics = CommitMetrics::default();
        let commit =
            GroupCommit::start(ledger.clone(), executions.clone(), 100, metrics, on_accepted);
        let commit = Arc::new(commit.unwrap());
        let outcomes = commit.clone();
        let scorer = thread::spawn(move || {
            for accepted in accepted {
                let Some(stopped_at) = nth else { continue };
                let output = output(&accepted.record.item, stopped_at);
                let outcome = Outcome::Succeeded(JsonText::parse(&output).unwrap().into());
                let finished = Finished { id: accepted.execution, outcome, stopped_at };
                outcomes.finish(&finished).unwrap();
            }
        });
        sweep(unfinished, &executions, |accepted| swept.send(accepted).unwrap());
        Ok(Self { ledger, executions, commit, scorer })
    }

    /// Rates one item; none when the disk has failed.
    fn rate(&self, item: usize) -> Option<ExecutionId> {
        let (user, item) = (UserId::try_from("abby").unwrap(), ItemId::try_from(item.to_string()));
        let input = "{}".to_owned();
        let submission = Submission { user, item: item.unwrap(), rating: Some(4.0), input };
        let answer = self.commit.submit(vec![submission]).ok()?.blocking_recv().unwrap();
        Some(answer.ok()?.receipts[0].execution)
    }

    /// What polling finds in the end; none when the disk has failed before that could be written.
    fn end(&self, id: &ExecutionId) -> Option<End> {
        let began = Instant::now();
        loop {
            let has_failed = self.ledger.is_poisoned();
            let record = self.executions.get(id).unwrap().unwrap();
            if let (Some(output), Some(at)) = (record.output(), record.stopped_at()) {
                return Some((output.json().unwrap().as_str().to_owned(), at));
            }
            assert!(record.is_running(), "{record:?}");
            if has_failed {
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "left running for ever");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn stop(self, patience: Duration) -> Arc<dyn Ledger> {
        self.commit.close(patience);
        self.scorer.join().unwrap();
        self.ledger
    }
}

fn output(item: &str, nth: i64) -> String {
    format!("[{item},{nth}]")
}

/// Rates until the disk dies, in its operation that many ahead. Says which handles were given out, each with its end if
/// that was shown, and whether the disk died.
fn live_until(
    disk: &FaultyDisk,
    operations: u64,
    scores: bool,
) -> (Vec<(ExecutionId, Option<End>)>, bool) {
    let running = Running::start(disk, scores.then_some(1)).unwrap();
    disk.die_in(operations);
    let mut handles = Vec::new();
    for item in 0..RATINGS {
        let Some(handle) = running.rate(item) else { break };
        let end = if scores { running.end(&handle) } else { None };
        handles.push((handle, end));
    }
    let ledger = running.stop(if scores { PATIENCE } else { Duration::ZERO });
    let has_died = ledger.is_poisoned();
    (handles, has_died)
}

/// The disk after the crash and, perhaps, one more crash while what was left is taken up.
fn crashed(disk: &FaultyDisk, random: &mut StdRng) -> FaultyDisk {
    let mut image =
        if random.random_bool(0.5) { disk.after_restart() } else { disk.after_power_cut(random) };
    if random.random_bool(0.5) {
        let disk = FaultyDisk::holding(image);
        disk.die_in(random.random_range(1..20));
        if let Ok(running) = Running::start(&disk, Some(2)) {
            running.stop(PATIENCE);
        }
        image = disk.after_power_cut(random);
    }
    FaultyDisk::holding(image)
}

fn every_handle_resolves(scores: bool) {
    let random = &mut seeded();
    let fresh = FaultyDisk::default();
    drop(fresh.ledger().unwrap());
    let (mut unfinished, mut shown) = (0, 0);
    for operations in 1.. {
        let disk = FaultyDisk::holding(fresh.after_restart());
        let (handles, has_died) = live_until(&disk, operations, scores);
        let disk = crashed(&disk, random);
        unfinished += disk.ledger().unwrap().unfinished().unwrap().len();
        let running = Running::start(&disk, Some(3)).unwrap();
        for (item, (handle, before)) in handles.iter().enumerate() {
            let end = running.end(handle).unwrap();
            assert_eq!(end.0, output(&item.to_string(), end.1), "{operations}");
            if let Some(before) = before {
                assert_eq!(end, *before, "{operations}: it was shown before");
                shown += 1;
            }
        }
        let ledger = running.stop(PATIENCE);
        assert_eq!(ledger.unfinished(), Ok(Vec::new()), "{operations}");
        // At most what was on its way is there besides, and nothing twice.
        let entries = ledger.unflushed(99).unwrap();
        let items: BTreeSet<_> = entries.iter().map(|entry| &entry.item).collect();
        assert!((0..=1).contains(&(entries.len() - handles.len())), "{operations}");
        assert_eq!(items.len(), entries.len(), "{operations}");
        let filter = Filter { user: None, status: None, after: None };
        let executions = ledger.list(&filter, 99).unwrap().executions;
        assert_eq!(executions.len(), entries.len(), "{operations}");
        if !has_died {
            // Otherwise the test tests nothing.
            assert!(handles.len() == RATINGS && operations > 20 && unfinished > 0);
            assert!(!scores || shown > 10 * RATINGS, "{shown}");
            return;
        }
    }
}

#[test]
fn every_handle_resolves_after_a_crash_between_accepted_and_scored() {
    every_handle_resolves(false);
}

#[test]
fn every_handle_resolves_after_a_crash_between_scored_and_written() {
    every_handle_resolves(true);
}
