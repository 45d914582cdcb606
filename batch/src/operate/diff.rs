//! `akin-batch diff`: what changed from one version to another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use akin_schemas::tables::{Items, Neighbours};
use akin_schemas::{Cut, Manifest, VersionName, printable};
use akin_store::Store;
use serde::Serialize;

use super::history::{History, each_row};
use super::start::Start;
use super::table::{Align, Table};
use crate::counting::{counted, thousands};
use crate::failure::Failure;

/// The neighbours of an item that are compared: those that matter most.
const NEAREST: usize = 10;
/// The neighbours of an item that a change shows.
const SHOWN: usize = 3;

/// What changed between two versions.
#[derive(Debug, Serialize)]
pub struct Diff {
    pub(super) from: Side,
    pub(super) to: Side,
    /// Parameters and metrics that differ, by name: before and after, where there was one.
    pub(super) changed: BTreeMap<String, (Option<String>, Option<String>)>,
    pub(super) counts: BTreeMap<&'static str, (u64, u64)>,
    pub(super) items_added: Listed,
    pub(super) items_removed: Listed,
    pub(super) neighbours: Churn,
}

#[derive(Debug, Serialize)]
pub(super) struct Side {
    pub(super) version: VersionName,
    pub(super) sequence: u64,
}

/// How many items, and the most rated of them.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) count: u64,
    pub(super) most_rated: Vec<Named>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Named {
    pub(super) item_id: String,
    pub(super) title: Option<String>,
}

/// How much the neighbours of the items that both versions have differ.
#[derive(Debug, Serialize)]
pub(super) struct Churn {
    /// Items with neighbours in at least one of the versions.
    pub(super) items_compared: u64,
    /// Of those, the items whose ten nearest are the same ones.
    pub(super) unchanged: u64,
    /// Of those, the items whose nearest is the same one.
    pub(super) same_nearest: u64,
    /// The mean of the overlaps; none when nothing was compared.
    pub(super) mean_overlap_at_10: Option<f64>,
    /// The items that changed most, the most rated ones first.
    pub(super) largest: Vec<Change>,
}

#[derive(Debug, Serialize)]
pub(super) struct Change {
    #[serde(flatten)]
    pub(super) item: Named,
    pub(super) rating_count: i64,
    /// The neighbours among the ten nearest of both versions, as a share of the longer list.
    pub(super) overlap_at_10: f64,
    pub(super) nearest_before: Vec<Named>,
    pub(super) nearest_after: Vec<Named>,
}

/// Compares two versions; `limit` items at most are listed of each kind.
///
/// # Errors
/// When there is no such version, or its files do not open.
pub fn diff<'a>(
    store: &dyn Store,
    from: impl Into<Start<'a>>,
    to: Option<&str>,
    limit: usize,
) -> Result<Diff, Failure> {
    let history = History::read(store)?;
    let (from, to) = (from.into().find(&history)?, history.find(to)?);
    let (before, after) = (Content::read(store, from)?, Content::read(store, to)?);
    let counts = |manifest: &Manifest, content: &Content| {
        let counts = manifest.counts;
        [counts.ratings, counts.users, counts.items, content.titles(), counts.pairs]
    };
    let named = ["ratings", "users", "items", "titles", "pairs"].into_iter();
    Ok(Diff {
        from: Side { version: from.version.clone(), sequence: from.sequence },
        to: Side { version: to.version.clone(), sequence: to.sequence },
        changed: changed(&facts(from), &facts(to)),
        counts: named.zip(counts(from, &before).into_iter().zip(counts(to, &after))).collect(),
        items_added: after.listed_without(&before, limit),
        items_removed: before.listed_without(&after, limit),
        neighbours: churn(&before, &after, limit),
    })
}

/// What a manifest states, beyond its counts, that a reader of a diff may want to know.
fn facts(manifest: &Manifest) -> BTreeMap<String, String> {
    let measure = &manifest.measure;
    let cut = match measure.cut {
        Cut::Target => "target",
        Cut::Source => "source",
    };
    let range = manifest.rating_range;
    let mut facts: BTreeMap<String, String> = [
        ("measure", measure.name.clone()),
        ("cut", cut.to_owned()),
        ("top k", measure.top_k.to_string()),
        ("rating range", format!("{}:{}", range.above, range.at_most)),
        ("written by", manifest.written_by.clone()),
        ("erasure epoch", manifest.erasure_epoch.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    facts.extend(measure.parameters.iter().map(|(name, value)| (name.clone(), value.to_string())));
    facts
        .extend(manifest.metrics.iter().map(|(name, value)| (name.clone(), format!("{value:.4}"))));
    let rollback = manifest.rollback_of.iter();
    facts.extend(rollback.map(|version| ("rollback of".to_owned(), version.to_string())));
    facts
}

fn changed(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeMap<String, (Option<String>, Option<String>)> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let pairs = names.into_iter().map(|name| (name, (before.get(name), after.get(name))));
    pairs
        .filter(|(_, (before, after))| before != after)
        .map(|(name, (before, after))| (name.clone(), (before.cloned(), after.cloned())))
        .collect()
}

/// The items of a version, and their nearest neighbours.
struct Content {
    items: BTreeMap<String, Item>,
}

struct Item {
    title: Option<String>,
    rating_count: i64,
    /// The nearest first.
    nearest: Vec<String>,
}

impl Content {
    fn read(store: &dyn Store, manifest: &Manifest) -> Result<Self, Failure> {
        let mut items = BTreeMap::new();
        each_row::<Items>(store, &manifest.parts.items, |row| {
            let title = row.title.map(str::to_owned);
            let item = Item { title, rating_count: row.rating_count, nearest: Vec::new() };
            items.insert(row.item_id.to_owned(), item);
        })?;
        each_row::<Neighbours>(store, &manifest.parts.neighbours, |row| {
            // Rows come by rank, and what speaks against an item is not near it.
            let item = items.get_mut(row.item_id).filter(|_| row.score > 0.0);
            if let Some(item) = item.filter(|item| item.nearest.len() < NEAREST) {
                item.nearest.push(row.neighbour_id.to_owned());
            }
        })?;
        Ok(Self { items })
    }

    fn titles(&self) -> u64 {
        self.items.values().filter(|item| item.title.is_some()).count() as u64
    }

    fn named(&self, item_id: &str) -> Named {
        let title = self.items.get(item_id).and_then(|item| item.title.clone());
        Named { item_id: item_id.to_owned(), title }
    }

    fn nearest(&self, item: &Item) -> Vec<Named> {
        item.nearest.iter().take(SHOWN).map(|item_id| self.named(item_id)).collect()
    }

    fn listed_without(&self, other: &Self, limit: usize) -> Listed {
        let mut items: Vec<(&String, &Item)> =
            self.items.iter().filter(|(item_id, _)| !other.items.contains_key(*item_id)).collect();
        items.sort_by_key(|(item_id, item)| (-item.rating_count, *item_id));
        let most_rated = items.iter().take(limit).map(|(item_id, _)| self.named(item_id));
        Listed { count: items.len() as u64, most_rated: most_rated.collect() }
    }
}

fn churn(before: &Content, after: &Content, limit: usize) -> Churn {
    let mut churn = Churn {
        items_compared: 0,
        unchanged: 0,
        same_nearest: 0,
        mean_overlap_at_10: None,
        largest: Vec::new(),
    };
    let (mut sum, mut changes) = (0.0, Vec::new());
    for (item_id, now) in &after.items {
        let Some(then) = before.items.get(item_id) else { continue };
        let longer = then.nearest.len().max(now.nearest.len());
        if longer == 0 {
            continue;
        }
        let both = now.nearest.iter().filter(|neighbour| then.nearest.contains(neighbour)).count();
        let overlap = both as f64 / longer as f64;
        churn.items_compared += 1;
        churn.unchanged += u64::from(both == longer);
        churn.same_nearest += u64::from(then.nearest.first() == now.nearest.first());
        sum += overlap;
        if both < longer {
            changes.push((overlap, item_id, then, now));
        }
    }
    if churn.items_compared > 0 {
        churn.mean_overlap_at_10 = Some(sum / churn.items_compared as f64);
    }
    changes.sort_by(|(overlap, id, _, item), (other_overlap, other_id, _, other)| {
        let by_overlap = overlap.total_cmp(other_overlap);
        by_overlap.then(other.rating_count.cmp(&item.rating_count)).then(id.cmp(other_id))
    });
    let largest = changes.into_iter().take(limit).map(|(overlap, item_id, then, now)| Change {
        item: after.named(item_id),
        rating_count: now.rating_count,
        overlap_at_10: overlap,
        nearest_before: before.nearest(then),
        nearest_after: after.nearest(now),
    });
    churn.largest = largest.collect();
    churn
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title.as_ref().unwrap_or(&self.item_id))
    }
}

impl Diff {
    fn overview(&self) -> Table {
        use Align::{Left, Right};
        let mut table = Table::new(&[("", Left), ("from", Right), ("to", Right), ("", Right)]);
        let versions = [&self.from.version, &self.to.version].map(ToString::to_string);
        let [from, to] = versions;
        table.row(["version".to_owned(), from, to, String::new()]);
        for (name, (from, to)) in &self.counts {
            let difference = match to.cmp(from) {
                std::cmp::Ordering::Equal => String::new(),
                std::cmp::Ordering::Greater => format!("+{}", thousands(to - from)),
                std::cmp::Ordering::Less => format!("-{}", thousands(from - to)),
            };
            table.row([(*name).to_owned(), thousands(*from), thousands(*to), difference]);
        }
        for (name, (from, to)) in &self.changed {
            let [from, to] = [from, to].map(|value| value.clone().unwrap_or_default());
            table.row([name.clone(), from, to, String::new()]);
        }
        table
    }

    fn largest(&self) -> Table {
        use Align::{Cut, Left, Right};
        let mut table = Table::new(&[
            ("overlap", Right),
            ("ratings", Right),
            ("item", Left),
            ("title", Cut(24)),
            ("nearest before", Cut(24)),
            ("nearest now", Cut(24)),
        ]);
        let names = |named: &[Named]| named.first().map(ToString::to_string).unwrap_or_default();
        for change in &self.neighbours.largest {
            table.row([
                format!("{:.1}", change.overlap_at_10),
                thousands(change.rating_count.unsigned_abs()),
                change.item.item_id.clone(),
                change.item.title.clone().unwrap_or_default(),
                names(&change.nearest_before),
                names(&change.nearest_after),
            ]);
        }
        table
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from.sequence == self.to.sequence {
            let version = &self.to.version;
            return write!(f, "{version} is the current version since then, and nothing differs");
        }
        writeln!(f, "{}", self.overview())?;
        for (what, listed) in [("added", &self.items_added), ("removed", &self.items_removed)] {
            if listed.count > 0 {
                writeln!(f, "\n{} {what}", counted(listed.count, "item"))?;
                for named in &listed.most_rated {
                    let title = named.title.as_deref().unwrap_or("");
                    writeln!(f, "  {}  {}", printable(&named.item_id), printable(title))?;
                }
                let hidden = listed.count - listed.most_rated.len() as u64;
                if hidden > 0 {
                    writeln!(f, "  and {} more", thousands(hidden))?;
                }
            }
        }
        let Churn { items_compared, unchanged, same_nearest, mean_overlap_at_10, largest } =
            &self.neighbours;
        let Some(mean) = mean_overlap_at_10 else {
            return f.write_str("\nno item of both versions has neighbours");
        };
        write!(
            f,
            "\nneighbours: of the ten nearest {:.1} % are the same ones, in the mean of {}; all are \
             for {}, and the nearest is for {}",
            mean * 100.0,
            counted(*items_compared, "item"),
            counted(*unchanged, "item"),
            thousands(*same_nearest)
        )?;
        if !largest.is_empty() {
            write!(f, "\n\n{}", self.largest())?;
        }
        Ok(())
    }
}
