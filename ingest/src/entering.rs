//! Entries of several sources at once: what versions hold. They have order keys, so their order is of no account.

use std::sync::{Mutex, PoisonError};

use akin_recommender::profile::{OrderKey, Origin};
use indexmap::IndexSet;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::collector::{Collector, Intake};
use super::error::IngestError;
use super::interner::Interner;
use super::known::Known;
use super::room::Room;
use super::rows::{BLOCK_ROWS, Block, Row};

/// What several threads share.
struct Sharing<'a> {
    users: Mutex<&'a mut Interner>,
    items: Mutex<&'a mut Interner>,
    origins: Mutex<&'a mut IndexSet<Origin>>,
    intake: Mutex<&'a mut Intake>,
    room: &'a Room,
}

/// One of several threads that take entries in.
pub struct Entering<'s, 'a> {
    sharing: &'s Sharing<'a>,
    users: Known,
    items: Known,
    origin: Option<(Origin, u16)>,
    rows: Vec<Row>,
}

impl Collector {
    /// Takes in the entries of several sources, on the current rayon pool: `read` hands those of one over.
    ///
    /// # Errors
    /// What `read` gives, of one of the sources; what others gave may be taken in.
    pub fn take_in<Source: Sync, Error: From<IngestError> + Send>(
        &mut self,
        sources: &[Source],
        read: impl Fn(&Source, &mut Entering<'_, '_>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let sharing = Sharing {
            users: Mutex::new(&mut self.users),
            items: Mutex::new(&mut self.items),
            origins: Mutex::new(&mut self.origins),
            intake: Mutex::new(&mut self.intake),
            room: &self.room,
        };
        let entering = || Entering {
            sharing: &sharing,
            users: Known::new(),
            items: Known::new(),
            origin: None,
            rows: Vec::new(),
        };
        sources.par_iter().try_for_each_init(entering, |entering, source| {
            read(source, entering)?;
            Ok(entering.pack()?)
        })
    }
}

impl Entering<'_, '_> {
    /// Takes an entry in: a rating, or none for a tombstone. The ids must have been checked.
    ///
    /// # Errors
    /// As for [`Collector::push`].
    pub fn push(
        &mut self,
        user: &str,
        item: &str,
        rating: Option<f32>,
        rated_at: i64,
        order: OrderKey,
    ) -> Result<(), IngestError> {
        if rating.is_some_and(|rating| !rating.is_finite()) {
            return Err(IngestError::NotFinite { user: user.to_owned(), item: item.to_owned() });
        }
        let Sharing { users, items, room, .. } = self.sharing;
        let (user, item) = (self.users.find(user), self.items.find(item));
        let user = self.users.number(user, users, room)?;
        let item = self.items.number(item, items, room)?;
        let origin = self.origin(order.origin)?;
        self.rows.push(Row::new([user, item], origin, rating, rated_at, order));
        if self.rows.len() == BLOCK_ROWS { self.pack() } else { Ok(()) }
    }

    fn origin(&mut self, origin: Origin) -> Result<u16, IngestError> {
        match self.origin {
            Some((last, number)) if last == origin => Ok(number),
            _ => {
                let mut origins =
                    self.sharing.origins.lock().unwrap_or_else(PoisonError::into_inner);
                let number = Collector::number_of(&mut origins, origin)?;
                self.origin = Some((origin, number));
                Ok(number)
            }
        }
    }

    fn pack(&mut self) -> Result<(), IngestError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let block = Block::pack(&self.rows);
        self.rows.clear();
        let mut intake = self.sharing.intake.lock().unwrap_or_else(PoisonError::into_inner);
        intake.add(block, self.sharing.room)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::CatalogueFile;

    #[test]
    fn sources_that_are_taken_in_at_once_are_as_if_one_after_the_other() {
        let entry = |n: u32| {
            let (user, item) = (format!("u{}", n * 7 % 1_003), format!("{}", n / 3 * 7 % 611));
            let origin = ["files", "ledger-a", "ledger-b"][(n % 3) as usize].parse().unwrap();
            let order = OrderKey { micros: i64::from(n % 50), origin, sequence: u64::from(n) };
            let rating = (!n.is_multiple_of(9)).then_some((n % 10) as f32);
            (user, item, rating, i64::from(n), order)
        };
        let mut one = Collector::new(1 << 26);
        for n in 0..100_000 {
            let (user, item, rating, rated_at, order) = entry(n);
            one.push(&user, &item, rating, rated_at, order).unwrap();
        }
        let mut all = Collector::new(1 << 26);
        let sources: Vec<u32> = (0..10).collect();
        let read = |source: &u32, entering: &mut Entering<'_, '_>| {
            (0..10_000).try_for_each(|n| {
                let (user, item, rating, rated_at, order) = entry(source * 10_000 + n);
                entering.push(&user, &item, rating, rated_at, order)
            })
        };
        all.take_in(&sources, read).unwrap();
        let finished = |collector: Collector| collector.finish(CatalogueFile::default()).unwrap();
        assert!(finished(one) == finished(all));
        let error = Collector::new(100_000).take_in(&sources, read).unwrap_err();
        assert!(error.is_too_large());
    }
}
