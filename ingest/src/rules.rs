//! What a record must satisfy, whatever file it comes from.

use akin_schemas::{IdError, RatingError, RatingRange, UserId};
use chrono::{DateTime, Utc};

use super::rejects::Reason;
use super::seconds;

/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;
const MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * MICROS;

/// The rules of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    range: RatingRange,
    latest_micros: i64,
}

/// In what a Parquet column of timestamps counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Days,
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Rules {
    pub(super) fn new(range: RatingRange, now: DateTime<Utc>) -> Self {
        Self { range, latest_micros: now.timestamp_micros().saturating_add(DAY_MICROS) }
    }

    /// A rating as written: a number without anything around it.
    pub(super) fn rating_text(&self, text: &[u8]) -> Result<f32, Reason> {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        self.rating(number.ok_or(Reason::NotANumber)?)
    }

    pub(super) fn rating(&self, number: f64) -> Result<f32, Reason> {
        self.range.accept(number).map_err(|error| match error {
            RatingError::NotFinite => Reason::NotFinite,
            RatingError::OutOfRange { .. } => Reason::OutsideRange,
        })
    }

    /// A timestamp as written, seconds since 1970; gives microseconds. What is finer is cut off.
    pub(super) fn moment_text(&self, text: &[u8]) -> Result<i64, Reason> {
        match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(seconds) => self.moment(seconds, Unit::Seconds),
            None => self.moment(seconds::to_micros(text)?, Unit::Micros),
        }
    }

    /// A timestamp as a number of seconds, to the nearest microsecond; gives microseconds.
    pub(super) fn moment_of_float(&self, seconds: f64) -> Result<i64, Reason> {
        if seconds.is_nan() {
            return Err(Reason::NotSeconds);
        }
        // What is too great becomes the greatest number, which is refused.
        self.moment((seconds * MICROS as f64).round() as i64, Unit::Micros)
    }

    /// A timestamp as counted; gives microseconds.
    pub(super) fn moment(&self, count: i64, unit: Unit) -> Result<i64, Reason> {
        if count < 0 {
            return Err(Reason::Before1970);
        }
        let micros = match unit {
            Unit::Days => count.checked_mul(DAY_MICROS),
            Unit::Seconds => count.checked_mul(MICROS),
            Unit::Millis => count.checked_mul(1_000),
            Unit::Micros => Some(count),
            Unit::Nanos => Some(count / 1_000),
        };
        match micros {
            Some(micros) if micros / MICROS <= LAST_SECOND => {
                if micros > self.latest_micros {
                    Err(Reason::DatedAhead)
                } else {
                    Ok(micros)
                }
            }
            _ => Err(Reason::After9999),
        }
    }
}

/// An identifier as written. Users and items share one rule.
pub(super) fn id_bytes(bytes: &[u8]) -> Result<&str, Reason> {
    id(std::str::from_utf8(bytes).map_err(|_| Reason::NotUtf8)?)
}

pub(super) fn id(text: &str) -> Result<&str, Reason> {
    match UserId::check(text) {
        Ok(()) => Ok(text),
        Err(IdError::Empty) => Err(Reason::EmptyId),
        Err(IdError::TooLong(_)) => Err(Reason::IdTooLong),
        Err(IdError::Control(_)) => Err(Reason::ControlCharacter),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn rules() -> Rules {
        Rules::new(RatingRange::default(), DateTime::from_timestamp(1_000_000, 0).unwrap())
    }

    #[test]
    fn timestamps_are_seconds_from_1970_to_a_day_ahead() {
        let cases: [(&str, Result<i64, Reason>); 18] = [
            ("0", Ok(0)),
            ("1000000", Ok(1_000_000_000_000)),
            ("1086400", Ok(1_086_400_000_000)),
            ("1086400.0", Ok(1_086_400_000_000)),
            ("1e6", Ok(1_000_000_000_000)),
            ("1.5", Ok(1_500_000)),
            ("1086401", Err(Reason::DatedAhead)),
            ("1086400.000001", Err(Reason::DatedAhead)),
            ("253402300799", Err(Reason::DatedAhead)),
            ("253402300800", Err(Reason::After9999)),
            ("253402300800.0", Err(Reason::After9999)),
            ("99999999999999999999", Err(Reason::After9999)),
            ("-1", Err(Reason::Before1970)),
            ("-0.5", Err(Reason::Before1970)),
            ("-99999999999999999999", Err(Reason::Before1970)),
            ("", Err(Reason::NotSeconds)),
            (" 1", Err(Reason::NotSeconds)),
            ("2009-01-01", Err(Reason::NotSeconds)),
        ];
        for (text, expected) in cases {
            assert_eq!(rules().moment_text(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn seconds_with_a_fraction_are_read_to_the_microsecond() {
        let cases = [
            (0.0, Ok(0)),
            (999_999.123_456, Ok(999_999_123_456)),
            (1_086_400.0, Ok(1_086_400_000_000)),
            (1_086_400.5, Err(Reason::DatedAhead)),
            (-0.5, Err(Reason::Before1970)),
            (1e15, Err(Reason::After9999)),
            (f64::MAX, Err(Reason::After9999)),
            (f64::INFINITY, Err(Reason::After9999)),
            (f64::NEG_INFINITY, Err(Reason::Before1970)),
            (f64::NAN, Err(Reason::NotSeconds)),
        ];
        for (seconds, expected) in cases {
            assert_eq!(rules().moment_of_float(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn every_unit_gives_microseconds() {
        let cases = [
            (2, Unit::Days, Ok(172_800_000_000)),
            (2, Unit::Seconds, Ok(2_000_000)),
            (2, Unit::Millis, Ok(2_000)),
            (2, Unit::Micros, Ok(2)),
            (2_999, Unit::Nanos, Ok(2)),
            (-1, Unit::Nanos, Err(Reason::Before1970)),
            (i64::MAX, Unit::Days, Err(Reason::After9999)),
            (i64::MAX, Unit::Micros, Err(Reason::After9999)),
            (i64::MAX, Unit::Nanos, Err(Reason::DatedAhead)),
        ];
        for (count, unit, expected) in cases {
            assert_eq!(rules().moment(count, unit), expected, "{count} {unit:?}");
        }
    }

    #[test]
    fn the_year_9999_is_accepted_once_it_is_near() {
        let then =
            Rules::new(RatingRange::default(), DateTime::from_timestamp(LAST_SECOND, 0).unwrap());
        assert_eq!(then.moment_text(b"253402300799"), Ok(LAST_SECOND * MICROS));
        assert_eq!(
            then.moment(LAST_SECOND * MICROS + 999_999, Unit::Micros).ok(),
            Some(253_402_300_799_999_999)
        );
        assert_eq!(then.moment_text(b"253402300800"), Err(Reason::After9999));
    }
}
