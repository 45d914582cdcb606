//! What a run continues: the entries that the current version holds, and the watermark that says how far they go.
//!
//! A version's profiles table holds every entry that stands, with its order key. So segments that it contains need not
//! be read again, and merging it with anything changes nothing (last writer wins).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use akin_recommender::profile::{OrderKey, Origin};
use akin_schemas::tables::{Items, ProfileRow, Profiles};
use akin_schemas::{ItemId, Manifest, PartEntry, UserId};
use akin_store::{OpenError, Part, Store, published_sequences, read_manifest};
use tracing::{info, warn};

use crate::failure::{Failure, chain};
use crate::ingest::{CatalogueFile, Collector, Entering};

/// Which of the current version's entries a run keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None: the given files are all there is.
    Nothing,
    /// What servers accepted.
    Ledgers,
    /// That, and what files said.
    Everything,
}

/// Whether a watermark's origin is a ledger, and not the input files.
pub fn is_ledger(origin: &str) -> bool {
    origin != Origin::FILES.as_str()
}

/// The part of a watermark that is about ledgers.
pub fn ledgers(watermark: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let of_ledgers = watermark.iter().filter(|(origin, _)| is_ledger(origin));
    of_ledgers.map(|(origin, through)| (origin.clone(), *through)).collect()
}

/// The newest manifest; none in an empty store. One that is damaged ends the run, unless `past_damage` allows the newest
/// that can be believed to stand for it. That one is told: what it says of erasures, of the range and of the entries to
/// keep is older.
///
/// # Errors
/// When the newest is damaged and may not be passed over; and when the store does not hand one out, or it comes from a
/// newer program, because what cannot be read now may well be the version to continue.
pub fn newest_manifest(store: &dyn Store, past_damage: bool) -> Result<Option<Manifest>, Failure> {
    let (mut damaged, mut newest) = (Vec::new(), None);
    for sequence in published_sequences(store, None)?.into_iter().rev() {
        match read_manifest(store, sequence) {
            Ok(manifest) => {
                newest = Some(manifest);
                break;
            }
            Err(error) if is_damage(&error) => damaged.push(chain(&error)),
            Err(error) => return Err(error.into()),
        }
    }
    if damaged.is_empty() {
        return Ok(newest);
    }
    let damage = damaged.join("; ");
    let older = newest.as_ref().map_or_else(
        || "an empty store".to_owned(),
        |manifest| format!("version {}, number {}", manifest.version, manifest.sequence),
    );
    if !past_damage {
        return Err(Failure::NewestDamaged { damage, older });
    }
    warn!(damage, "damaged manifests are passed over: this goes on from {older}");
    Ok(newest)
}

/// Whether the object will read the same at every further attempt.
fn is_damage(error: &OpenError) -> bool {
    use akin_schemas::ManifestError::FromTheFuture;
    match error {
        OpenError::Store(_) | OpenError::Manifest { source: FromTheFuture { .. }, .. } => false,
        OpenError::Manifest { .. }
        | OpenError::Misplaced { .. }
        | OpenError::Damaged { .. }
        | OpenError::Table { .. } => true,
    }
}

/// Reads what `keep` says of the entries of profiles into the collector.
///
/// # Errors
/// When the store fails, the profiles are damaged, or memory does not suffice.
pub fn take_in(
    store: &dyn Store,
    profiles: &[PartEntry],
    keep: Keep,
    collector: &mut Collector,
) -> Result<(), Failure> {
    let kept = AtomicU64::new(0);
    collector.take_in(profiles, |entry, entering| {
        let (mut outcome, mut taken) = (Ok(()), 0);
        Part::fetch(store, entry)
            .and_then(|part| {
                part.read::<Profiles>(|row| {
                    if outcome.is_ok() && is_kept(keep, row.order_origin) {
                        outcome = push(entering, &row);
                        taken += 1;
                    }
                })
            })
            .map_err(unreadable)?;
        kept.fetch_add(taken, Ordering::Relaxed);
        outcome
    })?;
    info!(entries = kept.into_inner(), "entries of the profiles kept");
    Ok(())
}

fn is_kept(keep: Keep, origin: &str) -> bool {
    match keep {
        Keep::Nothing => false,
        Keep::Ledgers => is_ledger(origin),
        Keep::Everything => true,
    }
}

fn push(entering: &mut Entering<'_, '_>, row: &ProfileRow<'_>) -> Result<(), Failure> {
    let damaged = |problem: String| base_failure(format!("its profiles hold {problem}"));
    UserId::check(row.user_id).map_err(|error| damaged(error.to_string()))?;
    ItemId::check(row.item_id).map_err(|error| damaged(error.to_string()))?;
    let origin: Origin =
        row.order_origin.parse().map_err(|_| damaged(format!("origin {:?}", row.order_origin)))?;
    let order = OrderKey { micros: row.order_micros, origin, sequence: row.order_sequence };
    Ok(entering.push(row.user_id, row.item_id, row.rating, row.rated_at, order)?)
}

/// Takes the items of a table into a catalogue.
///
/// # Errors
/// When the store fails, the items are damaged, or memory does not suffice.
pub fn take_in_items(
    store: &dyn Store,
    items: &[PartEntry],
    catalogue: &mut CatalogueFile,
) -> Result<(), Failure> {
    for entry in items {
        let mut outcome = Ok(());
        Part::fetch(store, entry)
            .and_then(|part| {
                part.read::<Items>(|row| {
                    if outcome.is_ok() {
                        outcome = catalogue.keep(row.item_id, row.title, &row.genres);
                    }
                })
            })
            .map_err(unreadable)?;
        outcome?;
    }
    Ok(())
}

/// A damaged version is told apart from a store that failed: only the second is worth another try.
fn unreadable(error: OpenError) -> Failure {
    Failure::of_opening(error, base_failure)
}

fn base_failure(problem: String) -> Failure {
    let remedy = "restore the file; or run with all files of ratings and --with-ledger, which takes in every segment again";
    Failure::Base { problem, remedy }
}

/// Makes sure that a run without a version's profiles contains as much of each ledger as the version does.
///
/// # Errors
/// When it does not: then `problem`, which keeps the profiles from being read, loses ratings.
pub fn check_not_less(
    manifest: &Manifest,
    watermark: &BTreeMap<String, u64>,
    problem: String,
) -> Result<(), Failure> {
    let lacks = |(origin, through): &(&String, &u64)| watermark.get(*origin) < Some(*through);
    let Some((origin, through)) =
        manifest.watermark.iter().filter(|(origin, _)| is_ledger(origin)).find(lacks)
    else {
        return Ok(());
    };
    Err(Failure::Base {
        problem: format!("{problem}; and the segments of {origin} do not go up to {through}"),
        remedy: "restore one or the other; or run with --without-ledger, which leaves out what servers accepted",
    })
}
