//! Cosine against numbers of an independent implementation: scikit-learn 1.9.1, by `cosine_reference.py` beside this file.

use std::error::Error;

use akin_recommender::similarity::{Cut, Measure, Preset, RatingMatrix, Selection, fit};

const USERS: u32 = 12;
const ITEMS: u32 = 6;

const EXPECTED: [[f64; 6]; 6] = [
    [1.000000000, 0.000000000, 0.312010420, 0.403935735, 0.000000000, 0.476644167],
    [0.000000000, 1.000000000, 0.168345125, 0.742408622, 0.388321582, 0.526488983],
    [0.312010420, 0.168345125, 1.000000000, 0.000000000, 0.494959770, 0.097310093],
    [0.403935735, 0.742408622, 0.000000000, 1.000000000, 0.220527139, 0.805851064],
    [0.000000000, 0.388321582, 0.494959770, 0.220527139, 1.000000000, 0.000000000],
    [0.476644167, 0.526488983, 0.097310093, 0.805851064, 0.000000000, 1.000000000],
];

#[test]
fn cosine_agrees_with_scikit_learn() -> Result<(), Box<dyn Error>> {
    let is_rated = |&(user, item): &(u32, u32)| (user * 7 + item * 13) % 5 < 2 + item % 2;
    let ratings = (0..USERS)
        .flat_map(|user| (0..ITEMS).map(move |item| (user, item)))
        .filter(is_rated)
        .map(|(user, item)| (user, item, ((user * 3 + item * 5) % 10 + 1) as f32 / 2.0));
    let matrix = RatingMatrix::new(USERS as usize, ITEMS as usize, ratings)?;
    let selection = Selection { cut: Cut::Target, top_k: ITEMS as usize };
    let found = fit(&matrix, &Measure::new(Preset::Cosine), selection, &|| ())?;
    for (target, expected) in EXPECTED.iter().enumerate() {
        let mut scores = [0.0; 6];
        scores[target] = 1.0;
        for neighbour in found.row(target).iter() {
            scores[neighbour.item as usize] = f64::from(neighbour.score);
        }
        for (score, expected) in scores.iter().zip(expected) {
            assert!((score - expected).abs() < 1e-6, "item {target}: {scores:?}");
        }
    }
    Ok(())
}
