//! Splits one line into its comma-separated fields (RFC 4180, within one line).

use super::rejects::Reason;

/// Splits lines, reusing its memory.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The text of the fields of a line that has quoted ones.
    unquoted: Vec<u8>,
    quoted: bool,
    /// Where each field lies, in the line or in `unquoted`.
    spans: Vec<(usize, usize)>,
}

impl Fields {
    /// Splits a line. A quote counts only at the start of a field.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.quoted = false;
        self.spans.clear();
        let mut start = 0;
        loop {
            if line.get(start) == Some(&b'"') {
                return self.split_quoted(line);
            }
            let rest = &line[start..];
            let end = start + rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len());
            self.spans.push((start, end));
            if end == line.len() {
                return Ok(());
            }
            start = end + 1;
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
                        (Some(b'"'), None | Some(b',')) => {
                            at += 1;
                            break;
                        }
                        (Some(b'"'), Some(_)) => return Err(Reason::TextAfterQuote),
                        (Some(&byte), _) => {
                            self.unquoted.push(byte);
                            at += 1;
                        }
                        (None, _) => return Err(Reason::UnterminatedQuote),
                    }
                }
            } else {
                let rest = &line[at..];
                let length = rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len());
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

    /// How many fields the line has.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
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
        let mut fields = Fields::default();
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
