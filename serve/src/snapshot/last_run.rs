//! When a run last ended well: what the store's record says of it, for whoever watches that runs go on.

use std::sync::{Mutex, PoisonError};

use akin_schemas::LastRun;
use akin_store::{Store, read_last_run};
use tracing::info;

/// What was read of the record at the looks so far.
#[derive(Debug, Default)]
pub struct LastRunSeen(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    run: Option<LastRun>,
    /// Why the record could not be read at the last look.
    problem: Option<String>,
}

impl LastRunSeen {
    /// The last run that ended well, as far as that is known.
    pub fn get(&self) -> Option<LastRun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).run.clone()
    }

    /// Reads the record. One that cannot be read leaves what was known, and is told of once: nothing rests on it.
    pub fn look(&self, store: &dyn Store) {
        let read = read_last_run(store);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(run) => *seen = Seen { run, problem: None },
            Err(error) => {
                let problem = error.chain();
                if seen.problem.as_ref() != Some(&problem) {
                    info!(
                        problem,
                        "no record of the last run can be read; akin_last_run_timestamp_seconds stays as it is"
                    );
                    seen.problem = Some(problem);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use akin_schemas::ObjectKey;
    use akin_store::{FolderStore, write_last_run};
    use bytes::Bytes;
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn what_cannot_be_read_leaves_what_was_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let seen = LastRunSeen::default();
        seen.look(&store);
        assert_eq!(seen.get(), None);
        let run = |hours| LastRun {
            finished_at: DateTime::UNIX_EPOCH + TimeDelta::hours(hours),
            published: true,
            version: "v20261123T204500Z-x7k2".parse().unwrap(),
            sequence: 1,
            written_by: "akin-batch".to_owned(),
        };
        write_last_run(&store, &run(1)).unwrap();
        seen.look(&store);
        assert_eq!(seen.get(), Some(run(1)));
        // Something else, and something without an end.
        for other in [Bytes::from_static(b"{}"), Bytes::from(vec![b' '; 1 << 20])] {
            store.overwrite(&ObjectKey::last_run(), other).unwrap();
            seen.look(&store);
            assert_eq!(seen.get(), Some(run(1)));
        }
        write_last_run(&store, &run(2)).unwrap();
        seen.look(&store);
        assert_eq!(seen.get(), Some(run(2)));
        store.delete(&ObjectKey::last_run()).unwrap();
        seen.look(&store);
        assert_eq!(seen.get(), None);
    }
}
