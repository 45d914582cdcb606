//! Counts as bars beside each other.

use plotters::prelude::Rectangle;
use plotters::style::Color;

use super::axes::{Labels, Ticks, chart, range, round};
use super::{ACCENT, HEIGHT, svg};

/// One bar.
pub struct Bar {
    /// What stands below, if there is room: short.
    pub label: String,
    /// How high it is; 0 at least.
    pub value: f64,
}

/// Characters that fit below a plot.
const CHARACTERS: usize = 42;

/// Bars in their order.
pub fn bars(bars: &[Bar], x_name: &str, y_name: &str, words: &str) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let y = round(0.0, most);
    let x: Ticks = spaced(bars).map(|at| (at as f64 + 0.5, bars[at].label.clone())).collect();
    svg(HEIGHT, words, |area| {
        let (x_range, y_range) = (0.0..bars.len().max(1) as f64, range(&y));
        let labels = Labels { x, x_name, y, y_name };
        let axes = ((x_range.clone(), x_range), (y_range.clone(), y_range));
        let mut chart = chart(area, axes.0, axes.1, &labels)?;
        let gap = if bars.len() > 60 { 0.04 } else { 0.1 };
        chart.draw_series(bars.iter().enumerate().filter(|(_, bar)| bar.value > 0.0).map(
            |(at, bar)| {
                let left = at as f64;
                let corners = [(left + gap, bar.value), (left + 1.0 - gap, 0.0)];
                Rectangle::new(corners, ACCENT.filled())
            },
        ))?;
        Ok(())
    })
}

/// The bars that are labelled: all, or every so many.
fn spaced(bars: &[Bar]) -> impl Iterator<Item = usize> {
    let longest = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
    let every = (bars.len() * (longest + 1)).div_ceil(CHARACTERS).max(1);
    (0..bars.len()).step_by(every)
}
