//! How much of the machine a load takes, and when it rests.

use std::sync::{Mutex, MutexGuard, PoisonError};

use akin_schemas::PartEntry;
use akin_schemas::tables::TableError;
use akin_store::{OpenError, Part, Store};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tracing::info;

use super::LoadError;
use crate::giving_way::{Patience, Resting, Starved};

/// How much of the machine a load may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// All of it: nothing serves yet.
    Whole,
    /// What requests leave of one processor; or a share of it, should they leave nothing.
    Spare,
    /// A share of one processor.
    Share,
}

/// Loads, and once more with a share of the processors where they had nothing to spare.
pub fn at_least_with_a_share<T>(
    haste: Haste,
    sequence: u64,
    load: impl Fn(Haste) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    match load(haste) {
        Err(error) if error.is_starved() => {
            let reason = "the processors had nothing to spare";
            info!(sequence, reason, "loading a version begins again, with a share of them");
            load(Haste::Share)
        }
        loaded => loaded,
    }
}

impl Haste {
    /// The threads that load.
    ///
    /// # Errors
    /// When the system refuses one.
    pub fn pool(self) -> Result<ThreadPool, LoadError> {
        let builder = ThreadPoolBuilder::new().thread_name(|number| format!("load-{number}"));
        let builder = match self {
            Self::Whole => builder,
            Self::Spare => builder.num_threads(1).start_handler(|_| Patience::Much.begin()),
            Self::Share => builder.num_threads(1).start_handler(|_| Patience::Some.begin()),
        };
        builder.build().map_err(|error| LoadError::Threads(error.to_string()))
    }
}

/// When a load rests.
pub struct Pace(Option<Mutex<Resting>>);

impl Pace {
    /// On the thread that loads, if it is one.
    pub fn of(haste: Haste) -> Self {
        Self((haste == Haste::Spare).then(|| Mutex::new(Resting::begin())))
    }

    fn resting(&self) -> Option<MutexGuard<'_, Resting>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches a part. How long the store takes says nothing of the processors.
    pub fn fetch(&self, store: &dyn Store, entry: &PartEntry) -> Result<Part, OpenError> {
        let part = Part::fetch(store, entry);
        self.resting().iter_mut().for_each(|resting| resting.go_on());
        part
    }

    /// To be called between two pieces.
    ///
    /// # Errors
    /// When the thread gets too little to go on.
    pub fn rest(&self) -> Result<(), TableError> {
        let Some(mut resting) = self.resting() else { return Ok(()) };
        resting.rest_unless_starved().map_err(|Starved| TableError::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use akin_schemas::ObjectKey;

    use super::*;

    #[test]
    fn a_load_that_was_given_up_begins_again_with_a_share() {
        let stopped = |haste| match haste {
            Haste::Spare => {
                let (key, source) = (ObjectKey::manifest(1), TableError::Stopped);
                Err(LoadError::Open(OpenError::Table { key, source }))
            }
            _ => Ok(()),
        };
        let broken = |_| Err(LoadError::Inconsistent("as it is".to_owned()));
        let hastes = |load: &dyn Fn(Haste) -> Result<(), LoadError>| {
            let asked = RefCell::new(Vec::new());
            let loaded = at_least_with_a_share(Haste::Spare, 1, |haste| {
                asked.borrow_mut().push(haste);
                load(haste)
            });
            (loaded.is_ok(), asked.into_inner())
        };
        assert_eq!(hastes(&stopped), (true, vec![Haste::Spare, Haste::Share]));
        assert_eq!(hastes(&broken), (false, vec![Haste::Spare]));
    }
}
