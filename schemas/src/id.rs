//! User and item identifiers: opaque strings, compared as bytes, never trimmed or normalised.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest identifier accepted, in UTF-8 bytes.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text has no characters.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("an id holds at most {MAX_ID_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The text holds a control character (Unicode category Cc).
    #[error("an id must not hold control characters, this one holds U+{:04X}", *.0 as u32)]
    Control(char),
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(IdError::Control(c)),
        None => Ok(()),
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a text without taking it.
            ///
            /// # Errors
            /// When the text is empty, too long, or holds a control character.
            pub fn check(text: &str) -> Result<(), IdError> {
                check(text)
            }

            /// The identifier as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;
            fn try_from(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

identifier!(
    /// Names one item.
    ItemId
);
identifier!(
    /// Names one user.
    UserId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_byte_for_byte() {
        for text in ["1", "01", " 1", "é", "e\u{301}", "\u{202e}abc", "a\u{200b}b", "x y"] {
            assert_eq!(ItemId::try_from(text).map(|id| id.to_string()), Ok(text.to_owned()));
        }
        assert_ne!(ItemId::try_from("é"), ItemId::try_from("e\u{301}"));
    }

    #[test]
    fn texts_that_are_no_ids_are_refused_with_the_reason() {
        assert_eq!(UserId::try_from(""), Err(IdError::Empty));
        assert_eq!(UserId::try_from("a\0b"), Err(IdError::Control('\0')));
        assert_eq!(UserId::try_from("a\u{85}"), Err(IdError::Control('\u{85}')));
        assert!(UserId::try_from("x".repeat(128)).is_ok());
        assert_eq!(UserId::try_from("x".repeat(129)), Err(IdError::TooLong(129)));
        assert_eq!(
            UserId::try_from("a\0b").map_err(|e| e.to_string()),
            Err("an id must not hold control characters, this one holds U+0000".to_owned())
        );
    }
}
