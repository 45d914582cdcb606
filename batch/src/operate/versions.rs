//! `akin-batch versions`: what was published.

use std::collections::BTreeMap;
use std::fmt;

use akin_schemas::{LastRun, Manifest, Measure, VersionCounts, VersionName, printable};
use akin_store::{Store, read_last_run};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::history::{Condition, History, parts, stored_sizes};
use super::table::{Align, Table};
use crate::counting::thousands;
use crate::failure::Failure;

/// Every publication, newest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Versions {
    listings: Vec<Listing>,
    /// The last run that ended well; why it cannot be told.
    #[serde(skip)]
    last_run: Result<Option<LastRun>, String>,
    #[serde(skip)]
    wide: bool,
}

#[derive(Debug, Serialize)]
struct Listing {
    sequence: u64,
    current: bool,
    /// Files of it were removed by a clean-up: nobody can go back to it.
    cleaned_up: bool,
    /// Why it would not load, as far as that can be told without reading the parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
    /// The last run that ended well, if it published this version or found it to hold its input already.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<Ended>,
    #[serde(flatten)]
    stated: Option<Stated>,
    /// The number of what this went back to.
    #[serde(skip)]
    back_to: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Ended {
    finished_at: DateTime<Utc>,
    published: bool,
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
pub fn versions(store: &dyn Store, wide: bool) -> Result<Versions, Failure> {
    let history = History::read(store)?;
    let stored = stored_sizes(store)?;
    // Nothing but a line rests on it.
    let last_run = read_last_run(store).map_err(|error| error.chain());
    let current = history.manifests().map(|manifest| manifest.sequence).next();
    let numbers: BTreeMap<&VersionName, u64> =
        history.manifests().map(|manifest| (&manifest.version, manifest.sequence)).collect();
    let listings = history.published.iter().map(|(sequence, manifest)| {
        let condition = match manifest {
            Err(error) => Condition::Damaged(error.to_string()),
            Ok(manifest) => history.condition(manifest, &stored),
        };
        let last = last_run.as_ref().ok().and_then(Option::as_ref);
        let went_back = manifest.as_ref().ok().and_then(|manifest| manifest.rollback_of.as_ref());
        Listing {
            sequence: *sequence,
            current: current == Some(*sequence),
            cleaned_up: condition == Condition::CleanedUp,
            damaged: match condition {
                Condition::Damaged(what) => Some(what),
                Condition::Whole | Condition::CleanedUp => None,
            },
            last_run: last
                .filter(|run| run.sequence == *sequence)
                .map(|run| Ended { finished_at: run.finished_at, published: run.published }),
            stated: manifest.as_ref().ok().map(Stated::of),
            back_to: went_back.and_then(|version| numbers.get(version)).copied(),
        }
    });
    let listings = listings.collect();
    Ok(Versions { listings, last_run, wide })
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

/// How times are shown.
const TIME: &str = "%Y-%m-%d %H:%M:%S";

impl Listing {
    /// What there is to say of it in few words; the rest stands below the table.
    fn state(&self) -> String {
        let mut words = Vec::new();
        if self.current {
            words.push("current".to_owned());
        }
        if let Some(number) = self.back_to {
            words.push(format!("rollback to {number}"));
        } else if self.stated.as_ref().is_some_and(|stated| stated.rollback_of.is_some()) {
            words.push("rollback".to_owned());
        }
        if self.cleaned_up {
            words.push("cleaned up".to_owned());
        }
        if self.damaged.is_some() {
            words.push("damaged".to_owned());
        }
        words.join(", ")
    }

    fn cells(&self) -> [String; 6] {
        let of =
            |cell: fn(&Stated) -> String| self.stated.as_ref().map_or_else(|| "?".to_owned(), cell);
        [
            self.sequence.to_string(),
            of(|stated| stated.version.to_string()),
            of(|stated| stated.measure.name.clone()),
            of(|stated| thousands(stated.counts.ratings)),
            of(|stated| {
                let ndcg = stated.metrics.get("ndcg@10");
                ndcg.map_or_else(String::new, |value| format!("{value:.4}"))
            }),
            self.state(),
        ]
    }

    fn wide_cells(&self) -> Vec<String> {
        let stated = self.stated.as_ref().map_or_else(
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
                    stated.started_at.format(TIME).to_string(),
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
        let number = std::iter::once(self.sequence.to_string());
        number.chain(stated).chain([self.state()]).collect()
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Align::{Cut, Left, Right};
        let table = if self.wide {
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
            self.listings.iter().for_each(|listing| table.row(listing.wide_cells()));
            table
        } else {
            let mut table = Table::new(&[
                ("number", Right),
                ("version", Left),
                ("measure", Cut(20)),
                ("ratings", Right),
                ("ndcg@10", Right),
                ("", Left),
            ]);
            self.listings.iter().for_each(|listing| table.row(listing.cells()));
            table
        };
        writeln!(f, "{table}")?;
        for listing in &self.listings {
            if let Some(damage) = &listing.damaged {
                writeln!(f, "number {} is damaged: {}", listing.sequence, printable(damage))?;
            }
        }
        match &self.last_run {
            Ok(Some(LastRun { finished_at, published, sequence, .. })) => {
                let found = if *published { "published" } else { "found nothing newer than" };
                write!(
                    f,
                    "the last run ended {} UTC: it {found} number {sequence}",
                    finished_at.format(TIME)
                )
            }
            Ok(None) => {
                f.write_str("when a run last ended well is not recorded: the next one records it")
            }
            Err(problem) => {
                write!(f, "when a run last ended well cannot be told: {}", printable(problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MANIFEST: &[u8] = include_bytes!(
        "../../../tests/fixtures/store-schema-1/store/manifests/00000000000000000003.json"
    );

    fn listing(sequence: u64, more: impl Fn(&mut Listing)) -> Listing {
        let mut manifest = Manifest::decode(MANIFEST).unwrap();
        manifest.counts =
            VersionCounts { ratings: 20_000_263, users: 138_493, items: 26_744, pairs: 2_674_400 };
        manifest.measure.name = "conditional-probability".to_owned();
        for metric in ["coverage@10", "hit_rate@10", "ndcg@10", "ndcg@10_high", "recall@10"] {
            manifest.metrics.insert(metric.to_owned(), 0.349_24);
        }
        let mut listing = Listing {
            sequence,
            current: false,
            cleaned_up: false,
            damaged: None,
            last_run: None,
            stated: Some(Stated::of(&manifest)),
            back_to: None,
        };
        more(&mut listing);
        listing
    }

    #[test]
    fn a_list_fits_a_terminal_of_100_columns() {
        let listings = vec![
            listing(1_234, |listing| {
                (listing.current, listing.back_to) = (true, Some(1_232));
            }),
            listing(1_233, |listing| listing.damaged = Some("x".repeat(120))),
            listing(1_232, |listing| listing.cleaned_up = true),
            listing(1_231, |listing| listing.stated = None),
        ];
        let finished_at = "2026-11-30T04:16:12Z".parse().unwrap();
        let run = LastRun {
            finished_at,
            published: true,
            version: listings[0].stated.as_ref().unwrap().version.clone(),
            sequence: 1_234,
            written_by: String::new(),
        };
        let mut versions = Versions { listings, last_run: Ok(Some(run)), wide: false };
        let shown = versions.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 7, "{shown}");
        // The damage is a message, not a column.
        assert!(lines[5].starts_with("number 1233 is damaged: xxx"), "{shown}");
        for line in lines[..5].iter().chain(&lines[6..]) {
            let width = line.chars().count();
            assert!(width <= 100, "{width}: {line}");
        }
        assert!(lines[1].contains("20,000,263   0.3492  current, rollback to 1232"), "{shown}");
        assert_eq!(
            lines[6],
            "the last run ended 2026-11-30 04:16:12 UTC: it published number 1234"
        );
        versions.wide = true;
        let shown = versions.to_string();
        assert!(shown.contains("138,493") && shown.contains("recall@10 0.3492"), "{shown}");
    }
}
