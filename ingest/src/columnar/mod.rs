//! Reads ratings and catalogues from Parquet files.
//!
//! Types are taken as they come where the meaning is plain: any strings or integers as ids, any numbers as ratings, and
//! seconds, timestamps of any unit or dates as times. Ids in a floating-point column are refused: `1.0` and `1` would be
//! two items.

mod catalogue;
mod file;
mod ratings;
mod types;

pub(super) use catalogue::read as read_catalogue;
pub(super) use file::{Columnar, check_rows};
pub(super) use ratings::open;

use std::borrow::Cow;

use parquet::file::reader::ChunkReader;

use super::error::IngestError;
use super::known::Id;
use super::preview::Sampled;
use super::progress::Progress;
use super::reading::Reading;
use super::rejects::Reason;
use super::room::Room;
use super::rules::{self, Rules};
use super::taking::{RecordOutlet, Taking};
use file::guarded;
use ratings::{Columns, Side};

/// A row group of a file of ratings.
pub(super) struct Group<R> {
    pub(super) path: String,
    pub(super) file: std::sync::Arc<Columnar<R, 4>>,
    pub(super) group: usize,
    /// The rows of all groups before it.
    pub(super) rows_before: u64,
    /// The file's bytes.
    pub(super) bytes: u64,
}

/// What reading a group needs to know.
pub(super) struct Settings<'a> {
    pub(super) reading: &'a Reading,
    pub(super) rules: Rules,
    pub(super) room: &'a Room,
    /// How many groups may be read at once.
    pub(super) threads: usize,
    pub(super) progress: &'a dyn Progress,
}

impl<R: Clone + ChunkReader + 'static> Group<R> {
    /// Reads it.
    pub(super) fn read(
        &self,
        settings: &Settings<'_>,
        taking: &mut Taking<'_, '_>,
        outlet: &mut RecordOutlet<'_>,
    ) -> Result<(), IngestError> {
        let Self { path, file, .. } = self;
        let Settings { reading, rules, room, threads, progress } = settings;
        let (mut reader, unpacked) = file.group(path, self.group)?;
        let for_all = unpacked.saturating_mul(*threads as u64 + 1);
        // Where it is close, one group is read at a time.
        if for_all > room.left() && outlet.wait().is_break() {
            return Ok(());
        }
        room.check(unpacked)?;
        let (mut rows, mut told) = (self.rows_before, self.place(self.rows_before));
        while let Some(batch) = guarded(path, || Ok(reader.next().transpose()?))? {
            let columns = Columns::of(path, &batch, &file.positions, reading)?;
            for at in 0..batch.num_rows() {
                rows += 1;
                let checked = columns.checked(at, rules, |side, id| match side {
                    Side::User => taking.users.check(id),
                    Side::Item => taking.items.check(id),
                });
                match checked {
                    Ok(record) => taking.accept(record)?,
                    Err(reason) => taking.reject((path, rows), reason, || columns.shown(at)),
                }
            }
            let done = self.place(rows);
            progress.advance(done.saturating_sub(told));
            told = done;
            if taking.give_some(outlet).is_break() {
                return Ok(());
            }
        }
        // Nothing follows that could be broken off.
        let _ = taking.give(outlet);
        Ok(())
    }

    /// The reader does not say where in the file it is; rows are a fair measure.
    fn place(&self, rows: u64) -> u64 {
        let total = self.file.total.max(rows).max(1);
        (u128::from(self.bytes) * u128::from(rows) / u128::from(total)) as u64
    }
}

/// Looks at the first rows of a file, at most as many as are decoded at once. Gives the number of all rows, and where
/// each wanted column is.
pub(super) fn sample<R: Clone + ChunkReader + 'static>(
    path: &str,
    file: R,
    reading: &Reading,
    rules: &Rules,
    mut look: impl FnMut(u64, Sampled<'_>),
) -> Result<(u64, [String; 4]), IngestError> {
    let columnar = ratings::open(path, file, reading)?;
    for group in 0..columnar.groups() {
        let (mut reader, _) = columnar.group(path, group)?;
        // A group may have no rows.
        let Some(batch) = guarded(path, || Ok(reader.next().transpose()?))? else { continue };
        let columns = Columns::of(path, &batch, &columnar.positions, reading)?;
        for (at, row) in (0..batch.num_rows()).zip(1..) {
            let record = columns.checked(at, rules, |_, id| text(id));
            look(
                row,
                match &record {
                    Ok((user, item, rating, micros)) => Ok((&**user, &**item, *rating, *micros)),
                    Err(reason) => Err((*reason, columns.shown(at))),
                },
            );
        }
        break;
    }
    Ok((columnar.total, columnar.places))
}

fn text(id: Id<'_>) -> Result<Cow<'_, str>, Reason> {
    match id {
        Id::Text(text) => rules::id_bytes(text).map(Cow::Borrowed),
        Id::Whole(whole) => Ok(Cow::Owned(whole.to_string())),
    }
}
