//! The executions in work: who asks for one sees its end when that is on disk, and never sees another.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{ExecutionId, ExecutionRecord, Filter, Finished, Ledger, LedgerError, Page};
use recent::Recent;

/// What executions that ended lately may take of memory. One with ten recommendations takes about 1 KiB, and 4 once somebody
/// has asked for it; each is counted as if.
const RECENT_BYTES: usize = 14 << 20;

/// Answers for every execution: those in work, or finished lately, from memory; all others from the
/// ledger. Memory is bounded by what is in work, and a number of bytes.
pub struct Executions {
    ledger: Arc<dyn Ledger>,
    memory: Mutex<Memory>,
}

struct Memory {
    /// In work.
    live: HashMap<ExecutionId, LiveExecution>,
    /// Out of work.
    recent: Recent,
}

/// An execution in work: it runs, for all that anybody is told.
struct LiveExecution {
    record: Arc<ExecutionRecord>,
    /// With its end, which is on its way to the disk.
    ending: Option<Arc<ExecutionRecord>>,
    /// Since when this process has had it.
    since: Instant,
    /// Who wants to know when it ends.
    waiting: Vec<oneshot::Sender<Arc<ExecutionRecord>>>,
}

impl LiveExecution {
    fn new(record: Arc<ExecutionRecord>) -> Self {
        Self { record, ending: None, since: Instant::now(), waiting: Vec::new() }
    }

    /// How it stands, and what tells its end.
    fn sight(&mut self) -> Sight {
        let (sender, end) = oneshot::channel();
        // Those whose patience was over.
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.push(sender);
        Sight::Running(self.record.clone(), end)
    }
}

/// Those who wait for an end, and the end.
struct Told {
    record: Arc<ExecutionRecord>,
    waiting: Vec<oneshot::Sender<Arc<ExecutionRecord>>>,
}

impl Told {
    /// Wakes them: not while the lock is held, which they want next.
    fn tell(self) {
        for waiting in self.waiting {
            let _ = waiting.send(self.record.clone());
        }
    }
}

/// What is known of an execution at one moment.
enum Sight {
    Ended(Arc<ExecutionRecord>),
    Running(Arc<ExecutionRecord>, oneshot::Receiver<Arc<ExecutionRecord>>),
}

impl Memory {
    fn standing(&self, id: &ExecutionId) -> Option<&Arc<ExecutionRecord>> {
        self.live.get(id).map(|live| &live.record).or(self.recent.get(id))
    }

    fn sight(&mut self, id: &ExecutionId) -> Option<Sight> {
        match self.live.get_mut(id) {
            Some(live) => Some(live.sight()),
            None => self.recent.get(id).cloned().map(Sight::Ended),
        }
    }

    /// Takes an execution out of work whose end is on disk: `end`, or the one that was on its way.
    fn ended(&mut self, id: &ExecutionId, end: Option<Arc<ExecutionRecord>>) -> Option<Told> {
        let live = self.live.remove(id)?;
        let record = end.or(live.ending)?;
        self.recent.keep(*id, record.clone());
        Some(Told { record, waiting: live.waiting })
    }
}

impl Executions {
    /// Over a ledger.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        let memory = Memory { live: HashMap::new(), recent: Recent::new(RECENT_BYTES) };
        Self { ledger, memory: Mutex::new(memory) }
    }

    /// An execution as it stands; none if nobody knows it. Reads the ledger, so it may wait for the
    /// disk.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn get(&self, id: &ExecutionId) -> Result<Option<Arc<ExecutionRecord>>, LedgerError> {
        // In this order: an execution leaves memory only after its end is in the ledger.
        match self.in_memory(id) {
            Some(record) => Ok(Some(record)),
            None => Ok(self.ledger.execution(id)?.map(Arc::new)),
        }
    }

    fn in_memory(&self, id: &ExecutionId) -> Option<Arc<ExecutionRecord>> {
        self.lock().standing(id).cloned()
    }

    /// An execution as it stands when it has ended, or after `timeout`. Does not block the thread:
    /// the ledger is read on the runtime's threads for blocking work.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn wait(
        self: &Arc<Self>,
        id: ExecutionId,
        timeout: Duration,
    ) -> Result<Option<Arc<ExecutionRecord>>, LedgerError> {
        if timeout.is_zero()
            && let Some(record) = self.in_memory(&id)
        {
            return Ok(Some(record));
        }
        let in_memory = self.lock().sight(&id);
        let sight = match in_memory {
            Some(sight) => Some(sight),
            None => {
                let executions = self.clone();
                let looked = tokio::task::spawn_blocking(move || executions.look(&id)).await;
                looked.map_err(|error| LedgerError::Storage(error.to_string()))??
            }
        };
        match sight {
            None => Ok(None),
            Some(Sight::Ended(record)) => Ok(Some(record)),
            Some(Sight::Running(record, _)) if timeout.is_zero() => Ok(Some(record)),
            Some(Sight::Running(record, end)) => match tokio::time::timeout(timeout, end).await {
                Ok(Ok(ended)) => Ok(Some(ended)),
                // What there is to say is that it still runs.
                _ => Ok(Some(record)),
            },
        }
    }

    /// Finds an execution that was not in memory a moment ago.
    fn look(&self, id: &ExecutionId) -> Result<Option<Sight>, LedgerError> {
        let record = match self.ledger.execution(id)? {
            None => return Ok(None),
            Some(record) if !record.is_running() => return Ok(Some(Sight::Ended(record.into()))),
            Some(record) => record,
        };
        // It is about to begin, or nobody has taken it up since a restart. Whoever ends it must
        // find the waiting, so it goes into memory.
        let new = || LiveExecution::new(record.into());
        let sight = self.lock().live.entry(*id).or_insert_with(new).sight();
        // Unless it began, ended and was written since the ledger was read: nobody would take it
        // out again.
        match self.ledger.execution(id)? {
            Some(record) if !record.is_running() => {
                let record = Arc::new(record);
                let told = self.lock().ended(id, Some(record.clone()));
                told.into_iter().for_each(Told::tell);
                Ok(Some(Sight::Ended(record)))
            }
            _ => Ok(Some(sight)),
        }
    }

    /// Takes up executions that the ledger has as running.
    pub fn begin(&self, executions: impl IntoIterator<Item = (ExecutionId, Arc<ExecutionRecord>)>) {
        let mut memory = self.lock();
        for (id, record) in executions {
            memory.live.entry(id).or_insert_with(|| LiveExecution::new(record));
        }
    }

    /// Gives an execution that waited to be taken up as much time as anything new.
    pub fn renew(&self, id: &ExecutionId) {
        if let Some(live) = self.lock().live.get_mut(id) {
            live.since = Instant::now();
        }
    }

    /// Notes how an execution ends, which nobody sees before [`Executions::written`]. Says whether
    /// this is its first end, which stands; then it must be written (see
    /// [`GroupCommit::finish`](super::GroupCommit::finish)).
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(super) fn finish(&self, finished: &Finished) -> Result<bool, LedgerError> {
        let Finished { id, outcome, stopped_at } = finished;
        let mut memory = self.lock();
        if !memory.live.contains_key(id) {
            drop(memory);
            match self.look(id)? {
                Some(Sight::Running(..)) => {}
                Some(Sight::Ended(_)) | None => return Ok(false),
            }
            memory = self.lock();
        }
        let Some(live) = memory.live.get_mut(id) else { return Ok(false) };
        let first = live.ending.is_none();
        if first {
            let end = Some((outcome.clone(), *stopped_at));
            live.ending = Some(Arc::new(ExecutionRecord { end, ..(*live.record).clone() }));
        }
        Ok(first)
    }

    /// The ends of these are in the ledger: from now on everybody sees them.
    pub(super) fn written<'a>(&self, ids: impl Iterator<Item = &'a ExecutionId>) {
        let told: Vec<_> = {
            let mut memory = self.lock();
            ids.filter_map(|id| memory.ended(id, None)).collect()
        };
        told.into_iter().for_each(Told::tell);
    }

    /// No end will be written any more: who waits for one hears that it runs.
    pub(super) fn give_up(&self) {
        self.lock().live.values_mut().for_each(|live| live.waiting.clear());
    }

    /// Lets go of executions out of work that the ledger has let go of.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn forget_with_ledger(&self) -> Result<(), LedgerError> {
        let kept = self.lock().recent.ids();
        let mut gone = HashSet::new();
        for id in kept {
            if self.ledger.execution(&id)?.is_none() {
                gone.insert(id);
            }
        }
        self.lock().recent.forget(&gone);
        Ok(())
    }

    /// A part of a listing. Of all executions, each as it stands. By status, each as it was written when the ledger was
    /// read, so that it is always found under one status and never under none.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn list(&self, filter: &Filter, limit: usize) -> Result<Page, LedgerError> {
        let mut page = self.ledger.list(filter, limit)?;
        let mut told = Vec::new();
        let mut memory = self.lock();
        for (id, record) in &mut page.executions {
            if !record.is_running() {
                // Whoever reads this must not see it run afterwards, though it was written only just now.
                if memory.live.contains_key(id) {
                    told.extend(memory.ended(id, Some(Arc::new(record.clone()))));
                }
            } else if filter.status.is_none()
                && let Some(standing) = memory.standing(id)
            {
                // It may have left work since the ledger was read.
                record.end.clone_from(&standing.end);
            }
        }
        drop(memory);
        told.into_iter().for_each(Told::tell);
        Ok(page)
    }

    /// The executions that this process has had in work for longer than `limit`.
    pub fn overdue(&self, limit: Duration) -> Vec<ExecutionId> {
        let live = &self.lock().live;
        let is_overdue =
            |live: &LiveExecution| live.since.elapsed() > limit && live.ending.is_none();
        live.iter().filter(|(_, live)| is_overdue(live)).map(|(id, _)| *id).collect()
    }

    /// How many run, or end and are not yet written.
    pub fn in_work(&self) -> usize {
        self.lock().live.len()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // No code that holds the lock can leave the maps half changed.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

mod recent;
#[cfg(test)]
mod tests;
