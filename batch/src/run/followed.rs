//! What follows a commit: what people look at, and the logs by which other programs find the tables.

use std::error::Error;

use akin_schemas::Manifest;
use akin_store::{
    DeltaLogError, OpenError, Store, ensure_delta_logs, extend_delta_logs, write_pointers,
    write_pointers_after,
};
use tracing::warn;

use crate::failure::chain;

/// Writes what follows the commit of this publication, just now. A failure is told of and no more: what was published
/// stands, and the next run mends the rest.
pub(crate) fn follow(store: &dyn Store, committed: &Manifest) {
    tell_of_pointers(write_pointers_after(store, committed));
    tell_of_logs(extend_delta_logs(store, committed));
}

/// The same for a publication that was committed earlier, where most of it will be there.
pub(crate) fn follow_again(store: &dyn Store, committed: &Manifest) {
    tell_of_pointers(write_pointers(store));
    complete_logs(store, committed);
}

/// Adds to the logs what an earlier run left out.
pub(crate) fn complete_logs(store: &dyn Store, newest: &Manifest) {
    tell_of_logs(ensure_delta_logs(store, newest));
}

fn tell_of_pointers(outcome: Result<(), OpenError>) {
    if let Err(error) = outcome {
        tell(&error, "the version is published, but current.json and views.sql are out of date");
    }
}

fn tell_of_logs(outcome: Result<(), DeltaLogError>) {
    if let Err(error) = outcome {
        tell(
            &error,
            "the version is published, but Delta Lake's readers see an older one until the next run, or akin-batch check --repair, \
             completes the logs",
        );
    }
}

fn tell(error: &(dyn Error + 'static), what: &str) {
    warn!(error = chain(error), "{what}");
}
