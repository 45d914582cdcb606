//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use super::{ServerError, listening};

/// Files, and what threads wait by, without any connection; and of each worker.
const FILES: u64 = 48;
const FILES_OF_A_WORKER: u64 = 8;

/// Raises the limit as far as so many connections need it and the system allows, and says so if that is too little for them.
///
/// # Errors
/// When it is too little to start.
pub fn allow_files(connections: u32) -> Result<(), ServerError> {
    let least = FILES + FILES_OF_A_WORKER * listening::workers() as u64;
    let wanted = least + u64::from(connections);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is no limit.
    let Some(found) = current else { return Ok(()) };
    let possible = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = Rlimit { current: Some(possible), maximum };
    let limit = if possible > found && setrlimit(Resource::Nofile, raised).is_ok() {
        possible
    } else {
        found
    };
    if limit < least {
        return Err(ServerError::FewFiles { found: limit, least });
    }
    if limit < wanted {
        warn!(
            limit,
            wanted,
            "fewer files and sockets may be open than --connections says: raise the limit (`ulimit -n`, LimitNOFILE= of \
             systemd), or lower --connections"
        );
    }
    Ok(())
}
