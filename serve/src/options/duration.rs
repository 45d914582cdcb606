//! Durations, as people write them.

use std::time::Duration;

/// No option takes longer ones.
const LONGEST: Duration = Duration::from_secs(86_400);
/// What is less would be no pause, or no chance.
const SHORTEST: Duration = Duration::from_millis(10);

/// A duration from 0 to 24 hours: a number, whole or with a decimal point, of seconds or of the unit that follows it.
///
/// # Errors
/// Says the form.
pub fn duration(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO, "0")
}

/// The same where no time at all would do harm: from 10 milliseconds on.
///
/// # Errors
/// Says the form.
pub fn some_duration(text: &str) -> Result<Duration, String> {
    within(text, SHORTEST, "10ms")
}

fn within(text: &str, least: Duration, least_said: &str) -> Result<Duration, String> {
    let found = parse(text).filter(|found| (least..=LONGEST).contains(found));
    found.ok_or_else(|| {
        format!(
            "a duration from {least_said} to 24h is a number of seconds, or has a unit: 60, 60s, 1500ms, 5m, 2h"
        )
    })
}

fn parse(text: &str) -> Option<Duration> {
    let is_of_number = |c: char| c.is_ascii_digit() || c == '.';
    let (number, unit) = match text.find(|c| !is_of_number(c)) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    let seconds = match unit.trim_start() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_duration_is_read_and_nothing_else() {
        for (text, millis) in [
            ("60", 60_000),
            ("60s", 60_000),
            ("60 s", 60_000),
            ("1500ms", 1_500),
            ("0.1", 100),
            ("0.25s", 250),
            ("5m", 300_000),
            ("1.5h", 5_400_000),
            ("24h", 86_400_000),
            ("86400", 86_400_000),
            ("0", 0),
            ("0ms", 0),
            (".5", 500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        let form = " to 24h is a number of seconds, or has a unit: 60, 60s, 1500ms, 5m, 2h";
        for text in [
            "", " ", "s", "ms", "-1", "-1s", "+1", "1e3", "NaN", "inf", "1.2.3", "60S", "5min",
            "1h30m", "1d", "24.1h", "86401", "1441m", "60 s ", "٦٠", "1\u{a0}x",
        ] {
            assert_eq!(duration(text), Err(format!("a duration from 0{form}")), "{text}");
        }
        for text in ["0", "9ms", "0.009"] {
            assert_eq!(some_duration(text), Err(format!("a duration from 10ms{form}")), "{text}");
        }
        assert_eq!(some_duration("10ms"), Ok(SHORTEST));
    }
}
