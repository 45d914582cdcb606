//! `akin-batch check`: is everything there, and is it what was published?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use akin_schemas::tables::{Items, Neighbours, Profiles, Table, read_part};
use akin_schemas::{Manifest, ObjectKey, PartEntry, printable};
use akin_store::{Part, Store};
use serde::Serialize;

use super::delta_logs::{self, Listed};
use super::history::{Condition, History, parts, stored_sizes};
use crate::counting::{counted, thousands};
use crate::failure::{Failure, chain};

/// Findings that are spelled out for each file; the others are counted.
const FINDINGS_A_FILE: usize = 3;

/// What a check found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    publications: u64,
    /// Publications whose files were removed by a clean-up: they are not looked at.
    cleaned_up: u64,
    parts: u64,
    rows: u64,
    segments: u64,
    /// Entries of the Delta Lake logs.
    log_entries: u64,
    /// What was written anew, where that was asked for.
    repaired: Vec<String>,
    /// Something that was published, or accepted, is not as it was.
    pub damage: Vec<String>,
    /// Nothing is damaged, but an operator may want to know.
    notes: Vec<String>,
}

/// Reads every manifest, part, segment and entry of the Delta Lake logs, and with `repair` writes anew what the last are to
/// say: that follows from the manifests.
///
/// # Errors
/// When the store does not answer, or holds nothing. What is damaged in it is no error but a finding.
pub fn check(store: &dyn Store, repair: bool) -> Result<Report, Failure> {
    let logs = Listed::read(store)?;
    let history = History::read(store)?;
    let stored = stored_sizes(store)?;
    let mut checker = Checker { store, report: Report::default(), checked: BTreeSet::new() };
    let mut named: BTreeSet<&ObjectKey> = BTreeSet::new();
    // Oldest first: what a rollback names again was checked with the version that it was made for.
    for (sequence, manifest) in history.published.iter().rev() {
        match manifest {
            Ok(manifest) => {
                match history.condition(manifest, &stored) {
                    Condition::Whole | Condition::Damaged(_) => checker.version(manifest),
                    Condition::CleanedUp => checker.report.cleaned_up += 1,
                }
                named.extend(parts(manifest).map(|part| &part.key));
            }
            Err(error) => {
                checker.report.damage.push(format!("number {sequence}: {}", chain(error)));
            }
        }
    }
    let mut report = checker.report;
    let orphans = stored.keys().filter(|key| !named.contains(key));
    report.notes.extend(orphans.map(|key| {
        format!(
            "{key} belongs to no publication that can be read: a run is at work, or was broken off"
        )
    }));
    check_segments(store, &mut report)?;
    let found = delta_logs::check(store, &history, &logs, repair)?;
    report.log_entries = found.entries;
    report.damage.extend(found.damage);
    report.notes.extend(found.notes);
    report.repaired = found.repaired;
    Ok(report)
}

/// The findings of one file.
#[derive(Default)]
struct Findings {
    spelled_out: Vec<String>,
    count: usize,
}

impl Findings {
    fn note(&mut self, finding: String) {
        self.count += 1;
        if self.spelled_out.len() < FINDINGS_A_FILE {
            self.spelled_out.push(finding);
        }
    }

    fn into_damage(self, key: &ObjectKey, damage: &mut Vec<String>) {
        let more = self.count - self.spelled_out.len();
        damage.extend(self.spelled_out.into_iter().map(|finding| format!("{key}: {finding}")));
        if more > 0 {
            damage.push(format!("{key}: and {more} more"));
        }
    }
}

/// Reads versions, each part once.
struct Checker<'a> {
    store: &'a dyn Store,
    report: Report,
    checked: BTreeSet<ObjectKey>,
}

impl Checker<'_> {
    fn version(&mut self, manifest: &Manifest) {
        self.report.publications += 1;
        let tables = &manifest.parts;
        let is_new = |entries: &[PartEntry], checker: &Self| {
            entries.iter().any(|entry| !checker.checked.contains(&entry.key))
        };
        let (neighbours, profiles) =
            (is_new(&tables.neighbours, self), is_new(&tables.profiles, self));
        if !neighbours && !profiles && !is_new(&tables.items, self) {
            return;
        }
        // Nothing can be said of what refers to items that cannot be read.
        let items = self.items(manifest);
        if neighbours {
            self.neighbours(manifest, items.as_ref());
        }
        if profiles {
            // After a rollback the profiles are newer than the items.
            let items = items.filter(|_| manifest.rollback_of.is_none());
            self.profiles(manifest, items.as_ref());
        }
    }

    fn items(&mut self, manifest: &Manifest) -> Option<BTreeSet<String>> {
        let mut items: BTreeSet<String> = BTreeSet::new();
        let mut last: Option<String> = None;
        let is_readable = self.rows::<Items>(
            manifest,
            &manifest.parts.items,
            manifest.counts.items,
            |row, note| {
                if last.as_deref().is_some_and(|last| last >= row.item_id) {
                    note(format!("item {:?} is out of order", row.item_id));
                }
                last = Some(row.item_id.to_owned());
                items.insert(row.item_id.to_owned());
            },
        );
        is_readable.then_some(items)
    }

    fn neighbours(&mut self, manifest: &Manifest, items: Option<&BTreeSet<String>>) {
        // The target that the last row was of, its rank, and the magnitude of its score.
        let mut last: (String, i32, f32) = (String::new(), 0, f32::INFINITY);
        let pairs = manifest.counts.pairs;
        let mut minus_zeros = 0;
        self.rows::<Neighbours>(manifest, &manifest.parts.neighbours, pairs, |row, note| {
            let is_same = row.item_id == last.0;
            let due = if is_same { last.1.saturating_add(1) } else { 1 };
            let place = || format!("item {:?}, rank {}", row.item_id, row.rank);
            if row.item_id < last.0.as_str() {
                note(format!("{}: the item is out of order", place()));
            }
            if row.rank != due {
                note(format!("{}: rank {due} is due", place()));
            }
            if !row.score.is_finite() || row.co_count < 0 {
                note(format!("{}: score {}, {} raters of both", place(), row.score, row.co_count));
            }
            if is_same && row.score.abs() > last.2 {
                note(format!("{}: its score is greater than that before it", place()));
            }
            for id in [row.item_id, row.neighbour_id] {
                if items.is_some_and(|items| !items.contains(id)) {
                    note(format!("{}: {id:?} is not in the items table", place()));
                }
            }
            minus_zeros += u64::from(is_minus_zero(row.score));
            last = (row.item_id.to_owned(), row.rank, row.score.abs());
        });
        self.note_minus_zeros(manifest, minus_zeros, "score");
    }

    fn profiles(&mut self, manifest: &Manifest, items: Option<&BTreeSet<String>>) {
        let range = manifest.rating_range;
        let mut last: (String, String) = Default::default();
        let (mut tombstones, mut minus_zeros) = (0, 0);
        let stated = manifest.counts.ratings;
        let entries: u64 = manifest.parts.profiles.iter().map(|part| part.rows).sum();
        let is_readable =
            self.rows::<Profiles>(manifest, &manifest.parts.profiles, entries, |row, note| {
                let place = (row.user_id, row.item_id);
                if (last.0.as_str(), last.1.as_str()) >= place {
                    note(format!("{place:?} is out of order"));
                }
                if items.is_some_and(|items| !items.contains(row.item_id)) {
                    note(format!("{place:?}: the item is not in the items table"));
                }
                match row.rating {
                    Some(rating) if range.accept(f64::from(rating)).is_err() => {
                        note(format!(
                            "{place:?}: the rating {rating} is outside the store's range"
                        ));
                    }
                    Some(rating) => minus_zeros += u64::from(is_minus_zero(rating)),
                    None => tombstones += 1,
                }
                last = (row.user_id.to_owned(), row.item_id.to_owned());
            });
        self.note_minus_zeros(manifest, minus_zeros, "rating");
        if is_readable && entries.checked_sub(tombstones) != Some(stated) {
            self.report.damage.push(format!(
                "{}: the manifest states {stated} ratings, its profiles hold {entries} entries with {tombstones} tombstones",
                manifest.version
            ));
        }
    }

    /// No damage: they count as 0. But some readers take them for less.
    fn note_minus_zeros(&mut self, manifest: &Manifest, count: u64, what: &str) {
        if count > 0 {
            self.report.notes.push(format!(
                "{}: holds {} of minus zero, which some readers take for less than 0; an older program wrote it, and \
                 the next run publishes 0",
                manifest.version,
                counted(count, what)
            ));
        }
    }

    /// Hands every row of a table to `visit`, with a way to note what is wrong. Says whether all of it could be read.
    fn rows<T: Table>(
        &mut self,
        manifest: &Manifest,
        entries: &[PartEntry],
        stated: u64,
        mut visit: impl FnMut(T::Row<'_>, &mut dyn FnMut(String)),
    ) -> bool {
        let mut is_readable = true;
        for entry in entries {
            let mut findings = Findings::default();
            let read = Part::fetch(self.store, entry).and_then(|part| {
                part.read::<T>(|row| visit(row, &mut |finding| findings.note(finding)))
            });
            if let Err(error) = read {
                is_readable = false;
                findings.note(chain(&error));
            }
            self.checked.insert(entry.key.clone());
            self.report.parts += 1;
            self.report.rows += entry.rows;
            findings.into_damage(&entry.key, &mut self.report.damage);
        }
        let rows: u64 = entries.iter().map(|entry| entry.rows).sum();
        if rows != stated {
            self.report.damage.push(format!(
                "{}: the manifest states {stated} rows of {}, its files hold {rows}",
                manifest.version,
                T::NAME
            ));
        }
        is_readable
    }
}

fn log_entries(count: u64) -> String {
    let noun = if count == 1 { "entry" } else { "entries" };
    format!("{} {noun} of the logs", thousands(count))
}

fn is_minus_zero(number: f32) -> bool {
    number == 0.0 && number.is_sign_negative()
}

fn check_segments(store: &dyn Store, report: &mut Report) -> Result<(), Failure> {
    // For each ledger, the number up to which nothing is missing so far. Segments are listed by date first.
    let mut runs: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for object in store.list(ObjectKey::RATINGS, None)? {
        let Some((origin, first)) = object.key.segment_start() else {
            report.notes.push(format!("{} is no ledger segment", object.key));
            continue;
        };
        let mut findings = Findings::default();
        let mut due = first;
        let read = read_part::<Profiles>(store.get(&object.key)?, |row| {
            if (row.order_origin, row.order_sequence) != (origin, due) {
                findings.note(format!("entry {} is not the one due, {due}", row.order_sequence));
            }
            due += 1;
        });
        match read {
            Ok(rows) => {
                report.rows += rows;
                runs.entry(origin.to_owned()).or_default().push((first, due));
            }
            Err(error) => findings.note(error.to_string()),
        }
        report.segments += 1;
        findings.into_damage(&object.key, &mut report.damage);
    }
    for (origin, mut runs) in runs {
        runs.sort_unstable();
        let mut due = 1;
        for (first, end) in runs {
            if first > due {
                report.notes.push(format!(
                    "{origin}: entries {due} to {} are in no segment that can be read; the watermark stops before them",
                    first - 1
                ));
            }
            due = due.max(end);
        }
    }
    Ok(())
}

impl Report {
    /// An error when something is damaged.
    ///
    /// # Errors
    /// [`Failure::Check`].
    pub fn verdict(&self) -> Result<(), Failure> {
        if self.damage.is_empty() { Ok(()) } else { Err(Failure::Check(self.damage.len())) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings =
            [("damaged", &self.damage), ("repaired", &self.repaired), ("note", &self.notes)];
        for (heading, findings) in findings {
            for finding in findings {
                writeln!(f, "{heading}: {}", printable(finding))?;
            }
        }
        write!(
            f,
            "{}, {} cleaned up, {}, {}, {}, {} read: {}",
            counted(self.publications, "publication"),
            thousands(self.cleaned_up),
            counted(self.parts, "part"),
            counted(self.segments, "segment"),
            log_entries(self.log_entries),
            counted(self.rows, "row"),
            if self.damage.is_empty() { "all is as it was published" } else { "damaged" }
        )
    }
}
