//! Lets go of ledger entries that published versions contain.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use akin_recommender::profile::Origin;
use akin_schemas::Manifest;
use akin_store::{OpenError, Store, StoreError, published_sequences, read_manifest};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::ledger::{Ledger, LedgerError};

/// Entries or executions forgotten at once: a call holds up accepting.
pub const AT_ONCE: usize = 250;
/// Between two calls, so that what came meanwhile is accepted. Some 10,000 a second go.
pub const REST: Duration = Duration::from_millis(10);

/// For each origin, up to which entry it may be forgotten once the version of `serving` serves: what that version and the
/// publication before it contain. Should the newest version turn out damaged at the next start, the one before it serves,
/// and nothing is missing. With one publication alone nothing may be forgotten.
///
/// # Errors
/// When the store fails. A manifest that cannot be believed is passed over, as at a start.
pub fn forgettable(
    store: &dyn Store,
    serving: &Manifest,
) -> Result<BTreeMap<Origin, u64>, StoreError> {
    for sequence in published_sequences(store, None)?.into_iter().rev() {
        if sequence >= serving.sequence {
            continue;
        }
        return match read_manifest(store, sequence) {
            Ok(before) => Ok(contained_by_both(&before.watermark, &serving.watermark)),
            Err(OpenError::Store(error)) => Err(error),
            Err(_) => continue,
        };
    }
    Ok(BTreeMap::new())
}

fn contained_by_both(
    one: &BTreeMap<String, u64>,
    other: &BTreeMap<String, u64>,
) -> BTreeMap<Origin, u64> {
    let both = one.iter().filter_map(|(origin, &through)| {
        Some((origin.parse().ok()?, through.min(*other.get(origin)?)))
    });
    both.collect()
}

/// Forgets what is flushed and contained, until nothing of it is left or `is_over`. Says how many entries went, and whether
/// all did.
///
/// # Errors
/// When the ledger fails.
pub fn forget_contained(
    ledger: &dyn Ledger,
    through: &BTreeMap<Origin, u64>,
    is_over: impl Fn() -> bool,
) -> Result<(u64, bool), LedgerError> {
    let mut forgotten = 0;
    loop {
        let gone = ledger.forget_contained(through, AT_ONCE)?;
        forgotten += gone;
        if gone < AT_ONCE as u64 {
            return Ok((forgotten, true));
        }
        if is_over() {
            return Ok((forgotten, false));
        }
        thread::sleep(REST);
    }
}

/// Lets go of what the serving version contains, and says whether that is done.
pub fn forget_or_warn(
    ledger: &dyn Ledger,
    store: &dyn Store,
    serving: &Manifest,
    draining: &watch::Receiver<bool>,
) -> bool {
    if ledger.is_poisoned() {
        return true;
    }
    let through = match forgettable(store, serving) {
        Ok(through) => through,
        Err(error) => {
            warn!(%error, "the ledger keeps what the version contains for now");
            return false;
        }
    };
    match forget_contained(ledger, &through, || *draining.borrow()) {
        Ok((0, is_done)) => is_done,
        Ok((entries, is_done)) => {
            info!(entries, "the ledger forgets what the version contains");
            is_done
        }
        Err(error) => {
            warn!(%error, "the ledger keeps what the version contains for now");
            false
        }
    }
}
