//! What one user has in the ledger, within bounds: whoever rates thousands of items before a version contains them must not
//! hold up everybody else.

use akin_recommender::profile::{Entry, Origin, Profile};
use akin_schemas::{ItemId, UserId};
use redb::ReadableTable;

use super::recent::RecentRow;
use super::{read, tables};
use crate::ledger::{LedgerError, Submission};

/// So many entries are handed over with each of a user's ratings. More are read when it is their turn to be scored: who
/// waits for that would hold a copy of all of them meanwhile.
const HANDED_OVER: usize = 256;
/// Beside as many ratings as a user may have, so many times as many in all: what was rated can always be taken back.
const WITH_DELETIONS: usize = 2;

/// The entries of one user while a transaction adds some.
pub(super) struct OfUser {
    /// How many there are at least counted so: an item that was rated again lately counts again.
    count: usize,
    /// All of them, unless they are too many.
    profile: Option<Profile<ItemId>>,
}

impl OfUser {
    /// What the table by user has, and what is recent. Counts no further than matters, when at most `most` may be there.
    pub(super) fn read(
        users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
        user: &UserId,
        recent: &[RecentRow],
        origins: &[Origin],
        most: usize,
    ) -> Result<Self, LedgerError> {
        let enough = most.saturating_mul(WITH_DELETIONS).saturating_add(1);
        let (count, profile) =
            read::profile_up_to(HANDED_OVER, enough, users, user, recent, origins)?;
        Ok(Self { count, profile })
    }

    /// Whether so many entries more are too many, of `most` that may be there.
    pub(super) fn is_full(&self, added: &[&Submission], most: usize) -> bool {
        let are_deletions = added.iter().all(|submission| submission.rating.is_none());
        let most = if are_deletions { most.saturating_mul(WITH_DELETIONS) } else { most };
        self.count + added.len() > most
    }

    pub(super) fn add(&mut self, item: &ItemId, entry: Entry) {
        self.count += 1;
        match &mut self.profile {
            Some(profile) if self.count <= HANDED_OVER => {
                profile.apply(item.clone(), entry);
            }
            _ => self.profile = None,
        }
    }

    /// All entries, unless they are too many to be handed over.
    pub(super) fn into_profile(self) -> Option<Profile<ItemId>> {
        self.profile
    }
}

/// Whether a user has an entry for an item.
pub(super) fn has_entry(
    users: &impl ReadableTable<tables::UserKey, &'static [u8]>,
    recent: &[RecentRow],
    Submission { user, item, .. }: &Submission,
    origins: &[Origin],
) -> Result<bool, LedgerError> {
    if users.get((&**user, &*tables::entry_key(item)))?.is_some() {
        return Ok(true);
    }
    for row in recent {
        if row.read(origins)?.entry.item == *item {
            return Ok(true);
        }
    }
    Ok(false)
}
