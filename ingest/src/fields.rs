//! Splits a record into its fields; quoted ones as in RFC 4180.

use super::rejects::Reason;

/// What stands between fields, and whether a field may stand in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    separator: &'static [u8],
    /// The separator is then one byte.
    may_quote: bool,
}

/// How a line leaves the field in which it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// Without a quote, or behind the closing one: the record ends.
    Closed,
    /// Within quotes: the record goes on.
    Open,
    /// A quote stands where none can.
    Misplaced,
}

impl Dialect {
    pub(super) const COMMA: Self = Self { separator: b",", may_quote: true };
    pub(super) const SEMICOLON: Self = Self { separator: b";", may_quote: true };
    pub(super) const BAR: Self = Self { separator: b"|", may_quote: true };

    /// Fields in which a quote is a character like any other.
    pub(super) const fn plain(separator: &'static [u8]) -> Self {
        Self { separator, may_quote: false }
    }

    /// Whether a field may stand in quotes.
    pub(super) fn may_quote(self) -> bool {
        self.may_quote
    }

    /// What stands between fields.
    pub(super) fn separator(self) -> &'static str {
        std::str::from_utf8(self.separator).unwrap_or_default()
    }

    /// How a line of a record leaves its last field; `is_open` says how the line before did.
    pub(super) fn quote_after(self, line: &[u8], mut is_open: bool) -> Quote {
        let mut at = 0;
        loop {
            if !is_open && line.get(at) != Some(&b'"') {
                match line[at..].iter().position(|&byte| self.separator == [byte]) {
                    None => return Quote::Closed,
                    Some(length) => at += length + 1,
                }
                continue;
            }
            at += usize::from(!is_open);
            is_open = true;
            // Most quoted fields are short.
            match line[at..].iter().position(|&byte| byte == b'"') {
                None => return Quote::Open,
                Some(length) => at += length + 1,
            }
            match line.get(at) {
                None => return Quote::Closed,
                Some(b'"') => at += 1,
                Some(&byte) if self.separator == [byte] => (at, is_open) = (at + 1, false),
                Some(_) => return Quote::Misplaced,
            }
        }
    }
}

/// Splits records, reusing its memory.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    dialect: Dialect,
    /// The text of the fields of a record that has quoted ones.
    unquoted: Vec<u8>,
    quoted: bool,
    /// Where each field lies, in the record or in `unquoted`.
    spans: Vec<(usize, usize)>,
}

impl Fields {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, unquoted: Vec::new(), quoted: false, spans: Vec::new() }
    }

    /// Splits a record. A quote counts only at the start of a field.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.quoted = false;
        self.spans.clear();
        let mut start = 0;
        loop {
            if self.dialect.may_quote && line.get(start) == Some(&b'"') {
                return self.split_quoted(line);
            }
            let end = start + self.length(&line[start..]);
            self.spans.push((start, end));
            if end == line.len() {
                return Ok(());
            }
            start = end + self.dialect.separator.len();
        }
    }

    fn split_quoted(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.quoted = true;
        self.spans.clear();
        self.unquoted.clear();
        let separator = self.dialect.separator;
        let mut at = 0;
        loop {
            let start = self.unquoted.len();
            if line.get(at) == Some(&b'"') {
                at += 1;
                loop {
                    match (line.get(at), line.get(at + 1)) {
                        (Some(b'"'), Some(b'"')) => {
                            self.unquoted.push(b'"');
                            at += 2;
                        }
                        (Some(b'"'), next) if next.is_none_or(|&byte| separator == [byte]) => {
                            at += 1;
                            break;
                        }
                        (Some(b'"'), _) => return Err(Reason::TextAfterQuote),
                        (Some(&byte), _) => {
                            self.unquoted.push(byte);
                            at += 1;
                        }
                        (None, _) => return Err(Reason::UnterminatedQuote),
                    }
                }
            } else {
                let rest = &line[at..];
                let length = self.length(rest);
                self.unquoted.extend_from_slice(&rest[..length]);
                at += length;
            }
            self.spans.push((start, self.unquoted.len()));
            if at == line.len() {
                return Ok(());
            }
            at += 1;
        }
    }

    /// How long the field is that `rest` begins with.
    fn length(&self, rest: &[u8]) -> usize {
        let end = match self.dialect.separator {
            [one] => rest.iter().position(|byte| byte == one),
            more => rest.windows(more.len()).position(|window| window == more),
        };
        end.unwrap_or(rest.len())
    }

    /// How many fields the record has.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// All of `line` from a field on. It is split without quotes.
    pub(super) fn tail<'a>(&self, line: &'a [u8], field: usize) -> &'a [u8] {
        &line[self.spans[field].0..]
    }

    /// A field of `line`, which must be the record that was split.
    pub(super) fn get<'a>(&'a self, line: &'a [u8], field: usize) -> &'a [u8] {
        let (start, end) = self.spans[field];
        if self.quoted { &self.unquoted[start..end] } else { &line[start..end] }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Result<Vec<String>, Reason> {
        let mut fields = Fields::new(Dialect::COMMA);
        fields.split(line.as_bytes())?;
        let text = |at| String::from_utf8(fields.get(line.as_bytes(), at).to_vec()).unwrap();
        Ok((0..fields.len()).map(text).collect())
    }

    #[test]
    fn quotes_hold_commas_and_doubled_quotes() {
        let cases: [(&str, Result<&[&str], Reason>); 11] = [
            ("", Ok(&[""])),
            ("a", Ok(&["a"])),
            ("a,,b,", Ok(&["a", "", "b", ""])),
            ("a,\"b,c\",d", Ok(&["a", "b,c", "d"])),
            ("\"\",\"say \"\"hi\"\"\"", Ok(&["", "say \"hi\""])),
            ("a\"b,c", Ok(&["a\"b", "c"])),
            ("a,\"b", Err(Reason::UnterminatedQuote)),
            ("a,\"", Err(Reason::UnterminatedQuote)),
            ("a,\"b\"\"", Err(Reason::UnterminatedQuote)),
            ("a,\"b\"c,d", Err(Reason::TextAfterQuote)),
            ("\"a\" ,b", Err(Reason::TextAfterQuote)),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|fields| fields.iter().map(|f| (*f).to_owned()).collect());
            assert_eq!(split(line), expected, "{line:?}");
        }
    }

    #[test]
    fn other_separators_split_with_quotes_or_without() {
        let cases: [(Dialect, &str, &[&str]); 5] = [
            (Dialect::plain(b"::"), "1::a:b::\"c::", &["1", "a:b", "\"c", ""]),
            (Dialect::plain(b"::"), "1:::2", &["1", ":2"]),
            (Dialect::plain(b"\t"), "\"a\tb,c", &["\"a", "b,c"]),
            (Dialect::SEMICOLON, "\"a;b\";c,d", &["a;b", "c,d"]),
            (Dialect::BAR, "\"a|b\"|c,d", &["a|b", "c,d"]),
        ];
        for (dialect, line, expected) in cases {
            let mut fields = Fields::new(dialect);
            fields.split(line.as_bytes()).unwrap();
            let found: Vec<_> =
                (0..fields.len()).map(|at| fields.get(line.as_bytes(), at)).collect();
            let expected: Vec<_> = expected.iter().map(|field| field.as_bytes()).collect();
            assert_eq!(found, expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(
            fields in proptest::collection::vec("[a-c\", \n\u{e9}]{0,6}", 2..6),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&fields).unwrap();
            let line = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(split(line.strip_suffix('\n').unwrap()), Ok(fields));
        }
    }
}
