//! Damage to any byte is never silent: what was acknowledged is as it was, or named as damaged, or the start is refused.

#![allow(clippy::unwrap_used)]
use akin_schemas::http::JsonText;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::faulty_disk::{FaultyDisk, Image, seeded};
use super::*;
use crate::ledger::{Outcome, Submission};

/// `AKIN_FLIPS` asks for more.
const FLIPS: usize = 300;
const USERS: usize = 12;

fn user(number: usize) -> UserId {
    UserId::try_from(format!("user {number}")).unwrap()
}

fn request(number: usize) -> Request {
    let item = ItemId::try_from(format!("item {}", number % 7)).unwrap();
    let rating = (!number.is_multiple_of(5)).then_some(number as f32 / 4.0);
    let input = format!("{{\"n\":{number},\"padding\":\"{}\"}}", "x".repeat(number % 3 * 150));
    let submission = Submission { user: user(number % USERS), item, rating, input };
    let name = number.is_multiple_of(4).then(|| RequestName::of_machine(format!("name {number}")));
    Request { submissions: vec![submission], name }
}

/// A ledger as a killed program leaves it, and its executions.
fn ledger(requests: usize) -> (Image, Vec<ExecutionId>) {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let mut ids = Vec::new();
    for number in 0..requests {
        let mut ended = Vec::new();
        if number > 3 && number % 3 > 0 {
            let outcome = Outcome::Succeeded(JsonText::of(&"y".repeat(200)).unwrap().into());
            let id = ids[number - 3];
            ended.push(ledger.record(&Finished { id, outcome, stopped_at: 7 }));
        }
        let answers = ledger.commit(&[request(number)], &ended, 1_000 * number as i64).unwrap();
        ids.push(answers[0].accepted()[0].execution);
        if number == requests / 3 {
            ledger.mark_flushed(number as u64 / 2).unwrap();
        }
    }
    assert!(!ledger.journal().is_empty());
    // Dropped, it would be written whole.
    let image = disk.after_restart();
    (image, ids)
}

/// All that a ledger answers.
#[derive(Debug, PartialEq)]
struct Answers {
    entries: Vec<Result<Profile<ItemId>, LedgerError>>,
    executions: Vec<Result<Option<ExecutionRecord>, LedgerError>>,
    names: Vec<Result<Option<ExecutionId>, LedgerError>>,
    unflushed: Result<Vec<LedgerEntry>, LedgerError>,
    lists: Vec<Result<Page, LedgerError>>,
}

fn answers(ledger: &RedbLedger, ids: &[ExecutionId]) -> Answers {
    let of = |number| Filter { user: Some(user(number)), ..Filter::default() };
    let filters = std::iter::once(Filter::default()).chain((0..USERS).map(of));
    let name = |number| RequestName::of_machine(format!("name {number}"));
    Answers {
        entries: (0..USERS).map(|number| ledger.entries(&user(number))).collect(),
        executions: ids.iter().map(|id| ledger.execution(id)).collect(),
        names: (0..ids.len()).map(|number| ledger.named(&name(number))).collect(),
        unflushed: ledger.unflushed(usize::MAX),
        lists: filters.map(|filter| ledger.list(&filter, 1000)).collect(),
    }
}

/// What became of a damaged ledger.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    named: usize,
    exact: usize,
}

impl Tally {
    /// Opens a damaged ledger, and sees that nothing is silent.
    fn open(&mut self, image: Image, ids: &[ExecutionId], whole: &Answers, what: &str) {
        let ledger = match FaultyDisk::holding(image).ledger() {
            Ok(ledger) => ledger,
            Err(error) => {
                assert!(!matches!(error, LedgerError::Record(_)), "{what}: {error:?}");
                self.refused += 1;
                return;
            }
        };
        let looked = ledger.scrub(&|| true);
        if answers(&ledger, ids) == *whole && looked.is_ok() {
            self.exact += 1;
            return;
        }
        let is_told = ledger.damaged_records() > 0 || ledger.is_poisoned();
        assert!(is_told, "{what}: {:?}\nrather than {whole:?}", answers(&ledger, ids));
        self.named += 1;
    }
}

fn flips() -> usize {
    std::env::var("AKIN_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(FLIPS)
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_is_not_silent() {
    let (image, ids) = ledger(60);
    let whole = answers(&FaultyDisk::holding(image.clone()).ledger().unwrap(), &ids);
    let (file, journal) = image.files();
    // Most of the file is free, and zero.
    let used: Vec<usize> = (0..file.len()).filter(|at| file[*at] != 0).collect();
    let (mut random, mut tally) = (seeded(), Tally::default());
    for _ in 0..flips() {
        let (at, bit) = (used[random.random_range(0..used.len())], random.random_range(0..8));
        let mut damaged = file.clone();
        damaged[at] ^= 1 << bit;
        let what = format!("byte {at}, bit {bit}");
        tally.open(Image::of(damaged, journal.clone()), &ids, &whole, &what);
    }
    eprintln!("{tally:?}");
    assert!(tally.named > 0 && tally.exact > 0, "{tally:?}");
}

#[test]
fn a_flipped_bit_anywhere_in_the_journal_costs_one_change_at_most_and_is_named() {
    let (image, ids) = ledger(33);
    let disk = FaultyDisk::holding(image.clone());
    let ledger = disk.ledger().unwrap();
    let (whole, count) = (answers(&ledger, &ids), ledger.unflushed_count().unwrap());
    drop(ledger);
    let (file, journal) = image.files();
    let used: Vec<usize> = (0..journal.len()).filter(|at| journal[*at] != 0).collect();
    let (mut random, mut tally) = (StdRng::seed_from_u64(7), Tally::default());
    for flip in 0..flips() {
        // Each record begins with what tells where it is.
        let at = used[random.random_range(0..used.len())];
        let at = if flip % 3 == 0 { at / 4096 * 4096 + flip % 60 } else { at };
        let mut damaged = journal.clone();
        damaged[at] ^= 1 << random.random_range(0..8);
        let (what, image) = (format!("byte {at}"), Image::of(file.clone(), damaged));
        let ledger = FaultyDisk::holding(image.clone()).ledger().unwrap();
        assert!(ledger.unflushed(usize::MAX).unwrap().len() as u64 + 1 >= count, "{what}");
        drop(ledger);
        tally.open(image, &ids, &whole, &what);
    }
    eprintln!("{tally:?}");
    assert_eq!(tally.refused, 0);
    assert!(tally.named > 0 && tally.exact > 0, "{tally:?}");
}

#[test]
fn a_journal_that_was_cut_emptied_or_removed_is_named() {
    let (image, ids) = ledger(33);
    let whole = answers(&FaultyDisk::holding(image.clone()).ledger().unwrap(), &ids);
    let (file, journal) = image.clone().files();
    for length in (0..journal.len()).step_by(4096).chain([1, 100, 5000, journal.len() - 1]) {
        let image = Image::of(file.clone(), journal[..length].to_vec());
        let disk = FaultyDisk::holding(image);
        let ledger = disk.ledger().unwrap();
        assert!(ledger.damaged_records() > 0, "{length}");
        ledger.accept(&request(1).submissions, &[], 1_000_000).unwrap();
        let count = ledger.unflushed_count();
        // It is said once.
        let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
        assert_eq!((ledger.damaged_records(), ledger.unflushed_count()), (0, count), "{length}");
    }
    let zeros = Image::of(file.clone(), vec![0; journal.len()]);
    assert!(FaultyDisk::holding(zeros).ledger().unwrap().damaged_records() > 0);
    // Once it is closed, the file has everything.
    let disk = FaultyDisk::holding(image);
    drop(disk.ledger().unwrap());
    let ledger = FaultyDisk::holding(disk.after_restart().without_journal()).ledger().unwrap();
    assert_eq!((answers(&ledger, &ids), ledger.damaged_records()), (whole, 0));
}

#[test]
fn a_copy_made_while_the_server_runs_opens_and_says_what_it_lacks() {
    let disk = FaultyDisk::default();
    let ledger = disk.ledger().unwrap();
    let mut images = Vec::new();
    for number in 0..60 {
        ledger.commit(&[request(number)], &[], 1_000 * number as i64).unwrap();
        images.push(disk.after_restart().files());
    }
    let mut random = seeded();
    let (mut lacking, mut whole) = (0, 0);
    for _ in 0..flips() {
        let copied = random.random_range(0..images.len() - 1);
        let file = images[copied].0.clone();
        // Page after page, from now on.
        let (mut moment, mut journal) = (copied, Vec::new());
        while let Some(rest) = images[moment].1.get(journal.len()..).filter(|rest| !rest.is_empty())
        {
            journal.extend(&rest[..rest.len().min(4096)]);
            if random.random_bool(0.4) {
                moment = (moment + random.random_range(0..8)).min(images.len() - 1);
            }
        }
        let disk = FaultyDisk::holding(Image::of(file, journal));
        let ledger = disk.ledger().unwrap();
        let had = ledger.unflushed(usize::MAX).unwrap();
        match ledger.damaged_records() {
            0 => {
                assert!(had.len() > copied, "{} of {copied}", had.len());
                whole += 1;
            }
            _ => lacking += 1,
        }
        let count = had.len() + 1;
        ledger.accept(&request(1).submissions, &[], 1_000_000).unwrap();
        let ledger = FaultyDisk::holding(disk.after_restart()).ledger().unwrap();
        assert_eq!(ledger.unflushed(usize::MAX).unwrap().len(), count);
        assert_eq!(ledger.damaged_records(), 0, "{:?}", ledger.damage);
    }
    assert!(lacking > 0 && whole > 0, "{lacking} {whole}");
}
