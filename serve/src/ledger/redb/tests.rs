#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use akin_recommender::profile::Entry;
use akin_schemas::http::JsonText;
use proptest::prelude::*;
use tempfile::tempdir;

use super::faulty_disk::FaultyDisk;
use super::*;
use crate::ledger::{Accepted, ExecutionStatus, Outcome, Receipt, Submission};

mod of_user;
mod older_formats;
mod retention;

const DAY: i64 = 86_400_000_000;

fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

fn item(name: &str) -> ItemId {
    ItemId::try_from(name).unwrap()
}

fn submission(of: &str, about: &str, rating: Option<f32>) -> Submission {
    let input = format!("{{\"movieID\":\"{about}\"}}");
    Submission { user: user(of), item: item(about), rating, input }
}

fn succeeded(id: ExecutionId, output: &str) -> Finished {
    Finished {
        id,
        outcome: Outcome::Succeeded(JsonText::of(&output).unwrap().into()),
        stopped_at: 77,
    }
}

#[test]
fn reopening_keeps_everything() {
    let folder = tempdir().unwrap();
    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    let batch = [submission("abby", "1", Some(4.5)), submission("abby", "2", None)];
    let accepted = ledger.accept(&batch, &[], 1000).unwrap();
    // Each of a batch carries what the whole batch left.
    assert_eq!(accepted[0].entries, accepted[1].entries);
    assert_eq!(accepted[0].entries.get().unwrap().entries().count(), 2);
    let begun = &accepted[0].record;
    assert_eq!((begun.started_at, &begun.item), (1000, &item("1")));
    let bob = [submission("bob", "1", Some(1.0))];
    ledger.accept(&bob, &[succeeded(accepted[0].execution, "{}")], 2000).unwrap();
    let seen = (ledger.entries(&user("abby")), ledger.unflushed(9), ledger.origin());
    drop(ledger);

    let ledger = RedbLedger::open(folder.path(), Opening::default()).unwrap();
    assert_eq!((ledger.entries(&user("abby")), ledger.unflushed(9), ledger.origin()), seen);
    assert_eq!(seen.0.as_ref().ok(), accepted[0].entries.get());
    assert!(ledger.entries(&user("abb")).unwrap().is_empty());
    let ended = ledger.execution(&accepted[0].execution).unwrap().unwrap();
    assert_eq!(
        (ended.status(), ended.output()),
        (ExecutionStatus::Succeeded, Some(&JsonText::of(&"{}").unwrap().into()))
    );
    assert_eq!((ended.started_at, ended.stopped_at()), (1000, Some(77)));
    assert_eq!((ended.user, ended.input), (user("abby"), batch[0].input.clone()));
    let running = ledger.unfinished().unwrap();
    assert_eq!(running.len(), 2);
    assert_eq!(running[0].0, accepted[1].execution);
    assert!(running.iter().all(|(_, record)| record.is_running()));
    assert_eq!(ledger.execution(&ExecutionId::fresh(0)), Ok(None));
}

#[test]
fn the_first_outcome_stands() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let id = ledger.accept(&[submission("abby", "1", None)], &[], 0).unwrap()[0].execution;
    let stopped = Outcome::Aborted { error: None, cause: Some("enough".to_owned()) };
    let stop = Finished { id, outcome: stopped, stopped_at: 5 };
    ledger.accept(&[], &[stop, succeeded(id, "late")], 0).unwrap();
    ledger
        .accept(&[], &[succeeded(id, "later"), succeeded(ExecutionId::fresh(0), "?")], 0)
        .unwrap();
    let record = ledger.execution(&id).unwrap().unwrap();
    assert_eq!(record.status(), ExecutionStatus::Aborted);
    assert_eq!(record.failure(), (None, Some("enough")));
    assert!(ledger.unfinished().unwrap().is_empty());
}

#[test]
fn sequence_and_clock_never_go_back_though_the_wall_clock_does() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let order = |ledger: &RedbLedger, now: i64| {
        ledger.accept(&[submission("abby", "1", Some(1.0))], &[], now).unwrap();
        let entry = *ledger.entries(&user("abby")).unwrap().entries().next().unwrap().1;
        assert_eq!(entry.rated_at, now);
        (entry.order.micros, entry.order.sequence)
    };
    assert_eq!(order(&ledger, 10 * DAY), (10 * DAY, 1));
    assert_eq!(order(&ledger, 10 * DAY), (10 * DAY + 1, 2));
    drop(ledger);
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
    assert_eq!(order(&ledger, 9 * DAY), (10 * DAY + 2, 3));
    ledger.observe_clock(20 * DAY);
    ledger.observe_clock(DAY);
    assert_eq!(order(&ledger, 9 * DAY), (20 * DAY + 1, 4));
    ledger.observe_clock(i64::MAX);
    assert_eq!(order(&ledger, -5), (i64::MAX, 5));
    assert_eq!(order(&ledger, 21 * DAY), (i64::MAX, 6));
}

#[test]
fn a_renewed_origin_names_new_entries_and_what_is_not_flushed() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let old = ledger.origin();
    for (about, now) in [("1", 10), ("2", 20), ("1", 30), ("3", 40)] {
        ledger.accept(&[submission("abby", about, Some(1.0))], &[], now).unwrap();
    }
    ledger.mark_flushed(2).unwrap();
    let new = ledger.renew_origin().unwrap();
    assert_ne!(old, new);
    ledger.accept(&[submission("abby", "4", Some(1.0))], &[], 50).unwrap();
    drop(ledger);
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
    assert_eq!(ledger.origin(), new);
    let order = |entry: &Entry| (entry.order.origin, entry.order.sequence, entry.order.micros);
    let log = ledger.unflushed(9).unwrap();
    let log: Vec<_> = log.iter().map(|entry| order(&entry.entry)).collect();
    assert_eq!(log, [(new, 1, 30), (new, 2, 40), (new, 3, 50)], "numbered from 1 on");
    let entries = ledger.entries(&user("abby")).unwrap();
    let entries: Vec<_> = entries.entries().map(|(_, entry)| order(entry)).collect();
    assert_eq!(entries, [(new, 1, 30), (old, 2, 20), (new, 2, 40), (new, 3, 50)]);
    ledger.mark_flushed(2).unwrap();
    let left = ledger.unflushed(9).unwrap();
    assert_eq!(left.iter().map(|entry| entry.entry.order.sequence).collect::<Vec<_>>(), [3]);
}

#[test]
fn only_what_is_flushed_and_contained_is_forgotten_oldest_first() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let batch: Vec<_> =
        ["1", "2", "1", "3", "4"].map(|about| submission("abby", about, Some(1.0))).into();
    ledger.accept(&batch, &[], 0).unwrap();
    let left = |ledger: &RedbLedger| -> Vec<String> {
        let entries = ledger.entries(&user("abby")).unwrap();
        entries.entries().map(|(about, _)| about.to_string()).collect()
    };
    let through = |number: u64| BTreeMap::from([(ledger.origin(), number)]);
    assert_eq!(ledger.forget_contained(&through(5), 9), Ok(0), "nothing is flushed");
    ledger.mark_flushed(4).unwrap();
    let other = BTreeMap::from([("ledger-other".parse().unwrap(), 9)]);
    assert_eq!(ledger.forget_contained(&other, 9), Ok(0), "another ledger's");
    assert_eq!(ledger.forget_contained(&through(2), 9), Ok(2));
    assert_eq!(left(&ledger), ["1", "3", "4"], "1 was rated again, which is not contained");
    assert_eq!(ledger.forget_contained(&through(9), 1), Ok(1), "at most so many");
    assert_eq!(ledger.forget_contained(&through(9), 9), Ok(1));
    assert_eq!(left(&ledger), ["4"], "not flushed");
    // Numbers go on where they were.
    drop(ledger);
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
    assert_eq!(left(&ledger), ["4"]);
    ledger.accept(&batch[..1], &[], 0).unwrap();
    let log = ledger.unflushed(9).unwrap();
    assert_eq!(log.iter().map(|entry| entry.entry.order.sequence).collect::<Vec<_>>(), [5, 6]);
}

#[test]
fn the_flush_mark_moves_forward_over_what_there_is() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let batch: Vec<_> = (1..=5).map(|n| submission("abby", &n.to_string(), Some(1.0))).collect();
    ledger.accept(&batch, &[], 0).unwrap();
    let sequences = |limit| -> Vec<u64> {
        let entries = ledger.unflushed(limit).unwrap();
        entries.iter().map(|entry| entry.entry.order.sequence).collect()
    };
    assert_eq!(sequences(2), [1, 2]);
    ledger.mark_flushed(2).unwrap();
    assert_eq!(sequences(9), [3, 4, 5]);
    ledger.mark_flushed(1).unwrap();
    assert_eq!(sequences(9), [3, 4, 5]);
    ledger.mark_flushed(u64::MAX).unwrap();
    assert_eq!(sequences(9), [0; 0]);
    ledger.accept(&batch[..1], &[], 0).unwrap();
    assert_eq!(sequences(9), [6]);
    assert_eq!(ledger.entries(&user("abby")).unwrap().entries().count(), 5);
}

#[test]
fn a_page_of_a_listing_is_bounded_by_bytes() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let input = format!("\"{}\"", "x".repeat(1 << 20));
    let batch: Vec<_> = (0..10)
        .map(|n| Submission { input: input.clone(), ..submission("abby", &n.to_string(), None) })
        .collect();
    ledger.accept(&batch, &[], 0).unwrap();
    let abby = Filter { user: Some(user("abby")), ..Filter::default() };
    for mut filter in [Filter::default(), abby] {
        let mut lengths = Vec::new();
        loop {
            let page = ledger.list(&filter, 1000).unwrap();
            lengths.push(page.executions.len());
            filter.after = page.next;
            if filter.after.is_none() {
                break;
            }
        }
        assert_eq!(lengths, [4, 4, 2]);
    }
}

fn machine_name(name: &str) -> RequestName {
    RequestName::of_machine(name.to_owned())
}

fn named(submissions: Vec<Submission>, name: &str) -> Request {
    Request { submissions, name: Some(machine_name(name)) }
}

#[track_caller]
fn fresh(answer: &Answered) -> &[Accepted] {
    match answer {
        Answered::Accepted(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_stands_for_one_request_over_a_restart_and_within_a_batch() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let one = || vec![submission("abby", "1", Some(4.0))];
    let two = || vec![submission("abby", "2", Some(4.0)), submission("bob", "2", None)];
    let requests = [named(one(), "x"), named(one(), "x"), named(two(), "x"), named(two(), "y")];
    let answers = ledger.commit(&requests, &[], 1000).unwrap();
    let x = fresh(&answers[0])[0].execution;
    let receipt = |execution| Receipt { execution, started_at: 1000 };
    assert_eq!(answers[1], Answered::Repeated(vec![receipt(x)]));
    assert_eq!(answers[2], Answered::NameTaken(x));
    let y: Vec<_> = fresh(&answers[3]).iter().map(|accepted| receipt(accepted.execution)).collect();
    assert_eq!(ledger.unflushed(9).unwrap().len(), 3);
    ledger.accept(&[], &[succeeded(x, "{}")], 2000).unwrap();
    drop(ledger);

    let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
    let mut another_text = two();
    another_text[0].input = "{ }".to_owned();
    let mut another_rating = two();
    another_rating[1].rating = Some(1.0);
    let caller = RequestName::of_caller(&user("abby"), "y".to_owned());
    let requests = [
        named(another_text, "y"),
        named(another_rating, "y"),
        named(one(), "x"),
        Request { submissions: one(), name: Some(caller.clone()) },
        Request { submissions: one(), name: Some(caller) },
    ];
    let answers = ledger.commit(&requests, &[], 3000).unwrap();
    assert_eq!(answers[0], Answered::Repeated(y.clone()));
    assert_eq!(answers[1], Answered::NameTaken(y[0].execution));
    assert_eq!(answers[2], Answered::Repeated(vec![receipt(x)]));
    let own = fresh(&answers[3])[0].execution;
    assert_eq!(answers[4], Answered::Repeated(vec![Receipt { execution: own, started_at: 3000 }]));
    assert_eq!(ledger.named(&machine_name("y")), Ok(Some(y[0].execution)));
    assert_eq!(ledger.named(&machine_name("z")), Ok(None));
    assert_eq!(ledger.unflushed(9).unwrap().len(), 4);
}

#[test]
fn what_ends_between_two_pages_is_neither_left_out_nor_repeated() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let batch: Vec<_> = (0..5).map(|n| submission("abby", &n.to_string(), Some(1.0))).collect();
    let accepted = ledger.accept(&batch, &[], 7).unwrap();
    let mut found = Vec::new();
    let mut filter = Filter::default();
    for end in [1, 4, 0, 2, 3] {
        let page = ledger.list(&filter, 1).unwrap();
        found.extend(page.executions.into_iter().map(|(id, _)| id));
        filter.after = page.next;
        let finished = succeeded(accepted[end].execution, "now");
        ledger.accept(&[], &[finished], 90_000).unwrap();
    }
    let expected: Vec<_> = accepted.iter().rev().map(|accepted| accepted.execution).collect();
    assert_eq!((found, filter.after), (expected, None));
}

#[test]
fn listings_are_sorted_filtered_and_complete_however_they_are_cut_into_pages() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    // Several within a millisecond and of one time of ending, so that ties are met.
    // In the end the clock is set back.
    let starts = [5_000, 5_000, 5_100, 9_000, 9_999, 10_000, 10_400, 10_900, 3_000, 3_000];
    let mut all = Vec::new();
    for (n, &start) in starts.iter().enumerate() {
        let of = if n % 2 == 0 { "abby" } else { "abb" };
        let accepted = ledger.accept(&[submission(of, "1", Some(1.0))], &[], start).unwrap();
        all.push((accepted[0].execution, of, None));
    }
    let ends = [
        (0, Outcome::Succeeded(JsonText::of(&"{}").unwrap().into()), 9_000),
        (1, Outcome::TimedOut, 9_000),
        (3, Outcome::Aborted { error: None, cause: None }, 80_000),
        (4, Outcome::Succeeded(JsonText::of(&"{}").unwrap().into()), 9_500),
    ];
    for (n, outcome, stopped_at) in ends {
        all[n].2 = Some((outcome.status(), stopped_at));
        let finished = Finished { id: all[n].0, outcome, stopped_at };
        ledger.accept(&[], &[finished], 90_000).unwrap();
    }
    use ExecutionStatus::{Aborted, Failed, Running, Succeeded, TimedOut};
    let users = [None, Some("abby"), Some("abb"), Some("ab")];
    let statuses =
        [None, Some(Running), Some(Succeeded), Some(Failed), Some(TimedOut), Some(Aborted)];
    for (of, status) in users.into_iter().flat_map(|of| statuses.map(|status| (of, status))) {
        let is_by_end = of.is_none() && status.is_some_and(|status| status != Running);
        let mut expected: Vec<_> = all
            .iter()
            .filter(|one| of.is_none_or(|of| one.1 == of))
            .filter(|one| status.is_none_or(|s| one.2.map_or(Running, |end| end.0) == s))
            .collect();
        if is_by_end {
            expected.sort_by_key(|one| one.2.map(|end| end.1));
        }
        let expected: Vec<_> = expected.into_iter().rev().map(|one| one.0).collect();
        for limit in 1..=8 {
            let mut found = Vec::new();
            let mut filter = Filter { user: of.map(user), status, after: None };
            loop {
                let page = ledger.list(&filter, limit).unwrap();
                assert!(page.executions.len() <= limit);
                found.extend(page.executions.into_iter().map(|(id, _)| id));
                filter.after = page.next;
                if page.next.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{of:?} {status:?} {limit}");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Submit(Vec<(u8, u8, Option<u8>)>, i64),
    Reopen,
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let one = (0..3u8, 0..4u8, proptest::option::weighted(0.7, 1..10u8));
    let batch = proptest::collection::vec(one, 1..5);
    let step = prop_oneof![
        4 => (batch, -DAY..DAY).prop_map(|(batch, now)| Step::Submit(batch, now)),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn entries_are_a_last_writer_wins_map(steps in any_steps()) {
        let mut disk = FaultyDisk::default();
        let mut ledger = disk.ledger().unwrap();
        let mut expected: BTreeMap<(u8, u8), Option<f32>> = BTreeMap::new();
        // Names that are each other's beginning.
        let name = |of: u8| "a".repeat(usize::from(of) + 1);
        for step in steps {
            match step {
                Step::Reopen => {
                    drop(ledger);
                    disk = FaultyDisk::holding(disk.after_restart());
                    ledger = disk.ledger().unwrap();
                }
                Step::Submit(batch, now) => {
                    let batch: Vec<_> = batch
                        .into_iter()
                        .map(|(of, about, rating)| {
                            let rating = rating.map(f32::from);
                            expected.insert((of, about), rating);
                            submission(&name(of), &name(about), rating)
                        })
                        .collect();
                    for accepted in ledger.accept(&batch, &[], now).unwrap() {
                        let entries = ledger.entries(&accepted.record.user).unwrap();
                        prop_assert_eq!(accepted.entries.get(), Some(&entries));
                    }
                }
            }
            for of in 0..3 {
                let found: Vec<_> = ledger.entries(&user(&name(of))).unwrap().entries()
                    .map(|(about, entry)| (about.len() as u8 - 1, entry.rating))
                    .collect();
                let expected = expected.range((of, 0)..(of + 1, 0));
                let expected: Vec<_> = expected.map(|(key, rating)| (key.1, *rating)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
