//! Plots as SVG, drawn for the width of a phone: a page shows several beside each other where it is wider.
//!
//! Their colours are those of the light page. As attributes they give way to the page's style sheet, which has others for
//! the dark: `style.css` names each of the colours below.

mod axes;
mod band;
mod bars;
mod history;
mod stages;
mod tail;

pub use band::{Spread, band};
pub use bars::{Bar, bars};
pub use history::{Measured, history};
pub use stages::{Stage, stages};
pub use tail::tail;

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, IntoFont, RGBColor, SVGBackend, TextStyle};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::html::escape;

/// The width of a plot in pixels.
pub const WIDTH: u32 = 340;
/// The height of most.
pub const HEIGHT: u32 = 210;

const INK: RGBColor = RGBColor(0x23, 0x2b, 0x33);
const SOFT: RGBColor = RGBColor(0x63, 0x6e, 0x79);
const GRID: RGBColor = RGBColor(0xe4, 0xe8, 0xeb);
const ACCENT: RGBColor = RGBColor(0x2f, 0x6f, 0x6d);
const OTHER: RGBColor = RGBColor(0xb3, 0x6b, 0x2e);
/// How much of the background a surface lets through.
const SURFACE: f64 = 0.16;
/// Characters are so high: the backend makes 11 pixels of it.
const TEXT: f64 = 13.6;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// An SVG of this height, and what it shows in `words`, for those who do not see it.
fn svg(height: u32, words: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        draw(&area).and_then(|()| Ok(area.present()?))
    };
    match drawn {
        Ok(()) => {
            let words = escape(words);
            svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{words}\" "), 1)
        }
        // Numbers that fit no axis; the page says the rest without.
        Err(error) => format!("<p class=\"soft\">No plot: {}.</p>", escape(&error)),
    }
}

/// The style of a label that lies so at its place.
fn text(color: RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let style = TextStyle::from(("sans-serif", TEXT).into_font());
    let style = style.pos(Pos::new(horizontal, vertical));
    TextStyle { color: color.to_backend_color(), ..style }
}

/// A surface of this colour.
fn surface(color: RGBColor) -> plotters::style::ShapeStyle {
    color.mix(SURFACE).filled()
}

/// A number in few characters: `950`, `12k`, `3.5M`.
pub fn short(number: f64) -> String {
    let (divisor, unit) = match number.abs() {
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    // Two digits after the point, and of what is less than that its first three.
    let size = (number / divisor).abs();
    let decimals = if size > 0.0 { 2.0 - size.log10().floor() } else { 2.0 };
    let decimals = decimals.clamp(2.0, 12.0) as usize;
    let digits = format!("{:.decimals$}", number / divisor);
    format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (950.0, "950"),
            (12_000.0, "12k"),
            (3_500_000.0, "3.5M"),
            (0.25, "0.25"),
            (0.005, "0.005"),
            (-0.0125, "-0.0125"),
            (-0.5, "-0.5"),
            (100.0, "100"),
            (2e9, "2G"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn every_colour_of_a_plot_has_one_in_the_style_sheet_and_words_stay_text() {
        let plots = [
            tail(&[(1.0, 90.0), (10.0, 3.0)], "item", "ratings", "<b>\"tail\"</b>"),
            bars(&[Bar { label: "a".to_owned(), value: 2.0 }], "x", "y", "bars"),
            band(&[Spread { rank: 1, low: -0.1, middle: 0.2, high: 0.5 }], "band"),
            history(
                &[Measured {
                    label: "7".to_owned(),
                    ours: Some([0.1, 0.2, 0.3]),
                    popular: Some(0.1),
                }],
                "history",
            ),
            stages(&[Stage { name: "ingest", size: 2.0, text: "2 s".to_owned() }], "stages"),
        ];
        let style = include_str!("../style.css");
        for plot in &plots {
            assert!(plot.starts_with("<svg role=\"img\" aria-label=\""), "{plot}");
            assert!(!plot.contains("<b>") && !plot.contains("NaN"), "{plot}");
            for piece in plot.split('"').filter(|piece| piece.starts_with('#')) {
                assert!(style.contains(piece), "{piece} in {plot}");
            }
        }
    }

    #[test]
    fn nothing_to_show_is_no_panic() {
        tail(&[], "", "", "");
        tail(&[(1.0, 1.0)], "", "", "");
        bars(&[], "", "", "");
        bars(&[Bar { label: String::new(), value: 0.0 }], "", "", "");
        band(&[], "");
        band(&[Spread { rank: 1, low: 0.0, middle: 0.0, high: 0.0 }], "");
        band(&[Spread { rank: 1, low: -1e30, middle: 0.0, high: 1e30 }], "");
        history(&[], "");
        stages(&[], "");
        stages(&[Stage { name: "a", size: 0.0, text: String::new() }], "");
    }
}
