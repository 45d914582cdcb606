//! What hits do not tell about a list: how obscure its items are, and how much they differ from each other.

use crate::similarity::RatingMatrix;

/// Mean self-information of the items, in bits: `-log2(raters / users)` of the training ratings (Zhou et al. 2010).
///
/// An item that nobody rated counts as rated once, so that it is as novel as the rarest item and not infinitely so.
/// `None` for an empty list or a matrix without users.
pub fn novelty(matrix: &RatingMatrix, items: &[u32]) -> Option<f64> {
    let users = matrix.user_count() as f64;
    let bits = |&item: &u32| (users / matrix.item_row(item as usize).len().max(1) as f64).log2();
    (!items.is_empty() && users > 0.0)
        .then(|| items.iter().map(bits).sum::<f64>() / items.len() as f64)
}

/// Mean distance of all pairs in the list, 0 to 1 (Ziegler et al. 2005): one minus the cosine of the sets of users who
/// rated the two items. It does not depend on the measure under test, so that measures can be compared by it.
///
/// `None` for lists of fewer than two items. Work: a merge of two item rows for every pair.
pub fn intra_list_distance(matrix: &RatingMatrix, items: &[u32]) -> Option<f64> {
    let (mut sum, mut pairs) = (0.0, 0usize);
    for (position, &a) in items.iter().enumerate() {
        for &b in &items[position + 1..] {
            sum += 1.0 - rater_cosine(matrix, a, b);
            pairs += 1;
        }
    }
    (pairs > 0).then(|| sum / pairs as f64)
}

fn rater_cosine(matrix: &RatingMatrix, a: u32, b: u32) -> f64 {
    let (mut a, mut b) = (matrix.item_row(a as usize), matrix.item_row(b as usize));
    let sizes = a.len() as f64 * b.len() as f64;
    let mut both = 0usize;
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b) {
        both += usize::from(first_a.index == first_b.index);
        (a, b) = match first_a.index.cmp(&first_b.index) {
            std::cmp::Ordering::Less => (rest_a, b),
            std::cmp::Ordering::Greater => (a, rest_b),
            std::cmp::Ordering::Equal => (rest_a, rest_b),
        };
    }
    if sizes > 0.0 { both as f64 / sizes.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::MatrixError;

    /// Raters of item 0: 0, 1, 2, 3; of item 1: 0; of item 2: 0, 2 with other ratings; of item 3: nobody.
    fn matrix() -> Result<RatingMatrix, MatrixError> {
        let rated = [
            (0, 0, 1.0),
            (0, 1, 5.0),
            (0, 2, 2.0),
            (1, 0, 3.0),
            (2, 0, 4.0),
            (2, 2, 1.0),
            (3, 0, 5.0),
        ];
        RatingMatrix::new(4, 4, rated.into_iter())
    }

    #[test]
    fn novelty_by_hand() -> Result<(), MatrixError> {
        // 4 of 4 users: 0 bits; 1 of 4: 2 bits; 2 of 4: 1 bit; nobody: as one of 4.
        assert_eq!(novelty(&matrix()?, &[0, 1, 2]), Some(1.0));
        assert_eq!(novelty(&matrix()?, &[3]), Some(2.0));
        assert_eq!(novelty(&matrix()?, &[]), None);
        Ok(())
    }

    #[test]
    fn distance_by_hand() -> Result<(), MatrixError> {
        // Cosines: 0 and 1: 1/sqrt(4) = 0.5; 0 and 2: 2/sqrt(8); 1 and 2: 1/sqrt(2); any with 3: 0.
        let half_root = 0.5f64.sqrt();
        let expected = 1.0 - (0.5 + half_root + half_root) / 3.0;
        let found = intra_list_distance(&matrix()?, &[0, 1, 2]);
        assert!(
            found.is_some_and(|found| (found - expected).abs() < 1e-12),
            "{found:?}, {expected}"
        );
        assert_eq!(intra_list_distance(&matrix()?, &[0, 3]), Some(1.0));
        assert_eq!(intra_list_distance(&matrix()?, &[0]), None);
        Ok(())
    }
}
