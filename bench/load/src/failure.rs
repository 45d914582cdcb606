//! Why there is no figure.

use std::io;

use thiserror::Error;

/// Why there is no figure.
#[derive(Debug, Error)]
pub enum Failure {
    /// The server does not take connections.
    #[error(
        "{server} cannot be reached: {source}; start the server first, or give its address with --server"
    )]
    Connect {
        /// Its address.
        server: String,
        /// What the system says.
        source: io::Error,
    },
    /// The server's figures cannot be read.
    #[error("process {pid} cannot be looked at: {problem}; give the server's with --pid")]
    Process {
        /// The process.
        pid: u32,
        /// What is wrong with it.
        problem: String,
    },
    /// The disk cannot be measured.
    #[error("the disk below {folder} cannot be measured: {source}")]
    Disk {
        /// The folder.
        folder: String,
        /// What the system says.
        source: io::Error,
    },
    /// A phase needs what an earlier one did not yield.
    #[error("there is no execution to ask for: put a phase `post` or `finish` before `poll`")]
    NoHandles,
    /// The command for the middle of a phase cannot be started.
    #[error("the command {command:?} cannot be started: {source}")]
    Command {
        /// The command.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused a thread.
    #[error("the system refused something: {0}")]
    System(#[from] io::Error),
}
