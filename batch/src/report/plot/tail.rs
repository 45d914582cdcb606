//! A tail: how much each has, from the greatest on, where a few have most.

use plotters::prelude::{IntoLogRange, LineSeries, Polygon};
use plotters::style::Color;

use super::axes::{Labels, chart, decades, range};
use super::{ACCENT, HEIGHT, surface, svg};

/// Places from 1 on, ascending, and what there is at each, 1 at least; both axes are logarithmic.
pub fn tail(points: &[(f64, f64)], x_name: &str, y_name: &str, words: &str) -> String {
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(1.0, f64::max);
    let (x, y) = (decades(most(|point| point.0)), decades(most(|point| point.1)));
    svg(HEIGHT, words, |area| {
        let (x_range, y_range) = (range(&x), range(&y));
        let labels = Labels { x, x_name, y, y_name };
        let (across, up) = (x_range.clone().log_scale(), y_range.clone().log_scale());
        let mut chart = chart(area, (across, x_range), (up, y_range), &labels)?;
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            let below = [(last.0, 1.0), (first.0, 1.0)];
            let outline: Vec<_> = points.iter().copied().chain(below).collect();
            chart.draw_series([Polygon::new(outline, surface(ACCENT))])?;
        }
        let style = ACCENT.stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
        Ok(())
    })
}
