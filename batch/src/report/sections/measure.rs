//! How similarities were computed, beside how they were before.

use std::collections::BTreeMap;

use akin_schemas::{Cut, Manifest};

use crate::report::html::{Column, Html};
use crate::report::view::View;

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    let about = "The options that decide what is similar. The same ones give the same similarities for the same ratings.";
    html.section("Measure", about, |html| {
        html.card("How it was computed", |html| {
            let now = parameters(&view.manifest);
            let then = view.before().map(parameters);
            let rows: Vec<_> = now
                .into_iter()
                .map(|(name, value)| {
                    let before =
                        then.as_ref().map(|then| then.get(&name).cloned().unwrap_or_default());
                    let before = match before {
                        Some(before) if before == value => "the same".to_owned(),
                        before => {
                            before.filter(|text| !text.is_empty()).unwrap_or("\u{2013}".to_owned())
                        }
                    };
                    vec![name, value, before]
                })
                .collect();
            html.table(&[Column::Text(""), Column::Text("now"), Column::Text("before")], &rows);
        });
    });
}

fn parameters(manifest: &Manifest) -> BTreeMap<String, String> {
    let measure = &manifest.measure;
    let cut = match measure.cut {
        Cut::Target => "for each item, what speaks for it",
        Cut::Source => "for each item, what it speaks for",
    };
    let range = manifest.rating_range;
    let mut all: BTreeMap<String, String> =
        measure.parameters.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    all.extend(
        [
            ("measure", measure.name.clone()),
            ("neighbours kept (--top-k)", measure.top_k.to_string()),
            ("which are kept (--cut)", cut.to_owned()),
            ("ratings that are taken", format!("above {}, at most {}", range.above, range.at_most)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(weights) = &measure.rating_weights {
        all.insert("a rating counts, in similarities".to_owned(), weights.similarities.clone());
        all.insert("a rating counts, in profiles".to_owned(), weights.profiles.clone());
    }
    all
}
