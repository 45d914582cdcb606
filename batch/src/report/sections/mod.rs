//! The page, section by section: each figure says what it means where it stands.

mod changes;
mod cost;
mod measure;
mod overview;
mod quality;
mod ratings;
mod rejects;
mod similarities;

use super::html::{Html, escape};
use super::view::View;

const STYLE: &str = include_str!("../style.css");

/// The page of a version.
pub fn page(view: &View, warnings: &[String]) -> String {
    let manifest = &view.manifest;
    let version = escape(&manifest.version);
    let mut html = Html::default();
    html.put(format_args!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>Akin: {version}</title>\n<style>\n{STYLE}</style></head>\n<body>\n\
         <header><p class=\"kicker\">Akin, report of a version</p>\n<h1>{version}</h1>\n\
         <p>Publication {}, from the run that began on {}. Written by {}.</p></header>\n<main>\n",
        manifest.sequence,
        manifest.started_at.format("%-d %B %Y at %H:%M UTC"),
        escape(&manifest.written_by)
    ));
    overview::warnings(&mut html, warnings);
    overview::tiles(&mut html, view);
    ratings::section(&mut html, view);
    similarities::section(&mut html, view);
    quality::section(&mut html, view);
    changes::section(&mut html, view);
    rejects::section(&mut html, view);
    cost::section(&mut html, view);
    measure::section(&mut html, view);
    html.put(format_args!(
        "</main>\n<footer>This file needs nothing else, and names no user: it can be kept, sent and printed.</footer>\n\
         </body></html>\n"
    ));
    html.into_text()
}
