#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, HashSet};

use akin_schemas::http::JsonText;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::faulty_disk::{FaultyDisk, seeded};
use super::*;
use crate::ledger::{Outcome, Submission};

/// `AKIN_CUTS` asks for more.
const CUTS: usize = 10_000;
/// Enough to hit every kind of moment.
const FEW_CUTS: usize = 200;
/// Disks at once.
const DISKS: usize = 4;

/// What was acknowledged before the power went, and what was on its way.
#[derive(Default)]
struct Story {
    accepted: Vec<(ExecutionId, Submission)>,
    finished: HashSet<ExecutionId>,
    cut_batch: Vec<Submission>,
    cut_finished: Vec<ExecutionId>,
}

fn submission(random: &mut StdRng, number: usize) -> Submission {
    let user = UserId::try_from(format!("user {}", random.random_range(0..4))).unwrap();
    let item = ItemId::try_from(format!("item {}", random.random_range(0..5))).unwrap();
    let rating = random.random_bool(0.8).then(|| random.random_range(1..=10) as f32 / 2.0);
    // Some span several sectors and pages.
    let padding = "x".repeat(random.random_range(0..10) * random.random_range(0..600));
    Submission {
        user,
        item,
        rating,
        input: format!("{{\"n\":{number},\"padding\":\"{padding}\"}}"),
    }
}

/// Accepts until the power goes, or for long enough.
fn work(ledger: &RedbLedger, random: &mut StdRng) -> Story {
    let mut story = Story::default();
    for round in 0..12 {
        let batch: Vec<_> =
            (0..random.random_range(1..8)).map(|n| submission(random, round * 100 + n)).collect();
        let open =
            story.accepted.iter().map(|(id, _)| *id).filter(|id| !story.finished.contains(id));
        let ended: Vec<_> = open.filter(|_| random.random_bool(0.4)).collect();
        let outcome = Outcome::Succeeded(
            JsonText::of(&"y".repeat(random.random_range(0..3000))).unwrap().into(),
        );
        let finished: Vec<_> = ended
            .iter()
            .map(|&id| Finished { id, outcome: outcome.clone(), stopped_at: 7 })
            .collect();
        match ledger.accept(&batch, &finished, 1_000_000 * round as i64) {
            Ok(accepted) => {
                let ids = accepted.iter().map(|accepted| accepted.execution);
                story.accepted.extend(ids.zip(batch));
                story.finished.extend(ended);
            }
            Err(_) => {
                (story.cut_batch, story.cut_finished) = (batch, ended);
                assert!(
                    ledger.accept(&story.cut_batch, &[], 0).is_err(),
                    "acknowledged after a failure"
                );
                break;
            }
        }
    }
    story
}

/// Checks what is there after the cut against the story. Says whether the batch that was cut is
/// there.
fn check(ledger: &RedbLedger, story: &Story) -> bool {
    let log = ledger.unflushed(usize::MAX).unwrap();
    let cut_is_there = log.len() != story.accepted.len();
    let mut expected: Vec<_> = story.accepted.iter().map(|(_, submission)| submission).collect();
    let mut finished = story.finished.clone();
    if cut_is_there {
        expected.extend(&story.cut_batch);
        finished.extend(&story.cut_finished);
    }
    // All of the cut batch or nothing of it, and every acknowledged entry.
    assert_eq!(log.len(), expected.len());
    let mut profiles: BTreeMap<_, Profile<ItemId>> = BTreeMap::new();
    for (number, (entry, submission)) in log.iter().zip(&expected).enumerate() {
        assert_eq!(entry.entry.order.sequence, number as u64 + 1);
        assert_eq!((&entry.user, &entry.item), (&submission.user, &submission.item));
        assert_eq!(entry.entry.rating, submission.rating);
        profiles.entry(&entry.user).or_default().apply(entry.item.clone(), entry.entry);
    }
    for (user, profile) in profiles {
        assert_eq!(ledger.entries(user), Ok(profile));
    }
    for (id, submission) in &story.accepted {
        let record = ledger.execution(id).unwrap().unwrap();
        assert_eq!(record.input, submission.input);
        assert_eq!(record.is_running(), !finished.contains(id));
    }
    assert_eq!(ledger.unfinished().unwrap().len(), expected.len() - finished.len());
    cut_is_there
}

#[test]
fn after_any_power_cut_all_that_was_acknowledged_is_there_and_no_half_batch() {
    let cuts = std::env::var("AKIN_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    let (cuts, mut random) = (cuts.unwrap_or(CUTS), seeded());
    std::thread::scope(|scope| {
        for _ in 0..DISKS {
            let mut random = StdRng::seed_from_u64(random.random());
            scope.spawn(move || cut_power(&mut random, cuts / DISKS));
        }
    });
}

#[test]
fn the_power_cuts_of_a_fixed_seed_hit_every_kind_of_moment() {
    let (cut, kept, cut_in_recovery) = cut_power(&mut StdRng::seed_from_u64(1), FEW_CUTS);
    // Otherwise the test tests nothing.
    assert!(cut > FEW_CUTS / 2 && kept > 0 && kept < cut / 2 && cut_in_recovery > FEW_CUTS / 10);
}

/// How many batches were cut, how many of these are there afterwards, and how often the power went
/// in recovery.
fn cut_power(random: &mut StdRng, cuts: usize) -> (usize, usize, usize) {
    let fresh = FaultyDisk::default();
    drop(fresh.ledger().unwrap());
    let (mut cut, mut kept, mut cut_in_recovery) = (0, 0, 0);
    for _ in 0..cuts {
        let disk = FaultyDisk::holding(fresh.after_restart());
        let ledger = disk.ledger().unwrap();
        disk.die_in(random.random_range(1..100));
        let story = work(&ledger, random);
        drop(ledger);
        cut += usize::from(!story.cut_batch.is_empty());

        let mut image = disk.after_power_cut(random);
        while random.random_bool(0.5) {
            let disk = FaultyDisk::holding(image);
            disk.die_in(random.random_range(1..12));
            cut_in_recovery += usize::from(disk.ledger().is_err());
            image = disk.after_power_cut(random);
        }

        let disk = FaultyDisk::holding(image);
        let ledger = disk.ledger().unwrap();
        kept += usize::from(check(&ledger, &story));
        // A cut is no damage.
        assert_eq!(ledger.damaged_records(), 0);
        let last = ledger.unflushed(usize::MAX).unwrap().pop().map(|last| last.entry.order);
        let next = ledger.accept(&[submission(random, 0)], &[], 0).unwrap();
        let next = next[0].entries.get().unwrap().entries().map(|(_, entry)| entry.order).max();
        assert!(next > last);
    }
    (cut, kept, cut_in_recovery)
}
