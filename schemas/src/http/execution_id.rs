//! The names of executions.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::{Uuid, Variant};

/// Names one execution: 48 bits of milliseconds since 1970, then a version 4 UUID, whose first 16
/// bits place it within the millisecond, and whose 106 others are random. (Older programs drew all
/// 122.)
///
/// The time first keeps the ledger's inserts at one end of the table and lets retention drop
/// ranges; the place after it keeps the order in which a ledger accepts them; the random bits make
/// it unguessable. As text `<12 hexadecimal digits>-<UUID>`, lower case, 49 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId([u8; ExecutionId::KEY_BYTES]);

/// The text does not name an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "not the name of an execution: 12 hexadecimal digits, `-` and a version 4 UUID, all lower case"
)]
pub struct ExecutionIdError;

impl ExecutionId {
    /// The length of a key.
    pub const KEY_BYTES: usize = 22;
    const TIME_BYTES: usize = 6;
    /// Of the time, and the place within it.
    const PLACE_BYTES: usize = 8;
    /// Places for each microsecond, of the 65,536 in a millisecond.
    const PLACES: u64 = 65;

    /// A new name for an execution that starts at `micros` since 1970.
    pub fn fresh(micros: i64) -> Self {
        let within = u64::try_from(micros % 1000).unwrap_or(0) * Self::PLACES;
        let mut id = Self::of(micros, *Uuid::new_v4().as_bytes());
        id.set_place(id.place() & !0xffff | within);
        id
    }

    /// The same for one that is accepted after `newest`: it sorts after that one, too, though the clock may have been set
    /// back.
    pub fn fresh_after(newest: Option<Self>, micros: i64) -> Self {
        let mut id = Self::fresh(micros);
        if let Some(newest) = newest {
            id.set_place(id.place().max(newest.place().saturating_add(1)));
        }
        id
    }

    fn place(&self) -> u64 {
        let mut place = [0; Self::PLACE_BYTES];
        place.copy_from_slice(&self.0[..Self::PLACE_BYTES]);
        u64::from_be_bytes(place)
    }

    fn set_place(&mut self, place: u64) {
        self.0[..Self::PLACE_BYTES].copy_from_slice(&place.to_be_bytes());
    }

    /// Sorts before (or as) every execution that started at `micros` or later.
    pub fn first_since(micros: i64) -> Self {
        Self::of(micros, [0; 16])
    }

    /// The execution with these bytes.
    pub fn from_key(key: [u8; Self::KEY_BYTES]) -> Self {
        Self(key)
    }

    /// The bytes, which sort by time.
    pub fn key(&self) -> &[u8; Self::KEY_BYTES] {
        &self.0
    }

    fn of(micros: i64, random: [u8; 16]) -> Self {
        // A clock before 1970 or after the year 10889 is wrong anyway; ids stay well-formed.
        let millis = u64::try_from(micros / 1000).unwrap_or(0).min((1 << 48) - 1);
        let mut key = [0; Self::KEY_BYTES];
        key[..Self::TIME_BYTES].copy_from_slice(&millis.to_be_bytes()[2..]);
        key[Self::TIME_BYTES..].copy_from_slice(&random);
        Self(key)
    }

    /// When it started, in milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0[..Self::TIME_BYTES]);
        // 48 bits are never negative.
        i64::from_be_bytes(millis)
    }

    fn random(&self) -> Uuid {
        let mut random = [0; 16];
        random.copy_from_slice(&self.0[Self::TIME_BYTES..]);
        Uuid::from_bytes(random)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..Self::TIME_BYTES] {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "-{}", self.random().hyphenated())
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecutionId({self})")
    }
}

impl FromStr for ExecutionId {
    type Err = ExecutionIdError;

    fn from_str(text: &str) -> Result<Self, ExecutionIdError> {
        let (time, random) = text.split_once('-').ok_or(ExecutionIdError)?;
        let millis = u64::from_str_radix(time, 16).map_err(|_| ExecutionIdError)?;
        let random = Uuid::try_parse(random).map_err(|_| ExecutionIdError)?;
        let time = millis.to_be_bytes();
        let mut key = [0; Self::KEY_BYTES];
        key[..Self::TIME_BYTES].copy_from_slice(&time[2..]);
        key[Self::TIME_BYTES..].copy_from_slice(random.as_bytes());
        let id = Self(key);
        let version_4 = random.get_version_num() == 4 && random.get_variant() == Variant::RFC4122;
        // One spelling only: signs, capitals, braces and missing hyphens do not come back as they
        // went in.
        if version_4 && id.to_string() == text { Ok(id) } else { Err(ExecutionIdError) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_comes_back_from_its_text_and_only_from_that() {
        let id = ExecutionId::fresh(1_790_000_000_123_456);
        let text = id.to_string();
        assert_eq!(text.len(), 49);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(&text[..12], "01a0c4506c7b");
        let spoiled = [
            text.to_uppercase(),
            format!("+{}", &text[1..]),
            format!("0{text}"),
            text[1..].to_owned(),
            format!("{text} "),
            text.replacen('-', "", 1),
            format!("{}-{{{}}}", &text[..12], &text[13..]),
            format!("{}-{}", &text[..12], text[13..].replace('-', "")),
            format!("{}1{}", &text[..27], &text[28..]),
            "é".repeat(24),
            String::new(),
        ];
        for text in spoiled {
            assert_eq!(text.parse::<ExecutionId>(), Err(ExecutionIdError), "{text}");
        }
    }

    #[test]
    fn ids_sort_by_time_and_stay_well_formed_at_any_clock() {
        let (early, late) = (ExecutionId::fresh(1_000_000), ExecutionId::fresh(1_001_000));
        assert!(early < late);
        assert!(ExecutionId::first_since(1_001_000) <= late);
        assert!(ExecutionId::first_since(1_001_000) > early);
        let within = ExecutionId::fresh(1_000_001);
        assert!(early < within && within < late);
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            let id = ExecutionId::fresh(micros);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_ne!(ExecutionId::fresh(5), ExecutionId::fresh(5));
    }

    #[test]
    fn what_is_accepted_later_sorts_later_whatever_the_clock_says() {
        // Of an older program, whose bits after the time are random.
        let mut newest = ExecutionId::of(7_000_000, [0xff; 16]);
        for micros in [7_000_000, 7_000_999, 3, -4, 7_000_999].into_iter().cycle().take(1000) {
            let id = ExecutionId::fresh_after(Some(newest), micros);
            assert!(id > newest, "{id} after {newest}");
            assert_eq!(id.to_string().parse(), Ok(id));
            newest = id;
        }
        // As soon as the clock has caught up, it says the time again.
        assert_eq!(ExecutionId::fresh_after(Some(newest), 8_000_000).millis(), 8_000);
        assert_eq!(ExecutionId::fresh_after(None, 8_000_000).millis(), 8_000);
    }
}
