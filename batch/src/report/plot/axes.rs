//! Axes: lines across the plot, and labels beside it.

use std::ops::Range;

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, DrawingArea, EmptyElement, PathElement, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, VPos};

use super::{Drawn, GRID, SOFT, WIDTH, short, text};

/// Places on an axis, and what stands there.
pub type Ticks = Vec<(f64, String)>;

/// What stands beside a plot.
pub struct Labels<'a> {
    /// Below, and what is counted there.
    pub x: Ticks,
    pub x_name: &'a str,
    /// At the left, and what is counted there.
    pub y: Ticks,
    pub y_name: &'a str,
}

pub type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

/// A chart of these ranges, with lines at the ticks of y.
pub fn chart<'a, 'b, X, Y>(
    area: &'a DrawingArea<SVGBackend<'b>, Shift>,
    (x, x_range): (X, Range<f64>),
    (y, y_range): (Y, Range<f64>),
    labels: &Labels<'_>,
) -> Result<Chart<'a, 'b, X::CoordDescType, Y::CoordDescType>, Box<dyn std::error::Error>>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64>,
    Y::CoordDescType: Ranged<ValueType = f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_top(22)
        .margin_right(12)
        .x_label_area_size(if labels.x_name.is_empty() { 20 } else { 36 })
        .y_label_area_size(40)
        .build_cartesian_2d(x, y)?;
    let lines = labels
        .y
        .iter()
        .map(|(at, _)| PathElement::new([(x_range.start, *at), (x_range.end, *at)], GRID));
    chart.draw_series(lines)?;
    let y_style = text(SOFT, HPos::Right, VPos::Center);
    chart.draw_series(labels.y.iter().map(|(at, label)| {
        EmptyElement::at((x_range.start, *at)) + Text::new(label.clone(), (-6, 0), y_style.clone())
    }))?;
    let x_style = text(SOFT, HPos::Center, VPos::Top);
    chart.draw_series(labels.x.iter().map(|(at, label)| {
        EmptyElement::at((*at, y_range.start)) + Text::new(label.clone(), (0, 6), x_style.clone())
    }))?;
    names(area, labels)?;
    Ok(chart)
}

/// What is counted stands at the ends of the axes: above the one, below the other.
fn names(area: &DrawingArea<SVGBackend<'_>, Shift>, labels: &Labels<'_>) -> Drawn {
    let (_, height) = area.dim_in_pixel();
    let style = text(SOFT, HPos::Left, VPos::Top);
    area.draw(&Text::new(labels.y_name.to_owned(), (2, 1), style))?;
    let (right, bottom) = (WIDTH.cast_signed() - 12, height.cast_signed() - 3);
    let style = text(SOFT, HPos::Right, VPos::Bottom);
    area.draw(&Text::new(labels.x_name.to_owned(), (right, bottom), style))?;
    Ok(())
}

/// Powers of ten from 1 on, the last one at or beyond `most`.
pub fn decades(most: f64) -> Ticks {
    let last = most.max(10.0).log10().ceil() as i32;
    (0..=last).map(|power| 10f64.powi(power)).map(|tick| (tick, short(tick))).collect()
}

/// Round numbers, some five of them, from at or below `low` to at or beyond `high`.
pub fn round(low: f64, high: f64) -> Ticks {
    let span = if high > low { high - low } else { 1.0 };
    let rough = span / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|s| *s >= rough);
    let step = step.unwrap_or(10.0 * power);
    // A tick that is met but for rounding is no tick missed.
    let first = (low / step + 1e-9).floor();
    // What stands there has no more digits than the step.
    let tick = |at: i32| {
        let tick = (first + f64::from(at)) * step;
        (tick * (1e3 / power)).round() / (1e3 / power)
    };
    let count = (((low + span) / step - 1e-9).ceil() - first) as i32;
    (0..=count.clamp(1, 20)).map(tick).map(|tick| (tick, short(tick))).collect()
}

/// From the first tick to the last.
pub fn range(ticks: &Ticks) -> Range<f64> {
    let ends = ticks.first().zip(ticks.last());
    ends.map_or(0.0..1.0, |((first, _), (last, _))| *first..*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: Ticks) -> String {
        ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round_and_enclose_what_is_shown() {
        for (low, high, expected) in [
            (0.0, 10.0, "0 5 10"),
            (0.0, 9_742.0, "0 5k 10k"),
            (0.0, 0.36, "0 0.1 0.2 0.3 0.4"),
            (-0.1, 0.3, "-0.1 0 0.1 0.2 0.3"),
            (0.0, 0.0, "0 0.5 1"),
            (0.0, 1.0, "0 0.5 1"),
        ] {
            assert_eq!(labels(round(low, high)), expected);
        }
        assert_eq!(labels(decades(9_724.0)), "1 10 100 1k 10k");
        assert_eq!(labels(decades(1.0)), "1 10");
    }
}
