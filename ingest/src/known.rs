//! The numbers of ids that one thread has met lately, so that it need not ask those that all threads share.

use std::sync::{Mutex, PoisonError};

use super::error::IngestError;
use super::interner::Interner;
use super::rejects::Reason;
use super::room::Room;
use super::rules;

/// An identifier as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Id<'a> {
    /// As it is written; not checked yet.
    Text(&'a [u8]),
    /// One that is its decimal text.
    Whole(i64),
}

/// An identifier that keeps the rules.
#[derive(Debug, Clone, Copy)]
pub(super) enum Checked<'a> {
    /// Its number.
    Number(u32),
    /// One whose number is not known here.
    Text(&'a str, Key),
    /// The same.
    Whole(i64),
}

/// The whole of a short id, in 16 bytes; 0 for a longer one.
type Key = u128;
/// The longest id that makes a key.
const KEY_BYTES: usize = 15;

/// Numbers by identifier: of each slot the last one, and the last of all.
#[derive(Debug)]
pub(super) struct Known {
    last: (Key, u32),
    /// The last one that is too long for a key.
    last_long: (Vec<u8>, u32),
    /// Two halves of a key, and the number.
    slots: Vec<[u64; 3]>,
}

/// More than most catalogues have items: 1.5 MiB.
const SLOT_BITS: u32 = 16;

impl Known {
    pub(super) fn new() -> Self {
        Self { last: (0, 0), last_long: (Vec::new(), 0), slots: vec![[0; 3]; 1 << SLOT_BITS] }
    }

    /// An identifier that was checked, with its number where that is known.
    pub(super) fn find<'a>(&mut self, text: &'a str) -> Checked<'a> {
        let id = Id::Text(text.as_bytes());
        self.known(id).unwrap_or(Checked::Text(text, key(id)))
    }

    /// An identifier with its number, or checked. What has a number was checked before.
    pub(super) fn check<'a>(&mut self, id: Id<'a>) -> Result<Checked<'a>, Reason> {
        match (self.known(id), id) {
            (Some(known), _) => Ok(known),
            (None, Id::Text(text)) => Ok(Checked::Text(rules::id_bytes(text)?, key(id))),
            (None, Id::Whole(number)) => Ok(Checked::Whole(number)),
        }
    }

    fn known<'a>(&mut self, id: Id<'_>) -> Option<Checked<'a>> {
        let key = key(id);
        if let (0, Id::Text(text)) = (key, id) {
            let is_last = !text.is_empty() && *text == self.last_long.0;
            return is_last.then_some(Checked::Number(self.last_long.1));
        }
        if key != self.last.0 {
            let slot = &self.slots[slot(key)];
            if [slot[0], slot[1]] != halves(key) {
                return None;
            }
            self.last = (key, slot[2] as u32);
        }
        Some(Checked::Number(self.last.1))
    }

    /// The number of an identifier, which all threads share.
    pub(super) fn number(
        &mut self,
        id: Checked<'_>,
        shared: &Mutex<&mut Interner>,
        room: &Room,
    ) -> Result<u32, IngestError> {
        let intern =
            |text: &str| shared.lock().unwrap_or_else(PoisonError::into_inner).intern(text, room);
        let (key, number) = match id {
            Checked::Number(number) => return Ok(number),
            Checked::Whole(whole) => (key(Id::Whole(whole)), intern(&whole.to_string())?),
            Checked::Text(text, key) => (key, intern(text)?),
        };
        if let (0, Checked::Text(text, _)) = (key, id) {
            self.last_long.0.clear();
            self.last_long.0.extend_from_slice(text.as_bytes());
            self.last_long.1 = number;
        } else {
            let [low, high] = halves(key);
            self.slots[slot(key)] = [low, high, u64::from(number)];
            self.last = (key, number);
        }
        Ok(number)
    }
}

fn key(id: Id<'_>) -> Key {
    let mut bytes = [0; 16];
    match id {
        Id::Text(text) if text.len() <= KEY_BYTES => {
            bytes[..text.len()].copy_from_slice(text);
            bytes[15] = text.len() as u8;
        }
        Id::Text(_) => {}
        // No length of a text.
        Id::Whole(whole) => {
            bytes[..8].copy_from_slice(&whole.to_le_bytes());
            bytes[15] = u8::MAX;
        }
    }
    Key::from_le_bytes(bytes)
}

fn halves(key: Key) -> [u64; 2] {
    [key as u64, (key >> 64) as u64]
}

fn slot(key: Key) -> usize {
    let [low, high] = halves(key);
    // Fibonacci hashing: the product's high bits.
    let mixed = (low ^ high.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOT_BITS)) as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_id_has_its_own_number_whatever_was_met_before() {
        let mut interner = Interner::new("items");
        let (shared, room) = (Mutex::new(&mut interner), Room::new(1 << 30));
        let (mut known, mut other) = (Known::new(), Known::new());
        let mut texts: Vec<String> = (0..100_000).map(|n| (n * 7).to_string()).collect();
        texts.extend(["a", "a\0", "b\u{e9}"].map(str::to_owned));
        texts.extend((0..9).map(|n| format!("an id of more than sixteen bytes, {n}")));
        texts.retain(|text| !text.contains('\0'));
        for _ in 0..2 {
            for (text, number) in texts.iter().zip(0..) {
                for known in [&mut known, &mut other] {
                    let id = known.check(Id::Text(text.as_bytes())).unwrap();
                    assert_eq!(known.number(id, &shared, &room).unwrap(), number);
                    let again = known.check(Id::Text(text.as_bytes())).unwrap();
                    assert!(matches!(again, Checked::Number(again) if again == number));
                }
                if let Ok(whole) = text.parse() {
                    let id = known.check(Id::Whole(whole)).unwrap();
                    assert_eq!(known.number(id, &shared, &room).unwrap(), number);
                }
            }
        }
        assert_eq!(known.check(Id::Text(b"")).unwrap_err(), Reason::EmptyId);
        assert_eq!(known.check(Id::Text(b"a\0")).unwrap_err(), Reason::ControlCharacter);
        assert_eq!(known.check(Id::Text(b"\xff")).unwrap_err(), Reason::NotUtf8);
    }
}
