//! `akin-batch rollback`: an older version's neighbours and items, published again with the newest profiles.

use std::fmt;

use akin_schemas::tables::{Items, Neighbours, Profiles, Table};
use akin_schemas::{PartEntry, Parts, VersionCounts, VersionName};
use akin_store::{Content, Part, Publication, Store};
use chrono::Utc;
use serde::Serialize;

use super::history::{History, parts, stored_sizes};
use crate::counting::counted;
use crate::failure::Failure;
use crate::run::{follow, newest_manifest};

/// What a rollback published.
#[derive(Debug, Serialize)]
pub struct RolledBack {
    version: VersionName,
    sequence: u64,
    rollback_of: VersionName,
    instead_of: VersionName,
    ratings: u64,
}

/// Publishes the neighbours and items of an older version again. Profiles, watermark and erasure epoch stay the newest,
/// so that no rating is lost: a damaged newest manifest is passed over only with `past_damage`. It is a publication like
/// any other, and may be superseded like one.
///
/// # Errors
/// When there is no such version, it is what is served already, its files are gone or damaged, the newest manifest is
/// damaged, or the commit fails.
pub fn rollback(store: &dyn Store, asked: &str, past_damage: bool) -> Result<RolledBack, Failure> {
    // Before anything is read: a run that publishes meanwhile has newer profiles and must win.
    let publication = Publication::begin(store, Utc::now())?;
    let history = History::read(store)?;
    let target = history.find(Some(asked))?;
    // There is one that can be read: the target.
    let newest = newest_manifest(store, past_damage)?.unwrap_or_else(|| target.clone());
    // Going back to a rollback means going back to what that one went back to.
    let rollback_of = target.rollback_of.as_ref().unwrap_or(&target.version).clone();
    if newest.parts.neighbours == target.parts.neighbours {
        return Err(Failure::Usage(format!(
            "the current version {} has the neighbours of {asked} already; \
             akin-batch versions lists what else there is",
            newest.version
        )));
    }
    // What servers would refuse is not published.
    let other = "nothing was published, because servers would refuse it; choose a version that akin-batch versions shows as whole";
    verify::<Neighbours>(store, &target.parts.neighbours, other)?;
    verify::<Items>(store, &target.parts.items, other)?;
    let anew = "nothing was published: the newest ratings are damaged; restore them, or publish anew with akin-batch run";
    verify::<Profiles>(store, &newest.parts.profiles, anew)?;
    let commit = publication.commit(Content {
        rollback_of: Some(rollback_of.clone()),
        written_by: concat!("akin-batch ", env!("CARGO_PKG_VERSION")).to_owned(),
        measure: target.measure.clone(),
        rating_range: newest.rating_range,
        counts: VersionCounts {
            items: target.counts.items,
            pairs: target.counts.pairs,
            ..newest.counts
        },
        watermark: newest.watermark.clone(),
        latest_order_micros: newest.latest_order_micros,
        // A run afterwards has something to publish, whatever its input.
        input_digest: None,
        erasure_epoch: newest.erasure_epoch,
        // What is known is the newest version's, whose items are not shown.
        titles_complete: false,
        warnings: Vec::new(),
        metrics: target.metrics.clone(),
        parts: Parts {
            neighbours: target.parts.neighbours.clone(),
            items: target.parts.items.clone(),
            profiles: newest.parts.profiles.clone(),
        },
    })?;
    // A clean-up that began before may have taken for too old what is current now.
    let stored = stored_sizes(store)?;
    if let Some(part) = parts(&commit.manifest).find(|part| !stored.contains_key(&part.key)) {
        let (version, key) = (commit.manifest.version.clone(), part.key.clone());
        return Err(Failure::DeletedMeanwhile { version, key });
    }
    follow(store, &commit.manifest);
    Ok(RolledBack {
        version: commit.manifest.version,
        sequence: commit.manifest.sequence,
        rollback_of,
        instead_of: newest.version.clone(),
        ratings: newest.counts.ratings,
    })
}

fn verify<T: Table>(
    store: &dyn Store,
    entries: &[PartEntry],
    advice: &'static str,
) -> Result<(), Failure> {
    entries.iter().try_for_each(|entry| {
        Part::fetch(store, entry)
            .and_then(|part| part.read::<T>(|_| ()))
            .map_err(|source| Failure::Version { advice, source })
    })
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, sequence, rollback_of, instead_of, ratings } = self;
        let kept = match ratings {
            1 => "the one rating".to_owned(),
            more => format!("all {}", counted(*more, "rating")),
        };
        write!(
            f,
            "published {version} as number {sequence}\n  neighbours and items of {rollback_of}\n  instead of those of \
             {instead_of}\n  {kept} kept"
        )
    }
}
