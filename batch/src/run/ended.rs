//! Leaving word that a run ended well.

use akin_schemas::{LastRun, Manifest};
use akin_store::{Store, write_last_run};
use chrono::Utc;
use tracing::warn;

use super::PROGRAM;

/// Records that a run ended well just now: that it published this version, or found it to hold its input already.
///
/// Whoever watches sees from it that runs go on, in nights without news, too. Nothing else rests on it, so that a failure
/// is told of and no more. A rollback is no run, and leaves the record alone: it would hide that runs have stopped.
pub(crate) fn record_end(store: &dyn Store, manifest: &Manifest, published: bool) {
    let run = LastRun {
        finished_at: Utc::now(),
        published,
        version: manifest.version.clone(),
        sequence: manifest.sequence,
        written_by: PROGRAM.to_owned(),
    };
    if let Err(error) = write_last_run(store, &run) {
        let error = error.chain();
        warn!(
            error,
            "the run ended well, but last-run.json does not say so: alarms may take it for one that did not run"
        );
    }
}
