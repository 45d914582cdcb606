//! What changed since the version before.

use crate::counting::{counted, thousands};
use crate::report::change::Change;
use crate::report::html::{Column, Html};
use crate::report::plot::{Bar, bars};
use crate::report::view::View;

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    let Some(before) = view.before() else {
        let about = "This is the first version of its store: there is nothing to compare it with.";
        return html.section("Changes", about, |_| ());
    };
    let about = format!("Since publication {}, {}.", before.sequence, before.version);
    html.section("Changes", &about, |html| match &view.change {
        None => html.card("Not compared", |html| {
            html.paragraph("soft", "The tables of the version before cannot be read any more.");
        }),
        Some(change) => {
            html.grid(|html| {
                overlap(html, change);
                items(html, view, change);
            });
            if !change.largest.is_empty() {
                html.card("Items whose neighbours changed most", |html| {
                    largest(html, view, change)
                });
            }
        }
    });
}

fn overlap(html: &mut Html, change: &Change) {
    let Some(mean) = change.mean_same else {
        return html.card("The same neighbours", |html| {
            html.paragraph("soft", "No item of both versions has neighbours.");
        });
    };
    let bar = |(tenths, items): (u64, u64)| Bar { label: tenths.to_string(), value: items as f64 };
    let shown: Vec<Bar> = (0..).zip(change.same_tenths).map(bar).collect();
    let meaning = format!(
        "Items by how many of their ten nearest neighbours are the same ones as before: {:.1} % in the mean of {}, and \
         the nearest is for {}. What stands at the right is steady.",
        mean * 100.0,
        counted(change.compared(), "item"),
        thousands(change.same_nearest)
    );
    let plot = bars(
        &shown,
        "of ten, the same",
        "items",
        "How many of the nearest neighbours are the same ones",
    );
    html.figure("The same neighbours", &meaning, &plot);
}

fn items(html: &mut Html, view: &View, change: &Change) {
    html.card("Items", |html| {
        for (what, (count, most_rated)) in [("new", &change.added), ("gone", &change.removed)] {
            let names: Vec<&str> =
                most_rated.iter().take(5).map(|item| view.title(*item)).collect();
            let more = if *count > names.len() as u64 { ", \u{2026}" } else { "" };
            let text = match count {
                0 => format!("No item is {what}."),
                1 => format!("1 item is {what}: {}.", names.join("")),
                _ => format!(
                    "{} items are {what}, the most rated of them {}{more}",
                    thousands(*count),
                    names.join(", ")
                ),
            };
            html.paragraph("soft", &text);
        }
        if !change.gained.is_empty() {
            html.paragraph("soft", "Items that gained most ratings:");
            let rows: Vec<_> = change
                .gained
                .iter()
                .take(5)
                .map(|(item, more)| {
                    vec![view.title(*item).to_owned(), format!("+{}", thousands(*more))]
                })
                .collect();
            html.table(&[Column::Text("item"), Column::Number("ratings")], &rows);
        }
    });
}

fn largest(html: &mut Html, view: &View, change: &Change) {
    let names = |items: &[u32]| {
        let names: Vec<&str> = items.iter().map(|item| view.title(*item)).collect();
        if names.is_empty() { "\u{2013}".to_owned() } else { names.join(" \u{b7} ") }
    };
    let rows: Vec<_> = change
        .largest
        .iter()
        .map(|changed| {
            let same = format!("{:.0} %", changed.same * 100.0);
            let item = view.title(changed.item).to_owned();
            vec![item, names(&changed.before), names(&changed.now), same]
        })
        .collect();
    let columns = [
        Column::Text("item"),
        Column::Text("nearest before"),
        Column::Text("nearest now"),
        Column::Number("same"),
    ];
    html.table(&columns, &rows);
    html.paragraph("soft", "Of items that changed as much, the most rated ones. What is rated by few changes with each rating.");
}
