//! The stage that writes a version's report, from the store and from what `ingest` left.
//!
//! `publish` writes none: its commit should wait for nothing, and a report that failed can be made again without it.

use akin_schemas::stage::{ReportRequest, Reported};
use akin_store::Store;
use tracing::warn;

use crate::failure::Failure;
use crate::report::{self, Observed};

use super::work::Work;

/// Writes the report of what was published, unless it is there.
///
/// # Errors
/// See [`Failure`]; the version stays published.
pub fn report(store: &dyn Store, request: &ReportRequest) -> Result<Reported, Failure> {
    let published = &request.publish;
    let (report, warnings) =
        report::write(store, published.sequence, observed(&Work::new(store, &published.run)))?;
    Ok(Reported {
        run: published.run.clone(),
        version: published.version.clone(),
        report,
        warnings,
    })
}

/// What `ingest` saw. A clean-up may have taken it: then the report has words in its place.
fn observed(work: &Work<'_>) -> Observed {
    match work.ingested() {
        Ok(Some((ingested, details))) => Observed {
            ratings: details.rating_figures,
            read: Some(ingested.ratings_read),
            rejected: ingested.rejected_by_reason,
            stages: Vec::new(),
        },
        Ok(None) => Observed::default(),
        Err(failure) => {
            let error = failure.chain();
            warn!(error, "the report goes without what ingest left");
            Observed::default()
        }
    }
}
