//! How much of one user is taken, and handed over.

use super::*;

fn ledger(recent_entries: usize, entries_of_a_user: usize) -> (tempfile::TempDir, RedbLedger) {
    let folder = tempdir().unwrap();
    let opening = Opening { recent_entries, entries_of_a_user, ..Opening::default() };
    let ledger = RedbLedger::open(folder.path(), opening).unwrap();
    (folder, ledger)
}

/// Whether each of some requests, in one batch, was accepted; any other answer must be that there are too many.
fn accepted(ledger: &RedbLedger, requests: &[&[Submission]], most: usize) -> Vec<bool> {
    let requests: Vec<Request> = requests.iter().map(|batch| batch.to_vec().into()).collect();
    let answers = ledger.commit(&requests, &[], 1000).unwrap();
    let too_many = Answered::TooMany { user: user("abby"), most };
    answers.iter().map(|answer| *answer != too_many && !answer.accepted().is_empty()).collect()
}

#[test]
fn one_user_has_no_more_entries_than_are_allowed_and_others_do_not_notice() {
    // Nearly all settled, or all recent.
    for recent in [1, 100] {
        let (_folder, ledger) = ledger(recent, 3);
        let rated = |item: &str| submission("abby", item, Some(4.0));
        let deleted = |item: &str| submission("abby", item, None);
        let requests: [&[Submission]; 4] = [
            &[rated("1"), rated("2")],
            &[rated("3"), rated("4")],
            &[submission("bob", "1", Some(1.0)), rated("3")],
            &[rated("4")],
        ];
        assert_eq!(accepted(&ledger, &requests, 3), [true, false, true, false]);
        let items = |ledger: &RedbLedger| ledger.entries(&user("abby")).unwrap().entries().count();
        assert_eq!((items(&ledger), ledger.unflushed_count().unwrap()), (3, 4));
        // Room is taken by items, not by ratings; and what was rated can be taken back.
        let again: [&[Submission]; 3] = [&[rated("1")], &[deleted("2")], &[rated("2"), rated("3")]];
        assert_eq!(accepted(&ledger, &again, 3), [true; 3]);
        assert_eq!(accepted(&ledger, &[&[submission("bob", "5", Some(1.0))]], 3), [true]);
        assert_eq!(accepted(&ledger, &[&[rated("4")]], 3), [false]);
        // A version that contains them makes room.
        let newest = ledger.unflushed_count().unwrap();
        ledger.mark_flushed(newest).unwrap();
        let through = BTreeMap::from([(ledger.origin(), newest)]);
        assert_eq!(ledger.forget_contained(&through, 99), Ok(newest));
        assert_eq!(items(&ledger), 0);
        assert_eq!(accepted(&ledger, &[&[rated("4")]], 3), [true]);
    }
}

#[test]
fn deletions_of_anything_are_bounded_too() {
    let (_folder, ledger) = ledger(100, 2);
    let deleted = |item: usize| submission("abby", &item.to_string(), None);
    let answers: Vec<bool> =
        (0..6).flat_map(|item| accepted(&ledger, &[&[deleted(item)]], 2)).collect();
    assert_eq!(answers, [true, true, true, true, false, false]);
}

#[test]
fn many_entries_are_not_handed_over_but_can_be_read() {
    let (_folder, ledger) = ledger(100, 10_000);
    let rated = |item: usize| submission("abby", &item.to_string(), Some(4.0));
    let first: Vec<Submission> = (0..256).map(rated).collect();
    let of_first = ledger.accept(&first, &[], 1000).unwrap();
    assert_eq!(of_first[0].entries.get(), ledger.entries(&user("abby")).ok().as_ref());
    let more = ledger.accept(&[rated(256), rated(257)], &[], 2000).unwrap();
    assert_eq!(more[1].entries.get(), None);
    // Whoever of a batch needs them first reads them for all.
    assert_eq!(more[0].entries(&ledger).unwrap().entries().count(), 258);
    assert_eq!(more[1].entries.get(), ledger.entries(&user("abby")).ok().as_ref());
}
