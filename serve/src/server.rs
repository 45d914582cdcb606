//! The server as a value: start it, ask for its address, run it until it is stopped.

mod flushing;
mod limits;
mod listening;
mod scrubbing;
mod signals;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use actix_web::rt::{System, SystemRunner};
use actix_web::web::Data;
use akin_allocator::give_back;
use akin_schemas::http::{StateMachine, StateMachineError};
use akin_store::{Store, StoreError, open_store, open_store_unseen};
use chrono::Utc;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use crate::background::Repeating;
use crate::fold_in::ScoringPool;
use crate::forget::{self, forget_or_warn};
use crate::giving_way::{Patience, Resting};
use crate::http::{self, Bodies, CrossOrigin, LISTS_AT_ONCE, State};
use crate::ledger::{
    Accepted, ExecutionId, ExecutionRecord, Executions, Finished, GroupCommit, Ledger, LedgerError,
    Opening, Outcome, RedbLedger, Retention,
};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::snapshot::Live;
use flushing::Flushing;
use scrubbing::Scrubbing;
use signals::FlushSignal;

/// How often it is looked whether another version serves, to find what may be kept of its users.
const CANDIDATES_TICK: Duration = Duration::from_millis(200);
/// How often it is looked whether there are more executions than are kept.
const FORGET_PAUSE: Duration = Duration::from_secs(10);
/// After so many calls, what is in memory goes, too.
const FORGET_TOGETHER: u32 = 100;
/// How often it is looked for executions that take too long.
const TIMEOUT_TICK: Duration = Duration::from_millis(500);

/// Why the server does not start or ends.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store cannot be used.
    #[error("{}", .0.chain())]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The handles cannot be named so.
    #[error(transparent)]
    StateMachine(#[from] StateMachineError),
    /// Too few files and sockets may be open.
    #[error(
        "this process may have {found} files and sockets open, and needs {least}, and one more for each connection: raise \
         the limit (`ulimit -n`, LimitNOFILE= of systemd)"
    )]
    FewFiles {
        /// How many may be.
        found: u64,
        /// How many are needed without any connection.
        least: u64,
    },
    /// The operating system refused something else.
    #[error(
        "the system refused a thread or socket: {0}; see how many this user, service or container may have (`ulimit -u` and \
         `ulimit -n`, TasksMax= and LimitNOFILE= of systemd, pids.max of the control group)"
    )]
    System(#[from] io::Error),
}

/// A started server: its address is bound, its ledger open, its threads at work.
pub struct Server {
    system: SystemRunner,
    flush_signal: FlushSignal,
    options: Options,
    listener: std::net::TcpListener,
    state: State,
    draining: watch::Sender<bool>,
    scoring: ScoringPool,
    store: Arc<dyn Store>,
    flushing: Arc<Mutex<Flushing>>,
    background: Vec<Repeating>,
}

impl Server {
    /// Opens the ledger, binds the address and starts the threads. The version is loaded in the background: until it
    /// is there the server is not ready.
    ///
    /// # Errors
    /// When the ledger, the store or the address cannot be used.
    pub fn start(options: &Options) -> Result<Self, ServerError> {
        limits::allow_files(options.connections)?;
        let system = System::new();
        // Before anything takes its time: who sends the signal too early must not end the program.
        let flush_signal = system.block_on(async { FlushSignal::new() })?;
        let Options { arn_region, arn_account, state_machine, .. } = options;
        let machine = StateMachine::new(arn_region, arn_account, state_machine)?;
        let store = open(&options.store)?;
        let entries_of_a_user = options.new_ratings_per_user as usize;
        let opening = Opening { entries_of_a_user, ..Opening::default() };
        let ledger = RedbLedger::open(&options.data_dir, opening)?;
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        let address = options.listen;
        let listener = std::net::TcpListener::bind(address)
            .map_err(|source| ServerError::Listen { address, source })?;
        give_up_unread(&listener, options.unread_timeout)?;

        let live = Arc::new(Live::new(store.clone()));
        let executions = Arc::new(Executions::new(ledger.clone()));
        // What an earlier process left running gets as much time as anything new.
        let unfinished = ledger.unfinished()?;
        let unfinished: Vec<_> =
            unfinished.into_iter().map(|(id, record)| (id, Arc::new(record))).collect();
        executions.begin(unfinished.iter().cloned());
        let metrics = Arc::new(Metrics::default());
        let commit_slot = Arc::new(OnceLock::new());
        let count = usize::from(options.recommendations);
        let scoring = ScoringPool::start(
            listening::workers(),
            count,
            &live,
            &ledger,
            &commit_slot,
            &metrics.scoring,
        )?;
        let queue = scoring.queue();
        let commit = Arc::new(GroupCommit::start(
            ledger.clone(),
            executions.clone(),
            options.queue as usize,
            metrics.commit.clone(),
            Box::new(move |accepted| {
                for accepted in accepted {
                    // The threads outlive this sender.
                    let _ = queue.send(accepted);
                }
            }),
        )?);
        let _ = commit_slot.set(commit.clone());
        let (draining, is_draining) = watch::channel(false);
        let state = State {
            live,
            ledger,
            commit,
            executions,
            draining: is_draining,
            bodies: Arc::new(Bodies::new(options.request_timeout)),
            scoring: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            access_keys: (!options.access_keys.is_empty())
                .then(|| Arc::new(options.access_keys.clone())),
            machine: Arc::new(machine),
            cross_origin: Arc::new(CrossOrigin::new(options.allow_origins.clone())),
            shows_page: !options.no_page,
            metrics,
            started_at: Utc::now().timestamp_micros(),
        };
        let State { ledger, commit, metrics, .. } = state.clone();
        let flushing = Flushing::new(options, store.clone(), ledger, commit, metrics);
        let mut server = Self {
            system,
            flush_signal,
            options: options.clone(),
            listener,
            state,
            draining,
            scoring,
            flushing: Arc::new(Mutex::new(flushing)),
            store,
            background: Vec::new(),
        };
        server.start_background(unfinished)?;
        Ok(server)
    }

    /// The address that the server listens on.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    fn start_background(
        &mut self,
        unfinished: Vec<(ExecutionId, Arc<ExecutionRecord>)>,
    ) -> io::Result<()> {
        let options = self.options.clone();
        let State { live, ledger, commit, executions, .. } = self.state.clone();
        let (timeout, in_work) = (options.execution_timeout, executions.clone());
        let end_overdue = move || {
            for id in in_work.overdue(timeout) {
                let stopped_at = Utc::now().timestamp_micros();
                match commit.finish(&Finished { id, outcome: Outcome::TimedOut, stopped_at }) {
                    Ok(true) => warn!(execution = %id, "an execution took too long"),
                    Ok(false) => {}
                    Err(error) => warn!(%error, execution = %id, "a timeout could not be noted"),
                }
            }
        };
        self.background.push(Repeating::start("timeout", TIMEOUT_TICK, end_overdue)?);

        let queue = self.scoring.queue();
        let clock = ledger.clone();
        let mut unfinished = unfinished;
        let store = self.store.clone();
        let (mut served, mut forgotten_for) = (None, None);
        let draining = self.state.draining.clone();
        let watch = move || {
            live.refresh(|snapshot| clock.observe_clock(snapshot.manifest.latest_order_micros));
            if let Some(snapshot) = live.current() {
                let sequence = Some(snapshot.manifest.sequence);
                // A round later, when no list is computed from the version before any more. Whoever reads the ledger does so
                // before it takes a version.
                if served == sequence
                    && forgotten_for != sequence
                    && forget_or_warn(clock.as_ref(), store.as_ref(), &snapshot.manifest, &draining)
                {
                    forgotten_for = sequence;
                }
                served = sequence;
            }
            // What a crash left running is folded in as soon as there is something to fold it into.
            if !unfinished.is_empty() && live.current().is_some() {
                let unfinished = std::mem::take(&mut unfinished);
                let take_up = |accepted| drop(queue.send(accepted));
                sweep(unfinished, &executions, take_up);
            }
        };
        self.background.push(Repeating::start("watch", options.poll_interval, watch)?);

        if options.candidates > 0 {
            self.background.push(self.start_candidates(usize::from(options.candidates))?);
        }

        let flushing = self.flushing.clone();
        let flush = move || locked(&flushing).tick();
        self.background.push(Repeating::start("flush", flushing::TICK, flush)?);

        let draining = self.state.draining.clone();
        let mut scrubbing = Scrubbing::new(ledger.clone(), self.store.clone(), draining);
        let scrub = move || scrubbing.tick();
        self.background.push(Repeating::start("scrub", scrubbing::TICK, scrub)?);

        let days = i64::from(options.keep_executions_days);
        let (kept, draining) = (self.state.executions.clone(), self.state.draining.clone());
        let forget = move || {
            let mut forgotten = 0;
            for call in 1u32.. {
                let since = (Utc::now() - chrono::Duration::days(days)).timestamp_micros();
                let (count, bytes) = (options.keep_executions, options.keep_executions_bytes);
                let retention = Retention { since, count, bytes };
                let gone = ledger.forget_executions(retention, forget::AT_ONCE);
                let gone = gone.unwrap_or_else(|error| {
                    warn!(%error, "old executions could not be forgotten");
                    0
                });
                forgotten += gone;
                let is_done = gone < forget::AT_ONCE as u64 || *draining.borrow();
                if forgotten > 0 && (is_done || call.is_multiple_of(FORGET_TOGETHER)) {
                    info!(executions = forgotten, "old executions are forgotten");
                    if let Err(error) = kept.forget_with_ledger() {
                        warn!(%error, "what is forgotten may be shown for a while");
                    }
                    forgotten = 0;
                }
                if is_done {
                    break;
                }
                thread::sleep(forget::REST);
            }
        };
        self.background.push(Repeating::start("forget", FORGET_PAUSE, forget)?);
        Ok(())
    }

    /// Finds the `count` best items of each user of whatever version serves.
    fn start_candidates(&self, count: usize) -> io::Result<Repeating> {
        let (live, draining) = (self.state.live.clone(), self.state.draining.clone());
        let mut kept_of = None;
        let keep_candidates = move || {
            let Some(snapshot) = live.current() else { return };
            let sequence = Some(snapshot.manifest.sequence);
            if kept_of == sequence {
                return;
            }
            Patience::Much.begin();
            let mut resting = Resting::begin();
            snapshot.keep_candidates(count, || {
                resting.rest();
                !*draining.borrow() && live.serves(&snapshot)
            });
            kept_of = sequence;
            if !live.serves(&snapshot) {
                // Nobody else may have it any more.
                drop(snapshot);
                give_back();
            }
        };
        Repeating::start("candidates", CANDIDATES_TICK, keep_candidates)
    }

    /// Serves until SIGTERM or SIGINT, then drains: turns not-ready, stops taking connections, lets requests in work
    /// finish, commits and scores all that was accepted, and flushes it to the store.
    ///
    /// # Errors
    /// When the sockets or the runtime fail.
    pub fn run_until_stopped(self) -> Result<(), ServerError> {
        let address = self.address()?;
        let Self {
            system,
            flush_signal,
            options,
            listener,
            state,
            draining,
            scoring,
            store,
            flushing,
            background,
        } = self;
        let description = Data::new(http::DescriptionText::new()?);
        system.block_on(async {
            let served = Data::new(state.clone());
            let server = listening::serve(listener, &options, served, description)?;
            info!(%address, store = store.location(), "listening");
            let on_stop = signals::stop(server.handle(), draining, options.drain_delay);
            actix_web::rt::spawn(on_stop);
            actix_web::rt::spawn(flush_signal.flush(flushing.clone()));
            server.await
        })?;

        state.commit.close(options.drain_timeout);
        // At once: a version that is being loaded may take longer than whoever stops the server waits.
        locked(&flushing).finish(options.drain_timeout);
        for thread in background {
            thread.stop();
        }
        drop(state.live);
        scoring.join();
        info!("stopped");
        Ok(())
    }
}

/// Opens the store. One that cannot be reached yet is waited for, as a version is; what would never work ends the start.
fn open(location: &str) -> Result<Arc<dyn Store>, StoreError> {
    match open_store(location) {
        Err(error) if error.is_outage() => {
            warn!(
                error = error.chain(),
                "the store cannot be reached; it is looked for again and again"
            );
            open_store_unseen(location)
        }
        opened => opened,
    }
}

/// Ends connections whose client reads nothing for so long: TCP itself would wait for ever, and actix-web has no
/// deadline for answers. What is accepted from the listener inherits it. Zero is no deadline.
fn give_up_unread(listener: &std::net::TcpListener, timeout: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(listener).set_tcp_user_timeout(Some(timeout))?;
    #[cfg(not(target_os = "linux"))]
    let _ = (listener, timeout);
    Ok(())
}

/// A panic in between leaves nothing half done that the next call would not look at anew.
fn locked(flushing: &Mutex<Flushing>) -> MutexGuard<'_, Flushing> {
    flushing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands over what an earlier process accepted and did not finish.
fn sweep(
    unfinished: Vec<(ExecutionId, Arc<ExecutionRecord>)>,
    executions: &Executions,
    take_up: impl Fn(Accepted),
) {
    for (execution, record) in unfinished {
        // Stopped or timed out meanwhile.
        if !matches!(executions.get(&execution), Ok(Some(record)) if record.is_running()) {
            continue;
        }
        executions.renew(&execution);
        take_up(Accepted { execution, record, entries: Arc::default() });
    }
}

#[cfg(test)]
mod crash_tests;
