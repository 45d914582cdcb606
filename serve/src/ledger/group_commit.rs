//! One thread commits what many clients send: whatever is queued when the last commit is finished
//! goes into the next.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use akin_schemas::UserId;
use chrono::Utc;
use thiserror::Error;
use tokio::sync::oneshot;

use super::{
    Accepted, Answered, ExecutionId, Executions, Finished, Ledger, LedgerError, Outcome, Receipt,
    Request,
};
use crate::metrics::CommitMetrics;
use queue::{End, Job, Queue, Turn};

/// What a client gets for a request: it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// One for each submission, in their order.
    pub receipts: Vec<Receipt>,
    /// Whether it had been accepted before, under the same name.
    pub is_repeated: bool,
}

/// Why nothing of a request was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejection {
    /// Its name stands for another one.
    #[error("the name is taken: execution {0} answers another request")]
    NameTaken(ExecutionId),
    /// One of its users has too many ratings that no version contains.
    #[error("the user {user:?} has {most} ratings that no version contains yet")]
    TooMany {
        /// Who.
        user: UserId,
        /// How many may be there.
        most: usize,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What a submitter hears.
pub type Answer = Result<Reply, Rejection>;

/// Why a submission was not even queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Too much is waiting already. Try again in a moment.
    #[error("too many ratings are waiting to be written")]
    QueueFull,
    /// The disk failed. Nothing is accepted until a restart.
    #[error("the ledger accepts nothing after its disk failed")]
    Poisoned,
    /// The ledger's file is gone. Nothing is accepted until a restart.
    #[error("the ledger accepts nothing after its file was removed or replaced")]
    FileGone,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Closing,
}

/// Takes what was accepted, in the order of acceptance. May block: then the queue fills, and
/// submitters are refused.
pub type OnAccepted = Box<dyn FnMut(Vec<Accepted>) + Send>;

/// Queues submissions and outcomes for the ledger.
pub struct GroupCommit {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What clients and the thread work on.
struct Shared {
    ledger: Arc<dyn Ledger>,
    queue: Queue,
    executions: Arc<Executions>,
    metrics: CommitMetrics,
    has_lost_file: AtomicBool,
}

impl Shared {
    /// Ends an execution: seen by all when it is on disk, of which `written` tells, too. Says whether this was its first
    /// end; otherwise nobody is told anything.
    fn finish(
        &self,
        finished: &Finished,
        written: Option<oneshot::Sender<()>>,
    ) -> Result<bool, LedgerError> {
        let first = self.executions.finish(finished)?;
        if first {
            self.queue.push_end(End { record: self.ledger.record(finished), written });
        }
        Ok(first)
    }
}

impl GroupCommit {
    /// Starts the thread. `capacity` submissions may wait at once. `on_accepted` gets all that is
    /// on disk, whether or not the client is still there.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        ledger: Arc<dyn Ledger>,
        executions: Arc<Executions>,
        capacity: usize,
        metrics: CommitMetrics,
        on_accepted: OnAccepted,
    ) -> std::io::Result<Self> {
        let queue = Queue::new(capacity);
        let has_lost_file = AtomicBool::new(false);
        let shared = Arc::new(Shared { ledger, queue, executions, metrics, has_lost_file });
        let committer = Committer(shared.clone());
        let thread = thread::Builder::new().name("ledger".to_owned());
        let thread = thread.spawn(move || committer.run(on_accepted))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Accepts nothing any more, not even what waits: the ledger's file is not where the next start looks for it. What was
    /// accepted before can still be read.
    pub fn lose_file(&self) {
        self.shared.has_lost_file.store(true, Ordering::Release);
    }

    /// Whether nothing is accepted because the ledger's file is gone.
    pub fn has_lost_file(&self) -> bool {
        self.shared.has_lost_file.load(Ordering::Acquire)
    }

    /// Queues a request. Never waits. The answer comes after the commit; if it never comes, the thread has died and nothing is known.
    ///
    /// # Errors
    /// When the queue is full (always so for more submissions than fit), the ledger is poisoned, or
    /// the server shuts down.
    pub fn submit(
        &self,
        request: impl Into<Request>,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        if self.has_lost_file() {
            return Err(Refusal::FileGone);
        }
        let (answer, receiver) = oneshot::channel();
        self.shared.queue.push(Job { request: request.into(), answer })?;
        Ok(receiver)
    }

    /// Ends an execution: with the next commit, which comes at once when no requests are expected to
    /// bring it on; seen by all from then on. Never waits for that; reads the ledger only for an
    /// execution that was not taken up since the start. Says whether this was its first end. After the
    /// disk has failed nobody sees it; the next start scores anew.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn finish(&self, finished: &Finished) -> Result<bool, LedgerError> {
        self.shared.finish(finished, None)
    }

    /// Ends an execution as [`GroupCommit::finish`] does, and tells when its end is on disk; none
    /// when it had ended before. If the answer never comes, the write has failed.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn finish_durably(
        &self,
        finished: &Finished,
    ) -> Result<Option<oneshot::Receiver<()>>, LedgerError> {
        let (written, receiver) = oneshot::channel();
        Ok(self.shared.finish(finished, Some(written))?.then_some(receiver))
    }

    /// How many submissions may wait to be written.
    pub fn capacity(&self) -> usize {
        self.shared.queue.capacity()
    }

    /// How many submissions wait to be written.
    pub fn waiting(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// Shuts down: refuses new submissions, commits all that are queued, drops `on_accepted` (so
    /// that whoever receives from it knows that nothing more comes), waits until every execution in
    /// work has ended or `patience` is over, writes their outcomes, and ends the thread. Executions
    /// still running are swept at the next start.
    ///
    /// Blocks. Called from `on_accepted` it would wait for itself.
    pub fn close(&self, patience: Duration) {
        self.shared.queue.close(patience);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the ledger's thread had died");
        }
    }
}

impl Drop for GroupCommit {
    /// What is queued is still committed, but nobody waits for it.
    fn drop(&mut self) {
        self.shared.queue.close(Duration::ZERO);
    }
}

/// The thread's side.
struct Committer(Arc<Shared>);

impl Drop for Committer {
    /// However the thread ends, nobody may wait for it.
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

impl Committer {
    fn run(self, on_accepted: OnAccepted) {
        let mut on_accepted = Some(on_accepted);
        loop {
            match self.0.queue.take(|| self.0.executions.in_work()) {
                Turn::Work(jobs, ends) => self.commit(jobs, ends, &mut on_accepted),
                Turn::Drained => on_accepted = None,
                Turn::End => return,
            }
        }
    }

    fn commit(&self, jobs: Vec<Job>, ends: Vec<End>, on_accepted: &mut Option<OnAccepted>) {
        let (mut requests, mut waiting): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|Job { request, answer }| (request, answer)).unzip();
        if self.0.has_lost_file.load(Ordering::Acquire) {
            requests.clear();
            refuse(std::mem::take(&mut waiting), &LedgerError::FileGone);
            if ends.is_empty() {
                return;
            }
        }
        let (records, ended): (Vec<_>, Vec<_>) =
            ends.into_iter().map(|End { record, written }| (record, written)).unzip();
        let now = Utc::now().timestamp_micros();
        let began = Instant::now();
        let committed = self.0.ledger.commit(&requests, &records, now);
        let ratings = requests.iter().map(|request| request.submissions.len()).sum();
        self.0.metrics.committed(ratings, began.elapsed());
        match committed {
            Ok(answered) => {
                let accepted = self.answer(waiting, answered);
                self.0.executions.written(records.iter().map(|record| &record.id));
                for (record, written) in records.iter().zip(ended) {
                    self.0.metrics.ended(record.status);
                    let _ = written.map(|written| written.send(()));
                }
                self.hand_on(accepted, on_accepted);
            }
            Err(error) if self.0.ledger.is_poisoned() => {
                self.0.queue.poison();
                self.0.executions.give_up();
                refuse(waiting, &error);
            }
            // One of these cannot be written, an unreadable record in its way; its neighbours can.
            Err(_) if waiting.len() + usize::from(!records.is_empty()) > 1 => {
                let ends = records.into_iter().zip(ended);
                let ends = ends.map(|(record, written)| End { record, written });
                self.commit(Vec::new(), ends.collect(), on_accepted);
                for (request, answer) in requests.into_iter().zip(waiting) {
                    self.commit(vec![Job { request, answer }], Vec::new(), on_accepted);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a batch was not accepted");
                refuse(waiting, &error);
            }
        }
    }

    /// Answers those who wait, and returns what was accepted.
    fn answer(
        &self,
        waiting: Vec<oneshot::Sender<Answer>>,
        answered: Vec<Answered>,
    ) -> Vec<Accepted> {
        // Before the answers: who has a handle may ask for it at once.
        self.0.executions.begin(answered.iter().flat_map(Answered::accepted).map(Accepted::begun));
        let mut all_accepted = Vec::new();
        for (answer, answered) in waiting.into_iter().zip(answered) {
            let reply = match answered {
                Answered::Repeated(receipts) => {
                    self.0.metrics.repeated(receipts.len());
                    Ok(Reply { receipts, is_repeated: true })
                }
                Answered::NameTaken(by) => Err(Rejection::NameTaken(by)),
                Answered::TooMany { user, most } => Err(Rejection::TooMany { user, most }),
                Answered::Accepted(accepted) => {
                    self.0.metrics.accepted(accepted.len());
                    let receipts = accepted.iter().map(Accepted::receipt).collect();
                    all_accepted.extend(accepted);
                    Ok(Reply { receipts, is_repeated: false })
                }
            };
            // A client that has gone away loses nothing but its answer.
            let _ = answer.send(reply);
        }
        all_accepted
    }

    fn hand_on(&self, accepted: Vec<Accepted>, on_accepted: &mut Option<OnAccepted>) {
        if let Some(on_accepted) = on_accepted
            && !accepted.is_empty()
        {
            let ids: Vec<_> = accepted.iter().map(|accepted| accepted.execution).collect();
            if catch_unwind(AssertUnwindSafe(|| on_accepted(accepted))).is_err() {
                self.fail(&ids);
            }
        }
    }

    /// Ends executions that nobody will end any more.
    fn fail(&self, ids: &[ExecutionId]) {
        let stopped_at = Utc::now().timestamp_micros();
        for &id in ids {
            let error = "InternalError".to_owned();
            let cause = "the rating is kept, but nobody took it up for scoring".to_owned();
            let finished = Finished { id, outcome: Outcome::Failed { error, cause }, stopped_at };
            if let Err(error) = self.0.finish(&finished, None) {
                tracing::error!(%error, execution = %id, "an outcome could not be noted");
            }
        }
    }
}

fn refuse(waiting: Vec<oneshot::Sender<Answer>>, error: &LedgerError) {
    for answer in waiting {
        let _ = answer.send(Err(error.clone().into()));
    }
}

#[cfg(test)]
mod tests;
