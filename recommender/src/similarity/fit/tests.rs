use super::*;
use crate::chance::IdHashes;
use crate::rating_weight::WeightRule;
use crate::similarity::measure::{Adjustments, Preset};
use crate::similarity::oracle;
use proptest::prelude::*;

/// Of users and items that are called by their numbers.
pub(super) fn ids(users: u32, items: u32) -> IdHashes {
    let names = |count: u32| (0..count).map(|id| id.to_string()).collect::<Vec<_>>();
    IdHashes::of(names(users), names(items))
}

const ALL: Selection = Selection { cut: Cut::Target, top_k: 100 };

fn any_ratings() -> impl Strategy<Value = Vec<(u32, u32, f32)>> {
    let rating = prop_oneof![(1u8..=10).prop_map(|half| f32::from(half) / 2.0), 0.001f32..10.0];
    proptest::collection::btree_map((0u32..12, 0u32..9), rating, 0..60)
        .prop_map(|ratings| ratings.into_iter().map(|((u, i), r)| (u, i, r)).collect())
}

/// With times over thirty years, those of an item near each other.
fn dated(ratings: &[(u32, u32, f32)]) -> Result<RatingMatrix, crate::similarity::MatrixError> {
    const DAY: i64 = 86_400_000_000;
    let days = |&(user, item, _): &(u32, u32, f32)| i64::from(item * 1_217 + user * 31);
    let times = ratings.iter().map(|rating| days(rating) * DAY);
    Ok(RatingMatrix::new(12, 9, ratings.iter().copied())?.dated(times, ids(12, 9)))
}

/// The measures that are computed pair by pair.
fn pairwise() -> impl Iterator<Item = Preset> {
    Preset::ALL.into_iter().filter(|&preset| Measure::new(preset).ridge().is_none())
}

fn any_rule() -> impl Strategy<Value = WeightRule> {
    proptest::sample::select(vec![
        WeightRule::Value,
        WeightRule::Binary,
        WeightRule::AtLeast(2.5),
        WeightRule::MinusMean,
        WeightRule::Relative(1.5),
    ])
}

proptest! {
    #[test]
    fn every_measure_equals_the_naive_computation_to_the_last_bit(
        ratings in any_ratings(),
        top_k in 0usize..12,
        by_source in any::<bool>(),
        preset in proptest::sample::select(pairwise().collect::<Vec<_>>()),
        (shrinkage, significance, min_co_count) in (0u8..3, 0u32..4, 1u32..3),
        rule in any_rule(),
        half_life in proptest::option::of(0.5f64..2000.0),
    ) {
        let matrix = dated(&ratings)?;
        let changes = Adjustments {
            half_life,
            shrinkage: Some(f64::from(shrinkage)),
            significance: Some(significance),
            min_co_count: Some(min_co_count),
            rating_weight: Some(rule),
            ..Adjustments::default()
        };
        // Where a rule or a half-life makes no sense, the ratings as they are.
        let or_not = [
            changes,
            Adjustments { rating_weight: None, ..changes },
            Adjustments { half_life: None, ..changes },
        ];
        let adjusted = or_not.iter().find_map(|changes| Measure::new(preset).adjusted(changes).ok());
        let measure = adjusted.unwrap_or(Measure::new(preset));
        let selection = Selection { cut: if by_source { Cut::Source } else { Cut::Target }, top_k };
        let found = fit(&matrix, &measure, selection, &|| ())?;
        prop_assert_eq!(found, oracle::fit(&matrix, &measure, selection));
    }

    #[test]
    fn blocks_of_targets_join_to_what_is_computed_at_once(
        ratings in any_ratings(),
        preset in proptest::sample::select(Preset::ALL.to_vec()),
        by_source in any::<bool>(),
        count in 1usize..12,
        half_life in proptest::option::of(0.5f64..2000.0),
    ) {
        let matrix = dated(&ratings)?;
        let fading = Adjustments { half_life, ..Adjustments::default() };
        let measure = Measure::new(preset).adjusted(&fading).unwrap_or(Measure::new(preset));
        let cut = if by_source { Cut::Source } else { Cut::Target };
        let selection = Selection { cut, top_k: 3 };
        let mut joined = Vec::new();
        for index in 0..count {
            let targets = block(&matrix, index, count);
            prop_assert_eq!(targets.start, joined.len());
            let found = fit_targets(&matrix, &measure, selection, targets.clone(), &|| ())?;
            prop_assert_eq!(found.item_count(), targets.len());
            joined.extend((0..targets.len()).map(|target| found.row(target).iter().collect()));
        }
        prop_assert_eq!(Neighbours::from_rows(joined), fit(&matrix, &measure, selection, &|| ())?);
    }

    #[test]
    fn symmetric_measures_are_symmetric(ratings in any_ratings()) {
        let matrix = RatingMatrix::new(12, 9, ratings.iter().copied())?;
        let one_sided = [
            Preset::AsymmetricCosine,
            Preset::P3Alpha,
            Preset::Rp3Beta,
            Preset::ConditionalProbability,
        ];
        for preset in pairwise().filter(|preset| !one_sided.contains(preset)) {
            let found = fit(&matrix, &Measure::new(preset), ALL, &|| ())?;
            for target in 0..9 {
                for n in found.row(target).iter() {
                    let back = found.row(n.item as usize).iter().find(|m| m.item as usize == target);
                    prop_assert_eq!(back.map(|m| (m.score, m.co_count)), Some((n.score, n.co_count)), "{}", preset);
                }
            }
        }
    }

    #[test]
    fn cosine_is_above_zero_and_at_most_one(ratings in any_ratings()) {
        let matrix = RatingMatrix::new(12, 9, ratings.iter().copied())?;
        let found = fit(&matrix, &Measure::new(Preset::Cosine), ALL, &|| ())?;
        let scores = (0..9).flat_map(|target| found.row(target).iter()).map(|n| n.score);
        prop_assert!(scores.into_iter().all(|score| score > 0.0 && score <= 1.0));
    }
}

fn many_ratings() -> Result<RatingMatrix, crate::similarity::MatrixError> {
    let mut state = 1u64;
    let ratings: Vec<(u32, u32, f32)> = (0..200u32)
        .flat_map(|user| (0..80u32).map(move |item| (user, item)))
        .filter_map(|(user, item)| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let rating = ((state >> 40) % 100) as f32 / 10.0 + 0.1;
            (state >> 62 == 0).then_some((user, item, rating))
        })
        .collect();
    // Days are those of the items, the last one now.
    let times: Vec<i64> = ratings.iter().map(|r| i64::from(r.1) * 86_400_000_000).collect();
    Ok(RatingMatrix::new(200, 80, ratings.into_iter())?.dated(times.into_iter(), ids(200, 80)))
}

#[test]
fn blocks_take_about_equal_work() -> Result<(), Box<dyn std::error::Error>> {
    // Everybody rates item 0 and one more: it takes 61 of 129 steps, and each of the others at most 9.
    let ratings = (0..30u32).flat_map(|user| [(user, 0, 1.0), (user, 1 + user % 8, 1.0)]);
    let matrix = RatingMatrix::new(30, 9, ratings)?;
    assert_eq!((block(&matrix, 0, 2), block(&matrix, 1, 2)), (0..2, 2..9));
    assert_eq!(block(&matrix, 0, 1), 0..9);
    Ok(())
}

#[test]
fn any_number_of_threads_gives_the_same_result() -> Result<(), Box<dyn std::error::Error>> {
    let matrix = many_ratings()?;
    let fading = Adjustments { half_life: Some(3.0), ..Adjustments::default() };
    let faded = |preset: Preset| Measure::new(preset).adjusted(&fading).ok();
    let measures = Preset::ALL.into_iter().flat_map(|p| [Some(Measure::new(p)), faded(p)]);
    let measures = measures.flatten().flat_map(|m| [(m, Cut::Target), (m, Cut::Source)]);
    for (measure, cut) in measures {
        let preset = measure.preset();
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let selection = Selection { cut, top_k: 10 };
            let fit = || fit(&matrix, &measure, selection, &|| ());
            Ok::<_, Box<dyn std::error::Error>>(pool.install(fit)?)
        };
        let one = with_threads(1)?;
        // A source may be among the best of fewer targets than it might speak for.
        if cut == Cut::Target || preset != Preset::SparseEase {
            assert_eq!(one.pair_count(), 800, "{preset}");
        }
        assert!(one.pair_count() > 400, "{preset}");
        assert_eq!(one, with_threads(2)?, "{preset}");
        assert_eq!(one, with_threads(7)?, "{preset}");
    }
    Ok(())
}

#[test]
fn every_setting_takes_effect() -> Result<(), Box<dyn std::error::Error>> {
    let matrix = many_ratings()?;
    let plain = Measure::new(Preset::Cosine);
    let with = |measure: &Measure, selection| fit(&matrix, measure, selection, &|| ());
    let selection = Selection { cut: Cut::Target, top_k: 10 };
    let before = with(&plain, selection)?;
    for changes in [
        Adjustments { target_exponent: Some(0.7), ..Adjustments::default() },
        Adjustments { source_exponent: Some(0.7), ..Adjustments::default() },
        Adjustments { user_exponent: Some(1.0), ..Adjustments::default() },
        Adjustments { shrinkage: Some(20.0), ..Adjustments::default() },
        Adjustments { significance: Some(50), ..Adjustments::default() },
        Adjustments { min_co_count: Some(20), ..Adjustments::default() },
        Adjustments { rating_weight: Some(WeightRule::Binary), ..Adjustments::default() },
        Adjustments { half_life: Some(9.0), ..Adjustments::default() },
        Adjustments { ratings_per_user: Some(7), ..Adjustments::default() },
        Adjustments { rating_weight: Some(WeightRule::AtLeast(5.0)), ..Adjustments::default() },
        Adjustments { rating_weight: Some(WeightRule::MinusMean), ..Adjustments::default() },
        Adjustments { rating_weight: Some(WeightRule::Relative(2.0)), ..Adjustments::default() },
    ] {
        assert_ne!(with(&plain.adjusted(&changes)?, selection)?, before, "{changes:?}");
    }
    assert_ne!(with(&plain, Selection { cut: Cut::Source, ..selection })?, before);
    assert_ne!(with(&plain, Selection { top_k: 9, ..selection })?, before);
    let presets = Preset::ALL.map(|preset| with(&Measure::new(preset), selection));
    let presets = presets.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (at, one) in presets.iter().enumerate() {
        for (other_at, other) in presets.iter().enumerate().skip(at + 1) {
            assert_ne!(one, other, "{} {}", Preset::ALL[at], Preset::ALL[other_at]);
        }
    }
    Ok(())
}

/// Items 0 and 1 share users 0 and 1; item 0 has three raters, item 1 two; there are four users.
#[test]
fn small_cases_equal_numbers_computed_by_hand() -> Result<(), Box<dyn std::error::Error>> {
    let ratings = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0), (1, 1, 1.0), (2, 0, 5.0), (3, 2, 4.0)];
    let matrix = RatingMatrix::new(4, 3, ratings.into_iter())?;
    // Squared norms 35 and 5 for plain ratings. With tf-idf users 0 and 1, who rated two of three items, weigh
    // ln(5/2), user 2 ln 4.
    let (common, rare) = (2.5f32.ln().powi(2), 4f32.ln().powi(2));
    let tf_idf =
        common * (2f32.sqrt() + 3f32.sqrt()) / ((common * 4.0 + rare * 5.0) * common * 3.0).sqrt();
    for (preset, to_0, to_1) in [
        (Preset::Cosine, 5.0 / 175f32.sqrt(), 5.0 / 175f32.sqrt()),
        (
            Preset::AsymmetricCosine,
            5.0 / (35f32.powf(0.7) * 5f32.powf(0.3)),
            5.0 / (5f32.powf(0.7) * 35f32.powf(0.3)),
        ),
        (Preset::TfIdf, tf_idf, tf_idf),
        (Preset::Jaccard, 2.0 / 3.0, 2.0 / 3.0),
        (Preset::Dice, 0.8, 0.8),
        (Preset::ConditionalProbability, 1.0, 2.0 / 3.0),
        (Preset::Lift, 4.0 / 3.0, 4.0 / 3.0),
        // Both users rated two items: a sum of 1, over the source's raters.
        (Preset::P3Alpha, 0.5, 1.0 / 3.0),
        // The same sum, over the source's raters and the root of the target's.
        (Preset::Rp3Beta, 1.0 / (2.0 * 3f32.sqrt()), 1.0 / (3.0 * 2f32.sqrt())),
        (Preset::PearsonCoRaters, -1.0, -1.0),
        // Deviations -2, 0, 2 and 0.5, -0.5.
        (Preset::Pearson, -0.5, -0.5),
        // Deviations -0.5, 1, 0 and 0.5, -1.
        (Preset::AdjustedCosine, -1.0, -1.0),
    ] {
        let found = fit(&matrix, &Measure::new(preset), ALL, &|| ())?;
        for (target, source, expected) in [(0, 1, to_0), (1, 0, to_1)] {
            let row = found.row(target);
            assert_eq!(row.iter().map(|n| (n.item, n.co_count)).collect::<Vec<_>>(), [(source, 2)]);
            assert!((row.scores[0] - expected).abs() < 1e-6, "{preset}: {row:?}");
        }
    }
    Ok(())
}
