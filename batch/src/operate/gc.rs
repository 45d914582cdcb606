//! `akin-batch gc`: deleting what no kept version needs.
//!
//! Manifests stay: they are the history, and small. Ledger segments stay: a run that is given files and `--with-ledger`
//! reads all of them, so that none is superfluous merely because some version contains its ratings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use akin_schemas::{Manifest, ObjectKey, VersionName, printable};
use akin_store::{
    ErrorKind, GRACE_PERIOD, Leftover, Listed, RUN_AGE_LIMIT, Store, published_sequences,
    read_manifest,
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::history::{History, parts};
use super::table::{Align, Table};
use crate::counting::{counted, thousands};
use crate::failure::Failure;

/// How many publications are kept unless told otherwise.
pub const KEEP: u64 = 10;
/// The grace unless told otherwise, in hours.
pub const GRACE_HOURS: u64 = GRACE_PERIOD.as_secs() / 3600;
/// The shortest grace: a run that is younger than this may still commit what it wrote.
pub const LEAST_GRACE_HOURS: u64 = RUN_AGE_LIMIT.as_secs() / 3600;

/// What is kept, and whether the rest goes.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How many of the newest publications are kept.
    pub keep: u64,
    /// How old, in hours, what goes must be.
    pub grace_hours: u64,
    /// Whether it goes.
    pub delete: bool,
}

/// What a clean-up deleted, or would delete.
#[derive(Debug, Serialize)]
pub struct CleanUp {
    deleted: bool,
    grace_hours: u64,
    /// The kept publications, newest first.
    kept: Vec<VersionName>,
    /// The number of the oldest one kept.
    oldest_kept: u64,
    objects: Vec<Doomed>,
    /// What broken-off writes left outside the objects.
    leftovers: Vec<String>,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Doomed {
    key: ObjectKey,
    bytes: u64,
    modified: DateTime<Utc>,
    why: Why,
}

/// Why something is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Why {
    /// It belongs to a publication that is older than those kept.
    OldVersion,
    /// No publication has this version: a run was broken off.
    Unpublished,
    /// It is an intermediate result.
    Work,
}

/// Finds what no kept publication needs and is older than the grace, and deletes it when told to.
///
/// # Errors
/// When the store fails, a manifest among those kept cannot be read, or a publication was made meanwhile that names
/// something already deleted.
pub fn clean_up(store: &dyn Store, rules: Rules, now: DateTime<Utc>) -> Result<CleanUp, Failure> {
    let history = History::read(store)?;
    let mut kept = Kept::of(&history, rules.keep)?;
    let before = now - TimeDelta::hours(i64::try_from(rules.grace_hours).unwrap_or(i64::MAX >> 24));
    let published: BTreeSet<&str> =
        history.manifests().map(|manifest| manifest.version.as_str()).collect();
    let mut doomed = find(store, &kept, &published, before)?;
    if rules.delete {
        if doomed.iter().any(|doomed| doomed.why == Why::OldVersion) {
            leave_record(store, kept.oldest, now)?;
        }
        doomed = delete(store, &mut kept, doomed)?;
    }
    let leftovers = store.sweep(before, rules.delete)?;
    let bytes = doomed.iter().map(|doomed| doomed.bytes).sum::<u64>()
        + leftovers.iter().map(|leftover| leftover.bytes).sum::<u64>();
    Ok(CleanUp {
        deleted: rules.delete,
        grace_hours: rules.grace_hours,
        kept: kept.versions,
        oldest_kept: kept.oldest,
        objects: doomed,
        leftovers: leftovers.into_iter().map(|Leftover { name, .. }| name).collect(),
        bytes,
    })
}

/// What must stay.
struct Kept {
    versions: Vec<VersionName>,
    oldest: u64,
    newest: u64,
    parts: BTreeSet<ObjectKey>,
    /// Versions whose reports and rejects stay: those kept, and those whose neighbours a kept rollback serves.
    described: BTreeSet<VersionName>,
}

impl Kept {
    fn of(history: &History, keep: u64) -> Result<Self, Failure> {
        let mut kept = Self {
            versions: Vec::new(),
            oldest: 0,
            newest: history.published.first().map_or(0, |(sequence, _)| *sequence),
            parts: BTreeSet::new(),
            described: BTreeSet::new(),
        };
        for (sequence, manifest) in
            history.published.iter().take(usize::try_from(keep).unwrap_or(usize::MAX))
        {
            // What it names is unknown, and may be needed when it is restored.
            let Ok(manifest) = manifest else {
                return Err(Failure::KeptManifest { sequence: *sequence, keep });
            };
            kept.add(manifest);
            kept.oldest = *sequence;
        }
        Ok(kept)
    }

    fn add(&mut self, manifest: &Manifest) {
        self.parts.extend(parts(manifest).map(|part| part.key.clone()));
        self.described.insert(manifest.version.clone());
        self.described.extend(manifest.rollback_of.clone());
        self.versions.push(manifest.version.clone());
    }

    /// Adds what was published since, and says what it was.
    fn renew(&mut self, store: &dyn Store) -> Result<Vec<Manifest>, Failure> {
        let mut added = Vec::new();
        for sequence in published_sequences(store, Some(self.newest))? {
            let manifest = read_manifest(store, sequence)?;
            self.add(&manifest);
            self.newest = sequence;
            added.push(manifest);
        }
        Ok(added)
    }

    fn needs(&self, key: &ObjectKey) -> bool {
        let is_beside = ObjectKey::BESIDE.iter().any(|folder| key.as_str().starts_with(folder));
        let of = |version: &&VersionName| Some(version.as_str()) == key.version();
        self.parts.contains(key)
            // A file that nobody names in the folder of a version that is kept is none of ours.
            || self.versions.iter().any(|version| of(&version))
            || is_beside && self.described.iter().any(|version| of(&version))
    }
}

fn find(
    store: &dyn Store,
    kept: &Kept,
    published: &BTreeSet<&str>,
    before: DateTime<Utc>,
) -> Result<Vec<Doomed>, Failure> {
    let mut doomed = Vec::new();
    for folder in ObjectKey::TABLES.into_iter().chain(ObjectKey::BESIDE).chain([ObjectKey::WORK]) {
        for Listed { key, bytes, modified } in store.list(folder, None)? {
            let why = match key.version() {
                _ if folder == ObjectKey::WORK => Why::Work,
                Some(version) if published.contains(version) => Why::OldVersion,
                Some(_) => Why::Unpublished,
                // No run of ours put it there.
                None => continue,
            };
            if modified < before && !kept.needs(&key) {
                doomed.push(Doomed { key, bytes, modified, why });
            }
        }
    }
    doomed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(doomed)
}

/// Says, before anything goes, up to where publications may be incomplete from now on: that they are is no damage.
fn leave_record(store: &dyn Store, oldest_kept: u64, now: DateTime<Utc>) -> Result<(), Failure> {
    let record = serde_json::json!({"oldest_kept": oldest_kept, "began_at": now});
    match store.create(&ObjectKey::cleanup(oldest_kept), Bytes::from(format!("{record}\n"))) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Deletes, and says what was deleted. A rollback that is published meanwhile can name what nobody needed before.
fn delete(store: &dyn Store, kept: &mut Kept, doomed: Vec<Doomed>) -> Result<Vec<Doomed>, Failure> {
    let mut deleted: BTreeMap<ObjectKey, Doomed> = BTreeMap::new();
    let check = |kept: &mut Kept, deleted: &BTreeMap<ObjectKey, Doomed>| {
        for manifest in kept.renew(store)? {
            if let Some(part) = parts(&manifest).find(|part| deleted.contains_key(&part.key)) {
                let (version, key) = (manifest.version.clone(), part.key.clone());
                return Err(Failure::DeletedMeanwhile { version, key });
            }
        }
        Ok(())
    };
    for doomed in doomed {
        check(kept, &deleted)?;
        if !kept.needs(&doomed.key) {
            store.delete(&doomed.key)?;
            deleted.insert(doomed.key.clone(), doomed);
        }
    }
    check(kept, &deleted)?;
    Ok(deleted.into_values().collect())
}

impl fmt::Display for CleanUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "kept: {}, from number {} on, and what is younger than {} hours",
            counted(self.kept.len(), "publication"),
            self.oldest_kept,
            self.grace_hours
        )?;
        let files = self.objects.len() + self.leftovers.len();
        if files == 0 {
            return f.write_str("there is nothing else");
        }
        let mut groups: BTreeMap<(Why, &str), (u64, u64)> = BTreeMap::new();
        for doomed in &self.objects {
            let version = doomed.key.version().unwrap_or("");
            let (files, bytes) = groups.entry((doomed.why, version)).or_default();
            *files += 1;
            *bytes += doomed.bytes;
        }
        use Align::{Left, Right};
        let mut table =
            Table::new(&[("version", Left), ("files", Right), ("KiB", Right), ("", Left)]);
        for ((why, version), (files, bytes)) in groups {
            let why = match why {
                Why::OldVersion => "older than what is kept",
                Why::Unpublished => "no publication has it: a run was broken off",
                Why::Work => "work of runs that ended",
            };
            let kibibytes = thousands(bytes.div_ceil(1024));
            table.row([version.to_owned(), thousands(files), kibibytes, why.to_owned()]);
        }
        writeln!(f, "\n{table}\n")?;
        for leftover in &self.leftovers {
            writeln!(f, "{}: a write was broken off", printable(leftover))?;
        }
        let kibibytes = thousands(self.bytes.div_ceil(1024));
        let files = counted(files as u64, "file");
        if self.deleted {
            write!(f, "deleted {files}, {kibibytes} KiB")
        } else {
            write!(f, "{files}, {kibibytes} KiB, would go; nothing was deleted: --delete does it")
        }
    }
}
