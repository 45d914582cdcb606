//! Some users that follow each other: what one version shares with the next, where nothing of them has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use akin_recommender::profile::Origin;

use super::item_numbering::ItemNumbering;
use super::packed::{PackedProfile, Rows, Unpacked};
use super::user_ids::UserIds;

/// One user in so many begins a block: a change of one user keeps the others of the block from being shared, and a block takes
/// some 250 bytes itself.
const USERS: u64 = 8;
/// A block that has so many bytes ends with the user who was begun last.
const LONG: usize = 1 << 18;

/// Users and their packed entries.
#[derive(Debug, Clone)]
pub struct Block(Arc<Users>);

#[derive(Debug, PartialEq)]
struct Users {
    ids: UserIds,
    /// Where the entries of each end.
    ends: Box<[usize]>,
    packed: Box<[u8]>,
    /// By position. Mostly those of the block before, and then the same in memory.
    origins: Arc<[Origin]>,
}

impl Block {
    /// Its users, of whom there is one at least.
    pub fn users(&self) -> &UserIds {
        &self.0.ids
    }

    /// The entries of the user at a position.
    pub fn profile<'a>(
        &'a self,
        position: usize,
        numbering: &'a ItemNumbering,
    ) -> Option<PackedProfile<'a>> {
        let Users { ends, packed, origins, .. } = &*self.0;
        let begin = position.checked_sub(1).map_or(0, |before| ends[before]);
        PackedProfile::new(&packed[begin..ends[position]], origins, numbering)
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.0.packed.len()
    }

    /// Whether it is the same in memory.
    #[cfg(test)]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A block that grows.
#[derive(Default)]
pub struct BlockBuilder {
    users: UserIds,
    ends: Vec<usize>,
    packed: Vec<u8>,
    origins: Vec<Origin>,
    /// Of the block before.
    last_origins: Arc<[Origin]>,
    /// Of the user begun last, whose end is not among `ends` yet.
    unpacked: Unpacked,
}

impl BlockBuilder {
    pub fn is_empty(&self) -> bool {
        self.users.len() == 0
    }

    pub fn first_user(&self) -> Option<&str> {
        self.users.first()
    }

    pub fn last_user(&self) -> Option<&str> {
        self.users.last()
    }

    /// Begins the next user.
    pub fn begin(&mut self, user: &str) {
        self.pack_last();
        self.users.push(user);
    }

    /// Nothing more comes of the user begun last. Whether the block ends before `next` begins: mostly that depends on who
    /// begins alone, and so whatever else a version changes, most blocks hold the same users as before.
    pub fn ends_before(&mut self, next: &str) -> bool {
        self.pack_last();
        let mut hasher = DefaultHasher::new();
        next.hash(&mut hasher);
        hasher.finish().is_multiple_of(USERS) || self.packed.len() >= LONG
    }

    /// Adds entries to the user begun last, whose origins are named by `names`.
    pub fn extend(
        &mut self,
        rows: Rows<'_>,
        ratings: impl Iterator<Item = Option<f32>>,
        names: &[Origin],
        numbering: &ItemNumbering,
    ) {
        let (origins, mut last) = (&mut self.origins, None);
        let positions = rows.found.iter().map(|found| match last {
            Some((origin, position)) if origin == found.origin => position,
            _ => {
                let position = position(origins, names[found.origin as usize]);
                last = Some((found.origin, position));
                position
            }
        });
        self.unpacked.extend(rows, ratings, positions, names, numbering);
    }

    /// The last item of the user begun last.
    pub fn last_item(&self) -> Option<u32> {
        self.unpacked.last_item()
    }

    fn pack_last(&mut self) {
        if self.ends.len() < self.users.len() {
            self.unpacked.pack(&mut self.packed);
            self.ends.push(self.packed.len());
        }
    }

    /// Ends the block, and is empty again. If it is the same as one of those `before`, it is that one.
    pub fn finish<'b>(&mut self, mut before: impl Iterator<Item = &'b Block>) -> Block {
        self.pack_last();
        if *self.last_origins != *self.origins {
            self.last_origins = self.origins.as_slice().into();
        }
        let users = Users {
            ids: self.users.take(),
            ends: self.ends.as_slice().into(),
            packed: self.packed.as_slice().into(),
            origins: self.last_origins.clone(),
        };
        self.ends.clear();
        self.packed.clear();
        self.origins.clear();
        match before.find(|before| *before.0 == users) {
            Some(same) => same.clone(),
            None => Block(users.into()),
        }
    }
}

/// Where an origin is; at the end if it was nowhere.
pub fn position(origins: &mut Vec<Origin>, origin: Origin) -> u32 {
    let known = origins.iter().position(|known| *known == origin);
    known.unwrap_or_else(|| {
        origins.push(origin);
        origins.len() - 1
    }) as u32
}
