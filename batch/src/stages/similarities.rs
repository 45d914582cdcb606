//! The stage that can be divided: each shard computes the neighbours of a block of targets.

use akin_schemas::stage::{Shard, Similarities, SimilaritiesRequest};
use akin_store::Store;

use crate::failure::Failure;
use crate::ingest::Rows;
use crate::memory;
use crate::progress::StageProgress;
use crate::run::{
    Facts, ItemStatistics, check_memory, compute, matrix_of, put_neighbours, restored,
};
use crate::threads::on_threads;

use super::ingest::options;
use super::work::Work;

/// Computes a shard, and leaves its rows in the run's folder.
///
/// # Errors
/// See [`Failure`].
pub fn similarities(
    store: &dyn Store,
    request: &SimilaritiesRequest,
    asked: Option<Shard>,
) -> Result<Similarities, Failure> {
    let shard = match (asked, request.shard) {
        (Some(asked), Some(stated)) if asked != stated => {
            return Err(Failure::Usage(format!(
                "--shard {asked} contradicts the document, which says {stated}; leave one of them out"
            )));
        }
        (Some(shard), _) | (None, Some(shard)) => shard,
        (None, None) => {
            return Err(Failure::Usage(
                "no shard is named; add --shard, such as --shard 1/1 for everything".to_owned(),
            ));
        }
    };
    let ingested = &request.ingest;
    let work = Work::new(store, &ingested.run);
    let name = format!("similarities-{}-of-{}", shard.index() + 1, shard.count());
    work.once(&name, &(ingested, shard), || {
        let details = work.details(ingested)?;
        let options = options(&ingested.store, &details.options)?;
        let measure = options.similarity.measure()?;
        let max_memory = memory::allowed_bytes(options.max_memory);
        on_threads(options.threads, || {
            let mut ratings = restored(store, &details.items, &details.profiles, max_memory)?;
            let facts = Facts::of(&ratings, None);
            let statistics = ItemStatistics::of(&ratings, &facts);
            check_memory(&options, &measure, &ratings, &facts, &statistics)?;
            let matrix = matrix_of(&measure, &ratings)?;
            // Similarities need the room.
            ratings.rows = Rows::default();
            let share = (shard.index(), shard.count());
            let progress = StageProgress::new();
            let (block, weight) = compute(&options, &measure, &matrix, share, &progress)?;
            let (put, ids) = (work.parts(&name), &ratings.items);
            Ok(Similarities {
                run: ingested.run.clone(),
                shard,
                pairs: block.rows.pair_count() as u64,
                measure: options.similarity.manifest(&measure, &weight),
                neighbours: put_neighbours(&put, ids, block.first, &block.rows, &|| ())?,
            })
        })
    })
}
