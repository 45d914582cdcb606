//! Tables that polars reads when it needs them, of which only the columns that a query names are unpacked.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use akin_schemas::tables::{Table, TableError, read_batches};
use akin_schemas::{ObjectKey, PartEntry};
use akin_store::{OpenError, Part, Store};
use bytes::Bytes;
use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, DataFrame, LazyFrame, PolarsError, PolarsResult, SchemaRef,
};

use super::columns::{batch_frame, schema_of};
use super::lazy;
use crate::failure::Failure;
use crate::operate::history::UNREADABLE;

/// What made a scan fail, in Akin's words: polars passes on texts alone.
#[derive(Clone, Default)]
pub struct FirstFailure(Arc<Mutex<Option<Failure>>>);

impl FirstFailure {
    /// The failure, if there was one.
    pub fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, failure: Failure) -> PolarsError {
        let told = failure.to_string();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        PolarsError::ComputeError(told.into())
    }
}

/// Where a table lies.
pub enum Source {
    /// The files that a manifest names, with their checksums.
    Parts(Vec<PartEntry>),
    /// What servers wrote below this prefix: the segments that are there when it is asked.
    Segments(&'static str),
}

/// A table of the contract in a store.
pub struct Scan {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Where in it.
    pub source: Source,
    /// Where a failure is left.
    pub failure: FirstFailure,
}

impl Scan {
    /// The table as polars' SQL takes it; nothing is read yet.
    ///
    /// # Errors
    /// When a column of the contract has a type that polars has not.
    pub fn frame<T: Table>(self) -> PolarsResult<LazyFrame> {
        let schema = schema_of::<T>()?;
        lazy(TableScan::<T> { scan: self, schema, table: PhantomData })
    }

    /// Hands each file's name and bytes to `visit`, and the rows that it must have where that is known, until `visit` has
    /// enough.
    fn each_file(
        &self,
        mut visit: impl FnMut(&ObjectKey, Bytes, Option<u64>) -> Result<bool, OpenError>,
    ) -> Result<(), OpenError> {
        match &self.source {
            Source::Parts(entries) => {
                for entry in entries {
                    let part = Part::fetch(self.store.as_ref(), entry)?;
                    if !visit(&entry.key, part.bytes().clone(), Some(part.rows()))? {
                        break;
                    }
                }
            }
            Source::Segments(prefix) => {
                let listed = self.store.list(prefix, None)?;
                // One may lie in several places, as after copying a store together.
                let segments: BTreeMap<(&str, u64), &ObjectKey> = listed
                    .iter()
                    .filter_map(|object| Some((object.key.segment_start()?, &object.key)))
                    .collect();
                for key in segments.into_values() {
                    if !visit(key, self.store.get(key)?, None)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

struct TableScan<T> {
    scan: Scan,
    schema: SchemaRef,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> TableScan<T> {
    /// The wanted columns, of all rows or of the first ones.
    fn read(&self, names: &[&str], n_rows: Option<usize>) -> Result<DataFrame, Failure> {
        let mut frames = Frames { whole: None, left: n_rows.unwrap_or(usize::MAX) };
        let mut failed = None;
        let read = self.scan.each_file(|key, bytes, promised| {
            let read = read_batches::<T>(bytes, names, |batch| {
                let added = batch_frame(batch).and_then(|frame| frames.add(frame));
                match added {
                    Ok(()) if frames.left == 0 => Err(TableError::Stopped),
                    Ok(()) => Ok(()),
                    Err(error) => {
                        failed.get_or_insert(error);
                        Err(TableError::Stopped)
                    }
                }
            });
            match (read, promised) {
                (Err(TableError::Stopped), _) => Ok(false),
                (Err(source), _) => Err(OpenError::Table { key: key.clone(), source }),
                (Ok(found), Some(promised)) if found != promised => {
                    let [promised, found] = [promised, found].map(|rows| format!("{rows} rows"));
                    Err(OpenError::Damaged { key: key.clone(), promised, found })
                }
                (Ok(_), _) => Ok(true),
            }
        });
        if let Some(error) = failed {
            return Err(Failure::internal(error));
        }
        read.map_err(|error| match self.scan.source {
            Source::Parts(_) => Failure::Version { advice: UNREADABLE, source: error },
            Source::Segments(_) => error.into(),
        })?;
        frames.finish(&self.schema, names).map_err(Failure::internal)
    }
}

impl<T: Table> AnonymousScan for TableScan<T> {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn schema(&self, _: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(self.schema.clone())
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }

    // Conditions stay polars' own: it hands them over in a form that it does not take back (0.55: a panic).
    fn allows_predicate_pushdown(&self) -> bool {
        false
    }

    fn scan(&self, asked: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let wanted = asked.with_columns.as_deref();
        let names: Vec<&str> = match wanted {
            Some(wanted) => wanted.iter().map(|name| name.as_str()).collect(),
            None => self.schema.iter_names().map(|name| name.as_str()).collect(),
        };
        self.read(&names, asked.n_rows).map_err(|failure| self.scan.failure.keep(failure))
    }
}

/// The rows so far.
struct Frames {
    whole: Option<DataFrame>,
    /// Rows that may still come.
    left: usize,
}

impl Frames {
    fn add(&mut self, frame: DataFrame) -> PolarsResult<()> {
        let frame = frame.head(Some(self.left));
        self.left -= frame.height();
        match &mut self.whole {
            Some(whole) => whole.vstack_mut_owned(frame).map(|_| ()),
            None => {
                self.whole = Some(frame);
                Ok(())
            }
        }
    }

    /// In the order of `names`.
    fn finish(self, schema: &SchemaRef, names: &[&str]) -> PolarsResult<DataFrame> {
        let whole = self.whole.unwrap_or_else(|| DataFrame::empty_with_schema(schema));
        whole.select(names.iter().copied())
    }
}
