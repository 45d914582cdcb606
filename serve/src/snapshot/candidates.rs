//! The best items of each user of a version, found in the background after the version is loaded: a list after a few new
//! ratings is then found from them, rather than from nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use akin_recommender::profile::Profile;
use akin_recommender::scoring::{CandidateLists, Candidates, Scorer};

use super::Snapshot;
use super::profiles::{Place, Profiles};

/// What is kept, by chunks of users; a chunk is there when all of it is.
pub struct KeptCandidates {
    chunks: Box<[OnceLock<CandidateLists>]>,
    users: AtomicU64,
}

impl KeptCandidates {
    /// Nothing is found yet.
    pub fn none_yet(profiles: &Profiles) -> Self {
        let chunks = profiles.chunk_lengths().map(|_| OnceLock::new()).collect();
        Self { chunks, users: AtomicU64::new(0) }
    }

    /// Those of the user at a place, once they are found.
    pub fn get(&self, place: Place) -> Option<Candidates<'_>> {
        self.chunks[place.chunk].get()?.get(place.position)
    }
}

impl Snapshot {
    /// How many users there are.
    pub fn user_count(&self) -> u64 {
        self.profiles.chunk_lengths().map(|users| users as u64).sum()
    }

    /// For how many users it is found what may be kept of them.
    pub fn users_with_candidates(&self) -> u64 {
        self.candidates.users.load(Ordering::Relaxed)
    }

    /// Finds the `count` best items of each user, and ends when it is done or `goes_on`, which is asked before each user,
    /// says no.
    pub fn keep_candidates(&self, count: usize, mut goes_on: impl FnMut() -> bool) {
        let (mut scorer, nothing_newer) = (Scorer::default(), Profile::default());
        for (chunk, users) in self.profiles.chunk_lengths().enumerate() {
            let mut lists = CandidateLists::with_room(users, count);
            for position in 0..users {
                if !goes_on() {
                    return;
                }
                let user = self.profiles.user(Place { chunk, position });
                let ratings = self.ratings(user, &nothing_newer).ratings;
                scorer.keep_candidates(&self.model, &ratings, count, &mut lists);
            }
            // Once, even if it is begun again after a panic.
            if self.candidates.chunks[chunk].set(lists).is_ok() {
                self.candidates.users.fetch_add(users as u64, Ordering::Relaxed);
            }
        }
    }
}
