//! Pairs of items of which hardly anybody rated anything: one product at a time, into sums of the items that occur.
//!
//! Lines of 512 columns would be zeros nearly everywhere.

use super::kernel::Kernel;
use crate::similarity::relabelled::Relabelled;

/// Sums over the users who rated both, in fixed point. All are exact.
pub trait RareSums: Copy + Default + Send {
    /// Adds one user's two values.
    fn add(&mut self, x: i64, y: i64);
    /// What the pass gives as their sum, of so many users.
    fn total(&self, co_count: u32) -> f64;
}

/// The sum of the products: all that the cosine family and the counting measures need.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dot(pub i64);

impl RareSums for Dot {
    #[inline(always)]
    fn add(&mut self, x: i64, y: i64) {
        self.0 += x * y;
    }

    #[inline(always)]
    fn total(&self, _: u32) -> f64 {
        self.0 as f64
    }
}

/// What Pearson's correlation over co-raters needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Five {
    x: i64,
    y: i64,
    xx: i64,
    yy: i64,
    xy: i64,
}

impl RareSums for Five {
    #[inline(always)]
    fn add(&mut self, x: i64, y: i64) {
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// `(n sum(xy) - sum(x) sum(y)) / sqrt((n sum(xx) - sum(x)^2) (n sum(yy) - sum(y)^2))`; 0 where a side does not
    /// vary. The differences are exact, so nothing cancels.
    #[inline(always)]
    fn total(&self, co_count: u32) -> f64 {
        let [x, y, xx, yy, xy] = [self.x, self.y, self.xx, self.yy, self.xy].map(i128::from);
        let n = i128::from(co_count);
        let (varies_x, varies_y) = (n * xx - x * x, n * yy - y * y);
        if varies_x == 0 || varies_y == 0 {
            return 0.0;
        }
        (n * xy - x * y) as f64 / (varies_x as f64 * varies_y as f64).sqrt()
    }
}

/// The ratings of the items from some rank on, by user.
pub struct RareItems {
    first: usize,
    begins: Vec<usize>,
    cells: Vec<(u32, i32)>,
}

impl RareItems {
    /// Lays out the items from rank `first` on.
    pub fn new<K: Kernel>(ratings: &Relabelled, kernel: &K, first: usize) -> Self {
        let mut begins = vec![0; ratings.user_count() + 1];
        for rank in first..ratings.rated() {
            ratings.raters(rank).iter().for_each(|&user| begins[user as usize + 1] += 1);
        }
        for user in 1..begins.len() {
            begins[user] += begins[user - 1];
        }
        let mut cells = vec![(0, 0); begins[begins.len() - 1]];
        let mut next = begins.clone();
        for rank in first..ratings.rated() {
            for (&user, position) in ratings.raters(rank).iter().zip(ratings.positions(rank)) {
                let place = &mut next[user as usize];
                cells[*place] = (rank as u32, kernel.column_worth(ratings, position));
                *place += 1;
            }
        }
        Self { first, begins, cells }
    }

    /// A user's, the most popular first.
    fn of(&self, user: u32) -> &[(u32, i32)] {
        let user = user as usize;
        &self.cells[self.begins[user]..self.begins[user + 1]]
    }
}

#[derive(Clone, Copy, Default)]
struct Slot<S> {
    sums: S,
    co_count: u32,
}

/// One thread's accumulators: a slot an item, cleared only where touched.
pub struct Slots<S> {
    slots: Vec<Slot<S>>,
    touched: Vec<u32>,
}

impl<S: RareSums> Slots<S> {
    pub fn new(items: &RareItems, ratings: &Relabelled) -> Self {
        let count = ratings.rated().saturating_sub(items.first);
        Self { slots: vec![Slot::default(); count], touched: Vec::new() }
    }

    /// Computes the sums of a row with all rare items that are more popular, and gives each that anybody rated with it:
    /// its rank, the sum, and how many users rated both.
    pub fn row<K: Kernel<Rare = S>>(
        &mut self,
        ratings: &Relabelled,
        kernel: &K,
        items: &RareItems,
        row: usize,
        mut give: impl FnMut(usize, f64, u32),
    ) {
        for (&user, position) in ratings.raters(row).iter().zip(ratings.positions(row)) {
            let worth = kernel.row_worth(ratings, position, user);
            for &(rank, other) in items.of(user) {
                if rank as usize >= row {
                    break;
                }
                let slot = &mut self.slots[rank as usize - items.first];
                if slot.co_count == 0 {
                    self.touched.push(rank);
                }
                slot.sums.add(worth, i64::from(other));
                slot.co_count += 1;
            }
        }
        for rank in self.touched.drain(..) {
            let slot = std::mem::take(&mut self.slots[rank as usize - items.first]);
            give(rank as usize, slot.sums.total(slot.co_count), slot.co_count);
        }
    }
}

/// From which rank on items are rare: there, single products take less than lines do.
pub fn first_rare(ratings: &Relabelled, width: usize) -> usize {
    /// Nanoseconds: of a product, of a rater and a line, and of a row and 512 columns. Measured.
    const PRODUCT: usize = 3;
    const VISIT: usize = 2;
    const ROW: usize = 150;
    let rated = ratings.rated();
    let mut first = rated;
    let mut of_user = vec![0u32; ratings.user_count()];
    while first > 0 {
        let begin = (first - 1) / width * width;
        let products: usize = (begin..first)
            .rev()
            .flat_map(|rank| ratings.raters(rank))
            .map(|&user| {
                let count = &mut of_user[user as usize];
                *count += 1;
                *count as usize - 1
            })
            .sum();
        let by_lines = ratings.rating_count(begin..rated) * VISIT + (rated - begin) * ROW;
        if products * PRODUCT > by_lines {
            break;
        }
        first = begin;
    }
    first
}
