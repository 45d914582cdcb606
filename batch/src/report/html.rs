//! HTML: what is written into it is text, and stays so.

use std::fmt::{Arguments, Display, Write};

/// A page that grows.
#[derive(Default)]
pub struct Html(String);

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Texts, from the left.
    Text(&'static str),
    /// Numbers, at the right.
    Number(&'static str),
}

impl Html {
    /// Markup. What is no constant of this program goes through [`escape`] first.
    pub fn put(&mut self, markup: Arguments<'_>) {
        // A String takes everything.
        let _ = self.0.write_fmt(markup);
    }

    /// A section with a heading, and what it is about.
    pub fn section(&mut self, heading: &str, about: &str, inside: impl FnOnce(&mut Self)) {
        self.put(format_args!("<section>\n<h2>{}</h2>\n", escape(heading)));
        self.paragraph("about", about);
        inside(self);
        self.put(format_args!("</section>\n"));
    }

    /// A card with a plot, and what it means.
    pub fn figure(&mut self, heading: &str, meaning: &str, svg: &str) {
        self.put(format_args!("<figure class=\"card\">\n<h3>{}</h3>\n", escape(heading)));
        self.put(format_args!("{svg}<figcaption>{}</figcaption>\n</figure>\n", escape(meaning)));
    }

    /// A card with anything else.
    pub fn card(&mut self, heading: &str, inside: impl FnOnce(&mut Self)) {
        self.put(format_args!("<div class=\"card\">\n<h3>{}</h3>\n", escape(heading)));
        inside(self);
        self.put(format_args!("</div>\n"));
    }

    /// What lies beside each other where there is room.
    pub fn grid(&mut self, inside: impl FnOnce(&mut Self)) {
        self.put(format_args!("<div class=\"grid\">\n"));
        inside(self);
        self.put(format_args!("</div>\n"));
    }

    /// A paragraph; none without text.
    pub fn paragraph(&mut self, class: &str, text: &str) {
        if !text.is_empty() {
            self.put(format_args!("<p class=\"{class}\">{}</p>\n", escape(text)));
        }
    }

    /// A table; on narrow screens it is moved sideways alone.
    pub fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let class = |at: usize| match columns.get(at) {
            Some(Column::Number(_)) => " class=\"n\"",
            _ => "",
        };
        self.put(format_args!("<div class=\"wide\"><table>\n<thead><tr>"));
        for (at, Column::Text(name) | Column::Number(name)) in columns.iter().enumerate() {
            self.put(format_args!("<th{}>{}</th>", class(at), escape(name)));
        }
        self.put(format_args!("</tr></thead>\n<tbody>\n"));
        for row in rows {
            self.put(format_args!("<tr>"));
            for (at, cell) in row.iter().enumerate() {
                self.put(format_args!("<td{}>{}</td>", class(at), escape(cell)));
            }
            self.put(format_args!("</tr>\n"));
        }
        self.put(format_args!("</tbody></table></div>\n"));
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A text as it stands in HTML, in elements and in attributes. What could steer the direction of writing or end a line is
/// shown as a mark.
pub fn escape(text: &(impl Display + ?Sized)) -> String {
    let mut escaped = String::new();
    for c in text.to_string().chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped.push('\u{fffd}');
            }
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let text = "<script>\"a\" & 'b'\u{202e}\0";
        let escaped = "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\u{fffd}\u{fffd}";
        assert_eq!(escape(text), escaped);
        let mut html = Html::default();
        html.section(text, text, |html| {
            html.figure(text, text, "");
            html.card(text, |html| html.paragraph("soft", text));
            html.table(&[Column::Text("a"), Column::Number("b")], &[vec![text.to_owned(); 2]]);
        });
        let page = html.into_text();
        assert_eq!(page.matches(escaped).count(), 8, "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
