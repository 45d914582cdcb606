//! What is let go of executions, and what stays.

use super::*;

fn forget(ledger: &RedbLedger, since: i64, count: u64, limit: usize) -> Result<u64, LedgerError> {
    ledger.forget_executions(Retention { since, count, bytes: u64::MAX }, limit)
}

#[test]
fn finished_executions_are_forgotten_by_age_and_by_number_and_open_ones_stay() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let mut ids = Vec::new();
    for day in 0..10 {
        let accepted = ledger.accept(&[submission("abby", "1", None)], &[], day * DAY).unwrap();
        ids.push(accepted[0].execution);
    }
    let ended: Vec<_> = ids[1..].iter().map(|&id| succeeded(id, "{}")).collect();
    ledger.accept(&[], &ended, 10 * DAY).unwrap();
    let left = || -> Vec<usize> {
        (0..10).filter(|&n| ledger.execution(&ids[n]).unwrap().is_some()).collect()
    };
    let before = disk.after_restart();
    assert_eq!(forget(&ledger, 0, 100, 9), Ok(0));
    assert!(disk.after_restart() == before, "nothing is written where nothing is to go");
    assert_eq!(forget(&ledger, 4 * DAY, 100, 2), Ok(2));
    assert_eq!(left(), [0, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(forget(&ledger, 4 * DAY, 100, 2), Ok(1));
    assert_eq!(forget(&ledger, 4 * DAY, 100, 2), Ok(0));
    assert_eq!(forget(&ledger, 0, 5, 9), Ok(2));
    assert_eq!(left(), [0, 6, 7, 8, 9]);
    assert_eq!(forget(&ledger, 100 * DAY, 0, 9), Ok(4));
    assert_eq!(left(), [0]);
    assert_eq!(ledger.unfinished().unwrap().len(), 1);
    ledger.accept(&[], &[succeeded(ids[0], "{}")], 11 * DAY).unwrap();
    assert_eq!(forget(&ledger, 0, 0, 9), Ok(1));
    // Ratings do not go with their executions.
    assert_eq!(ledger.entries(&user("abby")).unwrap().entries().count(), 1);
}

#[test]
fn executions_are_forgotten_by_bytes_and_take_their_names_and_places_with_them() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let mut ids = Vec::new();
    for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
        let request = named(vec![submission("abby", name, Some(1.0))], name);
        let answers = ledger.commit(&[request], &[], n as i64 * DAY).unwrap();
        ids.push(fresh(&answers[0])[0].execution);
    }
    // Chance does not pack.
    let by_chance = |_| ExecutionId::fresh(0).to_string().split_off(13);
    let output: String = (0..28).map(by_chance).collect();
    let ended: Vec<_> = ids.iter().map(|&id| succeeded(id, &output)).collect();
    ledger.accept(&[], &ended, 5 * DAY).unwrap();
    let keep = |bytes| Retention { since: 0, count: 100, bytes };
    assert_eq!(ledger.forget_executions(keep(10_000), 9), Ok(0));
    // Each takes between 1,000 and 1,200 bytes.
    assert_eq!(ledger.forget_executions(keep(2_400), 9), Ok(1));
    assert_eq!(ledger.forget_executions(keep(2_400), 9), Ok(0));
    assert_eq!(ledger.named(&machine_name("a")), Ok(None));
    assert_eq!(ledger.named(&machine_name("b")), Ok(Some(ids[1])));
    let abby = Filter { user: Some(user("abby")), ..Filter::default() };
    for filter in [Filter::default(), abby] {
        let page = ledger.list(&filter, 9).unwrap();
        assert_eq!(page.executions.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ids[2], ids[1]]);
    }
    assert_eq!(ledger.forget_executions(keep(0), 9), Ok(2));
    // The count of bytes is exact: nothing is left of it.
    let again = named(vec![submission("abby", "b", Some(2.0))], "b");
    let answers = ledger.commit(&[again], &[], 9 * DAY).unwrap();
    let id = fresh(&answers[0])[0].execution;
    ledger.accept(&[], &[succeeded(id, "")], 9 * DAY).unwrap();
    assert_eq!(ledger.forget_executions(keep(200), 9), Ok(0));
}

#[test]
fn a_name_that_another_request_has_by_now_stays_when_a_late_execution_of_the_first_goes() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let request = |item: &str| {
        named(vec![submission("abby", item, Some(1.0)), submission("bob", item, Some(1.0))], "a")
    };
    let commit = |request: &Request, day: i64| {
        let answers = ledger.commit(std::slice::from_ref(request), &[], day * DAY).unwrap();
        answers.into_iter().next().unwrap()
    };
    let first: Vec<_> = fresh(&commit(&request("1"), 0)).iter().map(|a| a.execution).collect();
    let ended: Vec<_> = first.iter().map(|&id| succeeded(id, "{}")).collect();
    ledger.accept(&[], &ended, DAY).unwrap();
    assert_eq!(forget(&ledger, 0, 1, 9), Ok(1));
    let second = fresh(&commit(&request("2"), 2))[0].execution;
    assert_eq!(forget(&ledger, 0, 2, 9), Ok(1));
    assert_eq!(ledger.named(&machine_name("a")), Ok(Some(second)));
    assert!(matches!(commit(&request("2"), 3), Answered::Repeated(_)));
    assert!(matches!(commit(&request("1"), 3), Answered::NameTaken(_)));
}

#[test]
fn what_cannot_be_read_keeps_nothing_else() {
    let ledger = FaultyDisk::default().ledger().unwrap();
    let batch = ["1", "2", "3"].map(|item| submission("abby", item, Some(1.0)));
    let mut ids: Vec<_> =
        ledger.accept(&batch, &[], 0).unwrap().iter().map(|a| a.execution).collect();
    // Of one moment, they sort by chance.
    ids.sort();
    let spoil = |id: &ExecutionId| {
        ledger.write(|transaction| {
            transaction.open_table(tables::EXECUTIONS)?.insert(id.key(), &b"?"[..])?;
            Ok(())
        })
    };
    spoil(&ids[0]).unwrap();
    let open: Vec<_> = ledger.unfinished().unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(open, ids[1..]);
    let ended: Vec<_> = ids.iter().map(|&id| succeeded(id, "{}")).collect();
    ledger.accept(&[], &ended, 0).unwrap();
    assert_eq!(forget(&ledger, DAY, 0, 9), Ok(2));
    assert!(matches!(ledger.execution(&ids[0]), Err(LedgerError::Record(_))));
    assert_eq!(ledger.execution(&ids[1]), Ok(None));
}
