//! `akin-batch show`: an item, its statistics and its neighbours.

use std::collections::HashMap;
use std::fmt;

use akin_schemas::tables::{ItemRow, Items, Neighbours};
use akin_schemas::{Manifest, VersionName, printable};
use akin_store::Store;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::history::{History, each_row};
use super::table::{Align, Table};
use crate::counting::{counted, thousands};
use crate::failure::Failure;

/// Matches that are listed when a title is not unique.
const LISTED: usize = 20;

/// An item as one version has it.
#[derive(Debug, Serialize)]
pub struct Shown {
    version: VersionName,
    sequence: u64,
    measure: String,
    item: Item,
    /// How many it has, shown or not.
    neighbour_count: usize,
    neighbours: Vec<Neighbour>,
    /// How many items have a negative score: they speak against it, and are never shown.
    opposite_count: usize,
}

#[derive(Debug, Clone, Serialize)]
struct Item {
    item_id: String,
    title: Option<String>,
    genres: Vec<String>,
    rating_count: i64,
    rating_mean: Option<f64>,
    first_rated_at: Option<DateTime<Utc>>,
    last_rated_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct Neighbour {
    rank: usize,
    item_id: String,
    title: Option<String>,
    score: f32,
    co_count: i32,
}

/// Finds an item by its id or a part of its title, and its `limit` best neighbours.
///
/// # Errors
/// When no item or more than one matches, there is no such version, or its files do not open.
pub fn show(
    store: &dyn Store,
    asked: &str,
    version: Option<&str>,
    limit: usize,
) -> Result<Shown, Failure> {
    let history = History::read(store)?;
    let manifest = history.find(version)?;
    let item = find(store, manifest, asked)?;
    let (mut neighbours, mut opposite_count) = (Vec::new(), 0);
    each_row::<Neighbours>(store, &manifest.parts.neighbours, |row| {
        if row.item_id == item.item_id && row.score <= 0.0 {
            opposite_count += 1;
        } else if row.item_id == item.item_id {
            neighbours.push(Neighbour {
                // As a server counts: among those that are alike.
                rank: neighbours.len() + 1,
                item_id: row.neighbour_id.to_owned(),
                title: None,
                score: row.score,
                co_count: row.co_count,
            });
        }
    })?;
    let neighbour_count = neighbours.len();
    neighbours.truncate(limit);
    add_titles(store, manifest, &mut neighbours)?;
    Ok(Shown {
        version: manifest.version.clone(),
        sequence: manifest.sequence,
        measure: manifest.measure.name.clone(),
        item,
        neighbour_count,
        neighbours,
        opposite_count,
    })
}

/// An id beats a whole title, a whole title beats a part of one.
fn find(store: &dyn Store, manifest: &Manifest, asked: &str) -> Result<Item, Failure> {
    let wanted = asked.to_lowercase();
    let (mut by_id, mut by_title, mut by_part) = (None, Vec::new(), Vec::new());
    each_row::<Items>(store, &manifest.parts.items, |row| {
        let title = row.title.map(str::to_lowercase);
        if row.item_id == asked {
            by_id = Some(Item::of(&row));
        } else if title.as_ref() == Some(&wanted) {
            by_title.push(Item::of(&row));
        } else if title.is_some_and(|title| title.contains(&wanted)) {
            by_part.push(Item::of(&row));
        }
    })?;
    if let Some(item) = by_id {
        return Ok(item);
    }
    let mut matches = if by_title.is_empty() { by_part } else { by_title };
    let version = &manifest.version;
    match matches.len() {
        1 => Ok(matches.remove(0)),
        0 => Err(Failure::Usage(format!(
            "no item of version {version} has the id `{asked}`, or a title with it; give an id, or less of the title"
        ))),
        found => {
            // The most rated are the likeliest to be meant.
            matches.sort_by(|a, b| (b.rating_count, &a.item_id).cmp(&(a.rating_count, &b.item_id)));
            let listed: Vec<String> = matches.iter().take(LISTED).map(Item::listed).collect();
            let more = found.saturating_sub(LISTED);
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            Err(Failure::Usage(format!(
                "{found} titles of version {version} match `{asked}`; give one of these ids: {}{more}",
                listed.join(", ")
            )))
        }
    }
}

fn add_titles(
    store: &dyn Store,
    manifest: &Manifest,
    neighbours: &mut [Neighbour],
) -> Result<(), Failure> {
    let mut waiting: HashMap<String, &mut Option<String>> =
        neighbours.iter_mut().map(|n| (n.item_id.clone(), &mut n.title)).collect();
    each_row::<Items>(store, &manifest.parts.items, |row| {
        if let Some(title) = waiting.get_mut(row.item_id) {
            **title = row.title.map(str::to_owned);
        }
    })
}

impl Item {
    fn of(row: &ItemRow<'_>) -> Self {
        let moment = DateTime::from_timestamp_micros;
        Self {
            item_id: row.item_id.to_owned(),
            title: row.title.map(str::to_owned),
            genres: row.genres.iter().map(|genre| (*genre).to_owned()).collect(),
            rating_count: row.rating_count,
            rating_mean: row.rating_mean,
            first_rated_at: row.rated_between.and_then(|(first, _)| moment(first)),
            last_rated_at: row.rated_between.and_then(|(_, last)| moment(last)),
        }
    }

    fn listed(&self) -> String {
        format!("{} ({})", self.item_id, self.title.as_deref().unwrap_or("no title"))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let item = &self.item;
        let title = item.title.as_deref().unwrap_or("(no title)");
        writeln!(f, "{}  {}", printable(&item.item_id), printable(title))?;
        if !item.genres.is_empty() {
            writeln!(f, "  genres   {}", printable(&item.genres.join(", ")))?;
        }
        write!(f, "  ratings  {}", thousands(item.rating_count.unsigned_abs()))?;
        if let Some(mean) = item.rating_mean {
            write!(f, ", mean {mean:.2}")?;
        }
        if let (Some(first), Some(last)) = (item.first_rated_at, item.last_rated_at) {
            write!(f, ", {} to {}", first.format("%Y-%m-%d"), last.format("%Y-%m-%d"))?;
        }
        writeln!(
            f,
            "\n  version  {} (number {}, {})\n",
            self.version, self.sequence, self.measure
        )?;
        let opposites = match self.opposite_count {
            0 => String::new(),
            count => format!("\nleft out: {} with a negative score", counted(count, "item")),
        };
        if self.neighbours.is_empty() {
            let neighbours = counted(self.neighbour_count, "neighbour");
            return write!(f, "{neighbours}{opposites}");
        }
        let mut table = Table::new(&[
            ("rank", Align::Right),
            ("score", Align::Right),
            ("raters of both", Align::Right),
            ("item", Align::Left),
            ("title", Align::Left),
        ]);
        for neighbour in &self.neighbours {
            table.row([
                neighbour.rank.to_string(),
                format!("{:.4}", neighbour.score),
                thousands(u64::from(neighbour.co_count.unsigned_abs())),
                neighbour.item_id.clone(),
                neighbour.title.clone().unwrap_or_default(),
            ]);
        }
        table.fmt(f)?;
        let hidden = self.neighbour_count - self.neighbours.len();
        if hidden > 0 {
            write!(f, "\nand {hidden} more; --neighbours {} shows all", self.neighbour_count)?;
        }
        f.write_str(&opposites)
    }
}
