//! What the server does when it is sent a signal.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::flushing::Flushing;
use super::locked;

/// Turns not-ready on SIGTERM or SIGINT, and stops the server after the delay.
pub async fn stop(handle: ServerHandle, draining: watch::Sender<bool>, delay: Duration) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        warn!("signals cannot be received; the server only stops when it is killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("stopping: requests in work are finished first");
    draining.send_replace(true);
    tokio::time::sleep(delay).await;
    handle.stop(true).await;
}

/// SIGUSR1, which asks for what was accepted to be written to the store at once. From when this is there the signal ends the
/// program no more.
pub struct FlushSignal(Signal);

impl FlushSignal {
    /// Within a runtime.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn new() -> io::Result<Self> {
        signal(SignalKind::user_defined1()).map(Self)
    }

    /// Writes whenever the signal comes; those that come meanwhile count as one.
    pub async fn flush(mut self, flushing: Arc<Mutex<Flushing>>) {
        while self.0.recv().await.is_some() {
            let flushing = flushing.clone();
            let flush = move || locked(&flushing).flush_when_asked();
            if tokio::task::spawn_blocking(flush).await.is_err() {
                warn!(
                    "what was accepted could not be written to the store; it is tried again when it is due"
                );
            }
        }
    }
}
