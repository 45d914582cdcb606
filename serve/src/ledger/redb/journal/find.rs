//! What a start finds in a journal.

use std::collections::BTreeMap;
use std::ops::Range;

use super::frames::{self, Frames};
use super::layout::{ALIGNMENT, FIRST, Front, HEADER, Header, Mark, space};
use super::legacy::{self, LegacyRecord};
use crate::ledger::LedgerError;
use crate::ledger::redb::codec::{Change, read_legacy_changes};

/// What the ledger's file says of its journal.
#[derive(Debug, Clone, Copy)]
pub(in crate::ledger::redb) struct Expected {
    /// The newest record that the file contains.
    pub(in crate::ledger::redb) newest: u64,
    /// Whether there must be a journal.
    pub(in crate::ledger::redb) exists: bool,
}

/// What is in a journal beyond what the file has.
#[derive(Debug)]
pub(in crate::ledger::redb) struct Found {
    content: Vec<u8>,
    /// Oldest first.
    pub(in crate::ledger::redb) records: Vec<FoundRecord>,
    /// Of the newest record of which there is a trace; at least what the file has.
    pub(in crate::ledger::redb) newest: u64,
    /// What was damaged, and what follows.
    pub(in crate::ledger::redb) damage: Vec<(String, String)>,
    /// A record that is not whole, and of which nothing tells that it ever was: most likely the power went while it was
    /// written, before anybody heard that it was.
    pub(in crate::ledger::redb) cut: Option<u64>,
    /// What a copy of the journal is to be named after, when it is to be kept.
    pub(in crate::ledger::redb) kept_as: Option<u64>,
    /// Whether records can go on in this journal.
    pub(in crate::ledger::redb) is_usable: bool,
}

/// A record, or what is left of it.
#[derive(Debug)]
pub(in crate::ledger::redb) struct FoundRecord {
    changes: Vec<Range<usize>>,
    is_legacy: bool,
}

impl Found {
    /// The changes of a record, in their order.
    ///
    /// # Errors
    /// When they make no sense though their checksum fits.
    pub(in crate::ledger::redb) fn changes(
        &self,
        record: &FoundRecord,
    ) -> Result<Vec<Change<'_>>, LedgerError> {
        let mut changes = Vec::with_capacity(record.changes.len());
        for range in &record.changes {
            let bytes = &self.content[range.clone()];
            if record.is_legacy {
                changes.extend(read_legacy_changes(bytes)?);
            } else {
                changes.push(Change::read(bytes)?);
            }
        }
        Ok(changes)
    }
}

/// Something that begins at a page.
#[derive(Debug)]
struct Seen {
    at: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Record { base: u64, held: Range<usize>, changes: u64, frames: Frames },
    Legacy { held: Range<usize> },
    Mark { base: u64 },
}

impl Seen {
    fn is_whole(&self) -> bool {
        match &self.kind {
            Kind::Record { changes, frames, .. } => is_whole(frames, *changes),
            Kind::Legacy { .. } => true,
            Kind::Mark { .. } => false,
        }
    }

    fn base(&self) -> Option<u64> {
        match self.kind {
            Kind::Record { base, .. } | Kind::Mark { base } => Some(base),
            Kind::Legacy { .. } => None,
        }
    }
}

fn is_whole(frames: &Frames, changes: u64) -> bool {
    frames.damaged.is_empty() && frames.sound.len() as u64 == changes
}

/// Reads a journal of the ledger that was created at `ledger`.
pub(super) fn find(content: Vec<u8>, ledger: i64, in_file: Expected) -> Found {
    let front = Front::read(&content).filter(|front| front.ledger == ledger);
    let (own, foreign) = look(&content, ledger, in_file.newest);
    let mut found = Found {
        records: Vec::new(),
        newest: in_file.newest,
        damage: Vec::new(),
        cut: None,
        kept_as: None,
        is_usable: front.is_some(),
        content: Vec::new(),
    };
    if let Some(number) = foreign {
        found.is_usable = false;
        found.damage.push((
            format!("the journal's records from {number} on"),
            format!(
                "they go on after another state than the ledger's file has, which ends with record {}: one of them may be \
                 from a backup; what only they have is not taken",
                in_file.newest
            ),
        ));
    }
    found.take(&content, &own);
    let shorter = front.is_some_and(|front| front.length > content.len() as u64);
    let is_gone = front.is_none() && own.is_empty() && foreign.is_none();
    if in_file.exists && (shorter || is_gone) {
        let what = if content.is_empty() {
            "is gone or empty"
        } else {
            "was cut, or its front is damaged"
        };
        found.damage.push((
            format!("the journal, which {what}"),
            format!(
                "what was accepted after record {} may be lost, unless a segment in the store has it",
                found.newest
            ),
        ));
    } else if in_file.exists && front.is_none() && foreign.is_none() {
        let none = "its records are taken all the same".to_owned();
        found.damage.push(("the journal's front".to_owned(), none));
    }
    if !found.damage.is_empty() && !content.is_empty() {
        found.kept_as = Some(foreign.unwrap_or(in_file.newest + 1));
    }
    found.is_usable &= found.damage.is_empty();
    found.content = content;
    found
}

type Own = BTreeMap<u64, Vec<Seen>>;

/// What there is of records after the file's newest one, by number: those that go on after it; and the first number of those
/// that go on after something else.
fn look(content: &[u8], ledger: i64, newest: u64) -> (Own, Option<u64>) {
    let mut own = Own::new();
    // Records before marks.
    let mut foreign = None::<(bool, u64)>;
    let mut at = 0;
    while at < content.len() {
        let Some((whose, number, seen)) = seen_at(content, at) else {
            at += ALIGNMENT as usize;
            continue;
        };
        at += match &seen.kind {
            Kind::Record { held, .. } if seen.is_whole() => space(held.end - seen.at) as usize,
            Kind::Legacy { held } => space(held.end - seen.at) as usize,
            _ => ALIGNMENT as usize,
        };
        let continues = match seen.base() {
            Some(base) => base == newest,
            // Of an older journal the first record must be the next one.
            None => !is_foreign(content, newest),
        };
        if whose == ledger && number > newest && continues {
            own.entry(number).or_default().push(seen);
        } else if whose != ledger || number > newest {
            let found = (matches!(seen.kind, Kind::Mark { .. }), number);
            foreign = Some(foreign.map_or(found, |foreign| foreign.min(found)));
        }
    }
    (own, foreign.map(|(_, number)| number))
}

/// Whether an older journal goes on after another state: its first record is not the next one.
fn is_foreign(content: &[u8], newest: u64) -> bool {
    LegacyRecord::read(content).is_some_and(|first| first.number > newest + 1)
}

/// What begins here: whose it is, its number, and what it is.
fn seen_at(content: &[u8], at: usize) -> Option<(i64, u64, Seen)> {
    let page = &content[at..];
    if let Some(Header { ledger, base, number, held, changes }) = Header::read(page) {
        let from = at + HEADER;
        let end = from.saturating_add(usize::try_from(held).ok()?).min(content.len());
        let held = from..end.max(from);
        let frames = frames::find(content.get(held.clone())?, number);
        return Some((
            ledger,
            number,
            Seen { at, kind: Kind::Record { base, held, changes, frames } },
        ));
    }
    if let Some(Mark { ledger, base, number }) = Mark::read(page) {
        return Some((ledger, number, Seen { at, kind: Kind::Mark { base } }));
    }
    let LegacyRecord { ledger, number, length } = LegacyRecord::read(page)?;
    let held = at + legacy::HEADER..at + length;
    Some((ledger, number, Seen { at, kind: Kind::Legacy { held } }))
}

impl Found {
    /// Takes what is whole of the records that go on after the file's, and says what is not.
    fn take(&mut self, content: &[u8], own: &Own) {
        let Some((&top, traces)) = own.last_key_value() else { return };
        // A record is begun when the one before is on disk.
        let has_mark = traces.iter().any(|seen| matches!(seen.kind, Kind::Mark { .. }));
        let on_disk = if has_mark { top } else { top - 1 };
        let mut from = FIRST as usize;
        for number in self.newest + 1..=top {
            let traces = own.get(&number).map_or(&[][..], Vec::as_slice);
            let is_record = |seen: &&Seen| !matches!(seen.kind, Kind::Mark { .. });
            let whole = traces.iter().find(|seen| seen.is_whole());
            let record = whole.or_else(|| traces.iter().find(is_record));
            if whole.is_none() && number > on_disk {
                self.cut = Some(number);
                break;
            }
            let until = next_at(own, number, from).unwrap_or(content.len());
            match record {
                Some(Seen { kind: Kind::Legacy { held }, .. }) => {
                    self.records.push(FoundRecord { changes: vec![held.clone()], is_legacy: true });
                    from = held.end.next_multiple_of(ALIGNMENT as usize);
                }
                Some(Seen { kind: Kind::Record { held, changes, frames, .. }, .. }) => {
                    if whole.is_none() {
                        self.say_what_is_lost(
                            number,
                            &content[held.clone()],
                            frames,
                            Some(*changes),
                        );
                    }
                    self.take_frames(held.start, frames);
                    from = held.end.next_multiple_of(ALIGNMENT as usize);
                }
                _ => {
                    // Its header is damaged, and where it begins follows from the one before.
                    let held = (from + HEADER).min(until)..until;
                    let frames = frames::find(&content[held.clone()], number);
                    self.say_what_is_lost(number, &content[held.clone()], &frames, None);
                    self.take_frames(held.start, &frames);
                    from = until;
                }
            }
        }
        self.newest = top;
    }

    fn take_frames(&mut self, start: usize, frames: &Frames) {
        let changes = frames.sound.iter().map(|range| start + range.start..start + range.end);
        self.records.push(FoundRecord { changes: changes.collect(), is_legacy: false });
    }

    /// Names what is lost of a record that was on disk. What follows the changes of one without a header is none of them.
    fn say_what_is_lost(
        &mut self,
        number: u64,
        held: &[u8],
        frames: &Frames,
        changes: Option<u64>,
    ) {
        let last = frames.sound.last().map_or(0, |range| range.end);
        let between = frames.damaged.iter().filter(|range| changes.is_some() || range.end <= last);
        let mut named = 0;
        for range in between {
            named += 1;
            let Some(change) = frames::guess(&held[range.clone()]) else {
                self.damage.push((
                    format!("changes in record {number} of the journal"),
                    "what they say is lost, unless a segment in the store has it".to_owned(),
                ));
                continue;
            };
            let (about, consequence) = change.about();
            self.damage
                .push((format!("{about} (journal, record {number})"), consequence.to_owned()));
        }
        if named == 0 {
            let taken = frames.sound.len();
            let consequence = match changes {
                None if taken > 0 => format!("its changes are taken all the same: {taken}"),
                _ => "what it says is lost, unless a segment in the store has it".to_owned(),
            };
            self.damage.push((format!("record {number} of the journal"), consequence));
        }
    }
}

/// Where the next trace begins of something that came after this record.
fn next_at(own: &Own, number: u64, from: usize) -> Option<usize> {
    let later = own.range(number..).flat_map(|(_, traces)| traces);
    later.map(|seen| seen.at).filter(|at| *at > from).min()
}
