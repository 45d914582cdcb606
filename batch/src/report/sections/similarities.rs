//! How similar neighbours are, and how many there are.

use crate::counting::{counted, thousands};
use crate::report::html::Html;
use crate::report::plot::{Bar, Spread, band, bars};
use crate::report::value_counts::quantiles;
use crate::report::view::View;

/// Bars for items with neighbours.
const BARS: u32 = 10;

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    let about = "What recommendations are made from: for each item the others that speak for it, the most similar first.";
    html.section("Similarities", about, |html| {
        html.grid(|html| {
            by_rank(html, view);
            how_many(html, view);
        });
    });
}

fn by_rank(html: &mut Html, view: &View) {
    let spreads: Vec<Spread> = view
        .tables
        .similarities
        .iter()
        .filter_map(|(rank, counts)| {
            let [low, middle, high] = quantiles(&counts.sorted(), [0.1, 0.5, 0.9])?;
            let [low, middle, high] = [low, middle, high].map(f64::from);
            Some(Spread { rank: *rank, low, middle, high })
        })
        .collect();
    if spreads.is_empty() {
        return html.card("Similarities by rank", |html| {
            html.paragraph("soft", "No item has a neighbour: recommendations are what is popular.");
        });
    }
    let meaning = "The similarity of an item's nearest neighbour, its second, and so on: the line is the median of all \
                   items, eight in ten lie within the surface. Where it ends high, a greater --top-k may help; where it \
                   reaches 0, there is nothing more to keep.";
    html.figure(
        "Similarities by rank",
        meaning,
        &band(&spreads, "Similarities by rank of the neighbour"),
    );
}

fn how_many(html: &mut Html, view: &View) {
    let top_k = view.manifest.measure.top_k.max(1);
    let width = top_k.div_ceil(BARS);
    let mut counts = vec![0_u64; 1 + top_k.div_ceil(width) as usize];
    let last = counts.len() - 1;
    let (mut lonely, mut rated) = (0, 0);
    for (_, item) in view.tables.present().filter(|(_, item)| item.ratings > 0) {
        rated += 1;
        lonely += u64::from(item.neighbours == 0);
        counts[(item.neighbours.div_ceil(width) as usize).min(last)] += 1;
    }
    let bar = |(at, count): (u32, u64)| {
        let from = if at == 0 { 0 } else { (at - 1) * width + 1 };
        Bar { label: from.to_string(), value: count as f64 }
    };
    let shown: Vec<Bar> = (0..).zip(counts).map(bar).collect();
    let without = match lonely {
        0 => "Every item that somebody rated has some.".to_owned(),
        _ => format!(
            "Of {} {} without: nothing recommends them but their popularity.",
            counted(rated, "item"),
            if lonely == 1 { "1 is".to_owned() } else { format!("{} are", thousands(lonely)) }
        ),
    };
    let meaning = format!(
        "Rated items by how many neighbours speak for them, from the number below a bar up to the next; {} are kept at \
         most. {without}",
        thousands(top_k.into())
    );
    let plot = bars(&shown, "neighbours", "items", "How many neighbours items have");
    html.figure("Neighbours of items", &meaning, &plot);
}
