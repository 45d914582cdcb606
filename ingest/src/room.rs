//! What ids and rows take of the memory that they may take.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::IngestError;

/// Memory that is allowed, in bytes, and how much of it is taken. Several threads take of it.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    taken: AtomicU64,
}

impl Room {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, taken: AtomicU64::new(0) }
    }

    /// Takes so many bytes.
    pub(super) fn take(&self, bytes: u64) -> Result<(), IngestError> {
        self.check(bytes)?;
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Checks that so many bytes can be used beside what is taken.
    pub(super) fn check(&self, bytes: u64) -> Result<(), IngestError> {
        let needed = self.taken.load(Ordering::Relaxed).saturating_add(bytes);
        if needed <= self.limit {
            return Ok(());
        }
        Err(IngestError::TooLarge { needed, limit: self.limit })
    }

    /// What is left.
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.taken.load(Ordering::Relaxed))
    }
}
