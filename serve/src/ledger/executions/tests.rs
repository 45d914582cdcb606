#![allow(clippy::unwrap_used)]
use std::time::Instant;

use akin_schemas::http::{JsonText, Output};
use akin_schemas::{ItemId, UserId};

use super::*;
use crate::ledger::redb::faulty_disk::FaultyDisk;
use crate::ledger::{ExecutionStatus, Outcome, Retention, Submission};

const LONG: Duration = Duration::from_secs(20);

fn accepted() -> (Arc<dyn Ledger>, Arc<Executions>, ExecutionId) {
    let ledger: Arc<dyn Ledger> = Arc::new(FaultyDisk::default().ledger().unwrap());
    let (user, item) = (UserId::try_from("abby").unwrap(), ItemId::try_from("1").unwrap());
    let submission = Submission { user, item, rating: None, input: "{}".to_owned() };
    let id = ledger.accept(&[submission], &[], 5).unwrap()[0].execution;
    (ledger.clone(), Arc::new(Executions::new(ledger)), id)
}

fn ended(id: ExecutionId, output: &str) -> Finished {
    Finished {
        id,
        outcome: Outcome::Succeeded(JsonText::of(&output).unwrap().into()),
        stopped_at: 9,
    }
}

fn text(record: &ExecutionRecord) -> Option<&str> {
    record.output().map(|output| match output {
        Output::Text(text) => text.as_str(),
        Output::FoldIn(_) => panic!("of another test"),
    })
}

/// Writes an end as a commit does, and tells.
fn write(ledger: &Arc<dyn Ledger>, executions: &Executions, end: Finished) {
    let id = end.id;
    ledger.accept(&[], &[end], 6).unwrap();
    executions.written([id].iter());
}

#[tokio::test]
async fn a_long_poll_wakes_when_the_end_is_written_and_not_before() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    let start = Instant::now();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn({
                let executions = executions.clone();
                async move { executions.wait(id, LONG).await }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(executions.finish(&ended(id, "first")), Ok(true));
    assert_eq!(executions.finish(&ended(id, "second")), Ok(false));
    // Here and in listings, whoever asks.
    assert!(executions.get(&id).unwrap().unwrap().is_running());
    assert!(executions.wait(id, Duration::from_millis(20)).await.unwrap().unwrap().is_running());
    assert!(executions.list(&Filter::default(), 9).unwrap().executions[0].1.is_running());
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    write(&ledger, &executions, ended(id, "first"));
    for waiting in waiting {
        let record = waiting.await.unwrap().unwrap().unwrap();
        assert_eq!((text(&record), record.stopped_at()), (Some("\"first\""), Some(9)));
    }
    assert!(start.elapsed() < LONG / 4);
}

#[tokio::test]
async fn who_waits_for_an_end_that_will_not_be_written_hears_that_it_runs() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    let waiting = tokio::spawn({
        let executions = executions.clone();
        async move { executions.wait(id, LONG).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(executions.finish(&ended(id, "{}")), Ok(true));
    executions.give_up();
    assert!(waiting.await.unwrap().unwrap().unwrap().is_running());
    assert_eq!(executions.overdue(Duration::ZERO), [], "it has its end");
}

#[tokio::test]
async fn a_long_poll_ends_with_its_patience_and_says_that_it_runs() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    for patience in [Duration::ZERO, Duration::from_millis(10)] {
        let record = executions.wait(id, patience).await.unwrap().unwrap();
        assert!(record.is_running());
    }
    assert_eq!(executions.wait(ExecutionId::fresh(5), LONG).await, Ok(None));
}

#[tokio::test]
async fn who_waits_for_an_execution_that_has_not_begun_is_woken_too() {
    let (ledger, executions, id) = accepted();
    let waiting = tokio::spawn({
        let executions = executions.clone();
        async move { executions.wait(id, LONG).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(executions.finish(&ended(id, "{}")), Ok(true));
    write(&ledger, &executions, ended(id, "{}"));
    assert_eq!(text(&waiting.await.unwrap().unwrap().unwrap()), Some("\"{}\""));
}

#[tokio::test]
async fn an_end_is_seen_when_it_is_written_and_for_good() {
    let (ledger, executions, id) = accepted();
    assert!(executions.get(&id).unwrap().unwrap().is_running());
    // Nobody has taken it up since a restart: the ledger knows it.
    assert_eq!(executions.finish(&ended(id, "{}")), Ok(true));
    assert!(executions.get(&id).unwrap().unwrap().is_running());
    write(&ledger, &executions, ended(id, "{}"));
    assert_eq!(executions.in_work(), 0);
    assert_eq!(text(&executions.get(&id).unwrap().unwrap()), Some("\"{}\""));
    let record = executions.wait(id, LONG).await.unwrap().unwrap();
    assert_eq!(text(&record), Some("\"{}\""));
    assert_eq!(executions.finish(&ended(id, "again")), Ok(false));
    assert_eq!(executions.finish(&ended(ExecutionId::fresh(5), "{}")), Ok(false));
    assert_eq!(executions.in_work(), 0);
}

#[tokio::test]
async fn what_a_listing_has_shown_as_ended_never_runs_again() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    let waiting = tokio::spawn({
        let executions = executions.clone();
        async move { executions.wait(id, LONG).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(executions.finish(&ended(id, "{}")), Ok(true));
    // Committed, and nobody was told yet.
    ledger.accept(&[], &[ended(id, "{}")], 6).unwrap();
    assert!(executions.get(&id).unwrap().unwrap().is_running());
    let filter = Filter { status: Some(ExecutionStatus::Succeeded), ..Filter::default() };
    assert_eq!(executions.list(&filter, 9).unwrap().executions.len(), 1);
    assert_eq!(text(&executions.get(&id).unwrap().unwrap()), Some("\"{}\""));
    assert_eq!(text(&waiting.await.unwrap().unwrap().unwrap()), Some("\"{}\""));
    executions.written([id].iter());
    assert_eq!(executions.in_work(), 0);
}

#[tokio::test]
async fn an_execution_is_listed_under_one_status_at_any_moment() {
    let (ledger, executions, id) = accepted();
    let status_of = |status: ExecutionStatus| -> Vec<ExecutionStatus> {
        let filter = Filter { status: Some(status), ..Filter::default() };
        let page = executions.list(&filter, 9).unwrap();
        page.executions.iter().map(|(_, record)| record.status()).collect()
    };
    let all = || executions.list(&Filter::default(), 9).unwrap().executions[0].1.status();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    assert_eq!(all(), ExecutionStatus::Running);
    assert_eq!(executions.finish(&ended(id, "{}")), Ok(true));
    assert_eq!(all(), ExecutionStatus::Running);
    assert_eq!(status_of(ExecutionStatus::Running), [ExecutionStatus::Running]);
    assert_eq!(status_of(ExecutionStatus::Succeeded), []);
    ledger.accept(&[], &[ended(id, "{}")], 6).unwrap();
    assert_eq!(status_of(ExecutionStatus::Running), []);
    assert_eq!(status_of(ExecutionStatus::Succeeded), [ExecutionStatus::Succeeded]);
    executions.written([id].iter());
    assert_eq!(all(), ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn what_ended_lately_is_read_from_memory_until_the_ledger_lets_go_of_it() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    assert_eq!(executions.finish(&ended(id, "in memory")), Ok(true));
    ledger.accept(&[], &[ended(id, "on disk")], 6).unwrap();
    executions.written([id].iter());
    let output = || text(&executions.get(&id).unwrap().unwrap()).map(str::to_owned);
    assert_eq!(output().as_deref(), Some("\"in memory\""));
    let waited = executions.wait(id, LONG).await.unwrap().unwrap();
    assert_eq!(text(&waited), Some("\"in memory\""));
    assert_eq!(executions.forget_with_ledger(), Ok(()));
    assert_eq!(output().as_deref(), Some("\"in memory\""), "the ledger still has it");
    let all = Retention { since: i64::MAX, count: 0, bytes: 0 };
    assert_eq!(ledger.forget_executions(all, 9), Ok(1));
    assert_eq!(executions.forget_with_ledger(), Ok(()));
    assert_eq!(executions.get(&id), Ok(None));
}

#[test]
fn what_left_work_while_a_listing_was_read_is_listed_as_it_stands() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    assert_eq!(executions.finish(&ended(id, "first")), Ok(true));
    // The ledger that the listing was read from did not have the end yet.
    executions.written([id].iter());
    let page = executions.list(&Filter::default(), 9).unwrap();
    let listed: Vec<_> =
        page.executions.iter().map(|(id, record)| (*id, record.status())).collect();
    assert_eq!(listed, [(id, ExecutionStatus::Succeeded)]);
}

#[test]
fn what_waited_to_be_taken_up_has_as_much_time_as_anything_new() {
    let (ledger, executions, id) = accepted();
    executions.begin([(id, ledger.execution(&id).unwrap().unwrap().into())]);
    let taken_up = Instant::now();
    executions.renew(&id);
    assert!(executions.lock().live[&id].since >= taken_up);
}
