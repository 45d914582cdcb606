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

use parquet::file::reader::ChunkReader;

use super::collector::Collector;
use super::error::IngestError;
use super::preview::Sampled;
use super::progress::Progress;
use super::reading::Reading;
use super::rules::Rules;
use file::guarded;
use ratings::Columns;

/// Reads a file of ratings.
pub(super) fn read<R: ChunkReader + 'static>(
    path: &str,
    file: R,
    reading: &Reading,
    rules: &Rules,
    collector: &mut Collector,
    progress: &dyn Progress,
) -> Result<(), IngestError> {
    let bytes = file.len();
    let columnar = ratings::open(path, file, reading)?;
    let total = columnar.total;
    let (mut rows, mut told) = (0, 0);
    for group in 0..columnar.groups() {
        let (mut reader, unpacked) = columnar.group(path, group)?;
        collector.check_room_for(unpacked)?;
        while let Some(batch) = guarded(path, || Ok(reader.next().transpose()?))? {
            let columns = Columns::of(path, &batch, &columnar.positions, reading)?;
            for at in 0..batch.num_rows() {
                rows += 1;
                match columns.checked(at, rules) {
                    Ok((user, item, rating, micros)) => {
                        collector.accept(user, item, rating, micros)?;
                    }
                    Err(reason) => collector.reject(rows, reason, || columns.shown(at)),
                }
            }
            // The reader does not say where in the file it is; rows are a fair measure.
            let done = (u128::from(bytes) * u128::from(rows) / u128::from(total.max(rows))) as u64;
            progress.advance(done - told);
            told = done;
        }
    }
    columnar.check_rows(path, rows)
}

/// Looks at the first rows of a file, at most as many as are decoded at once. Gives the number of all rows, and where
/// each wanted column is.
pub(super) fn sample<R: ChunkReader + 'static>(
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
            look(row, columns.checked(at, rules).map_err(|reason| (reason, columns.shown(at))));
        }
        break;
    }
    Ok((columnar.total, columnar.places))
}
