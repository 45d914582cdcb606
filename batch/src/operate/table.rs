//! Aligned columns for people.

use std::fmt;

use akin_schemas::printable;

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Texts of which people need the beginning: at most this many characters, the last one `…` where some are missing.
    Cut(usize),
    /// Numbers.
    Right,
}

/// Rows of text under headings. Prints without a newline at its end.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[(&str, Align)]) -> Self {
        Self {
            columns: headings.iter().map(|(_, align)| *align).collect(),
            rows: vec![headings.iter().map(|(heading, _)| (*heading).to_owned()).collect()],
        }
    }

    /// Adds a row: a cell for each heading. A cell is one line, whatever its text holds.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let fitted = |(cell, align): (String, &Align)| {
            let cell = printable(&cell);
            match align {
                Align::Cut(most) if cell.chars().count() > *most => {
                    cell.chars().take(most.saturating_sub(1)).chain(['…']).collect()
                }
                _ => cell.into_owned(),
            }
        };
        self.rows.push(cells.into_iter().zip(&self.columns).map(fitted).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for (at, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(&widths).zip(&self.columns) {
                line.push_str(&match align {
                    Align::Left | Align::Cut(_) => format!("{cell:<width$}  "),
                    Align::Right => format!("{cell:>width$}  "),
                });
            }
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_left_and_numbers_right() {
        let mut table = Table::new(&[("title", Align::Left), ("ratings", Align::Right)]);
        table.row(["Amélie".to_owned(), "12".to_owned()]);
        table.row(["Up".to_owned(), "1,234,567".to_owned()]);
        assert_eq!(table.to_string(), "title     ratings\nAmélie         12\nUp      1,234,567");
    }

    #[test]
    fn a_cell_is_one_line_and_as_wide_as_it_is_shown() {
        let mut table = Table::new(&[("title", Align::Left), ("rank", Align::Right)]);
        table.row(["Part\n\u{1b}[2J".to_owned(), "1".to_owned()]);
        table.row(["Up".to_owned(), "2".to_owned()]);
        let shown = "title            rank\nPart\\n\\u{1b}[2J     1\nUp                  2";
        assert_eq!(table.to_string(), shown);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let mut table = Table::new(&[("title", Align::Cut(6)), ("ratings", Align::Right)]);
        for title in ["Amélie", "Amélies", "Up"] {
            table.row([title.to_owned(), "1".to_owned()]);
        }
        assert_eq!(
            table.to_string(),
            "title   ratings\nAmélie        1\nAméli…        1\nUp            1"
        );
    }
}
