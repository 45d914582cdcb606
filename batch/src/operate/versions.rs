//! `akin-batch versions`: what was published.

use std::collections::BTreeMap;
use std::fmt;

use akin_schemas::{Manifest, Measure, VersionCounts, VersionName};
use akin_store::Store;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::history::{Condition, History, parts, stored_sizes};
use super::table::{Align, Table};
use crate::counting::thousands;
use crate::failure::Failure;

/// Every publication, newest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Versions(Vec<Listing>);

#[derive(Debug, Serialize)]
struct Listing {
    sequence: u64,
    current: bool,
    /// Files of it were removed by a clean-up: nobody can go back to it.
    cleaned_up: bool,
    /// Why it would not load, as far as that can be told without reading the parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
    #[serde(flatten)]
    stated: Option<Stated>,
}

#[derive(Debug, Serialize)]
struct Stated {
    version: VersionName,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_of: Option<VersionName>,
    started_at: DateTime<Utc>,
    written_by: String,
    measure: Measure,
    counts: VersionCounts,
    metrics: BTreeMap<String, f64>,
    bytes: u64,
}

/// Lists every publication. Sizes are compared with what is stored; `check` reads the files.
///
/// # Errors
/// When the store cannot be listed, or holds nothing.
pub fn versions(store: &dyn Store) -> Result<Versions, Failure> {
    let history = History::read(store)?;
    let stored = stored_sizes(store)?;
    let current = history.manifests().map(|manifest| manifest.sequence).next();
    let listings = history.published.iter().map(|(sequence, manifest)| {
        let condition = match manifest {
            Err(error) => Condition::Damaged(error.to_string()),
            Ok(manifest) => history.condition(manifest, &stored),
        };
        Listing {
            sequence: *sequence,
            current: current == Some(*sequence),
            cleaned_up: condition == Condition::CleanedUp,
            damaged: match condition {
                Condition::Damaged(what) => Some(what),
                Condition::Whole | Condition::CleanedUp => None,
            },
            stated: manifest.as_ref().ok().map(Stated::of),
        }
    });
    Ok(Versions(listings.collect()))
}

impl Stated {
    fn of(manifest: &Manifest) -> Self {
        Self {
            version: manifest.version.clone(),
            rollback_of: manifest.rollback_of.clone(),
            started_at: manifest.started_at,
            written_by: manifest.written_by.clone(),
            measure: manifest.measure.clone(),
            counts: manifest.counts,
            metrics: manifest.metrics.clone(),
            bytes: parts(manifest).map(|part| part.bytes).sum(),
        }
    }
}

impl Listing {
    fn remark(&self) -> String {
        let mut remarks = Vec::new();
        if self.current {
            remarks.push("current".to_owned());
        }
        if let Some(of) = self.stated.as_ref().and_then(|stated| stated.rollback_of.as_ref()) {
            remarks.push(format!("rollback to {of}"));
        }
        if self.cleaned_up {
            remarks.push("cleaned up".to_owned());
        }
        if let Some(damage) = &self.damaged {
            remarks.push(format!("damaged: {damage}"));
        }
        remarks.join(", ")
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Align::{Left, Right};
        let mut table = Table::new(&[
            ("number", Right),
            ("version", Left),
            ("started (UTC)", Left),
            ("measure", Left),
            ("ratings", Right),
            ("users", Right),
            ("items", Right),
            ("pairs", Right),
            ("KiB", Right),
            ("metrics", Left),
            ("by", Left),
            ("", Left),
        ]);
        for listing in &self.0 {
            let cells = listing.stated.as_ref().map_or_else(
                || vec!["?".to_owned(); 10],
                |stated| {
                    let VersionCounts { ratings, users, items, pairs } = stated.counts;
                    let metrics: Vec<String> = stated
                        .metrics
                        .iter()
                        .map(|(name, value)| format!("{name} {value:.4}"))
                        .collect();
                    vec![
                        stated.version.to_string(),
                        stated.started_at.format("%Y-%m-%d %H:%M:%S").to_string(),
                        format!("{} top {}", stated.measure.name, stated.measure.top_k),
                        thousands(ratings),
                        thousands(users),
                        thousands(items),
                        thousands(pairs),
                        thousands(stated.bytes.div_ceil(1024)),
                        metrics.join(", "),
                        stated.written_by.clone(),
                    ]
                },
            );
            let number = std::iter::once(listing.sequence.to_string());
            table.row(number.chain(cells).chain([listing.remark()]));
        }
        table.fmt(f)
    }
}
