//! Splits one line that is a JSON object into the values of the wanted columns, as text.
//!
//! Ids are strings, or integers that stand for their decimal text; ratings and times are numbers. As in the body that
//! the server takes, nothing else stands for them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::header::{Column, Kind};
use super::rejects::Reason;

/// Splits lines, reusing its memory.
#[derive(Debug, Clone)]
pub(super) struct Objects<'a, const N: usize> {
    wanted: [Column<'a>; N],
    text: Vec<u8>,
    /// Where each value lies in `text`.
    spans: [Option<(usize, usize)>; N],
}

impl<'a, const N: usize> Objects<'a, N> {
    pub(super) fn new(wanted: [Column<'a>; N]) -> Self {
        Self { wanted, text: Vec::new(), spans: [None; N] }
    }

    /// The keys of an object; none where the line is no object.
    pub(super) fn keys(line: &[u8]) -> Option<Vec<String>> {
        let object: BTreeMap<String, IgnoredAny> = serde_json::from_slice(line).ok()?;
        Some(object.into_keys().collect())
    }

    /// Splits a line.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.text.clear();
        self.spans = [None; N];
        let mut fault = None;
        let mut reader = serde_json::Deserializer::from_slice(line);
        let read = Object { into: self, fault: &mut fault }.deserialize(&mut reader);
        if let Some(fault) = fault {
            return Err(fault);
        }
        if read.and_then(|()| reader.end()).is_err() {
            let is_text = std::str::from_utf8(line).is_ok();
            return Err(if is_text { Reason::NotAnObject } else { Reason::NotUtf8 });
        }
        let found =
            |(column, span): (&Column<'_>, &Option<_>)| column.is_implied() || span.is_some();
        let all_found = self.wanted.iter().zip(&self.spans).all(found);
        if all_found { Ok(()) } else { Err(Reason::MissingKey) }
    }

    /// A value of the line that was split; what is implied where its key is missing.
    pub(super) fn get(&self, at: usize) -> &[u8] {
        self.spans[at].map_or(self.wanted[at].implied(), |(start, end)| &self.text[start..end])
    }

    fn take(&mut self, at: usize, value: &RawValue) -> Result<(), Reason> {
        if self.spans[at].is_some() {
            return Err(Reason::GivenTwice);
        }
        let start = self.text.len();
        let column = &self.wanted[at];
        if column.is_implied() && value.get() == "null" {
            self.text.extend_from_slice(column.implied());
        } else {
            column.kind().write(value.get(), &mut self.text)?;
        }
        self.spans[at] = Some((start, self.text.len()));
        Ok(())
    }
}

impl Kind {
    /// Writes a value as text, if it is of this kind.
    fn write(self, json: &str, into: &mut Vec<u8>) -> Result<(), Reason> {
        let string = || serde_json::from_str::<Text<'_>>(json).ok();
        let (first, is_null) = (json.as_bytes().first(), json == "null");
        let is_integer = || json.parse::<u64>().is_ok() || json.parse::<i64>().is_ok_and(|n| n < 0);
        match (self, first) {
            (Self::Words | Self::List, _) if is_null => {}
            _ if is_null => return Err(Reason::Null),
            (Self::Id | Self::Words | Self::List, Some(b'"')) => {
                let Text(text) = string().ok_or(Reason::NotAnObject)?;
                into.extend_from_slice(text.as_bytes());
            }
            (Self::Id, _) if is_integer() => into.extend_from_slice(json.as_bytes()),
            (Self::Id, _) => return Err(Reason::NotAnId),
            (Self::Number | Self::Moment, Some(b'-' | b'0'..=b'9')) => {
                into.extend_from_slice(json.as_bytes());
            }
            (Self::Number, _) => return Err(Reason::NotANumber),
            (Self::Moment, _) => return Err(Reason::NotSeconds),
            (Self::List, Some(b'[')) => {
                let texts: Vec<String> = serde_json::from_str(json).map_err(|_| Reason::NotText)?;
                into.extend_from_slice(texts.join("|").as_bytes());
            }
            (Self::Words | Self::List, _) => return Err(Reason::NotText),
        }
        Ok(())
    }
}

/// A JSON string, borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads an object into its splitter.
struct Object<'s, 'a, const N: usize> {
    into: &'s mut Objects<'a, N>,
    /// Why a value was not taken: the reader's own errors are text.
    fault: &'s mut Option<Reason>,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Object<'_, '_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Object<'_, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(wanted) = map.next_key_seed(Key(&self.into.wanted))? {
            let Some(at) = wanted else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Err(fault) = self.into.take(at, map.next_value()?) {
                *self.fault = Some(fault);
                return Err(A::Error::custom(fault));
            }
        }
        Ok(())
    }
}

/// Reads a key; gives the number of the column that it names.
struct Key<'s, 'a, const N: usize>(&'s [Column<'a>; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Key<'_, '_, N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Key<'_, '_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|column| column.is(key.as_bytes())))
    }
}
