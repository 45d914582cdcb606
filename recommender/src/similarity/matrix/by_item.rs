//! The other half: the same ratings by item.

use super::{Cell, RatingMatrix, accumulate};

/// Who rated each item, by user.
#[derive(Debug, Clone)]
pub struct ByItem {
    offsets: Vec<usize>,
    cells: Vec<Cell>,
}

impl ByItem {
    pub fn of(matrix: &RatingMatrix) -> Self {
        let mut offsets = vec![0; matrix.item_count() + 1];
        for cell in matrix.cells() {
            offsets[cell.index as usize + 1] += 1;
        }
        accumulate(&mut offsets);
        let mut cells = vec![Cell { index: 0, fixed: 0 }; matrix.rating_count()];
        let mut next = offsets.clone();
        for user in 0..matrix.user_count() {
            for &Cell { index, fixed } in matrix.user_row(user) {
                let place = &mut next[index as usize];
                cells[*place] = Cell { index: user as u32, fixed };
                *place += 1;
            }
        }
        Self { offsets, cells }
    }

    pub fn row(&self, item: usize) -> &[Cell] {
        &self.cells[self.offsets[item]..self.offsets[item + 1]]
    }
}
