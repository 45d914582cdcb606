//! A metric of the last versions, with its intervals, and that of popularity beside it.

use plotters::prelude::{Circle, LineSeries, PathElement};
use plotters::style::Color;

use super::axes::{Labels, Ticks, chart, range, round};
use super::{ACCENT, HEIGHT, OTHER, svg};

/// What was measured of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What stands below it: short.
    pub label: String,
    /// The lower end of the interval, the mean and the upper end; none where nothing was measured.
    pub ours: Option<[f64; 3]>,
    /// The mean of recommending what is popular.
    pub popular: Option<f64>,
}

/// Versions, the oldest first.
pub fn history(versions: &[Measured], words: &str) -> String {
    let highs = versions.iter().filter_map(|version| version.ours.map(|[_, _, high]| high));
    let populars = versions.iter().filter_map(|version| version.popular);
    let y = round(0.0, highs.chain(populars).fold(0.0, f64::max));
    let place = |at: usize| at as f64 + 0.5;
    let x: Ticks = (0..).map(place).zip(versions.iter().map(|v| v.label.clone())).collect();
    svg(HEIGHT, words, |area| {
        let (x_range, y_range) = (0.0..versions.len().max(1) as f64, range(&y));
        let labels = Labels { x, x_name: "publication", y, y_name: "NDCG@10" };
        let axes = ((x_range.clone(), x_range), (y_range.clone(), y_range));
        let mut chart = chart(area, axes.0, axes.1, &labels)?;
        let points = |of: fn(&Measured) -> Option<f64>| {
            let values = versions.iter().enumerate();
            values.filter_map(move |(at, version)| Some((at as f64 + 0.5, of(version)?)))
        };
        let popular = points(|version| version.popular);
        chart.draw_series(LineSeries::new(popular.clone(), OTHER.stroke_width(1)))?;
        chart.draw_series(popular.map(|point| Circle::new(point, 2, OTHER.filled())))?;
        let ours = points(|version| version.ours.map(|[_, mean, _]| mean));
        chart.draw_series(LineSeries::new(ours.clone(), ACCENT.stroke_width(1)))?;
        let intervals = versions.iter().enumerate().filter_map(|(at, v)| Some((at, v.ours?)));
        chart.draw_series(intervals.map(|(at, [low, _, high])| {
            let x = at as f64 + 0.5;
            PathElement::new([(x, low), (x, high)], ACCENT.stroke_width(2))
        }))?;
        chart.draw_series(ours.map(|point| Circle::new(point, 3, ACCENT.filled())))?;
        Ok(())
    })
}
