//! The columns of ratings, batch by batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::file::reader::ChunkReader;

use super::super::error::IngestError;
use super::super::header;
use super::super::known::Id;
use super::super::reading::Reading;
use super::super::rejects::Reason;
use super::super::rules::{Rules, Unit};
use super::file::{Columnar, guarded};
use super::types::{self, Clock};

/// Opens a file of ratings.
pub(in super::super) fn open<R: Clone + ChunkReader + 'static>(
    path: &str,
    file: R,
    reading: &Reading,
) -> Result<Columnar<R, 4>, IngestError> {
    let columnar = Columnar::open(path, file, &header::ratings(reading))?;
    let [user, item, rating, moment] = columnar.fields();
    const IDS: &str = "ids are strings or integers";
    const MOMENTS: &str = "times are integer seconds, 64-bit floats, timestamps or dates";
    types::check(path, user, types::is_id, IDS)?;
    types::check(path, item, types::is_id, IDS)?;
    types::check(path, rating, types::is_number, "ratings are numbers")?;
    types::check(path, moment, |moment| types::clock(moment).is_some(), MOMENTS)?;
    Ok(columnar)
}

/// Whose identifier it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    User,
    Item,
}

/// The wanted columns of one batch: as found, dictionaries unpacked, and as read.
pub(super) struct Columns {
    found: [ArrayRef; 4],
    user: Ids,
    item: Ids,
    rating: Float64Array,
    moment: Moments,
    /// The rating and the seconds that stand where there are none.
    implied: (Option<f64>, Option<i64>),
}

enum Ids {
    Texts(StringArray),
    /// Those are texts, too, but need not be written as such.
    Whole(Int64Array),
}

impl Ids {
    fn of(found: &ArrayRef) -> Result<Self, ArrowError> {
        let is_whole = found.data_type().is_integer() && *found.data_type() != DataType::UInt64;
        Ok(if is_whole {
            Self::Whole(cast(found, &DataType::Int64)?.as_primitive().clone())
        } else {
            Self::Texts(types::texts(found)?)
        })
    }

    /// The identifier of a row that has one.
    fn get(&self, at: usize) -> Result<Id<'_>, Reason> {
        match self {
            Self::Whole(whole) => Ok(Id::Whole(whole.value(at))),
            Self::Texts(texts) if texts.is_null(at) => Err(Reason::NotUtf8),
            Self::Texts(texts) => Ok(Id::Text(texts.value(at).as_bytes())),
        }
    }
}

enum Moments {
    Whole(Int64Array, Unit),
    Fractional(Float64Array),
}

impl Columns {
    /// What `reading` implies stands in every row of a column that is missing.
    pub(super) fn of(
        path: &str,
        batch: &RecordBatch,
        positions: &[Option<usize>; 4],
        reading: &Reading,
    ) -> Result<Self, IngestError> {
        let rows = batch.num_rows();
        let implied =
            (reading.implicit_rating.map(f64::from), reading.implicit_timestamp.map(i64::from));
        let rating: ArrayRef = Arc::new(Float64Array::from(vec![implied.0; rows]));
        let moment: ArrayRef = Arc::new(Int64Array::from(vec![implied.1; rows]));
        let column = |at: usize, implied| positions[at].map_or(implied, |at| batch.column(at));
        // Only a rating and a time can be implied.
        let columns =
            [column(0, &moment), column(1, &moment), column(2, &rating), column(3, &moment)];
        guarded(path, || {
            let [user, item, rating, moment] = columns.map(types::unpacked);
            let found = [user?, item?, rating?, moment?];
            let [user, item, rating, moment] = &found;
            Ok(Self {
                user: Ids::of(user)?,
                item: Ids::of(item)?,
                rating: cast(rating, &DataType::Float64)?.as_primitive().clone(),
                implied,
                moment: match types::clock(moment.data_type()) {
                    Some(Clock::Fractional) => Moments::Fractional(moment.as_primitive().clone()),
                    Some(Clock::Whole(unit)) => {
                        Moments::Whole(cast(moment, &DataType::Int64)?.as_primitive().clone(), unit)
                    }
                    None => return Err("its times are none".into()),
                },
                found,
            })
        })
    }

    /// A row as it is taken in: user, item, rating, microseconds. The first two are handed to `check`, in this order, before
    /// the others are looked at.
    pub(super) fn checked<'a, T>(
        &'a self,
        at: usize,
        rules: &Rules,
        mut check: impl FnMut(Side, Id<'a>) -> Result<T, Reason>,
    ) -> Result<(T, T, f32, i64), Reason> {
        let [user, item, rating, moment] = self.found.each_ref().map(|column| column.is_null(at));
        let implied = (self.implied.0.filter(|_| rating), self.implied.1.filter(|_| moment));
        if user || item || rating && implied.0.is_none() || moment && implied.1.is_none() {
            return Err(Reason::Null);
        }
        // What is null only as read has no value of the type that it is read as.
        let read = |column: &dyn Array, else_: Reason| {
            if column.is_valid(at) { Ok(at) } else { Err(else_) }
        };
        let given = || Ok(self.rating.value(read(&self.rating, Reason::NotANumber)?));
        Ok((
            check(Side::User, self.user.get(at)?)?,
            check(Side::Item, self.item.get(at)?)?,
            rules.rating(implied.0.map_or_else(given, Ok)?)?,
            match (&self.moment, implied.1) {
                (_, Some(seconds)) => rules.moment(seconds, Unit::Seconds)?,
                (Moments::Whole(counts, unit), None) => {
                    rules.moment(counts.value(read(counts, Reason::After9999)?), *unit)?
                }
                (Moments::Fractional(seconds), None) => rules.moment_of_float(seconds.value(at))?,
            },
        ))
    }

    pub(super) fn shown(&self, at: usize) -> String {
        types::shown(&self.found, at)
    }
}
