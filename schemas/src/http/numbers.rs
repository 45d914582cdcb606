//! Numbers that clients give, in bodies and in queries. What is refused is named with the range and the value that was
//! given; [`explain`](super::explain) puts the name of the field before it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::de::{Deserializer, Error, Visitor};

/// A whole number from `LEAST` to `MOST` in JSON; none for null.
///
/// # Errors
/// When it is another number, or none.
pub fn whole<'de, D, T, const LEAST: u64, const MOST: u64>(
    deserializer: D,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    deserializer.deserialize_any(Whole::<T> {
        range: LEAST..=MOST,
        is_text: false,
        number: PhantomData,
    })
}

/// The same of a parameter, where all values are texts.
///
/// # Errors
/// As [`whole`].
pub fn whole_in_text<'de, D, T, const LEAST: u64, const MOST: u64>(
    deserializer: D,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    deserializer.deserialize_any(Whole::<T> {
        range: LEAST..=MOST,
        is_text: true,
        number: PhantomData,
    })
}

/// A whole number of a parameter.
///
/// # Errors
/// When it is none, or not in the range.
pub fn parse_whole<T: TryFrom<u64>>(text: &str, range: &RangeInclusive<u64>) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        match text.strip_prefix('-').unwrap_or(text) {
            "" => not_whole(range, format_args!("{text:?}")),
            digits if digits.bytes().all(|c| c.is_ascii_digit()) => outside(range, text),
            _ => not_whole(range, format_args!("{text:?}")),
        }
    })
}

/// A number from 0 to 1 in JSON; none for null.
///
/// # Errors
/// When it is another number, or none.
pub fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(Share)
}

/// The same of a parameter.
///
/// # Errors
/// As [`share`].
pub fn parse_share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|_| format!("is a number from 0 to 1, not {text:?}"));
    number.and_then(in_unit)
}

fn in_unit(number: f64) -> Result<f64, String> {
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(format!("is from 0 to 1, not {number}"))
    }
}

fn outside(range: &RangeInclusive<u64>, given: impl fmt::Display) -> String {
    format!("is from {} to {}, not {given}", range.start(), range.end())
}

fn not_whole(range: &RangeInclusive<u64>, given: impl fmt::Display) -> String {
    format!("is a whole number from {} to {}, not {given}", range.start(), range.end())
}

struct Whole<T> {
    range: RangeInclusive<u64>,
    is_text: bool,
    number: PhantomData<T>,
}

impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.range.start(), self.range.end())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        let found = self.range.contains(&number).then(|| T::try_from(number).ok()).flatten();
        found.map(Some).ok_or_else(|| E::custom(outside(&self.range, number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(outside(&self.range, number))),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        Err(E::custom(not_whole(&self.range, number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if self.is_text {
            parse_whole(text, &self.range).map(Some).map_err(E::custom)
        } else {
            Err(E::invalid_type(serde::de::Unexpected::Str(text), &self))
        }
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}

struct Share;

impl Visitor<'_> for Share {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 1")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<f64>, E> {
        in_unit(number).map(Some).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<f64>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<f64>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_unit<E>(self) -> Result<Option<f64>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_said_with_the_range_and_the_value() {
        let whole = |text| parse_whole::<u16>(text, &(1..=1000));
        assert_eq!(["1", "1000", "007"].map(whole), [Ok(1), Ok(1000), Ok(7)]);
        for (text, expected) in [
            ("0", "is from 1 to 1000, not 0"),
            ("1001", "is from 1 to 1000, not 1001"),
            ("100000", "is from 1 to 1000, not 100000"),
            ("-1", "is from 1 to 1000, not -1"),
            ("99999999999999999999", "is from 1 to 1000, not 99999999999999999999"),
            ("x", "is a whole number from 1 to 1000, not \"x\""),
            ("1.5", "is a whole number from 1 to 1000, not \"1.5\""),
            ("", "is a whole number from 1 to 1000, not \"\""),
            ("-", "is a whole number from 1 to 1000, not \"-\""),
            (" 5", "is a whole number from 1 to 1000, not \" 5\""),
        ] {
            assert_eq!(whole(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(["0", "1", "0.25"].map(parse_share), [Ok(0.0), Ok(1.0), Ok(0.25)]);
        for (text, expected) in [
            ("1.5", "is from 0 to 1, not 1.5"),
            ("-0.1", "is from 0 to 1, not -0.1"),
            ("NaN", "is from 0 to 1, not NaN"),
            ("x", "is a number from 0 to 1, not \"x\""),
        ] {
            assert_eq!(parse_share(text), Err(expected.to_owned()), "{text}");
        }
    }
}
