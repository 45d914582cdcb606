//! What every handler shares.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use akin_recommender::scoring::Scorer;
use tokio::sync::watch;

use crate::ledger::{Executions, GroupCommit, Ledger};
use crate::snapshot::{Live, Snapshot};

use super::problem::Refusal;

/// Handles to the parts of the server.
#[derive(Clone)]
pub struct State {
    /// The current version.
    pub live: Arc<Live>,
    /// Accepted ratings.
    pub ledger: Arc<dyn Ledger>,
    /// The way into the ledger.
    pub commit: Arc<GroupCommit>,
    /// Executions in work and finished.
    pub executions: Arc<Executions>,
    /// Turns true when the server is about to stop.
    pub draining: watch::Receiver<bool>,
    /// How long a body may take.
    pub body_deadline: Duration,
}

thread_local! {
    static SCORER: RefCell<Scorer> = RefCell::default();
}

impl State {
    /// The version that serves now.
    ///
    /// # Errors
    /// Before the first version is loaded.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        self.live.current().ok_or_else(Refusal::no_version)
    }

    /// Runs `work` with this thread's accumulators, off the threads that answer requests.
    ///
    /// # Errors
    /// What `work` returns, or an internal error when it panics.
    pub async fn score<T: Send + 'static>(
        work: impl FnOnce(&mut Scorer) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let run = move || SCORER.with_borrow_mut(work);
        actix_web::web::block(run).await.unwrap_or_else(|_| Err(Refusal::internal()))
    }
}
