#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use akin_schemas::http::JsonText;
use proptest::prelude::*;

use super::faulty_disk::FaultyDisk;
use super::recent::Places;
use super::*;
use crate::ledger::{Outcome, Submission};

/// Names that are each other's beginning.
fn name(number: u8) -> String {
    "a".repeat(usize::from(number) + 1)
}

fn user(number: u8) -> UserId {
    UserId::try_from(name(number)).unwrap()
}

fn submission(of: UserId, about: u8, rating: Option<u8>) -> Submission {
    let item = ItemId::try_from(name(about)).unwrap();
    Submission { user: of, item, rating: rating.map(f32::from), input: "{}".to_owned() }
}

#[derive(Debug, Clone)]
enum Step {
    Submit(Vec<(u8, u8, Option<u8>)>),
    Reopen,
    Flush,
    /// The oldest flushed entries.
    Forget(usize),
    /// All but so many executions.
    ForgetExecutions(usize),
    RenewOrigin,
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let one = (0..USERS, 0..4u8, proptest::option::weighted(0.7, 1..10u8));
    let step = prop_oneof![
        6 => proptest::collection::vec(one, 1..5).prop_map(Step::Submit),
        2 => Just(Step::Reopen),
        2 => Just(Step::Flush),
        2 => (1..9usize).prop_map(Step::Forget),
        2 => (0..9usize).prop_map(Step::ForgetExecutions),
        1 => Just(Step::RenewOrigin),
    ];
    proptest::collection::vec(step, 1..30)
}

const USERS: u8 = 4;

/// What should be there.
#[derive(Default)]
struct Model {
    /// All that ever came: user and item.
    log: Vec<(u8, u8)>,
    /// Under which origin, as which of its entries.
    orders: Vec<(Origin, u64)>,
    forgotten: usize,
    flushed: usize,
    /// How many had come when the origin was renewed last.
    start: usize,
    origins: Vec<Origin>,
    /// The number and rating of the newest entry.
    entries: BTreeMap<(u8, u8), (usize, Option<f32>)>,
    executions: BTreeMap<ExecutionId, u8>,
}

impl Model {
    fn take(&mut self, ledger: &RedbLedger, step: Step) -> Result<(), LedgerError> {
        match step {
            Step::Submit(batch) => {
                let submit = |&(of, about, rating)| submission(user(of), about, rating);
                let submissions: Vec<_> = batch.iter().map(submit).collect();
                let accepted = ledger.accept(&submissions, &[], 1_000 * self.log.len() as i64)?;
                let mut finished = Vec::new();
                for ((of, about, rating), accepted) in batch.into_iter().zip(accepted) {
                    let rating = rating.map(f32::from);
                    self.entries.insert((of, about), (self.log.len(), rating));
                    self.executions.insert(accepted.execution, of);
                    self.log.push((of, about));
                    let sequence = (self.log.len() - self.start) as u64;
                    self.orders.push((*self.origins.last().unwrap(), sequence));
                    let outcome = Outcome::Succeeded(JsonText::of(&1).unwrap().into());
                    finished.push(Finished { id: accepted.execution, outcome, stopped_at: 7 });
                    assert_eq!(accepted.entries.get(), Some(&ledger.entries(&user(of))?));
                }
                ledger.accept(&[], &finished, 0)?;
            }
            Step::Reopen => {}
            Step::Flush => {
                self.flushed = self.log.len();
                ledger.mark_flushed((self.flushed - self.start) as u64)?;
            }
            Step::Forget(limit) => {
                let through = self.origins.iter().map(|&origin| (origin, u64::MAX)).collect();
                let gone = limit.min(self.flushed - self.forgotten);
                assert_eq!(ledger.forget_contained(&through, limit), Ok(gone as u64));
                for number in self.forgotten..self.forgotten + gone {
                    let key = self.log[number];
                    if self.entries.get(&key).is_some_and(|(newest, _)| *newest == number) {
                        self.entries.remove(&key);
                    }
                }
                self.forgotten += gone;
            }
            Step::ForgetExecutions(count) => {
                let retention = Retention { since: 0, count: count as u64, bytes: u64::MAX };
                ledger.forget_executions(retention, usize::MAX)?;
                while self.executions.len() > count {
                    self.executions.pop_first();
                }
            }
            Step::RenewOrigin => {
                self.start = self.flushed;
                let fresh = ledger.renew_origin()?;
                self.origins.push(fresh);
                for (sequence, order) in (1..).zip(&mut self.orders[self.flushed..]) {
                    *order = (fresh, sequence);
                }
            }
        }
        Ok(())
    }

    fn check(&self, ledger: &RedbLedger) -> Result<(), LedgerError> {
        for of in 0..USERS {
            let name = user(of);
            let found = ledger.entries(&name)?;
            let found = found.entries().map(|(item, entry)| {
                let order = (entry.order.origin, entry.order.sequence);
                (item.len() as u8 - 1, entry.rating, order)
            });
            let expected = self.entries.range((of, 0)..(of + 1, 0));
            let expected = expected
                .map(|(&(_, about), &(number, rating))| (about, rating, self.orders[number]));
            assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());

            let of_user = |(&id, &user): (&ExecutionId, &u8)| (user == of).then_some(id);
            let expected: Vec<_> = self.executions.iter().rev().filter_map(of_user).collect();
            for limit in [1, 2, usize::MAX] {
                let mut filter = Filter { user: Some(name.clone()), ..Filter::default() };
                let mut found = Vec::new();
                loop {
                    let page = ledger.list(&filter, limit)?;
                    found.extend(page.executions.into_iter().map(|(id, _)| id));
                    filter.after = page.next;
                    if page.next.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected);
            }
        }
        Ok(())
    }
}

/// Executions that the table by user names.
fn named_by_user(ledger: &RedbLedger) -> BTreeSet<ExecutionId> {
    let read = |transaction: &ReadTransaction| {
        let mut found = BTreeSet::new();
        for row in redb::ReadableTable::iter(&transaction.open_table(tables::USERS)?)? {
            found.extend(tables::execution_of(row?.0.value().1));
        }
        Ok(found)
    };
    ledger.read(read).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn whenever_entries_are_settled_nothing_is_missing_and_nothing_comes_back(
        steps in any_steps(),
    ) {
        let mut disk = FaultyDisk::default();
        let mut ledger = disk.ledger().unwrap();
        let mut model = Model { origins: vec![ledger.origin()], ..Model::default() };
        for step in steps {
            if matches!(step, Step::Reopen) {
                drop(ledger);
                disk = FaultyDisk::holding(disk.after_restart());
                ledger = disk.ledger().unwrap();
            }
            model.take(&ledger, step).unwrap();
            model.check(&ledger).unwrap();
        }
        // None that is forgotten takes room for ever.
        let kept: BTreeSet<_> = model.executions.keys().copied().collect();
        prop_assert!(named_by_user(&ledger).is_subset(&kept));
    }
}

/// Writes a user's entries to the table by user, and does not say that they are there.
pub(super) fn settle(ledger: &RedbLedger, of: &UserId) {
    let settle = |transaction: &WriteTransaction, settling: &mut Settling<'_>| {
        let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
        let executions = transaction.open_table(tables::EXECUTIONS)?;
        let mut users = transaction.open_table(tables::USERS)?;
        let (users, executions) = (&mut users, &executions);
        settling.settle(of, &mut Places { users, executions, origins: &origins })
    };
    ledger.write_settling(settle).unwrap();
}

#[test]
fn what_a_start_reads_again_does_not_take_the_place_of_what_is_newer() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    for rating in [1, 2] {
        ledger.accept(&[submission(user(0), 0, Some(rating))], &[], 0).unwrap();
    }
    settle(&ledger, &user(0));
    let damage = |transaction: &WriteTransaction| {
        transaction.open_table(tables::LOG)?.insert(2, &b"damaged"[..])?;
        Ok(())
    };
    ledger.write(damage).unwrap();
    drop(ledger);
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
    assert_eq!(ledger.recent_of(&user(0)).len(), 1);
    settle(&ledger, &user(0));
    let profile = ledger.entries(&user(0)).unwrap();
    assert_eq!(profile.ratings().map(|(_, rating)| rating).collect::<Vec<_>>(), [2.0]);
}

fn recent_count(ledger: &RedbLedger) -> usize {
    let recent = |n| ledger.recent_of(&UserId::try_from(format!("user {n}")).unwrap()).len();
    (0..1000).map(recent).sum()
}

/// Ten ratings at a time of a thousand users, in no order, each several times in all.
fn batches() -> impl Iterator<Item = Vec<Submission>> {
    let of = |n| UserId::try_from(format!("user {}", n * 379 % 1000)).unwrap();
    (0..).map(move |batch| (0..10).map(|n| submission(of(batch * 10 + n), 1, Some(1))).collect())
}

/// How much of the log a start reads.
fn not_known_to_be_settled(ledger: &RedbLedger) -> u64 {
    let counters = |transaction: &ReadTransaction| {
        let counters = transaction.open_table(tables::COUNTERS)?;
        let counter = |name| read::counter(&counters, name);
        Ok(counter(tables::SEQUENCE_COUNTER)? - counter(tables::SETTLED_COUNTER)?)
    };
    ledger.read(counters).unwrap()
}

#[test]
fn what_is_recent_is_bounded_and_so_is_what_a_start_reads() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger_with(50).unwrap();
    for batch in batches().take(100) {
        ledger.accept(&batch, &[], 0).unwrap();
        assert!(recent_count(&ledger) <= 60);
        assert!(not_known_to_be_settled(&ledger) <= 200);
    }
    drop(ledger);
    let ledger = FaultyDisk::holding(disk.after_restart()).ledger_with(50).unwrap();
    let read = recent_count(&ledger);
    assert!((50..=120).contains(&read), "{read}");
}

#[test]
fn what_a_start_reads_is_bounded_with_few_users_who_rate_much() {
    let ledger = FaultyDisk::default().ledger_with(1000).unwrap();
    for round in (0..=255).chain(0..45) {
        let batch: Vec<_> = (0..40).map(|n| submission(user(n % 5), round % 50, Some(1))).collect();
        ledger.accept(&batch, &[], 0).unwrap();
        assert!(recent_of_few(&ledger) < 1000, "nothing has to be settled");
        assert!(not_known_to_be_settled(&ledger) <= 4000);
    }
}

fn recent_of_few(ledger: &RedbLedger) -> usize {
    (0..5).map(|n| ledger.recent_of(&user(n)).len()).sum()
}

#[test]
fn they_are_bounded_in_lives_too_short_for_a_sweep() {
    let mut disk = FaultyDisk::default();
    let mut batches = batches();
    for life in 0..120 {
        let ledger = disk.ledger_with(50).unwrap();
        for batch in batches.by_ref().take(1 + life % 3) {
            ledger.accept(&batch, &[], 0).unwrap();
        }
        assert!(recent_count(&ledger) <= 60);
        assert!(not_known_to_be_settled(&ledger) <= 150);
        drop(ledger);
        disk = FaultyDisk::holding(disk.after_restart());
    }
}

#[test]
fn a_user_who_rates_much_is_settled_early() {
    let ledger = FaultyDisk::default().ledger_with(100_000).unwrap();
    for _ in 0..40 {
        let batch: Vec<_> = (0..5).map(|n| submission(user(0), n, Some(1))).collect();
        ledger.accept(&batch, &[], 0).unwrap();
        assert!(ledger.recent_of(&user(0)).len() <= 70);
    }
    assert_eq!(ledger.entries(&user(0)).unwrap().entries().count(), 5);
}

#[test]
fn who_reads_while_entries_are_settled_misses_none() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..120 {
                let others = (1..4).map(|of| submission(user(of), n, Some(1)));
                let batch: Vec<_> = others.chain([submission(user(0), n, Some(1))]).collect();
                ledger.accept(&batch, &[], 0).unwrap();
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        });
        let abby = Filter { user: Some(user(0)), ..Filter::default() };
        loop {
            let expected = acknowledged.load(Ordering::SeqCst);
            assert!(ledger.entries(&user(0)).unwrap().entries().count() >= expected);
            assert!(ledger.list(&abby, 1000).unwrap().executions.len() >= expected);
            if expected == 120 {
                break;
            }
        }
    });
}
