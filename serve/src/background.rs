//! A thread that does something again and again until it is told to stop.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A thread with a task to repeat.
pub struct Repeating {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Repeating {
    /// Runs `task` at once and then after each `pause`. Should it panic, it is run again all the same.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        name: &str,
        pause: Duration,
        mut task: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let named = name.to_owned();
        let work = move || {
            loop {
                if catch_unwind(AssertUnwindSafe(&mut task)).is_err() {
                    tracing::error!(
                        thread = named,
                        "a background task panicked; it is tried again"
                    );
                }
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Lets the task end if it is running, and the thread with it.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("a background thread had died");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_panics_is_run_again() -> io::Result<()> {
        let (sender, turns) = mpsc::channel();
        let mut turn = 0;
        let task = move || {
            turn += 1;
            let _ = sender.send(turn);
            assert!(turn != 1, "the first turn fails");
        };
        let repeating = Repeating::start("test", Duration::from_millis(1), task)?;
        let first: Vec<i32> = turns.iter().take(3).collect();
        repeating.stop();
        assert_eq!(first, [1, 2, 3]);
        Ok(())
    }
}
