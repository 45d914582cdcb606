//! What the server's processes used: processor time and memory, as Linux tells.

use std::fs;

use serde::Serialize;

use crate::failure::Failure;

/// Linux counts processor time for programs in hundredths of a second, on every architecture.
const TICKS: f64 = 100.0;

/// Of all processes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Processor seconds in the programs.
    pub user: f64,
    /// Processor seconds in the kernel, on their behalf.
    pub system: f64,
    /// Memory now, in MiB.
    pub resident_mib: f64,
    /// The most memory that there was at any time, in MiB.
    pub peak_mib: f64,
}

impl Usage {
    /// Looks at the processes.
    ///
    /// # Errors
    /// When there is no such process, or this is not Linux.
    pub fn of(pids: &[u32]) -> Result<Self, Failure> {
        let mut sum = Self::default();
        for &pid in pids {
            let one = look(pid).map_err(|problem| Failure::Process { pid, problem })?;
            sum.user += one.user;
            sum.system += one.system;
            sum.resident_mib += one.resident_mib;
            sum.peak_mib += one.peak_mib;
        }
        Ok(sum)
    }

    /// What was used since an earlier look; memory as it is now.
    pub fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system, ..self }
    }
}

fn look(pid: u32) -> Result<Usage, String> {
    let read = |file: &str| {
        fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|error| error.to_string())
    };
    let (user, system) = times(&read("stat")?).ok_or("its stat is not as Linux has it")?;
    let status = read("status")?;
    let mib = |name| kibibytes(&status, name).map(|kib| kib / 1024.0);
    let resident_mib = mib("VmRSS:").ok_or("it has no memory: it has ended")?;
    Ok(Usage { user, system, resident_mib, peak_mib: mib("VmHWM:").unwrap_or(0.0) })
}

/// The 14th and 15th field. The second is the program's name, which may contain anything but ends with the last `)`.
fn times(stat: &str) -> Option<(f64, f64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok().map(|ticks| ticks / TICKS);
    Some((next()?, next()?))
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 250 125 0 0 20 0 8 0 1 2 3";
        assert_eq!(times(stat), Some((2.5, 1.25)));
    }

    #[test]
    fn this_process_has_memory_and_no_process_has_none() -> Result<(), Failure> {
        let usage = Usage::of(&[std::process::id()])?;
        assert!(usage.resident_mib > 0.0 && usage.peak_mib >= usage.resident_mib, "{usage:?}");
        let failure = Usage::of(&[u32::MAX]).err().map(|failure| failure.to_string());
        assert!(failure.is_some_and(|failure| failure.contains("--pid")));
        Ok(())
    }
}
