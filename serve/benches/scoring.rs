//! How long one list of recommendations takes, for profiles of about 200 ratings.
//!
//! `make bench STORE=store`: a folder with a published version whose users are named by numbers, as those of
//! `akin-batch synth` and MovieLens are.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use akin_recommender::profile::Profile;
use akin_recommender::scoring::{
    Before, CandidateLists, Recommendation, Request, Scorer, Selection,
};
use akin_serve::snapshot::{Haste, Snapshot};
use akin_store::{FolderStore, published_sequences};
use divan::Bencher;
use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{RngExt, SeedableRng};

/// Profiles that are scored, each in its turn, so that none stays in a cache for long.
const PROFILES: usize = 500;

/// Candidates that are kept of each profile, as the server does without options.
const KEPT: usize = 32;

type Ratings = Vec<(u32, f32)>;

/// Ratings after one of them was made, and what stood there before.
type Changed = (Ratings, [(u32, Option<f32>); 1]);

static LOADED: LazyLock<Option<(Snapshot, Vec<Ratings>)>> = LazyLock::new(|| {
    let folder = std::env::var_os("STORE")?;
    let loaded = load(Path::new(&folder));
    match loaded {
        Ok(loaded) => Some(loaded),
        Err(error) => {
            eprintln!("{}: {error}", Path::new(&folder).display());
            None
        }
    }
});

fn load(folder: &Path) -> Result<(Snapshot, Vec<Ratings>), Box<dyn std::error::Error>> {
    let store = FolderStore::open(folder)?;
    let newest = published_sequences(&store, None)?.pop().ok_or("no version is published there")?;
    let snapshot = Snapshot::load(&store, newest, Haste::Whole, None)?;
    let of_user = |user: u32| snapshot.ratings(&user.to_string(), &Profile::default()).ratings;
    let is_wanted = |ratings: &Ratings| (180..=220).contains(&ratings.len());
    let profiles = (1..=1_000_000).map(of_user).filter(is_wanted).take(PROFILES).collect();
    Ok((snapshot, profiles))
}

/// With three reasons each, as the server asks for them.
#[divan::bench(args = [10, 100, 500], sample_size = 100, sample_count = 100)]
fn best_for_200_ratings(bencher: Bencher, count: usize) {
    let Some((snapshot, profiles)) = &*LOADED else { return };
    score(bencher, snapshot, profiles, count);
}

/// The same, had each item been as likely to be rated as any other: what is rated often speaks for many more.
#[divan::bench(args = [10, 100, 500], sample_size = 100, sample_count = 100)]
fn best_for_200_items_at_random(bencher: Bencher, count: usize) {
    let Some((snapshot, profiles)) = &*LOADED else { return };
    let mut random = StdRng::seed_from_u64(1);
    let items = snapshot.model.item_count();
    let of_any_items = |profile: &Ratings| -> Ratings {
        let drawn = sample(&mut random, items, 200.min(items));
        let mut drawn: Vec<u32> = drawn.into_iter().map(|item| item as u32).collect();
        drawn.sort_unstable();
        let ratings = profile.iter().map(|&(_, rating)| rating).cycle();
        drawn.into_iter().zip(ratings).collect()
    };
    let profiles: Vec<Ratings> = profiles.iter().map(of_any_items).collect();
    score(bencher, snapshot, &profiles, count);
}

fn score(bencher: Bencher, snapshot: &Snapshot, profiles: &[Ratings], count: usize) {
    let (mut scorer, next) = (Scorer::default(), AtomicUsize::new(0));
    let next = || &profiles[next.fetch_add(1, Ordering::Relaxed) % profiles.len()];
    let request = Request { offset: 0, count, reasons: 3 };
    bencher.with_inputs(next).bench_local_values(|ratings| -> Vec<Recommendation> {
        scorer.recommend(&snapshot.model, ratings, request)
    });
}

/// The ten best when those before one of the ratings are known: of an item as they are rated, or of any other.
#[divan::bench(args = [true, false], sample_size = 100, sample_count = 100)]
fn best_10_after_one_more_rating(bencher: Bencher, is_often_rated: bool) {
    let Some((snapshot, profiles)) = &*LOADED else { return };
    let (mut scorer, mut lists) = (Scorer::default(), CandidateLists::default());
    let items = snapshot.model.item_count();
    let of_profile = |(number, before): (usize, &Ratings)| {
        let mut after = before.clone();
        let at = number * 7_919;
        let item = if is_often_rated { before[at % before.len()].0 } else { (at % items) as u32 };
        let is_other = |&(other, _): &(u32, f32)| other != item;
        let before: Vec<_> = before.iter().copied().filter(is_other).collect();
        scorer.keep_candidates(&snapshot.model, &before, KEPT, &mut lists);
        if before.len() == after.len() {
            after.insert(after.partition_point(|&(other, _)| other < item), (item, 3.5));
        }
        (after, [(item, None)])
    };
    let changed: Vec<_> = profiles.iter().enumerate().map(of_profile).collect();
    score_after(bencher, snapshot, scorer, &lists, &changed);
}

/// The ten best of any user after a rating of any item, as `make bench-serve` asks for them.
#[divan::bench(sample_size = 100, sample_count = 100)]
fn best_10_of_anybody_after_a_rating(bencher: Bencher) {
    let Some((snapshot, _)) = &*LOADED else { return };
    let (mut scorer, mut lists) = (Scorer::default(), CandidateLists::default());
    let mut random = StdRng::seed_from_u64(2);
    let items = snapshot.model.item_count();
    let users = snapshot.user_count() as usize;
    let changed: Vec<_> = (0..2 * PROFILES)
        .map(|_| {
            let user = random.random_range(1..=users).to_string();
            let before = snapshot.ratings(&user, &Profile::default()).ratings;
            scorer.keep_candidates(&snapshot.model, &before, KEPT, &mut lists);
            let item = random.random_range(0..items) as u32;
            let rating = f32::from(random.random_range(1..=10u8)) / 2.0;
            let mut after = before.clone();
            let known = match after.binary_search_by_key(&item, |of| of.0) {
                Ok(at) => Some(std::mem::replace(&mut after[at].1, rating)),
                Err(at) => {
                    after.insert(at, (item, rating));
                    None
                }
            };
            (after, [(item, known)])
        })
        .collect();
    score_after(bencher, snapshot, scorer, &lists, &changed);
}

/// Profiles after a change each, with what changed; `lists` has the candidates of each before.
fn score_after(
    bencher: Bencher,
    snapshot: &Snapshot,
    mut scorer: Scorer,
    lists: &CandidateLists,
    changed: &[Changed],
) {
    let next = AtomicUsize::new(0);
    let next = || next.fetch_add(1, Ordering::Relaxed) % changed.len();
    let request = Request { offset: 0, count: 10, reasons: 3 };
    bencher.with_inputs(next).bench_local_values(|n| -> Vec<Recommendation> {
        let (after, changes) = &changed[n];
        let before = lists.get(n).map(|candidates| Before { candidates, changes });
        let selection = Selection::default();
        scorer.recommend_after(&snapshot.model, before, after, request, &selection)
    });
}

fn main() {
    if LOADED.is_none() {
        eprintln!("nothing to score: name a folder that akin-batch has published in, STORE=store");
    }
    divan::main();
}
