//! The report of a version: one small HTML page that needs nothing else, for whoever wants to know what was published.

use std::fmt::{Display, Write};

use akin_schemas::stage::WorkObject;
use akin_schemas::{Checksum, Manifest, ObjectKey};
use akin_store::{ErrorKind, Store, published_sequences, read_manifest};
use bytes::Bytes;

use super::diff::{Diff, Listed, Named, diff};
use crate::counting::{counted, thousands};
use crate::failure::Failure;

/// Items of a kind that are listed.
const LISTED: usize = 10;
/// A count that falls by more than this share is worth a look.
const FALL: f64 = 0.1;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#888}\
body{font:16px/1.5 system-ui,sans-serif;max-width:58rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}p.soft{color:var(--soft);margin-top:.2rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line)}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
ul.warnings{border-left:4px solid #d80;padding:.5rem 2rem;background:#d801}";

/// Writes the report of a publication, unless it is there. Gives where it is, and its warnings.
///
/// # Errors
/// When the version's manifest cannot be read, or the store fails.
pub fn report(store: &dyn Store, sequence: u64) -> Result<(WorkObject, Vec<String>), Failure> {
    let manifest = read_manifest(store, sequence)?;
    let before = before(store, sequence)?;
    let change = match &before {
        None => Ok(None),
        Some(before) => {
            diff(store, &before.sequence.to_string(), Some(&sequence.to_string()), LISTED).map(Some)
        }
    };
    let mut warnings = warnings(store, &manifest, before.as_ref())?;
    let change = change.unwrap_or_else(|failure| {
        warnings.push(format!("it could not be compared with the one before: {}", failure.chain()));
        None
    });
    let page = Bytes::from(page(&manifest, change.as_ref(), &warnings));
    let key = ObjectKey::report(&manifest.version);
    let page = match store.create(&key, page.clone()) {
        // It stands: a version has one report, whatever was cleaned away since.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => store.get(&key)?,
        outcome => outcome.map(|()| page)?,
    };
    let (bytes, sha256) = (page.len() as u64, Checksum::of(&page));
    Ok((WorkObject { key, bytes, sha256 }, warnings))
}

/// The newest publication before this one that can be read.
fn before(store: &dyn Store, sequence: u64) -> Result<Option<Manifest>, Failure> {
    let older = published_sequences(store, None)?.into_iter().rev().filter(|&n| n < sequence);
    Ok(older.filter_map(|number| read_manifest(store, number).ok()).next())
}

fn warnings(
    store: &dyn Store,
    manifest: &Manifest,
    before: Option<&Manifest>,
) -> Result<Vec<String>, Failure> {
    let mut warnings = manifest.warnings.clone();
    let rejects = ObjectKey::rejects(&manifest.version);
    match store.get_range(&rejects, 0..1) {
        Ok(_) => warnings.push(format!("records were rejected; the first ones are in {rejects}")),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    if let Some(before) = before {
        let (now, then) = (manifest.counts, before.counts);
        for (what, now, then) in [
            ("ratings", now.ratings, then.ratings),
            ("users", now.users, then.users),
            ("items", now.items, then.items),
            ("pairs", now.pairs, then.pairs),
        ] {
            if (now as f64) < then as f64 * (1.0 - FALL) {
                warnings.push(format!(
                    "{what} fell from {} to {}",
                    thousands(then),
                    thousands(now)
                ));
            }
        }
        if before.measure.name != manifest.measure.name {
            let (name, then) = (&manifest.measure.name, &before.measure.name);
            warnings.push(format!("similarities are computed by {name}, before it was {then}"));
        }
    }
    let metric = |name: &str| manifest.metrics.get(name).copied();
    match (metric("ndcg@10"), metric("popularity_ndcg@10")) {
        (None, _) => warnings.push(
            "quality was not measured; run with --evaluate, or with --guard to refuse what is worse".to_owned(),
        ),
        (Some(ours), Some(popular)) if ours <= popular => warnings.push(format!(
            "held-out ratings are found no better (NDCG@10 {ours:.4}) than by recommending what is popular ({popular:.4})"
        )),
        _ => {}
    }
    if let Some(rolled) = &manifest.rollback_of {
        warnings.push(format!("this is a rollback to version {rolled}"));
    }
    Ok(warnings)
}

fn page(manifest: &Manifest, change: Option<&Diff>, warnings: &[String]) -> String {
    let mut page = Page::default();
    let version = escape(&manifest.version);
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{version}</title><style>{STYLE}</style>\n\
         <h1>{version}</h1>\n<p class=\"soft\">publication {}, run started {}, written by {}</p>\n",
        manifest.sequence,
        manifest.started_at.format("%Y-%m-%d %H:%M UTC"),
        escape(&manifest.written_by)
    ));
    if !warnings.is_empty() {
        page.put(format_args!("<ul class=\"warnings\">"));
        for warning in warnings {
            page.put(format_args!("<li>{}", escape(warning)));
        }
        page.put(format_args!("</ul>\n"));
    }
    page.figures(manifest, change);
    page.quality(manifest);
    if let Some(change) = change {
        page.changes(change);
    }
    page.files(manifest);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = self.0.write_fmt(text);
    }

    /// A table; the columns after the first `texts` hold numbers.
    fn table(&mut self, texts: usize, header: &[&str], rows: &[Vec<String>]) {
        let class = |at: usize| if at < texts { "" } else { " class=\"n\"" };
        self.put(format_args!("<table><tr>"));
        for (at, name) in header.iter().enumerate() {
            self.put(format_args!("<th{}>{}", class(at), escape(name)));
        }
        for row in rows {
            self.put(format_args!("\n<tr>"));
            for (at, cell) in row.iter().enumerate() {
                self.put(format_args!("<td{}>{}", class(at), escape(cell)));
            }
        }
        self.put(format_args!("</table>\n"));
    }

    fn figures(&mut self, manifest: &Manifest, change: Option<&Diff>) {
        self.put(format_args!("<h2>Figures</h2>\n"));
        let counts = manifest.counts;
        let titles = change.and_then(|change| change.counts.get("titles"));
        let rows: Vec<Vec<String>> = [
            ("ratings", Some(counts.ratings)),
            ("users", Some(counts.users)),
            ("items", Some(counts.items)),
            ("titles", titles.map(|titles| titles.1)),
            ("pairs", Some(counts.pairs)),
        ]
        .into_iter()
        .filter_map(|(name, now)| Some((name, now?)))
        .map(|(name, now)| {
            let then = change.and_then(|change| change.counts.get(name)).map(|counts| counts.0);
            let then_text = then.map_or_else(String::new, thousands);
            let change = then.map_or_else(String::new, |then| match now.checked_sub(then) {
                Some(more) => format!("+{}", thousands(more)),
                None => format!("\u{2212}{}", thousands(then - now)),
            });
            vec![name.to_owned(), thousands(now), then_text, change]
        })
        .collect();
        self.table(1, &["", "now", "before", "change"], &rows);
    }

    fn quality(&mut self, manifest: &Manifest) {
        let measure = &manifest.measure;
        self.put(format_args!("<h2>Measure</h2>\n"));
        let mut rows = vec![
            vec!["measure".to_owned(), measure.name.clone()],
            vec!["neighbours an item keeps".to_owned(), thousands(u64::from(measure.top_k))],
        ];
        rows.extend(
            measure.parameters.iter().map(|(name, value)| vec![name.clone(), value.to_string()]),
        );
        if let Some(weights) = &measure.rating_weights {
            rows.push(vec![
                "a rating counts, in similarities".to_owned(),
                weights.similarities.clone(),
            ]);
            rows.push(vec!["a rating counts, in profiles".to_owned(), weights.profiles.clone()]);
        }
        self.table(1, &["", ""], &rows);
        if !manifest.metrics.is_empty() {
            self.put(format_args!("<h2>Found of held-out ratings</h2>\n"));
            let rows: Vec<_> = manifest
                .metrics
                .iter()
                .map(|(name, value)| vec![name.clone(), format!("{value:.4}")])
                .collect();
            self.table(1, &["metric", ""], &rows);
        }
    }

    fn changes(&mut self, change: &Diff) {
        self.put(format_args!("<h2>Since {}</h2>\n", escape(&change.from.version)));
        if !change.changed.is_empty() {
            let value = |value: &Option<String>| value.clone().unwrap_or_default();
            let rows: Vec<_> = change
                .changed
                .iter()
                .map(|(name, (then, now))| vec![name.clone(), value(then), value(now)])
                .collect();
            self.table(1, &["what differs", "before", "now"], &rows);
        }
        let churn = &change.neighbours;
        if let Some(mean) = churn.mean_overlap_at_10 {
            self.put(format_args!(
                "<p>Of an item's ten nearest neighbours {:.1} % are the same ones, in the mean of {}; all are for {}, \
                 and the nearest is for {}.</p>\n",
                mean * 100.0,
                counted(churn.items_compared, "item"),
                counted(churn.unchanged, "item"),
                thousands(churn.same_nearest)
            ));
        }
        if !churn.largest.is_empty() {
            let names = |named: &[Named]| {
                named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            };
            let rows: Vec<_> = churn
                .largest
                .iter()
                .map(|one| {
                    vec![
                        one.item.to_string(),
                        names(&one.nearest_before),
                        names(&one.nearest_after),
                        format!("{:.0} %", one.overlap_at_10 * 100.0),
                    ]
                })
                .collect();
            self.table(3, &["changed most", "nearest before", "nearest now", "same"], &rows);
        }
        self.listed("added", &change.items_added);
        self.listed("removed", &change.items_removed);
    }

    fn listed(&mut self, what: &str, listed: &Listed) {
        if listed.count > 0 {
            let names: Vec<String> = listed.most_rated.iter().map(ToString::to_string).collect();
            let more = if listed.count > names.len() as u64 { ", \u{2026}" } else { "" };
            self.put(format_args!(
                "<p>{} {what}: {}{more}</p>\n",
                counted(listed.count, "item"),
                escape(&names.join(", "))
            ));
        }
    }

    fn files(&mut self, manifest: &Manifest) {
        self.put(format_args!("<h2>Tables</h2>\n"));
        let parts = &manifest.parts;
        let rows: Vec<_> = [
            ("neighbours", &parts.neighbours),
            ("items", &parts.items),
            ("profiles", &parts.profiles),
        ]
        .into_iter()
        .map(|(name, files)| {
            let sum = |of: fn(&akin_schemas::PartEntry) -> u64| files.iter().map(of).sum::<u64>();
            let kibibytes = sum(|file| file.bytes).div_ceil(1024);
            let numbers = [files.len() as u64, sum(|file| file.rows), kibibytes].map(thousands);
            [vec![name.to_owned()], numbers.to_vec()].concat()
        })
        .collect();
        self.table(1, &["table", "files", "rows", "KiB"], &rows);
    }
}

/// A text as it stands in HTML, in elements and in attributes. What could steer the direction of writing or end a line is
/// shown as a mark.
fn escape(text: &(impl Display + ?Sized)) -> String {
    let mut escaped = String::new();
    for c in text.to_string().chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let text = "<script>\"a\" & 'b'\u{202e}\0";
        assert_eq!(escape(text), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\u{fffd}\u{fffd}");
    }
}
