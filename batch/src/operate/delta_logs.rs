//! What `akin-batch check` finds in the Delta Lake logs beside the tables, and how `--repair` mends it.

use std::collections::BTreeSet;

use akin_schemas::delta::{LogState, LoggedTable, StandingEntry};
use akin_schemas::{Manifest, ManifestError, ObjectKey};
use akin_store::{
    DeltaLogError, ErrorKind, OpenError, Store, note_checkpoint, standing_entry, write_checkpoint,
};
use bytes::Bytes;

use super::history::History;
use crate::failure::{Failure, chain};

/// The numbers of the entries of each table's log. To be listed before the manifests are: then none is there whose
/// publication is not.
pub struct Listed([BTreeSet<u64>; 3]);

impl Listed {
    /// Lists the logs.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(store: &dyn Store) -> Result<Self, Failure> {
        let mut numbers = [const { BTreeSet::new() }; 3];
        for table in LoggedTable::ALL {
            let listed = store.list(&ObjectKey::delta_log(table), None)?;
            let entries = listed.iter().filter_map(|object| object.key.delta_entry_number(table));
            numbers[table as usize].extend(entries);
        }
        Ok(Self(numbers))
    }

    fn has(&self, table: LoggedTable, number: u64) -> bool {
        self.0[table as usize].contains(&number)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Entries that were looked at.
    pub entries: u64,
    /// Entries that mislead readers.
    pub damage: Vec<String>,
    /// Entries that are not there yet.
    pub notes: Vec<String>,
    /// What was mended.
    pub repaired: Vec<String>,
}

/// Compares every entry with what follows from the manifests, and writes what is missing or wrong when told to.
///
/// # Errors
/// When the store fails.
pub fn check(
    store: &dyn Store,
    history: &History,
    listed: &Listed,
    repair: bool,
) -> Result<Findings, Failure> {
    let mut checker =
        Checker { store, listed, repair, found: Findings::default(), missing: [0; 3] };
    let (mut state, mut checkpoint): (Option<LogState>, _) = (None, None);
    let last = history.published.first().map_or(0, |(sequence, _)| *sequence);
    for sequence in 1..=last {
        let published = history.published.iter().find(|(number, _)| *number == sequence);
        let manifest = match published {
            Some((_, Ok(manifest))) => Some(manifest),
            Some((
                _,
                Err(OpenError::Manifest { source: ManifestError::FromTheFuture { .. }, .. }),
            )) => {
                checker.found.notes.push(format!(
                    "the Delta Lake logs from entry {} on are a newer program's to look after: upgrade this one",
                    sequence - 1
                ));
                return Ok(checker.found);
            }
            Some((_, Err(_))) | None => None,
        };
        let standing = checker.publication(state.as_ref(), sequence, manifest)?;
        note_checkpoint(&mut checkpoint, &standing, manifest);
        state = Some(standing);
    }
    checker.beyond(last)?;
    if let Some((state, manifest)) = checkpoint.filter(|_| repair) {
        write_checkpoint(store, &state, &manifest).map_err(Failure::internal)?;
    }
    checker.tell_of_missing();
    Ok(checker.found)
}

struct Checker<'a> {
    store: &'a dyn Store,
    listed: &'a Listed,
    repair: bool,
    found: Findings,
    /// Entries that are not there, table by table.
    missing: [u64; 3],
}

impl Checker<'_> {
    /// Looks at the entries of one publication, and says what stands after them.
    fn publication(
        &mut self,
        before: Option<&LogState>,
        sequence: u64,
        manifest: Option<&Manifest>,
    ) -> Result<LogState, Failure> {
        let due = LogState::next(before, sequence, manifest);
        let mut standing_state = None;
        for table in LoggedTable::ALL {
            let bytes = due.entry(table, before, manifest).map_err(Failure::internal)?;
            let key = ObjectKey::delta_entry(table, due.number());
            if !self.listed.has(table, due.number()) {
                self.missing(table, due.number(), &key, bytes)?;
                continue;
            }
            self.found.entries += 1;
            let problem = match standing_entry(self.store, table, due.number()) {
                Ok(Some(standing)) => {
                    let expected = StandingEntry::decode(&bytes).map_err(Failure::internal)?;
                    if standing.says_the_same(&expected)
                        || manifest.is_none() && standing.follows(table, before, sequence)
                    {
                        standing_state.get_or_insert(standing.state);
                        continue;
                    }
                    match &due.version {
                        Some(version) => format!("it does not name the files of {version}"),
                        None => "it changes something, and no manifest says what".to_owned(),
                    }
                }
                Ok(None) => "it is gone since it was listed".to_owned(),
                Err(DeltaLogError::Store(error)) => return Err(error.into()),
                Err(DeltaLogError::Entry { source, .. }) => chain(&source),
                Err(error) => chain(&error),
            };
            self.mend(&key, &problem, |store| store.overwrite(&key, Bytes::from(bytes)))?;
        }
        // What stands may be older than this program, and then says less of the columns.
        Ok(standing_state.filter(|_| !self.is_rewritten(&due)).unwrap_or(due))
    }

    /// Whether an entry of this number had to be written anew.
    fn is_rewritten(&self, due: &LogState) -> bool {
        let keys = LoggedTable::ALL.map(|table| ObjectKey::delta_entry(table, due.number()));
        let all = self.found.damage.iter().chain(&self.found.repaired);
        all.into_iter().any(|finding| keys.iter().any(|key| finding.starts_with(key.as_str())))
    }

    fn missing(
        &mut self,
        table: LoggedTable,
        number: u64,
        key: &ObjectKey,
        bytes: Vec<u8>,
    ) -> Result<(), Failure> {
        let is_gap = self.listed.0[table as usize].last().is_some_and(|&last| last > number);
        if is_gap || self.repair {
            let create = |store: &dyn Store| match store.create(key, Bytes::from(bytes)) {
                // A run wrote it meanwhile.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                outcome => outcome,
            };
            return self.mend(key, "it was missing", create);
        }
        self.missing[table as usize] += 1;
        Ok(())
    }

    /// What is numbered beyond the last publication is nobody's, and would stand in the way of the next.
    fn beyond(&mut self, last: u64) -> Result<(), Failure> {
        for table in LoggedTable::ALL {
            for &number in self.listed.0[table as usize].range(last..) {
                let key = ObjectKey::delta_entry(table, number);
                self.mend(&key, "it belongs to no publication", |store| store.delete(&key))?;
            }
        }
        Ok(())
    }

    fn mend(
        &mut self,
        key: &ObjectKey,
        problem: &str,
        mend: impl FnOnce(&dyn Store) -> Result<(), akin_store::StoreError>,
    ) -> Result<(), Failure> {
        let finding = format!("{key}: {problem}");
        if self.repair {
            mend(self.store)?;
            self.found.repaired.push(finding);
        } else {
            self.found.damage.push(format!("{finding}; akin-batch check --repair mends it"));
        }
        Ok(())
    }

    fn tell_of_missing(&mut self) {
        for table in LoggedTable::ALL {
            let missing = self.missing[table as usize];
            if missing > 0 {
                self.found.notes.push(format!(
                    "{table}: {missing} of the newest entries of its Delta Lake log are missing, so that other programs read an \
                     older version, or none; the next run writes them, and so does akin-batch check --repair"
                ));
            }
        }
    }
}
