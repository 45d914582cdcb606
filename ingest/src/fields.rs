//! Splits one line into its fields; quoted ones as in RFC 4180, within one line.

use super::rejects::Reason;

/// Splits lines, reusing its memory.
#[derive(Debug)]
pub(super) struct Fields {
    separator: &'static [u8],
    /// Whether a field may stand in quotes. The separator is then one byte.
    may_quote: bool,
    /// The text of the fields of a line that has quoted ones.
    unquoted: Vec<u8>,
    quoted: bool,
    /// Where each field lies, in the line or in `unquoted`.
    spans: Vec<(usize, usize)>,
}

impl Fields {
    /// A splitter of fields that may stand in quotes; the separator is one byte.
    pub(super) fn quoted(separator: &'static [u8; 1]) -> Self {
        Self { may_quote: true, ..Self::plain(separator) }
    }

    /// A splitter of fields in which a quote is a character like any other.
    pub(super) fn plain(separator: &'static [u8]) -> Self {
        let (unquoted, spans) = (Vec::new(), Vec::new());
        Self { separator, may_quote: false, unquoted, quoted: false, spans }
    }

    /// Splits a line. A quote counts only at the start of a field.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.quoted = false;
        self.spans.clear();
        let mut start = 0;
        loop {
            if self.may_quote && line.get(start) == Some(&b'"') {
                return self.split_quoted(line);
            }
            let end = start + self.length(&line[start..]);
            self.spans.push((start, end));
            if end == line.len() {
                return Ok(());
            }
            start = end + self.separator.len();
        }
    }

    fn split_quoted(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.quoted = true;
        self.spans.clear();
        self.unquoted.clear();
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
                        (Some(b'"'), next) if next.is_none_or(|&byte| self.separator == [byte]) => {
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
        let end = match self.separator {
            [one] => rest.iter().position(|byte| byte == one),
            more => rest.windows(more.len()).position(|window| window == more),
        };
        end.unwrap_or(rest.len())
    }

    /// How many fields the line has.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// All of `line` from a field on. The line is split without quotes.
    pub(super) fn tail<'a>(&self, line: &'a [u8], field: usize) -> &'a [u8] {
        &line[self.spans[field].0..]
    }

    /// A field of `line`, which must be the line that was split.
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
        let mut fields = Fields::quoted(b",");
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
    fn other_separators_split_without_quotes() {
        let cases: [(Fields, &str, &[&str]); 4] = [
            (Fields::plain(b"::"), "1::a:b::\"c::", &["1", "a:b", "\"c", ""]),
            (Fields::plain(b"::"), "1:::2", &["1", ":2"]),
            (Fields::plain(b"\t"), "\"a\tb,c", &["\"a", "b,c"]),
            (Fields::quoted(b"\t"), "\"a\tb\"\tc,d", &["a\tb", "c,d"]),
        ];
        for (mut fields, line, expected) in cases {
            fields.split(line.as_bytes()).unwrap();
            let found: Vec<_> =
                (0..fields.len()).map(|at| fields.get(line.as_bytes(), at)).collect();
            let expected: Vec<_> = expected.iter().map(|field| field.as_bytes()).collect();
            assert_eq!(found, expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_on_a_line_is_read_back(
            fields in proptest::collection::vec("[a-c\", \u{e9}]{0,6}", 2..6),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&fields).unwrap();
            let line = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(split(line.trim_end_matches('\n')), Ok(fields));
        }
    }
}
