//! Records that were not taken in: why, and where they stand, but not what is in them.

use std::collections::BTreeMap;

use akin_schemas::ObjectKey;

use crate::counting::thousands;
use crate::report::html::{Column, Html};
use crate::report::rejects::RejectedAt;
use crate::report::view::View;

/// Places that are shown of a reason.
const SHOWN: usize = 5;

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    let read = view.observed.read.map(|read| format!(" Records read: {}.", thousands(read)));
    let about = format!("Records of the input that were left out.{}", read.unwrap_or_default());
    html.section("Rejects", &about, |html| {
        let reasons = by_reason(view);
        if reasons.is_empty() {
            return html.card("None", |html| html.paragraph("soft", "Every record was taken in."));
        }
        html.card("By reason", |html| {
            let rows: Vec<_> = reasons
                .into_iter()
                .map(|(reason, (count, places))| {
                    let shown: Vec<String> = places
                        .iter()
                        .take(SHOWN)
                        .map(|place| format!("{}:{}", place.file, place.line))
                        .collect();
                    let more = if count > shown.len() as u64 { ", \u{2026}" } else { "" };
                    vec![reason.to_owned(), thousands(count), format!("{}{more}", shown.join(", "))]
                })
                .collect();
            let columns =
                [Column::Text("why"), Column::Number("records"), Column::Text("file and line")];
            html.table(&columns, &rows);
            let listed = ObjectKey::rejects(&view.manifest.version);
            let about = format!("The first thousand stand in {listed}, with what is in them.");
            html.paragraph("soft", &about);
        });
    });
}

/// How many there are for each reason, and the places that are known.
fn by_reason(view: &View) -> BTreeMap<&str, (u64, Vec<&RejectedAt>)> {
    let mut reasons: BTreeMap<&str, (u64, Vec<&RejectedAt>)> = BTreeMap::new();
    for place in &view.rejects {
        let (count, places) = reasons.entry(place.reason.as_str()).or_default();
        *count += 1;
        places.push(place);
    }
    // All of them, where the run said how many.
    for (reason, total) in &view.observed.rejected {
        reasons.entry(reason).or_default().0 = *total;
    }
    reasons
}
