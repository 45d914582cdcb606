//! How similar neighbours are, from the nearest on.

use plotters::prelude::{Circle, IntoLogRange, LineSeries, Polygon};
use plotters::style::Color;

use super::axes::{Labels, Ticks, chart, range, round};
use super::{ACCENT, HEIGHT, surface, svg};

/// The similarities of the neighbours of one rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// 1 for the nearest.
    pub rank: u32,
    /// A tenth of the items have less.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// A tenth have more.
    pub high: f64,
}

/// Ranks in ascending order, on a logarithmic axis.
pub fn band(spreads: &[Spread], words: &str) -> String {
    let lowest = spreads.iter().map(|spread| spread.low).fold(0.0, f64::min);
    let highest = spreads.iter().map(|spread| spread.high).fold(0.0, f64::max);
    let y = round(lowest, highest);
    let most = spreads.last().map_or(1.0, |spread| f64::from(spread.rank)).max(2.0);
    let at = |rank: f64| (rank, rank.to_string());
    let rounds = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0];
    let x: Ticks = rounds.into_iter().filter(|rank| *rank <= most).map(at).collect();
    svg(HEIGHT, words, |area| {
        let (x_range, y_range) = (1.0..most, range(&y));
        let labels = Labels { x, x_name: "rank of the neighbour", y, y_name: "similarity" };
        let across = x_range.clone().log_scale();
        let mut chart = chart(area, (across, x_range), (y_range.clone(), y_range), &labels)?;
        let points =
            |of: fn(&Spread) -> f64| spreads.iter().map(move |s| (f64::from(s.rank), of(s)));
        let outline: Vec<_> =
            points(|spread| spread.high).chain(points(|spread| spread.low).rev()).collect();
        chart.draw_series([Polygon::new(outline, surface(ACCENT))])?;
        let middle = points(|spread| spread.middle);
        chart.draw_series(LineSeries::new(middle.clone(), ACCENT.stroke_width(2)))?;
        chart.draw_series(middle.map(|point| Circle::new(point, 2, ACCENT.filled())))?;
        Ok(())
    })
}
