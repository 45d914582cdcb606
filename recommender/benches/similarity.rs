//! What computing similarities takes, a kernel at a time: the measure decides which one it is.
//!
//! `cargo bench -p akin-recommender`, on made-up ratings; `RATINGS=20000000` for another number of them.
//! `AKIN_INSTRUCTIONS=portable` (`avx2`, `avx512`) for other instructions of the processor.

use akin_recommender::rating_weight::WeightRule;
use akin_recommender::similarity::{
    Adjustments, Cut, Measure, Neighbours, Preset, RatingMatrix, Selection, fit,
};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Of popular and unpopular items, and of active and less active users, in the proportions of MovieLens-20M: 138 users and
/// 27 items for 20,000 ratings, of half stars.
fn ratings() -> Vec<(u32, u32, f32)> {
    let wanted = std::env::var("RATINGS").ok().and_then(|text| text.parse().ok());
    let wanted: f64 = wanted.unwrap_or(1e6);
    // Rows and columns of a rectangle grow with the root of its area.
    let (users, items) = ((wanted * 0.14).sqrt() * 83.0, (wanted * 0.14).sqrt() * 16.0);
    let (users, items) = (users as u32, items as u32);
    let mut state = 1u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut ratings = Vec::new();
    for user in 0..users {
        // Log-normal by three uniform draws.
        let activity = (1.7 * (draw() + draw() + draw() - 1.5)).exp();
        let count = (activity * wanted / f64::from(users)).min(f64::from(items) / 2.0);
        let mut own: Vec<u32> =
            (0..count as u32).map(|_| (f64::from(items) * draw().powf(3.0)) as u32).collect();
        own.sort_unstable();
        own.dedup();
        ratings
            .extend(own.into_iter().map(|item| (user, item, (draw() * 10.0).ceil() as f32 / 2.0)));
    }
    ratings
}

fn matrix() -> RatingMatrix {
    let ratings = ratings();
    let count = |number: fn(&(u32, u32, f32)) -> u32| {
        ratings.iter().map(number).max().map_or(0, |most| most as usize + 1)
    };
    let (users, items) = (count(|rating| rating.0), count(|rating| rating.1));
    match RatingMatrix::new(users, items, ratings.iter().copied()) {
        Ok(matrix) => matrix,
        Err(error) => panic!("{error}"),
    }
}

fn fitted(bencher: Bencher<'_, '_>, preset: Preset, rule: Option<WeightRule>) {
    let matrix = matrix();
    let changes = Adjustments { rating_weight: rule, ..Adjustments::default() };
    let selection = Selection { cut: Cut::Target, top_k: 100 };
    let run = || -> Neighbours {
        let measure = Measure::new(preset).adjusted(&changes);
        let found = measure.map(|measure| fit(&matrix, &measure, selection, &|| ()));
        match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => panic!("{error}"),
            Err(error) => panic!("{error}"),
        }
    };
    bencher.counter(ItemsCount::new(matrix.rating_count())).bench(run);
}

/// Ratings laid out by user.
#[divan::bench(sample_count = 10)]
fn layout(bencher: Bencher<'_, '_>) {
    let ratings = ratings();
    let count = |number: fn(&(u32, u32, f32)) -> u32| {
        ratings.iter().map(number).max().map_or(0, |most| most as usize + 1)
    };
    let (users, items) = (count(|rating| rating.0), count(|rating| rating.1));
    bencher.bench(|| RatingMatrix::new(users, items, ratings.iter().copied()));
}

/// Counts alone.
#[divan::bench(sample_count = 10)]
fn counts(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::Cosine, Some(WeightRule::Binary));
}

/// Counts, with a bound of logarithms.
#[divan::bench(sample_count = 10)]
fn counts_log_likelihood(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::LogLikelihood, None);
}

/// A weight a user, exact.
#[divan::bench(sample_count = 10)]
fn user_weights(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::TfIdf, Some(WeightRule::Binary));
}

/// A weight a user, rounded; all co-counts; and the regressions.
#[divan::bench(sample_count = 10)]
fn sparse_ease(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::SparseEase, None);
}

/// Small numbers: half stars.
#[divan::bench(sample_count = 10)]
fn codes(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::Cosine, None);
}

/// Any numbers.
#[divan::bench(sample_count = 10)]
fn products(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::Bm25, None);
}

/// Five sums of any numbers.
#[divan::bench(sample_count = 10)]
fn scatter(bencher: Bencher<'_, '_>) {
    fitted(bencher, Preset::PearsonCoRaters, None);
}
