//! Seconds in decimal notation, without the detour through a float: that has no microsecond of its own for every one of
//! ours.

use super::rejects::Reason;

/// Microseconds of decimal seconds such as `1400001011.25` or `1.4e9`. What is finer is cut off.
pub(super) fn to_micros(text: &[u8]) -> Result<i64, Reason> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let (mantissa, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let point = mantissa.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &b""[..]),
    };
    let digits = || whole.iter().chain(fraction);
    if digits().next().is_none() || !digits().all(u8::is_ascii_digit) {
        return Err(Reason::NotSeconds);
    }
    if digits().all(|&digit| digit == b'0') {
        return Ok(0);
    }
    if is_negative {
        return Err(Reason::Before1970);
    }
    // A microsecond is the sixth digit behind the point.
    let wanted = whole.len() as i64 + exponent + 6;
    let mut micros: i64 = 0;
    // Zeros stand behind the last digit; a number of more digits than fit overflows long before they end.
    for (_, digit) in (0..wanted).zip(digits().chain(std::iter::repeat(&b'0'))) {
        let shifted = micros.checked_mul(10);
        let next = shifted.and_then(|micros| micros.checked_add(i64::from(digit - b'0')));
        micros = next.ok_or(Reason::After9999)?;
    }
    Ok(micros)
}

/// Far more than any number of seconds has, so that a sum with it does not overflow.
const MOST: i64 = 1 << 40;

fn exponent(text: &[u8]) -> Result<i64, Reason> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let text = std::str::from_utf8(text).map_err(|_| Reason::NotSeconds)?;
    match text.parse::<i64>() {
        Ok(exponent) => Ok(exponent.clamp(-MOST, MOST)),
        Err(error) => match error.kind() {
            PosOverflow => Ok(MOST),
            NegOverflow => Ok(-MOST),
            _ => Err(Reason::NotSeconds),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_seconds_are_cut_to_microseconds() {
        let cases: [(&str, Result<i64, Reason>); 31] = [
            ("1400001011.0", Ok(1_400_001_011_000_000)),
            ("1400001011.", Ok(1_400_001_011_000_000)),
            ("1400001011.123456", Ok(1_400_001_011_123_456)),
            ("1400001011.1234569", Ok(1_400_001_011_123_456)),
            ("1.4e9", Ok(1_400_000_000_000_000)),
            ("1.400001011123456789E+9", Ok(1_400_001_011_123_456)),
            ("14000010110e-1", Ok(1_400_001_011_000_000)),
            ("0.0000014e15", Ok(1_400_000_000_000_000)),
            ("+7.5", Ok(7_500_000)),
            (".5", Ok(500_000)),
            ("0.0000009", Ok(0)),
            ("9e-7", Ok(0)),
            ("9e-99999999999999999999", Ok(0)),
            ("-0.0", Ok(0)),
            ("0e99999999999999999999", Ok(0)),
            ("00000000000000000000000000007.0", Ok(7_000_000)),
            ("-0.0000001", Err(Reason::Before1970)),
            ("-1e300", Err(Reason::Before1970)),
            ("1e300", Err(Reason::After9999)),
            ("1e99999999999999999999", Err(Reason::After9999)),
            ("9223372036854.775808", Err(Reason::After9999)),
            ("", Err(Reason::NotSeconds)),
            (".", Err(Reason::NotSeconds)),
            ("-", Err(Reason::NotSeconds)),
            ("1e", Err(Reason::NotSeconds)),
            ("e9", Err(Reason::NotSeconds)),
            ("1.5.5", Err(Reason::NotSeconds)),
            ("1e1.5", Err(Reason::NotSeconds)),
            ("1_000", Err(Reason::NotSeconds)),
            ("inf", Err(Reason::NotSeconds)),
            ("NaN", Err(Reason::NotSeconds)),
        ];
        for (text, expected) in cases {
            assert_eq!(to_micros(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn however_a_microsecond_is_written_it_is_the_same(
            micros in 0..4_000_000_000_000_000_i64,
            shift in -20..20_i32,
        ) {
            let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            prop_assert_eq!(to_micros(text.as_bytes()), Ok(micros));
            let text = format!("{micros}e-6");
            prop_assert_eq!(to_micros(text.as_bytes()), Ok(micros));
            let zeros = "0".repeat(shift.unsigned_abs() as usize);
            let text = if shift < 0 {
                format!("{micros}{zeros}e{}", shift - 6)
            } else {
                format!("0.{zeros}{micros:016}e{}", shift + 10)
            };
            prop_assert_eq!(to_micros(text.as_bytes()), Ok(micros));
        }
    }
}
