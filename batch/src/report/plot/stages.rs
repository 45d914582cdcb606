//! What each stage took: a bar each, from top to bottom.

use plotters::prelude::{Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::{ACCENT, GRID, INK, SOFT, WIDTH, svg, text};

/// One stage.
pub struct Stage {
    /// What it is called.
    pub name: &'static str,
    /// How long its bar is.
    pub size: f64,
    /// What stands at its right.
    pub text: String,
}

/// Pixels from stage to stage.
const ROW: i32 = 30;

/// Stages in their order.
pub fn stages(stages: &[Stage], words: &str) -> String {
    let most = stages.iter().map(|stage| stage.size).fold(f64::MIN_POSITIVE, f64::max);
    let width = WIDTH.cast_signed() - 4;
    let height = ROW * i32::try_from(stages.len()).unwrap_or(0).max(1);
    svg(height.cast_unsigned(), words, |area| {
        for (top, stage) in (0..).map(|row| row * ROW).zip(stages) {
            let (name, size) = (stage.name.to_owned(), stage.text.clone());
            area.draw(&Text::new(name, (2, top + 2), text(INK, HPos::Left, VPos::Top)))?;
            area.draw(&Text::new(size, (width, top + 2), text(SOFT, HPos::Right, VPos::Top)))?;
            let bar = |to: i32| [(2, top + 18), (to, top + 24)];
            area.draw(&Rectangle::new(bar(width), GRID.filled()))?;
            let length = (stage.size / most * f64::from(width - 2)).round() as i32;
            area.draw(&Rectangle::new(bar(2 + length), ACCENT.filled()))?;
        }
        Ok(())
    })
}
