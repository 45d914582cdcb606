//! Texts that came from files or stores, made fit for a terminal or a log.
//!
//! A title, an id or a file's name may hold what a terminal obeys rather than shows: sequences that rename its window or
//! overwrite what stands above, and characters that turn the direction of what follows. People get these escaped. What
//! programs read (JSON, tables) stays as it is.

use std::borrow::Cow;
use std::fmt::{self, Debug, Write};

/// The text in one line, each character that is obeyed or invisible written as an escape such as `\u{1b}` or `\n`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

/// The same for a text of several lines, whose line feeds stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unprintable(c))
}

/// Writes a field of a log line, made printable: the message bare, everything else behind its name.
///
/// # Errors
/// When the writer fails.
pub fn log_field(writer: &mut impl Write, name: &str, value: &dyn Debug) -> fmt::Result {
    if name != "message" {
        write!(writer, "{name}=")?;
    }
    writer.write_str(&printable(&format!("{value:?}")))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            // `\n` for a line feed, `\u{1b}` for an escape.
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_unprintable(c: char) -> bool {
    match c {
        // Zero width, so that two ids look alike. Joiners are part of how some languages and emoji are written.
        '\u{200b}' | '\u{2060}' | '\u{feff}' => true,
        // Line and paragraph separators.
        '\u{2028}' | '\u{2029}' => true,
        // Embeddings, overrides and isolates of another direction. Marks turn nothing else.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_all_else_stays() {
        let cases = [
            ("Am\u{e9}lie (2001) \"x\\y\" \u{4e03}", "Am\u{e9}lie (2001) \"x\\y\" \u{4e03}"),
            ("\u{1b}]0;owned\u{7}", r"\u{1b}]0;owned\u{7}"),
            ("\u{1b}[2J\u{9b}31m", r"\u{1b}[2J\u{9b}31m"),
            ("a\r\nb\tc\0", r"a\r\nb\tc\0"),
            ("\u{202e}gpj.exe", r"\u{202e}gpj.exe"),
            ("\u{2066}a\u{2069}", r"\u{2066}a\u{2069}"),
            ("1\u{200b}\u{feff}\u{2028}\u{7f}", r"1\u{200b}\u{feff}\u{2028}\u{7f}"),
            ("\u{5d0}\u{200f} \u{645}\u{200c}\u{627}", "\u{5d0}\u{200f} \u{645}\u{200c}\u{627}"),
        ];
        for (text, expected) in cases {
            assert_eq!(printable(text), expected, "{text:?}");
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
        assert_eq!(printable_lines("a\n\u{1b}b\r\n"), "a\n\\u{1b}b\\r\n");
    }

    #[test]
    fn a_log_field_is_one_line_whatever_it_holds() {
        let written = |name: &str, value: &dyn Debug| {
            let mut line = String::new();
            log_field(&mut line, name, value).map(|()| line)
        };
        let shown = format_args!("a\nb\u{1b}[31m");
        assert_eq!(written("message", &shown), Ok(r"a\nb\u{1b}[31m".to_owned()));
        assert_eq!(written("file", &shown), Ok(r"file=a\nb\u{1b}[31m".to_owned()));
        assert_eq!(written("file", &"x\u{1b}"), Ok(r#"file="x\u{1b}""#.to_owned()));
    }
}
