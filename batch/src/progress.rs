//! Progress: a bar with an estimate of the time left on a terminal, plain lines in a log.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tracing::info;

use crate::ingest::Progress;

/// Shows how far the current stage is.
pub struct StageProgress {
    terminal: bool,
    bar: Mutex<ProgressBar>,
}

impl StageProgress {
    /// Shows bars if standard error is a terminal.
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { terminal, bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn show(&self, total: Option<u64>, what: &str, unit: &str) {
        self.clear();
        if !self.terminal {
            info!("{what}");
            return;
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                format!("{{msg:<24}} [{{bar:30}}] {{percent:>3}} %  {{{unit}}}  {{eta}} left"),
            ),
            None => (ProgressBar::new_spinner(), format!("{{msg:<24}} {{spinner}} {{{unit}}}")),
        };
        let style = ProgressStyle::with_template(&template);
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.replace(bar);
    }

    fn replace(&self, bar: ProgressBar) {
        *self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bar;
    }

    fn current(&self) -> ProgressBar {
        self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// A stage of `total` steps begins.
    pub fn begin_steps(&self, total: u64, what: &str) {
        self.show(Some(total), what, "human_pos");
    }

    /// A handle to count the steps of the current stage with, from any thread.
    pub fn steps(&self) -> impl Fn() + Sync + use<> {
        let bar = self.current();
        move || bar.inc(1)
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.current().finish_and_clear();
    }
}

impl Progress for StageProgress {
    fn begin(&self, total_bytes: Option<u64>, what: &str) {
        self.show(total_bytes, what, "binary_bytes_per_sec");
    }

    fn advance(&self, bytes: u64) {
        self.current().inc(bytes);
    }
}
