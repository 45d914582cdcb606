//! How many held-out ratings the last versions found.

use std::collections::BTreeMap;

use akin_schemas::Manifest;

use crate::counting::thousands;
use crate::report::html::{Column, Html};
use crate::report::plot::{Measured, history};
use crate::report::view::View;

/// What is measured of a list of ten, and what it means.
const METRICS: [(&str, &str, &str); 4] = [
    (
        "ndcg@10",
        "NDCG@10",
        "how many of the ratings held out are in lists of ten, those at their top counting more",
    ),
    ("recall@10", "Recall@10", "the share of a user's ratings held out that the list holds"),
    ("hit_rate@10", "Hit rate@10", "the share of users with one at least"),
    ("coverage@10", "Coverage@10", "the share of items that are in anybody's list"),
];

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    let about = "A tenth of the ratings is held out, and lists computed from the others are searched for them: more found \
                 is better. The same tenth each time, so that versions can be compared.";
    html.section("Quality", about, |html| {
        let is_measured = |manifest: &&Manifest| manifest.metrics.contains_key("ndcg@10");
        if view.versions.iter().all(|manifest| !is_measured(&manifest)) {
            return html.card("Not measured", |html| {
                html.paragraph(
                    "soft",
                    "Quality was not measured in this version or the nine before it; run with --evaluate, or with \
                     --guard to refuse what is worse.",
                );
            });
        }
        html.grid(|html| {
            plot(html, view);
            this_version(html, &view.manifest.metrics);
        });
        html.card("The last versions", |html| versions(html, view));
    });
}

fn plot(html: &mut Html, view: &View) {
    let metric = |manifest: &Manifest, name: &str| manifest.metrics.get(name).copied();
    let measured: Vec<Measured> = view
        .versions
        .iter()
        .rev()
        .map(|manifest| Measured {
            label: manifest.sequence.to_string(),
            ours: metric(manifest, "ndcg@10").map(|mean| {
                let end = |name| metric(manifest, name).unwrap_or(mean);
                [end("ndcg@10_low"), mean, end("ndcg@10_high")]
            }),
            popular: metric(manifest, "popularity_ndcg@10"),
        })
        .collect();
    let plot =
        history(&measured, "NDCG@10 of the last versions, and of recommending what is popular");
    html.put(format_args!(
        "<figure class=\"card\">\n<h3>NDCG@10 of the last versions</h3>\n{plot}\
         <figcaption><span class=\"legend\"><span class=\"key\"></span>this measure, and its 95 % interval</span>\
         <span class=\"legend\"><span class=\"key other\"></span>recommending what is popular</span>Intervals that overlap say that a difference may \
         be chance; a version without a point was not measured.</figcaption>\n</figure>\n"
    ));
}

fn this_version(html: &mut Html, metrics: &BTreeMap<String, f64>) {
    html.card("Of this version", |html| {
        if metrics.is_empty() {
            return html.paragraph("soft", "Quality was not measured; run with --evaluate.");
        }
        let value = |name: &str| metrics.get(name).map(|value| format!("{value:.4}"));
        let rows: Vec<_> = METRICS
            .into_iter()
            .filter_map(|(name, shown, meaning)| {
                let popular = value(&format!("popularity_{name}")).unwrap_or("\u{2013}".to_owned());
                Some(vec![format!("{shown}: {meaning}"), value(name)?, popular])
            })
            .collect();
        html.table(
            &[Column::Text(""), Column::Number("found"), Column::Number("popularity")],
            &rows,
        );
    });
}

fn versions(html: &mut Html, view: &View) {
    let rows: Vec<_> = view
        .versions
        .iter()
        .map(|manifest| {
            let metric = |name: &str| manifest.metrics.get(name).copied();
            let shown =
                |value: Option<f64>| value.map_or("\u{2013}".to_owned(), |v| format!("{v:.4}"));
            let interval = metric("ndcg@10_low").zip(metric("ndcg@10_high"));
            vec![
                manifest.sequence.to_string(),
                manifest.started_at.format("%Y-%m-%d %H:%M").to_string(),
                manifest.measure.name.clone(),
                thousands(manifest.counts.ratings),
                shown(metric("ndcg@10")),
                interval
                    .map_or("\u{2013}".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}")),
                shown(metric("popularity_ndcg@10")),
            ]
        })
        .collect();
    let columns = [
        Column::Number("number"),
        Column::Text("run began (UTC)"),
        Column::Text("measure"),
        Column::Number("ratings"),
        Column::Number("NDCG@10"),
        Column::Number("interval"),
        Column::Number("popularity"),
    ];
    html.table(&columns, &rows);
}
