//! Tokens for the next part of a listing, or of a history: a place, for whom it was made, and when.

use akin_schemas::Checksum;

use crate::ledger::{Cursor, ExecutionId, Filter};

/// How long a token is good for: as long as Step Functions' own.
const LIFE_SECONDS: i64 = 24 * 3600;
/// Of the time of issue.
const TIME_BYTES: usize = 8;
/// Of the checksum over it, the place, and what it is a place in.
const SUM_BYTES: usize = 8;

/// The token for what comes after `cursor` under the same filter. `now` in seconds since 1970. 92 hexadecimal digits.
pub fn encode(cursor: Cursor, filter: &Filter, now: i64) -> String {
    let place = [&cursor.micros.to_be_bytes(), &cursor.id.key()[..]].concat();
    seal(&place, &listing(filter), now)
}

/// The place that a token names; none if it was not made for this filter, is spoilt, or too old. Nothing depends on
/// it being genuine: whoever makes one up reads another part of what the filter shows anyway.
pub fn decode(token: &str, filter: &Filter, now: i64) -> Option<Cursor> {
    let place = open(token, &listing(filter), now)?;
    let (micros, key) = place.split_first_chunk::<8>()?;
    let id = ExecutionId::from_key(key.try_into().ok()?);
    Some(Cursor { micros: i64::from_be_bytes(*micros), id })
}

fn listing(filter: &Filter) -> String {
    let user = filter.user.as_deref().unwrap_or_default();
    let status = filter.status.map_or("", |status| status.as_str());
    format!("listing {status} {user}")
}

/// The token for what comes after the event of this number in an execution's history, newest first or oldest first.
pub fn encode_event(number: u64, of: &ExecutionId, is_reversed: bool, now: i64) -> String {
    seal(&number.to_be_bytes(), &history(of, is_reversed), now)
}

/// The number of the event that a token names; none if it was not made for this history in this order, is spoilt, or too
/// old.
pub fn decode_event(token: &str, of: &ExecutionId, is_reversed: bool, now: i64) -> Option<u64> {
    let place = open(token, &history(of, is_reversed), now)?;
    Some(u64::from_be_bytes(place.try_into().ok()?))
}

fn history(of: &ExecutionId, is_reversed: bool) -> String {
    format!("history {of} {is_reversed}")
}

fn seal(place: &[u8], within: &str, now: i64) -> String {
    let mut bytes = [&now.to_be_bytes(), place].concat();
    bytes.extend(sum(&bytes, within));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn open(token: &str, within: &str, now: i64) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = token.chars().map(|c| c.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |n, d| n << 4 | *d as u8)).collect();
    let (sealed, found) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
    let (issued, place) = sealed.split_first_chunk::<TIME_BYTES>()?;
    let age = now.checked_sub(i64::from_be_bytes(*issued))?;
    (found == sum(sealed, within) && age <= LIFE_SECONDS).then(|| place.to_vec())
}

fn sum(sealed: &[u8], within: &str) -> [u8; SUM_BYTES] {
    let text = format!("{sealed:?} {within}");
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&Checksum::of(text.as_bytes()).to_string().as_bytes()[..SUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use akin_schemas::UserId;

    use super::*;
    use crate::ledger::ExecutionStatus;

    #[test]
    fn a_token_is_good_for_its_filter_and_a_day() {
        let cursor = Cursor { micros: -5, id: ExecutionId::fresh(1_790_000_000_000_000) };
        let abby = UserId::try_from("abby").unwrap();
        let of_abby = Filter { user: Some(abby), ..Filter::default() };
        let failed = Filter { status: Some(ExecutionStatus::Failed), ..Filter::default() };
        for filter in [&of_abby, &failed, &Filter::default()] {
            let token = encode(cursor, filter, 1000);
            assert_eq!(token.len(), 92);
            assert_eq!(decode(&token, filter, 1000 + LIFE_SECONDS), Some(cursor));
            assert_eq!(decode(&token, filter, 1001 + LIFE_SECONDS), None);
            for other in [&of_abby, &failed, &Filter::default()] {
                assert_eq!(decode(&token, other, 1000).is_some(), other == filter);
            }
            for at in 0..token.len() {
                let mut spoilt: Vec<char> = token.chars().collect();
                spoilt[at] = if spoilt[at] == '0' { '1' } else { '0' };
                assert_eq!(decode(&spoilt.into_iter().collect::<String>(), filter, 1000), None);
            }
        }
        for text in ["", "0", "é", &"0".repeat(92), &"0".repeat(93), &"0".repeat(5000)] {
            assert_eq!(decode(text, &Filter::default(), 0), None);
        }
    }

    #[test]
    fn a_token_of_a_history_is_good_for_its_execution_and_order_and_a_day() {
        let [one, other] = [1, 2].map(|n| ExecutionId::fresh(1_790_000_000_000_000 + n));
        let token = encode_event(3, &one, true, 1000);
        assert_eq!(decode_event(&token, &one, true, 1000 + LIFE_SECONDS), Some(3));
        assert_eq!(decode_event(&token, &one, true, 1001 + LIFE_SECONDS), None);
        assert_eq!(decode_event(&token, &one, false, 1000), None);
        assert_eq!(decode_event(&token, &other, true, 1000), None);
        assert_eq!(decode(&token, &Filter::default(), 1000), None);
        assert_eq!(decode_event("event-2", &one, true, 1000), None);
    }
}
