//! A symmetric matrix in square tiles, and its inverse in place.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rayon::prelude::*;

/// Items a tile's side: large enough for the matrix product to be at its speed, small enough for the caches.
pub const SIDE: usize = 256;

/// The matrix is not positive definite, as far as its precision can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositive;

/// The tiles on and below the diagonal, in single precision. Only the lower half of a tile on the diagonal is used. The
/// last tiles are filled up with an identity, which stays one.
pub struct SymmetricTiles {
    size: usize,
    side: usize,
    tiles: Vec<Mat<f32>>,
}

/// Row and column of each tile, in their order.
fn places(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(|row| (0..=row).map(move |column| (row, column)))
}

fn place(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

impl SymmetricTiles {
    /// A matrix of `size` rows. `fill(row, first, values)` gives row `row` from column `first` (a multiple of the side) on,
    /// at most up to the diagonal; it is called from any thread with scratch memory from `scratch`.
    pub fn new<S: Send>(
        size: usize,
        side: usize,
        scratch: impl Fn() -> S + Sync + Send,
        fill: impl Fn(&mut S, usize, &mut dyn FnMut(usize, f64)) + Sync + Send,
    ) -> Self {
        let side = side.min(size).max(1);
        let count = size.div_ceil(side);
        let row_of_tiles = |scratch: &mut S, tile_row: usize| {
            let mut tiles: Vec<Mat<f32>> = (0..=tile_row).map(|_| Mat::zeros(side, side)).collect();
            for within in 0..side {
                let row = tile_row * side + within;
                if row >= size {
                    tiles[tile_row][(within, within)] = 1.0;
                    continue;
                }
                fill(scratch, row, &mut |column, value| {
                    if column <= row {
                        tiles[column / side][(within, column % side)] = value as f32;
                    }
                });
            }
            tiles
        };
        let rows: Vec<Vec<Mat<f32>>> =
            (0..count).into_par_iter().map_init(scratch, row_of_tiles).collect();
        Self { size, side, tiles: rows.into_iter().flatten().collect() }
    }

    /// How many rows there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// One entry.
    pub fn get(&self, row: usize, column: usize) -> f32 {
        let (row, column) = (row.max(column), row.min(column));
        let tile = &self.tiles[place(row / self.side, column / self.side)];
        tile[(row % self.side, column % self.side)]
    }

    /// One column, which is also a row.
    pub fn column(&self, at: usize, values: &mut Vec<f32>) {
        let (own, within) = (at / self.side, at % self.side);
        values.clear();
        for tile in 0..own {
            let row = &self.tiles[place(own, tile)];
            values.extend((0..self.side).map(|column| row[(within, column)]));
        }
        let diagonal = &self.tiles[place(own, own)];
        values.extend((0..within).map(|column| diagonal[(within, column)]));
        values.extend(&diagonal.col_as_slice(within)[within..]);
        for tile in own + 1..self.size.div_ceil(self.side) {
            values.extend(self.tiles[place(tile, own)].col_as_slice(within));
        }
        values.truncate(self.size);
    }

    /// Replaces the matrix by its inverse: one sweep over the tiles of the diagonal (Goodnight 1979, "A tutorial on the
    /// SWEEP operator", with a tile where he has a number). Sweeping all of them gives minus the inverse.
    ///
    /// Work: `size^3 / 2` multiply-adds on the current rayon pool. `on_items` is called with the number of items that each
    /// step is done with.
    pub fn invert(&mut self, on_items: &(dyn Fn(usize) + Sync)) -> Result<(), NotPositive> {
        let count = self.size.div_ceil(self.side);
        let places: Vec<(usize, usize)> = places(count).collect();
        for pivot in 0..count {
            let inverse = inverse_of(&self.tiles[place(pivot, pivot)])?;
            let column: Vec<Mat<f32>> = (0..count)
                .map(|row| match row < pivot {
                    true => self.tiles[place(pivot, row)].transpose().to_owned(),
                    false => self.tiles[place(row, pivot)].clone(),
                })
                .collect();
            let scaled: Vec<Mat<f32>> = column
                .par_iter()
                .map(|tile| {
                    let mut scaled = Mat::zeros(self.side, self.side);
                    matmul(scaled.as_mut(), Accum::Replace, tile, &inverse, 1.0, Par::Seq);
                    scaled
                })
                .collect();
            self.tiles.par_iter_mut().zip(&places).for_each(|(tile, &(row, at))| {
                if row == pivot && at == pivot {
                    *tile = inverse.map(|value| -value);
                } else if at == pivot {
                    tile.copy_from(&scaled[row]);
                } else if row == pivot {
                    tile.copy_from(scaled[at].transpose());
                } else {
                    let other = column[at].transpose();
                    matmul(tile.as_mut(), Accum::Add, &scaled[row], other, -1.0, Par::Seq);
                }
            });
            on_items(self.side.min(self.size - pivot * self.side));
        }
        self.tiles.par_iter_mut().for_each(|tile| *tile = tile.map(|value| -value));
        Ok(())
    }
}

/// The inverse of a small symmetric matrix of which the lower half is given, in double precision until it is rounded.
fn inverse_of(tile: &Mat<f32>) -> Result<Mat<f32>, NotPositive> {
    let size = tile.nrows();
    let at = |row: usize, column: usize| f64::from(tile[(row.max(column), row.min(column))]);
    let mut rows: Vec<Vec<f64>> =
        (0..size).map(|row| (0..size).map(|column| at(row, column)).collect()).collect();
    for pivot in 0..size {
        let own = std::mem::take(&mut rows[pivot]);
        let value = own[pivot];
        // Not `<=`: what is no number must not pass.
        if !(value > f64::from(f32::EPSILON) * at(pivot, pivot).abs() && value.is_finite()) {
            return Err(NotPositive);
        }
        for row in rows.iter_mut().filter(|row| !row.is_empty()) {
            let factor = row[pivot] / value;
            for (x, y) in row.iter_mut().zip(&own) {
                *x -= factor * y;
            }
            row[pivot] = factor;
        }
        rows[pivot] = own.iter().map(|x| x / value).collect();
        rows[pivot][pivot] = -1.0 / value;
    }
    Ok(Mat::from_fn(size, size, |row, column| -rows[row][column] as f32))
}
