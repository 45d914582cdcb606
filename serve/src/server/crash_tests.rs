//! An execution's life is cut at every operation of the disk, before and after each of its states: accepted, scored,
//! outcome written. Every handle that was given out resolves after the restart, and each rating has one effect.

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

/// What stands between requests and the ledger in a started server. Scoring takes no model: the output is the item.
struct Running {
    ledger: Arc<dyn Ledger>,
    executions: Arc<Executions>,
    commit: Arc<GroupCommit>,
    scorer: JoinHandle<()>,
}

impl Running {
    /// Opens the ledger and takes up what an earlier process left. Without `scores` nothing is ever scored.
    fn start(disk: &FaultyDisk, scores: bool) -> Result<Self, LedgerError> {
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
                let outcome =
                    Outcome::Succeeded(JsonText::parse(&accepted.record.item).unwrap().into());
                let finished = Finished { id: accepted.execution, outcome, stopped_at: 9 };
                if scores {
                    outcomes.finish(&finished).unwrap();
                }
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

    /// What polling finds in the end.
    fn output(&self, id: &ExecutionId) -> String {
        let began = Instant::now();
        loop {
            let record = self.executions.get(id).unwrap().unwrap();
            if let Some(output) = record.output() {
                return output.json().unwrap().as_str().to_owned();
            }
            assert!(record.is_running(), "{record:?}");
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

/// Rates until the disk dies, in its operation that many ahead. Says which handles were given out, and whether it died.
fn live_until(disk: &FaultyDisk, operations: u64, scores: bool) -> (Vec<ExecutionId>, bool) {
    let running = Running::start(disk, scores).unwrap();
    disk.die_in(operations);
    let mut handles = Vec::new();
    for item in 0..RATINGS {
        let Some(handle) = running.rate(item) else { break };
        if scores {
            // Visible at once, whether or not it can be written.
            assert_eq!(running.output(&handle), item.to_string());
        }
        handles.push(handle);
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
        if let Ok(running) = Running::start(&disk, true) {
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
    let mut unfinished = 0;
    for operations in 1.. {
        let disk = FaultyDisk::holding(fresh.after_restart());
        let (handles, has_died) = live_until(&disk, operations, scores);
        let disk = crashed(&disk, random);
        unfinished += disk.ledger().unwrap().unfinished().unwrap().len();
        let running = Running::start(&disk, true).unwrap();
        for (item, handle) in handles.iter().enumerate() {
            assert_eq!(running.output(handle), item.to_string(), "{operations}");
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
