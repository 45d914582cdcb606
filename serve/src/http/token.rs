//! Tokens for the next part of a listing: a place, for whom it was made, and when.

use akin_schemas::Checksum;

use crate::ledger::{Cursor, ExecutionId, Filter};

/// How long a token is good for: as long as Step Functions' own.
const LIFE_SECONDS: i64 = 24 * 3600;
/// Time of issue, time of the place, the execution there.
const PLACE_BYTES: usize = 8 + 8 + ExecutionId::KEY_BYTES;
/// Of the checksum over these and the filter.
const SUM_BYTES: usize = 8;

/// The token for what comes after `cursor` under the same filter. `now` in seconds since 1970. 92 hexadecimal digits.
pub fn encode(cursor: Cursor, filter: &Filter, now: i64) -> String {
    let mut bytes = Vec::with_capacity(PLACE_BYTES + SUM_BYTES);
    bytes.extend(now.to_be_bytes());
    bytes.extend(cursor.micros.to_be_bytes());
    bytes.extend(cursor.id.key());
    let sum = sum(&bytes, filter);
    bytes.extend(sum);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place that a token names; none if it was not made for this filter, is spoilt, or too old. Nothing depends on
/// it being genuine: whoever makes one up reads another part of what the filter shows anyway.
pub fn decode(token: &str, filter: &Filter, now: i64) -> Option<Cursor> {
    let digits: Option<Vec<u32>> = token.chars().map(|c| c.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |n, d| n << 4 | *d as u8)).collect();
    let (place, found) = bytes.split_at_checked(PLACE_BYTES)?;
    let (issued, rest) = place.split_first_chunk::<8>()?;
    let (micros, key) = rest.split_first_chunk::<8>()?;
    let age = now.checked_sub(i64::from_be_bytes(*issued))?;
    let is_good = found == sum(place, filter) && age <= LIFE_SECONDS;
    let id = ExecutionId::from_key(key.try_into().ok()?);
    is_good.then_some(Cursor { micros: i64::from_be_bytes(*micros), id })
}

fn sum(place: &[u8], filter: &Filter) -> [u8; SUM_BYTES] {
    let user = filter.user.as_deref().unwrap_or_default();
    let status = filter.status.map_or("", |status| status.as_str());
    let text = format!("{place:?} {status} {user}");
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
}
