//! One of several readers: checked records become packed rows.

use std::ops::ControlFlow;

use super::collector::{Portion, Sharing};
use super::error::IngestError;
use super::in_order::Outlet;
use super::known::{Checked, Known};
use super::rejects::Reason;
use super::rows::{BLOCK_ROWS, Block, Row};
use super::source::InputFile;

/// What readers give, in the order of the files.
#[derive(Debug)]
pub(super) enum Given {
    /// A file begins.
    File(InputFile),
    /// Some of its records.
    Records(Portion),
    /// It ends, and claims to have so many rows.
    End { path: String, claimed: u64 },
}

pub(super) type RecordOutlet<'o> = Outlet<'o, Given, IngestError>;

/// Packed rows that are given at once: less would be much to wait for.
const GIVEN_BLOCKS: usize = 8;

/// What one thread knows and has at hand.
pub(super) struct Taking<'s, 'a> {
    shared: &'s Sharing<'a>,
    pub(super) users: Known,
    pub(super) items: Known,
    rows: Vec<Row>,
    records: Portion,
}

impl<'s, 'a> Taking<'s, 'a> {
    pub(super) fn new(shared: &'s Sharing<'a>) -> Self {
        let (users, items) = (Known::new(), Known::new());
        let (rows, records) = (Vec::new(), Portion::default());
        Self { shared, users, items, rows, records }
    }

    /// Begins a task. What an earlier one that was broken off has left is not wanted.
    pub(super) fn begin(&mut self) {
        self.rows.clear();
        self.records = Portion::default();
    }

    /// Takes in a record.
    pub(super) fn accept(
        &mut self,
        (user, item, rating, micros): (Checked<'_>, Checked<'_>, f32, i64),
    ) -> Result<(), IngestError> {
        let Sharing { users, items, room, files, .. } = self.shared;
        let user = self.users.number(user, users, room)?;
        let item = self.items.number(item, items, room)?;
        self.records.count += 1;
        self.rows.push(Row::of_file([user, item], *files, rating, micros, self.records.count));
        if self.rows.len() == BLOCK_ROWS {
            self.pack();
        }
        Ok(())
    }

    /// Counts a record that is not taken in.
    pub(super) fn reject(
        &mut self,
        (path, line): (&str, u64),
        reason: Reason,
        text: impl FnOnce() -> String,
    ) {
        self.records.count += 1;
        self.records.rejects.add(path, line, reason, text);
    }

    fn pack(&mut self) {
        if !self.rows.is_empty() {
            self.records.blocks.push(Block::pack(&self.rows));
            self.rows.clear();
        }
    }

    /// Gives what there is, once it is worth it.
    pub(super) fn give_some(&mut self, outlet: &mut RecordOutlet<'_>) -> ControlFlow<()> {
        if self.records.blocks.len() < GIVEN_BLOCKS {
            return ControlFlow::Continue(());
        }
        self.give(outlet)
    }

    /// Gives all that there is.
    pub(super) fn give(&mut self, outlet: &mut RecordOutlet<'_>) -> ControlFlow<()> {
        self.pack();
        let records = std::mem::take(&mut self.records);
        if records.count == 0 {
            return ControlFlow::Continue(());
        }
        let bytes = records.blocks.iter().map(Block::bytes).sum();
        outlet.give(Given::Records(records), bytes)
    }
}
