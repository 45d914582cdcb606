use super::*;

fn ids() -> IdHashes {
    IdHashes::of(["a", "b", "c"], ["w", "x", "y", "z"])
}

fn matrix(ratings: &[(u32, u32, f32)]) -> Result<RatingMatrix, MatrixError> {
    RatingMatrix::new(3, 4, ratings.iter().copied())
}

#[test]
fn both_halves_hold_the_same_ratings() -> Result<(), MatrixError> {
    let m = matrix(&[(0, 1, 4.5), (0, 3, 1.0), (2, 1, 0.5)])?;
    let cell = |index, rating: f64| Cell { index, fixed: (rating * 65_536.0) as i32 };
    assert_eq!(m.user_row(0), [cell(1, 4.5), cell(3, 1.0)]);
    assert_eq!(m.user_row(1), []);
    assert_eq!(m.item_row(1), [cell(0, 4.5), cell(2, 0.5)]);
    assert_eq!(m.item_row(0), []);
    assert_eq!((m.user_count(), m.item_count(), m.products()), (3, 4, 5));
    Ok(())
}

#[test]
fn what_does_not_count_is_in_neither_half() -> Result<(), MatrixError> {
    let m = matrix(&[(0, 1, 4.5), (0, 3, 1.0), (2, 1, 0.5)])?
        .dated([1, 2, 3].into_iter(), ids())
        .filtered(|_, rating| rating < 4.0);
    let same = matrix(&[(0, 3, 1.0), (2, 1, 0.5)])?;
    for user in 0..3 {
        assert_eq!(m.user_row(user), same.user_row(user));
    }
    for item in 0..4 {
        assert_eq!(m.item_row(item), same.item_row(item));
    }
    // The ages go with their ratings.
    assert_eq!(m.dates.as_ref().map(Dates::len), Some(2));
    assert!(m.age(0) > 0.0 && m.age(1) == 0.0);
    Ok(())
}

#[test]
fn what_is_no_matrix_is_refused() {
    let refused = |ratings: &[(u32, u32, f32)]| matrix(ratings).err();
    assert_eq!(
        refused(&[(0, 4, 1.0)]),
        Some(MatrixError::OutOfBounds { position: 0, user: 0, item: 4 })
    );
    assert_eq!(refused(&[(1, 0, 1.0), (0, 0, 1.0)]), Some(MatrixError::OutOfOrder { position: 1 }));
    assert_eq!(refused(&[(0, 0, 1.0), (0, 0, 2.0)]), Some(MatrixError::OutOfOrder { position: 1 }));
    assert_eq!(refused(&[(0, 0, f32::NAN)]), Some(MatrixError::NotFinite { position: 0 }));
}

#[test]
fn small_ratings_beside_a_very_large_one_keep_their_worth() -> Result<(), MatrixError> {
    // Seconds watched: 2,000 users of items 0 and 1, and one who let item 2 run for three years.
    let ratings = (0..2_000u32).flat_map(|user| [(user, 0, 1.0), (user, 1, 2.0 + user as f32)]);
    let ratings = ratings.chain([(2_000, 2, 1e8)]);
    let m = RatingMatrix::new(2_001, 3, ratings)?;
    let values: Vec<f64> = m.user_values(7).collect();
    assert_eq!(values, [1.0, 9.0]);
    let doubled = m.reweighted(|_, rating| 2.0 * rating);
    assert_eq!(doubled.user_values(7).collect::<Vec<_>>(), [2.0, 18.0]);
    assert_eq!(doubled.user_sum(7), 20.0);
    assert_eq!(doubled.item_sums()[0], 4_000.0);
    Ok(())
}

#[test]
fn each_item_fades_in_a_unit_of_its_own() -> Result<(), MatrixError> {
    let m = matrix(&[(0, 1, 4.5), (0, 3, 1.0), (2, 1, 0.5)])?;
    let halvings = |place: Place| if place.item == 1 { 5_000.0 + place.user as f64 } else { 0.0 };
    let faded = m.faded(|place, value| Faded { value, halvings: halvings(place) });
    let norm = |item| faded.squared_norm(item) as f64;
    for item in [1, 3] {
        assert!((2f64.powi(59)..2f64.powi(62)).contains(&norm(item)), "{item}: {}", norm(item));
    }
    // 4.5 and a quarter of 0.5.
    let [first, second] = [0, 1].map(|at| f64::from(faded.item_row(1)[at].fixed));
    assert!((second / first - 0.125 / 4.5).abs() < 1e-8, "{first} {second}");
    assert_eq!(faded.exponent(1) + 5_000, -28);
    assert_eq!(faded.units()[1], 0.0);
    // Nothing is left of what is as good as nothing, and nothing is no item's newest.
    let rest = m.faded(|place, value| Faded {
        value: if place.item == 3 { 1e-14 } else { value },
        halvings: halvings(place),
    });
    assert_eq!((rest.squared_norm(3), rest.exponent(3)), (0, 0));
    // Nor is it, when it is newer than what counts.
    let rest = m.faded(|place, value| Faded {
        value: if place.user == 0 { 0.0 } else { value },
        halvings: if place.user == 0 { 0.0 } else { 5_000.0 },
    });
    assert!(rest.squared_norm(1) as f64 >= 2f64.powi(59));
    assert_eq!(rest.item_row(1)[0].fixed, 0);
    Ok(())
}
