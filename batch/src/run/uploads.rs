//! Parts go up while others are encoded, and while similarities are computed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use akin_schemas::tables::EncodedPart;
use akin_schemas::{ObjectKey, PartEntry, VersionName};
use akin_store::Publication;

use crate::failure::Failure;

/// Threads that wait for the store. They take next to nothing of a processor.
const AT_ONCE: usize = 4;

/// Takes parts, and stores them beside whoever makes them.
pub struct Uploads<'a> {
    version: &'a VersionName,
    queue: SyncSender<(ObjectKey, EncodedPart)>,
    failure: &'a Mutex<Option<Failure>>,
}

impl Uploads<'_> {
    /// Puts parts where a table's are. That one was taken does not say that it is stored.
    pub fn put_into(
        &self,
        key: fn(&VersionName, usize) -> ObjectKey,
    ) -> impl Fn(usize, EncodedPart) -> Result<PartEntry, Failure> + Sync {
        move |number, part| {
            self.check()?;
            let key = key(self.version, number);
            let entry = PartEntry {
                key: key.clone(),
                bytes: part.bytes.len() as u64,
                rows: part.rows,
                sha256: part.sha256,
            };
            // As many wait as are stored at once: memory holds no more.
            self.queue.send((key, part)).map_err(Failure::internal)?;
            Ok(entry)
        }
    }

    /// Makes sure that no part so far could not be stored.
    ///
    /// # Errors
    /// When one could not.
    pub fn check(&self) -> Result<(), Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// Does some work that makes parts of a publication, and ends when all of them are stored.
///
/// A panic of a thread that stores goes on here, with what it said.
///
/// # Errors
/// When the store fails, and what `work` gives.
pub fn with_uploads<T>(
    publication: &Publication<'_>,
    work: impl FnOnce(&Uploads<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failure = Mutex::new(None);
    let (queue, parts) = sync_channel(1);
    let parts = Mutex::new(parts);
    let done = thread::scope(|scope| {
        let store = || store_all(publication, &parts, &failure);
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(store)).collect();
        let uploads = Uploads { version: publication.version(), queue, failure: &failure };
        let done = work(&uploads);
        // Threads end when nothing can come any more.
        drop(uploads);
        for thread in threads {
            if let Err(panic) = thread.join() {
                resume_unwind(panic);
            }
        }
        done
    });
    let failed = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    let done = done?;
    failed.map_or(Ok(done), Err)
}

/// Stores parts until there are no more. After a failure the others are let go of: the run ends. So they are after a panic,
/// which goes on only then: nobody waits for a queue that nobody takes from.
fn store_all(
    publication: &Publication<'_>,
    parts: &Mutex<Receiver<(ObjectKey, EncodedPart)>>,
    failure: &Mutex<Option<Failure>>,
) {
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let (mut has_failed, mut panic) = (false, None);
    while let Ok((key, part)) = next() {
        if has_failed {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| publication.put_part(key, part))) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                has_failed = true;
                let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error.into());
            }
            Err(payload) => (has_failed, panic) = (true, Some(payload)),
        }
    }
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use akin_schemas::Checksum;
    use akin_store::{FolderStore, Store};
    use bytes::Bytes;
    use chrono::Utc;

    fn part(number: usize) -> EncodedPart {
        let bytes = Bytes::from(number.to_string());
        EncodedPart { rows: 1, sha256: Checksum::of(&bytes), bytes }
    }

    #[test]
    fn all_parts_are_stored_when_the_work_is_done() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let store = FolderStore::open(folder.path())?;
        let publication = Publication::begin(&store, Utc::now())?;
        let entries = with_uploads(&publication, |uploads| {
            let put = uploads.put_into(ObjectKey::items_part);
            (0..20).map(|number| put(number, part(number))).collect::<Result<Vec<_>, _>>()
        })?;
        for (entry, number) in entries.iter().zip(0..) {
            assert_eq!(store.get(&entry.key)?, part(number).bytes);
            assert_eq!((entry.sha256, entry.rows), (part(number).sha256, 1));
        }
        Ok(())
    }

    #[test]
    fn a_part_that_cannot_be_stored_ends_the_work() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let store = FolderStore::open(folder.path())?;
        let publication = Publication::begin(&store, Utc::now())?;
        let key = ObjectKey::items_part(publication.version(), 3);
        store.create(&key, Bytes::from_static(b"another"))?;
        for parts in [4, 200] {
            let outcome = with_uploads(&publication, |uploads| {
                let put = uploads.put_into(ObjectKey::items_part);
                (0..parts).try_for_each(|number| put(number, part(number)).map(drop))
            });
            let message = outcome.map_err(|failure| failure.to_string());
            assert!(message.is_err_and(|message| message.contains("part-00003")));
        }
        Ok(())
    }
}
