//! Texts that are known to be JSON, and are passed on as they stand.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// One JSON value as it was written, blanks and order included. A clone shares the text.
#[derive(Clone)]
pub struct JsonText(Arc<RawValue>);

impl JsonText {
    /// What a value is written as.
    ///
    /// # Errors
    /// When the value has no form in JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        to_raw_value(value).map(|text| Self(text.into()))
    }

    /// A text as it stands, without the blanks around it.
    ///
    /// # Errors
    /// When it is not one JSON value.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.trim_ascii().to_owned()).map(|text| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for JsonText {
    /// Two ways to write the same value are two texts.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonText {}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({})", self.as_str())
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_through_as_it_was_written_and_nothing_else_is_one()
    -> Result<(), serde_json::Error> {
        let text = JsonText::parse(" {\"b\": 1.50,\n \"a\":\"\\u00e9\"}\n")?;
        assert_eq!(text.as_str(), "{\"b\": 1.50,\n \"a\":\"\\u00e9\"}");
        let inside = serde_json::to_string(&[&text])?;
        assert_eq!(inside, format!("[{}]", text.as_str()));
        assert_eq!(serde_json::from_str::<Vec<JsonText>>(&inside)?, [text]);
        assert_eq!(JsonText::of(&[1, 2])?, JsonText::parse("[1,2]")?);
        for wrong in ["", "{", "1 2", "nul", "{\"a\":1}}"] {
            assert!(JsonText::parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
