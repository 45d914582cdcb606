//! What the run took: time, memory, and room in the store.

use akin_schemas::PartEntry;

use crate::counting::thousands;
use crate::report::html::{Column, Html};
use crate::report::plot::{Stage, stages};
use crate::report::view::View;

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    html.section("Cost", "What the run took, before this report.", |html| {
        html.grid(|html| time_and_memory(html, view));
        html.card("Tables", |html| tables(html, view));
    });
}

fn time_and_memory(html: &mut Html, view: &View) {
    let costs = &view.observed.stages;
    if costs.is_empty() {
        return html.card("Time and memory", |html| {
            html.paragraph(
                "soft",
                "They are not known: the stages were programs of their own, whose scheduler knows, or this report was \
                 made later.",
            );
        });
    }
    let total: f64 = costs.iter().map(|cost| cost.seconds).sum();
    let times: Vec<Stage> = costs
        .iter()
        .map(|cost| Stage {
            name: cost.stage,
            size: cost.seconds,
            text: format!("{:.2} s", cost.seconds),
        })
        .collect();
    let meaning =
        format!("Seconds from the beginning to the end of each stage, {total:.2} in all.");
    html.figure("Time by stage", &meaning, &stages(&times, "Seconds by stage"));
    let peaks: Vec<Stage> = costs
        .iter()
        .filter_map(|cost| {
            let bytes = cost.peak_bytes?;
            let text = format!("{} MiB", thousands(bytes >> 20));
            Some(Stage { name: cost.stage, size: bytes as f64, text })
        })
        .collect();
    if !peaks.is_empty() {
        let meaning = "The most that was resident at once up to the end of each stage: where it grows, that stage needed it.";
        html.figure("Memory by stage", meaning, &stages(&peaks, "Memory by stage"));
    }
}

fn tables(html: &mut Html, view: &View) {
    let parts = &view.manifest.parts;
    let tables =
        [("neighbours", &parts.neighbours), ("items", &parts.items), ("profiles", &parts.profiles)];
    let rows: Vec<_> = tables
        .into_iter()
        .map(|(name, files)| {
            let sum = |of: fn(&PartEntry) -> u64| files.iter().map(of).sum::<u64>();
            let kibibytes = sum(|file| file.bytes).div_ceil(1024);
            let numbers = [files.len() as u64, sum(|file| file.rows), kibibytes].map(thousands);
            [vec![name.to_owned()], numbers.to_vec()].concat()
        })
        .collect();
    let columns = [
        Column::Text("table"),
        Column::Number("files"),
        Column::Number("rows"),
        Column::Number("KiB"),
    ];
    html.table(&columns, &rows);
    html.paragraph("soft", "Parquet files of this version in the store.");
}
