//! What one accepting transaction does.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::{Arc, OnceLock};

use akin_recommender::profile::{Entry, OrderKey, Origin};
use akin_schemas::UserId;
use redb::{ReadableTable, Table, WriteTransaction};

use super::changes::Changing;
use super::codec::{Change, LogRow};
use super::journal::Record;
use super::of_user::{OfUser, has_entry};
use super::recent::{Places, Settling};
use super::{codec, read, tables};
use crate::ledger::{
    Accepted, Answered, EndRecord, ExecutionId, ExecutionRecord, LedgerEntry, LedgerError, Receipt,
    Request, RequestName, Submission,
};

/// What time it is, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    pub(super) now: i64,
    /// What the hybrid clock has seen elsewhere.
    pub(super) observed: i64,
}

/// What a transaction writes with.
pub(super) struct Writes<'w, 'r> {
    pub(super) transaction: &'w WriteTransaction,
    pub(super) settling: &'w mut Settling<'r>,
    pub(super) record: &'w mut Record,
}

/// Writes the outcomes of executions that are still open, and entries and executions for requests, as long as no user has
/// more than `most` entries.
pub(super) fn commit(
    Writes { transaction, settling, record }: Writes<'_, '_>,
    requests: &[Request],
    ended: &[EndRecord],
    time: Time,
    most: usize,
) -> Result<Vec<Answered>, LedgerError> {
    let mut changing = Changing::open(transaction)?;
    for end in ended {
        changing.make(&Change::ended(end), record)?;
    }
    if requests.iter().all(|request| request.submissions.is_empty()) {
        changing.finish()?;
        return Ok(requests.iter().map(|_| Answered::Accepted(Vec::new())).collect());
    }
    let origins = read::origins(&transaction.open_table(tables::ORIGINS)?)?;
    let mut users = transaction.open_table(tables::USERS)?;
    let numbering = Numbering::resume(transaction, &origins, time)?;
    let newest = changing.executions.last()?.map(|(id, _)| ExecutionId::from_key(*id.value()));
    let mut writer = Writer { changing, record, numbering, newest, now: time.now };
    let mut of_users = OfUsers::new();
    let mut outcomes = Vec::with_capacity(requests.len());
    for Request { submissions, name } in requests {
        let known = match name {
            None => None,
            Some(name) => writer.known(name, submissions)?,
        };
        let refused = match known {
            Some(answer) => Some(answer),
            // An unreadable record then refuses the batch instead of leaving it half answered.
            None => exceeding(submissions, &mut of_users, &users, settling, &origins, most)?
                .map(|user| Answered::TooMany { user: user.clone(), most }),
        };
        outcomes.push(match refused {
            Some(answer) => Err(answer),
            None => Ok(writer.write(submissions, name.as_ref(), settling, &mut of_users)?),
        });
    }
    let Writer { numbering, changing, .. } = writer;
    let newest = numbering.save()?;
    let executions = &changing.executions;
    let mut places = Places { users: &mut users, executions, origins: &origins };
    settling.keep_within_bounds(newest, transaction, &mut places)?;
    changing.finish()?;
    let entries_of: HashMap<_, _> = of_users
        .into_iter()
        .map(|(user, of_user)| {
            let entries = of_user.into_profile().map_or_else(OnceLock::new, OnceLock::from);
            (user, Arc::new(entries))
        })
        .collect();
    let answers = requests.iter().zip(outcomes).map(|(request, outcome)| match outcome {
        Err(answer) => answer,
        Ok(begun) => {
            let accepted = request.submissions.iter().zip(begun);
            let accepted = accepted.map(|(Submission { user, .. }, (execution, record))| {
                let entries = entries_of.get(user).cloned().unwrap_or_default();
                Accepted { execution, record: record.into(), entries }
            });
            Answered::Accepted(accepted.collect())
        }
    });
    Ok(answers.collect())
}

/// The users of a transaction's requests.
type OfUsers<'r> = HashMap<&'r UserId, OfUser>;

/// A user who would have too many entries, if any; reads what there is of the users that were not met yet.
fn exceeding<'r>(
    submissions: &'r [Submission],
    of_users: &mut OfUsers<'r>,
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    settling: &Settling<'_>,
    origins: &[Origin],
    most: usize,
) -> Result<Option<&'r UserId>, LedgerError> {
    let mut by_user: HashMap<&UserId, Vec<&Submission>> = HashMap::new();
    for submission in submissions {
        by_user.entry(&submission.user).or_default().push(submission);
    }
    for (user, added) in by_user {
        let of_user = match of_users.entry(user) {
            MapEntry::Occupied(known) => known.into_mut(),
            MapEntry::Vacant(place) => {
                let recent = settling.of(user);
                place.insert(OfUser::read(users, user, &recent, origins, most)?)
            }
        };
        if !of_user.is_full(&added, most) {
            continue;
        }
        // What is rated again takes no more room.
        let recent = settling.of(user);
        for submission in added {
            if !has_entry(users, &recent, submission, origins)? {
                return Ok(Some(user));
            }
        }
    }
    Ok(None)
}

/// What a submission is written with.
struct Writer<'t, 'r> {
    changing: Changing<'t>,
    record: &'r mut Record,
    numbering: Numbering<'t>,
    /// The execution that was accepted last.
    newest: Option<ExecutionId>,
    now: i64,
}

impl Writer<'_, '_> {
    /// What a name that is taken answers to this request.
    fn known(
        &self,
        name: &RequestName,
        submissions: &[Submission],
    ) -> Result<Option<Answered>, LedgerError> {
        let Some(row) = self.changing.names.get(name.key())? else { return Ok(None) };
        let ids = codec::read_ids(name, row.value())?;
        let Some(&first) = ids.first() else { return Ok(None) };
        if ids.len() != submissions.len() {
            return Ok(Some(Answered::NameTaken(first)));
        }
        let mut receipts = Vec::with_capacity(ids.len());
        for (id, submission) in ids.iter().zip(submissions) {
            let Some(record) = self.changing.executions.get(id.key())? else {
                return Err(LedgerError::Record(format!("a name's execution {id} is missing")));
            };
            let record = codec::read_execution(id, record.value())?;
            if !record.answers(submission) {
                return Ok(Some(Answered::NameTaken(first)));
            }
            receipts.push(Receipt { execution: *id, started_at: record.started_at });
        }
        Ok(Some(Answered::Repeated(receipts)))
    }

    fn write(
        &mut self,
        submissions: &[Submission],
        name: Option<&RequestName>,
        settling: &mut Settling<'_>,
        of_users: &mut OfUsers<'_>,
    ) -> Result<Vec<(ExecutionId, ExecutionRecord)>, LedgerError> {
        let mut begun = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let Submission { user, item, rating, .. } = submission;
            let (position, order) = self.numbering.next()?;
            let entry = Entry { rating: *rating, rated_at: self.now, order };
            if let Some(of_user) = of_users.get_mut(user) {
                of_user.add(item, entry);
            }
            let id = ExecutionId::fresh_after(self.newest, self.now);
            self.newest = Some(id);
            let entry = LedgerEntry { user: user.clone(), item: item.clone(), entry };
            let row = LogRow { entry, execution: Some(id) };
            let log = codec::write_log(position, &row, self.numbering.origin_number);
            let record = ExecutionRecord::running(submission, name, self.now);
            let execution = &*codec::write_execution(&id, &record);
            self.changing.make(&Change::Accepted { position, log: &log }, self.record)?;
            self.changing.make(&Change::Began { id, execution }, self.record)?;
            settling.add(user, position, log);
            begun.push((id, record));
        }
        if let (Some(name), false) = (name, begun.is_empty()) {
            let ids: Vec<_> = begun.iter().map(|(id, _)| *id).collect();
            self.changing.make(&Change::named(name, &codec::write_ids(name, &ids)), self.record)?;
        }
        Ok(begun)
    }
}

/// Hands out order keys. Both counters live in the file and move with the transaction: nothing to
/// take back when it fails.
struct Numbering<'t> {
    counters: Table<'t, &'static str, u64>,
    origin: Origin,
    origin_number: u32,
    now: i64,
    clock: i64,
    /// Of the newest entry.
    position: u64,
    /// Before the origin's first entry.
    start: u64,
}

impl<'t> Numbering<'t> {
    fn resume(
        transaction: &'t WriteTransaction,
        origins: &[Origin],
        Time { now, observed }: Time,
    ) -> Result<Self, LedgerError> {
        let counters = transaction.open_table(tables::COUNTERS)?;
        let clock = read::counter(&counters, tables::CLOCK_COUNTER)?.cast_signed().max(observed);
        let position = read::counter(&counters, tables::SEQUENCE_COUNTER)?;
        let start = read::start(&counters)?;
        let (Some(&origin), Ok(count)) = (origins.last(), u32::try_from(origins.len())) else {
            return Err(LedgerError::Storage("the ledger has no origin".to_owned()));
        };
        let origin_number = count - 1;
        Ok(Self { counters, origin, origin_number, now, clock, position, start })
    }

    /// The next entry's position in the log, and its order key.
    fn next(&mut self) -> Result<(u64, OrderKey), LedgerError> {
        // At the end of time the clock stands still, and the sequence alone decides.
        self.clock = self.now.max(self.clock.saturating_add(1));
        let exhausted = || LedgerError::Storage("sequence numbers are exhausted".to_owned());
        self.position = self.position.checked_add(1).ok_or_else(exhausted)?;
        let sequence = self.position - self.start;
        Ok((self.position, OrderKey { micros: self.clock, origin: self.origin, sequence }))
    }

    /// Says the newest entry's position.
    fn save(mut self) -> Result<u64, LedgerError> {
        self.counters.insert(tables::CLOCK_COUNTER, self.clock.cast_unsigned())?;
        self.counters.insert(tables::SEQUENCE_COUNTER, self.position)?;
        Ok(self.position)
    }
}

/// Raises a counter, never lowers it.
pub(super) fn raise(
    counters: &mut Table<'_, &'static str, u64>,
    name: &'static str,
    value: u64,
) -> Result<(), LedgerError> {
    let standing = counters.get(name)?.map_or(0, |guard| guard.value());
    if value > standing {
        counters.insert(name, value)?;
    }
    Ok(())
}
