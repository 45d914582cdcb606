//! Who rated which of 512 columns with what, by user.

use std::ops::Range;

use rayon::prelude::*;

use super::bits::Line;
use crate::similarity::relabelled::Relabelled;

/// Ratings of some columns by user, of the users from `first` on.
pub struct Cells<T> {
    first: usize,
    /// Where each user's begin, and where the last ones end.
    begins: Vec<u32>,
    columns: Vec<u16>,
    values: Vec<T>,
}

impl<T: Copy + Default + Send + Sync> Cells<T> {
    pub fn new() -> Self {
        Self { first: 0, begins: vec![0], columns: Vec::new(), values: Vec::new() }
    }

    /// Lays out these columns, whose lines are given, with the value of each position.
    pub fn set(
        &mut self,
        ratings: &Relabelled,
        columns: Range<usize>,
        first: usize,
        lines: &[Line],
        value: impl Fn(usize) -> T + Sync,
    ) {
        let lines = &lines[first..ratings.user_count()];
        let ones = |line: &Line| line.0.iter().map(|word| word.count_ones()).sum::<u32>();
        let counts: Vec<u32> = lines.par_iter().with_min_len(4096).map(ones).collect();
        self.first = first;
        self.begins.clear();
        let mut end = 0;
        for count in counts {
            self.begins.push(end);
            end += count;
        }
        self.begins.push(end);
        self.columns.clear();
        self.columns.resize(end as usize, 0);
        self.values.clear();
        self.values.resize(end as usize, T::default());

        let begins = &self.begins;
        let parts = 4 * rayon::current_num_threads();
        let bound = |part: usize| {
            let share = (end as usize * part / parts) as u32;
            begins.partition_point(|&begin| begin < share).min(lines.len())
        };
        let mut bounds: Vec<usize> = (0..parts).map(bound).collect();
        bounds.push(lines.len());
        let (mut rest, mut rest_of_values) = (&mut self.columns[..], &mut self.values[..]);
        let mut shares = Vec::with_capacity(parts);
        for bounds in bounds.windows(2) {
            let length = (begins[bounds[1]] - begins[bounds[0]]) as usize;
            let (own, after) = std::mem::take(&mut rest).split_at_mut(length);
            let (own_values, after_values) =
                std::mem::take(&mut rest_of_values).split_at_mut(length);
            (rest, rest_of_values) = (after, after_values);
            shares.push((bounds[0]..bounds[1], own, own_values));
        }
        shares.into_par_iter().for_each(|(users, own, own_values)| {
            let begin = begins[users.start];
            let mut next: Vec<u32> =
                begins[users.clone()].iter().map(|place| place - begin).collect();
            let users = first + users.start..first + users.end;
            ratings.each_within(columns.clone(), users, |column, user, position| {
                let next = &mut next[user];
                own[*next as usize] = column as u16;
                own_values[*next as usize] = value(position);
                *next += 1;
            });
        });
    }

    /// The columns that a user rated, and what these ratings are worth.
    #[inline(always)]
    pub fn of(&self, user: u32) -> impl Iterator<Item = (usize, T)> + '_ {
        let at = user as usize - self.first;
        let cells = self.begins[at] as usize..self.begins[at + 1] as usize;
        let columns = self.columns[cells.clone()].iter().map(|&column| usize::from(column));
        columns.zip(self.values[cells].iter().copied())
    }
}

/// How many of the most active users, by blocks of them, rated this many of the columns, of which lines are given.
pub fn dense_users(lines: &[Line], least: usize) -> usize {
    let ones = |line: &Line| line.0.iter().map(|word| word.count_ones() as usize).sum::<usize>();
    let is_dense = |lines: &&[Line]| lines.iter().map(ones).sum::<usize>() >= least * lines.len();
    lines.chunks(512).take_while(is_dense).map(<[Line]>::len).sum()
}
