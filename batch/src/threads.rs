//! The threads of a command.

use crate::failure::Failure;

/// Works on a pool of so many threads, by default one a processor: what asks rayon finds them.
///
/// # Errors
/// When the threads cannot be started, and what `work` gives.
pub fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(Failure::internal)?;
    pool.install(work)
}
