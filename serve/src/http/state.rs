//! What every handler shares.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use akin_recommender::scoring::Scorer;
use akin_schemas::http::StateMachine;
use tokio::sync::{Semaphore, watch};

use crate::ledger::{
    ExecutionId, ExecutionRecord, Executions, Filter, GroupCommit, Ledger, Page, RequestName,
};
use crate::metrics::Metrics;
use crate::snapshot::{Live, Snapshot};

use super::body::Bodies;
use super::cross_origin::CrossOrigin;
use super::problem::Refusal;
use super::step_functions::AccessKeys;

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
    /// How bodies are read.
    pub bodies: Arc<Bodies>,
    /// Who may use the Step Functions door; everybody when there is none.
    pub access_keys: Option<Arc<AccessKeys>>,
    /// What its handles are named after.
    pub machine: Arc<StateMachine>,
    /// Which pages of other origins may ask.
    pub cross_origin: Arc<CrossOrigin>,
    /// Whether there is a page at `/`.
    pub shows_page: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who may have a list computed or wait for that; see [`State::score`].
    pub scoring: Arc<Semaphore>,
    /// When the server started, in microseconds since 1970.
    pub started_at: i64,
}

/// Lists that are computed on request, or wait for it: each holds its ratings and its version meanwhile.
pub const LISTS_AT_ONCE: usize = 1024;

thread_local! {
    static SCORER: RefCell<Scorer> = RefCell::default();
}

impl State {
    /// The version that serves now.
    ///
    /// # Errors
    /// Before the first version is loaded.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        self.live.current().ok_or_else(|| {
            // The reasons name places in the store: health has them for whoever runs the server.
            let is_damaged = self.live.refused().is_some() || self.live.unreachable().is_some();
            if is_damaged { Refusal::no_version_loads() } else { Refusal::no_version() }
        })
    }

    /// The execution that a name in an ARN stands for (its key, or what a client named it), as
    /// [`State::wait_for`] has it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn find(
        &self,
        name: &str,
        patience: Duration,
    ) -> Result<Option<(ExecutionId, Arc<ExecutionRecord>)>, Refusal> {
        // Keys first, which most names are: then the ledger is read once.
        if let Ok(id) = name.parse()
            && let Some(record) = self.wait_for(id, patience).await?
        {
            return Ok(Some((id, record)));
        }
        let (ledger, name) = (self.ledger.clone(), RequestName::of_machine(name.to_owned()));
        let found = actix_web::web::block(move || ledger.named(&name)).await;
        let Some(id) = found.map_err(|_| Refusal::internal())?? else { return Ok(None) };
        Ok(self.wait_for(id, patience).await?.map(|record| (id, record)))
    }

    /// An execution when it has ended, after `patience`, or when the server is about to stop; none if nobody knows it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn wait_for(
        &self,
        id: ExecutionId,
        patience: Duration,
    ) -> Result<Option<Arc<ExecutionRecord>>, Refusal> {
        if patience.is_zero() {
            return Ok(self.executions.wait(id, patience).await?);
        }
        let mut draining = self.draining.clone();
        tokio::select! {
            record = self.executions.wait(id, patience) => Ok(record?),
            // Who waits is told what there is, so that the server can stop.
            _ = draining.wait_for(|draining| *draining) => {
                Ok(self.executions.wait(id, Duration::ZERO).await?)
            }
        }
    }

    /// A part of a listing.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn list(&self, filter: &Filter, limit: usize) -> Result<Page, Refusal> {
        let (filter, executions) = (filter.clone(), self.executions.clone());
        let page = actix_web::web::block(move || executions.list(&filter, limit)).await;
        Ok(page.map_err(|_| Refusal::internal())??)
    }

    /// Runs `work` with this thread's accumulators, off the threads that answer requests.
    ///
    /// # Errors
    /// What `work` returns; when [`LISTS_AT_ONCE`] are computed or wait already.
    pub async fn score<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scorer) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = "too many lists are being computed";
        let place = self.scoring.clone().try_acquire_owned();
        let place = place.map_err(|_| Refusal::overloaded(busy))?;
        let metrics = self.metrics.scoring.clone();
        let run = move || {
            // Until it has run, though the client may have gone.
            let _place = place;
            SCORER.with_borrow_mut(|scorer| {
                let began = Instant::now();
                let scored = catch_unwind(AssertUnwindSafe(|| work(scorer)));
                metrics.scored(began, scorer);
                if scored.is_err() {
                    // What the panic left behind is not used again.
                    *scorer = Scorer::default();
                }
                scored
            })
        };
        match actix_web::web::block(run).await {
            Ok(Ok(scored)) => scored,
            // To be counted and logged as any other of this request.
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(Refusal::internal()),
        }
    }
}
