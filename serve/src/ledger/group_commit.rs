//! One thread commits what many clients send: whatever is queued when the last commit is finished
//! goes into the next.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::Utc;
use thiserror::Error;
use tokio::sync::oneshot;

use super::{
    Accepted, ExecutionId, ExecutionRecord, Executions, Finished, Ledger, LedgerError, Outcome,
    Submission,
};
use queue::{Job, Queue, Turn};

/// What a client gets for a rating: it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The handle.
    pub execution: ExecutionId,
    /// When it was accepted, in microseconds since 1970.
    pub started_at: i64,
}

/// What a submitter hears: a receipt for each submission, or why none of them was accepted.
pub type Answer = Result<Vec<Receipt>, LedgerError>;

/// Why a submission was not even queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Too much is waiting already. Try again in a moment.
    #[error("too many ratings are waiting to be written")]
    QueueFull,
    /// A write failed. Nothing is accepted until a restart.
    #[error("the ledger accepts nothing after a failed write")]
    Poisoned,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Closing,
}

/// Takes what was accepted, in the order of acceptance. May block: then the queue fills, and
/// submitters are refused.
pub type OnAccepted = Box<dyn FnMut(Vec<Accepted>) + Send>;

/// Queues submissions and outcomes for the ledger.
pub struct GroupCommit {
    queue: Arc<Queue>,
    executions: Arc<Executions>,
    thread: Mutex<Option<JoinHandle<()>>>,
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
        on_accepted: OnAccepted,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(capacity));
        let committer = Committer { ledger, executions: executions.clone(), queue: queue.clone() };
        let thread = thread::Builder::new().name("ledger".to_owned());
        let thread = thread.spawn(move || committer.run(on_accepted))?;
        Ok(Self { queue, executions, thread: Mutex::new(Some(thread)) })
    }

    /// Queues submissions that are accepted together or not at all. Never waits. The answer comes
    /// after the commit; if it never comes, the thread has died and nothing is known.
    ///
    /// # Errors
    /// When the queue is full (always so for more submissions than fit), the ledger is poisoned, or
    /// the server shuts down.
    pub fn submit(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let (answer, receiver) = oneshot::channel();
        self.queue.push(Job { submissions, answer })?;
        Ok(receiver)
    }

    /// Ends an execution: visible at once, on disk with the next commit or soon after. Never waits
    /// for a commit; reads the ledger only for an execution that was not taken up since the start.
    /// Says whether this was its first end.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn finish(&self, finished: Finished) -> Result<bool, LedgerError> {
        let first = self.executions.finish(&finished)?;
        if first {
            self.queue.push_outcome(finished);
        }
        Ok(first)
    }

    /// How many submissions wait to be written.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Shuts down: refuses new submissions, commits all that are queued, drops `on_accepted` (so
    /// that whoever receives from it knows that nothing more comes), waits until every execution in
    /// work has ended or `patience` is over, writes their outcomes, and ends the thread. Executions
    /// still running are swept at the next start.
    ///
    /// Blocks. Called from `on_accepted` it would wait for itself.
    pub fn close(&self, patience: Duration) {
        self.queue.close(patience);
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
        self.queue.close(Duration::ZERO);
    }
}

/// The thread's side.
struct Committer {
    ledger: Arc<dyn Ledger>,
    executions: Arc<Executions>,
    queue: Arc<Queue>,
}

impl Drop for Committer {
    /// However the thread ends, nobody may wait for it.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

impl Committer {
    fn run(self, on_accepted: OnAccepted) {
        let mut on_accepted = Some(on_accepted);
        loop {
            match self.queue.take(|| self.executions.in_work()) {
                Turn::Work(jobs, finished) => self.commit(jobs, finished, &mut on_accepted),
                Turn::Drained => on_accepted = None,
                Turn::End => return,
            }
        }
    }

    fn commit(
        &self,
        jobs: Vec<Job>,
        finished: Vec<Finished>,
        on_accepted: &mut Option<OnAccepted>,
    ) {
        let mut batch = Vec::with_capacity(jobs.len());
        let mut answers = Vec::with_capacity(jobs.len());
        for Job { submissions, answer } in jobs {
            answers.push((submissions.len(), answer));
            batch.extend(submissions);
        }
        let now = Utc::now().timestamp_micros();
        match self.ledger.accept(&batch, &finished, now) {
            Ok(accepted) => {
                self.executions.written(finished.iter().map(|finished| &finished.id));
                self.answer(batch, answers, accepted, on_accepted);
            }
            Err(error) if self.ledger.is_poisoned() => {
                self.queue.poison();
                refuse(answers, &error);
            }
            // One of these cannot be written, an unreadable record in its way; its neighbours can.
            Err(_) if answers.len() + usize::from(!finished.is_empty()) > 1 => {
                self.commit(Vec::new(), finished, on_accepted);
                let mut rest = batch.into_iter();
                for (count, answer) in answers {
                    let submissions = rest.by_ref().take(count).collect();
                    self.commit(vec![Job { submissions, answer }], Vec::new(), on_accepted);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a batch was not accepted");
                refuse(answers, &error);
            }
        }
    }

    fn answer(
        &self,
        batch: Vec<Submission>,
        answers: Vec<(usize, oneshot::Sender<Answer>)>,
        accepted: Vec<Accepted>,
        on_accepted: &mut Option<OnAccepted>,
    ) {
        // Before the answers: who has a handle may ask for it at once.
        for (submission, Accepted { execution, started_at, .. }) in batch.iter().zip(&accepted) {
            let record = ExecutionRecord::running(submission, *started_at);
            self.executions.begin(*execution, record);
        }
        let receipt = |accepted: &Accepted| Receipt {
            execution: accepted.execution,
            started_at: accepted.started_at,
        };
        let mut receipts = accepted.iter().map(receipt);
        for (count, answer) in answers {
            // A client that has gone away loses nothing but its answer.
            let _ = answer.send(Ok(receipts.by_ref().take(count).collect()));
        }
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
            if matches!(self.executions.finish(&finished), Ok(true)) {
                self.queue.push_outcome(finished);
            }
        }
    }
}

fn refuse(answers: Vec<(usize, oneshot::Sender<Answer>)>, error: &LedgerError) {
    for (_, answer) in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;
