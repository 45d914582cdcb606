//! Work that several threads share, and whose results are taken in the order of the work.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Tasks that may have been begun and not taken, a thread.
const AHEAD: u64 = 2;

/// Does tasks on so many threads, of which each has a state of its own, and takes what they give in the order of the tasks.
///
/// `next` gives the tasks, one call at a time. A task may give any number of results, with what they take of memory; one
/// that is not the first of those at work waits before it has given more than `most_ahead` bytes. The first error in this
/// order ends everything.
///
/// # Errors
/// What `work` or `take` gives.
pub(super) fn in_order<Task: Send, State, Given: Send, Error: Send>(
    (threads, most_ahead): (usize, u64),
    next: impl FnMut() -> Option<Task> + Send,
    state: impl Fn() -> State + Sync,
    work: impl Fn(&mut State, Task, &mut Outlet<'_, Given, Error>) -> Result<(), Error> + Sync,
    mut take: impl FnMut(Given) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    let order = Order {
        at: Mutex::new(At {
            turn: 0,
            begun: 0,
            done: BTreeMap::new(),
            is_stopped: false,
            error: None,
            take: &mut take,
        }),
        moved: Condvar::new(),
    };
    let tasks = Mutex::new((0, next));
    let work_on = || {
        let _stop = StopOnPanic(&order);
        let mut state = state();
        while order.begin(AHEAD * threads as u64).is_continue() {
            let (number, task) = {
                let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(task) = (tasks.1)() else { return };
                tasks.0 += 1;
                (tasks.0 - 1, task)
            };
            let mut outlet =
                Outlet { order: &order, number, given: Vec::new(), bytes: 0, most_ahead };
            let outcome = work(&mut state, task, &mut outlet);
            order.end(number, outlet.given, outcome);
        }
    };
    if threads <= 1 {
        work_on();
    } else {
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work_on))));
    }
    let error = order.lock().error.take();
    error.map_or(Ok(()), Err)
}

struct Order<'a, Given, Error> {
    at: Mutex<At<'a, Given, Error>>,
    moved: Condvar,
}

struct At<'a, Given, Error> {
    /// The task whose results are taken as they come: all before it are taken.
    turn: u64,
    begun: u64,
    /// Tasks that ended before their turn.
    done: BTreeMap<u64, (Vec<Given>, Result<(), Error>)>,
    is_stopped: bool,
    error: Option<Error>,
    take: &'a mut (dyn FnMut(Given) -> Result<(), Error> + Send),
}

impl<'a, Given, Error> Order<'a, Given, Error> {
    fn lock(&self) -> MutexGuard<'_, At<'a, Given, Error>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(
        &self,
        at: MutexGuard<'g, At<'a, Given, Error>>,
    ) -> MutexGuard<'g, At<'a, Given, Error>> {
        self.moved.wait(at).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another task may begin.
    fn begin(&self, most: u64) -> ControlFlow<()> {
        let mut at = self.lock();
        while !at.is_stopped && at.begun - at.turn >= most {
            at = self.wait(at);
        }
        at.begun += 1;
        at.go_on()
    }

    fn end(&self, number: u64, given: Vec<Given>, outcome: Result<(), Error>) {
        let mut at = self.lock();
        at.done.insert(number, (given, outcome));
        while !at.is_stopped {
            let turn = at.turn;
            let Some((given, outcome)) = at.done.remove(&turn) else { break };
            let taken = at.take_all(given);
            at.fail_with(taken.and(outcome));
            at.turn += 1;
        }
        self.moved.notify_all();
    }
}

impl<Given, Error> At<'_, Given, Error> {
    fn take_all(&mut self, given: Vec<Given>) -> Result<(), Error> {
        given.into_iter().try_for_each(|given| (self.take)(given))
    }

    fn fail_with(&mut self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            (self.is_stopped, self.error) = (true, Some(error));
        }
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Where a task puts its results. When it says so the task must end: nothing of it is wanted any more.
pub(super) struct Outlet<'o, Given, Error> {
    order: &'o Order<'o, Given, Error>,
    number: u64,
    given: Vec<Given>,
    bytes: u64,
    most_ahead: u64,
}

impl<Given, Error> Outlet<'_, Given, Error> {
    /// Gives a result that takes so many bytes.
    pub(super) fn give(&mut self, given: Given, bytes: u64) -> ControlFlow<()> {
        self.given.push(given);
        self.bytes += bytes;
        let is_ahead = {
            let at = self.order.lock();
            at.turn < self.number && !at.is_stopped
        };
        if is_ahead && self.bytes <= self.most_ahead {
            return ControlFlow::Continue(());
        }
        self.wait()
    }

    /// Waits until all tasks before this one are taken.
    pub(super) fn wait(&mut self) -> ControlFlow<()> {
        let mut at = self.order.lock();
        while !at.is_stopped && at.turn < self.number {
            at = self.order.wait(at);
        }
        if !at.is_stopped {
            let taken = at.take_all(std::mem::take(&mut self.given));
            at.fail_with(taken);
            self.bytes = 0;
        }
        if at.is_stopped {
            self.order.moved.notify_all();
        }
        at.go_on()
    }
}

/// So that nobody waits for a thread that is no more.
struct StopOnPanic<'a, Given, Error>(&'a Order<'a, Given, Error>);

impl<Given, Error> Drop for StopOnPanic<'_, Given, Error> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().is_stopped = true;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Tasks give their number three times; the later ones are the faster.
    fn run(threads: usize, fails: Option<u64>, refused: Option<u64>) -> (Vec<u64>, Option<u64>) {
        let (mut tasks, mut taken) = (0..40_u64, Vec::new());
        let work = |done: &mut u64, task: u64, outlet: &mut Outlet<'_, u64, u64>| {
            *done += 1;
            thread::sleep(Duration::from_micros(40 - task));
            for _ in 0..3 {
                if outlet.give(task, 10).is_break() {
                    return Ok(());
                }
            }
            if fails.is_some_and(|first| task >= first) { Err(task) } else { Ok(()) }
        };
        let take = |given| {
            taken.push(given);
            if Some(given) == refused { Err(100 + given) } else { Ok(()) }
        };
        let outcome = in_order((threads, 15), || tasks.next(), || 0, work, take);
        (taken, outcome.err())
    }

    #[test]
    fn results_are_taken_in_the_order_of_the_tasks() {
        let all: Vec<u64> = (0..40).flat_map(|task| [task; 3]).collect();
        for threads in [1, 2, 5, 64] {
            assert_eq!(run(threads, None, None), (all.clone(), None));
            // Of several errors the first in this order, and everything before it.
            assert_eq!(run(threads, Some(9), None), (all[..30].to_vec(), Some(9)));
            assert_eq!(run(threads, Some(9), Some(4)), (all[..13].to_vec(), Some(104)));
        }
    }

    #[test]
    fn a_panic_is_not_waited_for() {
        let mut tasks = 0..40;
        let work = |_: &mut (), task: i32, _: &mut Outlet<'_, (), ()>| {
            assert!(task < 20, "made up");
            Ok(())
        };
        let run = || in_order((3, 0), || tasks.next(), || (), work, |()| Ok(()));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    }
}
