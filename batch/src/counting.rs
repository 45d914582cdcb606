//! Numbers and what they count, in words for people.

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many things: `1 file`, `2,000 files`. The word is that for one of them, and takes an s for more.
pub fn counted(number: impl TryInto<u64>, one: &str) -> String {
    // No count of things in memory is greater.
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn one_thing_has_no_plural() {
        for (number, text) in [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1001, "1,001 files")]
        {
            assert_eq!(counted(number, "file"), text);
        }
    }
}
